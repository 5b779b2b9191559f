//! What is said, and how it ends, where the program itself is at fault.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;

use crate::results::ExitCode;

/// A panic of any thread ends the process with the exit code of a tool that failed: a release has no way to unwind, which
/// would be a tenth of it, and half of a run is no run.
pub(super) fn is_told() {
    std::panic::set_hook(Box::new(|panic| {
        let mut err = std::io::stderr().lock();
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(
            err,
            "error: {panic}\nThis is a fault in backsight {}; please report it. What a run had finished is in its journal: \
             `backsight report --recover`.",
            env!("CARGO_PKG_VERSION")
        );
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            let _ = writeln!(err, "{trace}");
        }
        std::process::exit(i32::from(ExitCode::Tool.code()));
    }));
}
