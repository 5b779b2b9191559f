//! `backsight devices`: for the process that asks what GPUs are doing, so that a stuck driver hangs here and not there.

use std::io::Write;

use crate::ops::devices::devices_here;
use crate::results::ExitCode;

/// Prints what the drivers tell, as JSON.
pub(super) fn run() -> ExitCode {
    let text = serde_json::to_string_pretty(&devices_here()).unwrap_or_default();
    super::written(writeln!(anstream::stdout().lock(), "{text}"))
}
