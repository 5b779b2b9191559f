//! `backsight bisect`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::output::{Console, Format, duration};
use crate::ops::bisect::{Answer, Found, Mark, Request, bisect};
use crate::ops::run::cancel_on_signals;
use crate::pipeline::StepDuration;
use crate::results::ExitCode;

/// Arguments of `bisect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The benchmark: a step of the pipeline, or the name of what its harness reports, such as `go/BenchmarkParse`.
    benchmark: String,
    /// A revision before the change.
    #[arg(long, value_name = "REV")]
    good: String,
    /// A revision after it.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    bad: String,
    /// The pipeline file, which says how the benchmark is built and run at each commit.
    #[arg(long, short = 'p', value_name = "FILE", default_value = "backsight.yml")]
    pipeline: PathBuf,
    /// The metric to follow; default: the one that decides.
    #[arg(long)]
    metric: Option<String>,
    /// Time for each measurement; one that stays undecided is repeated with twice and four times as much.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    budget: StepDuration,
    /// Do not go on with a search that was ended.
    #[arg(long)]
    restart: bool,
    /// Text, or one object as JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let cancel = match cancel_on_signals() {
        Ok(cancel) => cancel,
        Err(error) => {
            console.error(&format!("signals cannot be listened to: {error}"));
            return ExitCode::Tool;
        }
    };
    let request = Request {
        pipeline: args.pipeline.clone(),
        benchmark: args.benchmark.clone(),
        metric: args.metric.clone(),
        good: args.good.clone(),
        bad: args.bad.clone(),
        budget: args.budget.0,
        restart: args.restart,
        env: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect::<BTreeMap<_, _>>(),
        cancel,
    };
    match bisect(&request, &mut |sentence| console.say(sentence)) {
        Ok(answer) => {
            let code = answer.exit_code();
            let written = match args.format {
                Format::Json => super::written(json(&answer)),
                Format::Text => {
                    text(&answer, console);
                    ExitCode::Passed
                }
            };
            written.worst(code)
        }
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

fn json(answer: &Answer) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, answer)?;
    out.write_all(b"\n")
}

fn text(answer: &Answer, console: Console) {
    let percent = |value: Option<f64>| {
        value.map_or_else(|| "?".to_owned(), |value| format!("{:+.2} %", value * 100.0).replace('-', "−"))
    };
    let short = |hash: &str| hash.get(..9).unwrap_or(hash).to_owned();
    let list = |commits: &[String]| commits.iter().map(|hash| short(hash)).collect::<Vec<_>>().join(", ");
    let skipped = answer.steps.iter().filter(|step| step.mark == Mark::Skipped).count();
    console.say("");
    match &answer.found {
        Found::Commit { commit, author, subject, confirmed } => {
            console.say(&format!("{} {subject} ({author})", short(commit)));
            console.say(&format!(
                "changed {} of `{}` by {} [{} … {}] against its parent, in {} pairs; the ends differ by {}",
                answer.metric.as_deref().unwrap_or("it"),
                answer.benchmark,
                percent(confirmed.change),
                percent(confirmed.low),
                percent(confirmed.high),
                confirmed.pairs,
                percent(answer.ends.as_ref().and_then(|ends| ends.change)),
            ));
        }
        Found::OneOf { commits } => {
            console.say(&format!("one of these changed it; {skipped} could not be measured: {}", list(commits)));
        }
        Found::NotAttributable { reason } => console.say(&format!("not attributable: {reason}")),
        Found::Undecided { commits, reason } => {
            console.say(&format!("undecided: {reason}"));
            console.say(&format!("in question: {}", list(commits)));
        }
    }
}
