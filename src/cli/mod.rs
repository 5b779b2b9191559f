//! The command line: one file per subcommand with its arguments and exit code; each calls one operation of
//! [`crate::ops`].
//!
//! Data goes to standard output, prose to standard error.

mod baseline;
mod bench;
mod bisect;
mod changepoints;
mod check;
mod compare;
mod completions;
mod convert;
mod devices;
pub mod diagnostic;
mod fault;
mod generate;
mod hardware;
mod history;
mod import;
mod init;
mod llm;
mod man;
mod manner;
mod matrix;
mod merge;
mod onnx;
mod output;
mod plan;
mod progress;
mod publish;
mod report;
mod run;
mod runs;
mod schema;
mod shared;
mod simulate;
mod slurm;
mod table;
mod templates;

use std::process::ExitCode as Code;

use clap::{Parser, Subcommand};

use crate::results::ExitCode;
use output::Console;

/// Looks back at a known baseline, measures, and says honestly what moved.
///
/// Runs the tests, generations and benchmarks of a pipeline file on this host, writes JUnit XML and a JSON document,
/// keeps the run, and compares it with an earlier one.
#[derive(Debug, Parser)]
#[command(name = "backsight", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Say only what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: every test case, and what the tool itself does.
    #[arg(short, long, global = true)]
    verbose: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 all passed; 1 a test failed, a target is missing, a generation drifted or a \
regression is confirmed; 2 the command line, the pipeline file or the input is wrong; 3 undecided where the gate asks \
for a decision; 4 the tool or its surroundings failed; 130/143 interrupted, results so far are written.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pipeline: generations, tests, benchmarks; write results, compare, gate.
    Run(run::Args),
    /// Render the files of a pipeline's generations and verify them, or check that they are in step.
    Generate(generate::Args),
    /// Validate the pipeline file and show the plan; run nothing.
    Check(check::Args),
    /// Write a backsight.yml that fits this repository.
    Init(init::InitArgs),
    /// Measure two commands, or one in two revisions, in pairs and say whether one is slower.
    Bench(bench::Args),
    /// Find the commit that changed a benchmark, by paired measurements.
    Bisect(bisect::Args),
    /// Compare two result documents or stored runs.
    Compare(compare::Args),
    /// How often the decision of a run is wrong, and what it finds, on drawn and on recorded noise.
    Simulate(simulate::Args),
    /// Render a run again, or restore runs that were killed.
    Report(report::Args),
    /// Split a pipeline over several machines, balanced by how long its steps took earlier.
    Plan(plan::Args),
    /// Join what the parts of a plan found, or one pipeline on several hosts, to one run.
    Merge(merge::Args),
    /// Bring a report to the pull request: one comment, summary, annotations, check.
    Publish(Box<publish::Args>),
    /// List, show and cancel runs.
    Runs(runs::RunsArgs),
    /// Share results between hosts, list and show baselines, accept changes.
    Baseline(baseline::BaselineArgs),
    /// What benchmarks and tests did over commits: tables, plots, change points, drift since a release.
    History(Box<history::Args>),
    /// Which model really ran on which target, when, and why not: derived from stored runs.
    Matrix(matrix::Args),
    /// Find steps and drifts in series of measurements.
    Changepoints(changepoints::Args),
    /// Take over the history that another tool has kept.
    Import(import::Args),
    /// Turn a harness's output or JUnit XML into our JSON.
    Convert(convert::Args),
    /// What this host is, what it can execute, and whether two hosts are comparable.
    Hardware(hardware::Args),
    /// Ask NVIDIA's driver in this process.
    #[command(hide = true)]
    Devices,
    /// Inspect an ONNX model, check its answers, measure its speed.
    Onnx(onnx::Args),
    /// Measure how a language model generates: an endpoint or a command.
    Llm(Box<llm::LlmArgs>),
    /// Template sets for generations: list, show, begin, check and compare them.
    Templates(templates::TemplatesArgs),
    /// Print the JSON Schemas of our formats.
    Schema(schema::Args),
    /// Print a shell's completion script.
    Completions(completions::Args),
    /// Print a manual page, or write all of them into a folder.
    Man(man::Args),
}

/// Runs the command line of this process.
pub fn main() -> Code {
    fault::is_told();
    let arguments = Arguments::parse();
    let console = Console::new(arguments.quiet, arguments.verbose);
    if arguments.verbose {
        start_tracing();
    }
    let code = match arguments.command {
        Command::Run(args) => run::run(&args, console),
        Command::Generate(args) => generate::run(&args, console),
        Command::Check(args) => check::run(&args, console),
        Command::Init(args) => start(&args, console),
        Command::Bench(args) => bench::run(args, console),
        Command::Bisect(args) => bisect::run(&args, console),
        Command::Compare(args) => compare::run(&args, console),
        Command::Simulate(args) => simulate::run(&args, console),
        Command::Report(args) => report::run(&args, console),
        Command::Plan(args) => plan::run(&args, console),
        Command::Merge(args) => merge::run(&args, console),
        Command::Publish(args) => publish::run(*args, console),
        Command::Runs(args) => runs::run(&args, &mut anstream::stdout().lock(), &mut anstream::stderr().lock()),
        Command::Baseline(args) => baseline::run(&args, &mut anstream::stdout().lock(), &mut anstream::stderr().lock()),
        Command::History(args) => history::run(&args, &mut anstream::stdout().lock(), &mut anstream::stderr().lock()),
        Command::Matrix(args) => matrix::run(&args, console),
        Command::Changepoints(args) => changepoints::run(&args, console),
        Command::Import(args) => import::run(&args, console),
        Command::Convert(args) => convert::run(&args, console),
        Command::Hardware(args) => hardware::run(&args, console),
        Command::Devices => devices::run(),
        Command::Onnx(args) => onnx::run(&args, console),
        Command::Llm(args) => llm::run(*args, console),
        Command::Templates(args) => templates::run(&args, console),
        Command::Schema(args) => schema::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, console),
    };
    Code::from(code.code())
}

fn start(args: &init::InitArgs, console: Console) -> ExitCode {
    match init::run(args, &mut anstream::stdout().lock(), &mut anstream::stderr().lock()) {
        Ok(code) => code,
        Err(error) => {
            console.error(&error.to_string());
            init::exit_code(&error)
        }
    }
}

/// What the tool does, for those who ask with `--verbose`; `BACKSIGHT_LOG` sets another filter.
fn start_tracing() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BACKSIGHT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("backsight=debug"));
    // A second subscriber is refused, which only happens in tests that call us twice.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init();
}

/// The exit code for a failure to write to standard output: a closed pipe is the reader's choice.
fn written(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::Passed,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::Passed,
        Err(_) => ExitCode::Tool,
    }
}
