//! `backsight convert`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::output::Console;
use crate::ops::convert::{benchmarks, junit};
use crate::results::ExitCode;

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The format.
    #[arg(long, value_name = "NAME")]
    harness: Name,
    /// The files; `-` or nothing for standard input.
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
}

/// A format that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// JUnit XML of any tool.
    Junit,
    /// Rust's libtest `bench:` lines.
    Libtest,
    /// pytest-benchmark's JSON.
    PytestBenchmark,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    let converted = match args.harness {
        Name::Junit => junit(&args.files, &mut out),
        Name::Libtest => benchmarks("libtest", &args.files, &mut out),
        Name::PytestBenchmark => benchmarks("pytest-benchmark", &args.files, &mut out),
    };
    let flushed = super::written(out.flush());
    match converted {
        Ok(warnings) => {
            for warning in warnings {
                console.complain(&format!("warning: {warning}"));
            }
            flushed
        }
        Err(error) => {
            let code = error.exit_code();
            if code != ExitCode::Passed {
                console.error(&error.to_string());
            }
            code
        }
    }
}
