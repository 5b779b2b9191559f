//! `backsight simulate`.

use std::path::PathBuf;

use super::output::{Console, Format, percent, print_json};
use super::table::{self, Cell};
use super::written;
use crate::compare::Family;
use crate::ops::simulate::{Answer, Line, Request, Smallest, run as simulate};
use crate::pipeline::Percent;
use crate::report::{escape, figures};
use crate::results::ExitCode;

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recorded noise: CSV with workload,order,arm,slowdown_pct,round,wall_ns,cpu_ns, or results documents of `bench`.
    #[arg(long, value_name = "FILE")]
    bank: Vec<PathBuf>,
    /// Families of drawn noise, or `none`; default: all, or none where a bank is given.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    families: Vec<String>,
    /// How many benchmarks a run has.
    #[arg(long, value_delimiter = ',', default_value = "1,10,50", value_name = "NUMBERS")]
    benchmarks: Vec<usize>,
    /// How many legs they are split over, as by `backsight plan`; what the legs decide is corrected together as by `merge`.
    #[arg(long, default_value_t = 1)]
    legs: usize,
    /// True changes of one of them; 0% for none.
    #[arg(long, value_delimiter = ',', default_value = "0%,2%,10%", value_name = "SHARES", value_parser = effect, allow_hyphen_values = true)]
    effects: Vec<f64>,
    /// Pairs that each benchmark may spend, both stages together.
    #[arg(long, default_value_t = 100)]
    pairs: u32,
    /// The smallest change that matters.
    #[arg(long, value_parser = percent, default_value = "1%")]
    limit: Percent,
    /// The chance of any call in a run in which nothing changed.
    #[arg(long, value_parser = percent, default_value = "1%")]
    false_alarms: Percent,
    /// Simulated runs of each line.
    #[arg(long, default_value_t = 400)]
    runs: u32,
    /// Where everything is drawn from.
    #[arg(long, default_value_t = 20_261_123)]
    seed: u64,
    /// Instead of whole runs: the smallest slow-down found in the banks at 95 % power, beside the plain Wilcoxon test.
    #[arg(long, requires = "bank")]
    sensitivity: bool,
    /// A table for people, or JSON.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    let families = match families(args) {
        Ok(families) => families,
        Err(text) => {
            console.error(&text);
            return ExitCode::Usage;
        }
    };
    let request = Request {
        families,
        banks: args.bank.clone(),
        benchmarks: if args.sensitivity { Vec::new() } else { args.benchmarks.clone() },
        legs: args.legs,
        effects: args.effects.clone(),
        pairs: args.pairs.max(1),
        limit: args.limit.0,
        false_alarms: args.false_alarms.0,
        runs: args.runs.max(1),
        seed: args.seed,
        sensitivity: args.sensitivity,
    };
    let told = |line: &Line| {
        if console.verbose {
            console.say(&format!("{} x {}: {} runs", escape::line(&line.source), line.benchmarks, line.runs));
        }
    };
    match simulate(&request, told) {
        Ok(answer) => match args.format {
            Format::Json => written(print_json(&answer)),
            Format::Text => written(tables(&answer, &mut anstream::stdout().lock())),
        },
        Err(error) => {
            console.error(&error.to_string());
            error.exit_code()
        }
    }
}

/// A true change, of either sign or none.
fn effect(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let share = number.map(|percent| percent / 100.0).filter(|share| (-0.9..=10.0).contains(share));
    share.ok_or_else(|| "wants a change between -90% and 1000%, such as 0%, 2% or -5%".to_owned())
}

fn families(args: &Args) -> Result<Vec<Family>, String> {
    match args.families.as_slice() {
        [] if args.bank.is_empty() => Ok(Family::ALL.to_vec()),
        [] => Ok(Vec::new()),
        [none] if none == "none" => Ok(Vec::new()),
        names => names
            .iter()
            .map(|name| {
                let known = Family::ALL.map(Family::as_str).join(", ");
                Family::parse(name)
                    .ok_or_else(|| format!("`{}` is no family of noise; known are {known}", escape::line(name)))
            })
            .collect(),
    }
}

fn tables(answer: &Answer, out: &mut impl std::io::Write) -> std::io::Result<()> {
    if !answer.lines.is_empty() {
        let heading =
            ["noise", "benchmarks", "change", "runs", "false alarms", "found", "unchanged", "undecided", "opposite"];
        table::write(out, &heading, &answer.lines.iter().map(cells).collect::<Vec<_>>())?;
    }
    if !answer.sensitivity.is_empty() {
        let heading = ["series", "clock", "pairs", "of", "finds", "Wilcoxon finds", "ratio", "false alarms of both"];
        table::write(out, &heading, &answer.sensitivity.iter().map(smallest).collect::<Vec<_>>())?;
    }
    out.flush()
}

fn cells(line: &Line) -> Vec<Cell> {
    let share = |count: u32| format!("{:.2} %", 100.0 * f64::from(count) / f64::from(line.runs.max(1)));
    let of_change = |count: u32| if line.effect == 0.0 { String::new() } else { share(count) };
    let texts = [
        line.source.clone(),
        line.benchmarks.to_string(),
        figures::change(line.effect),
        line.runs.to_string(),
        share(line.alarms),
        of_change(line.found),
        of_change(line.unchanged),
        of_change(line.inconclusive),
        of_change(line.opposite),
    ];
    texts.map(Cell::from).to_vec()
}

fn smallest(line: &Smallest) -> Vec<Cell> {
    let share = |found: Option<f64>| {
        found.map_or_else(|| "more than 100 %".to_owned(), |share| format!("{:.2} %", 100.0 * share))
    };
    let ratio = line.ours.zip(line.plain).map(|(ours, plain)| format!("{:.2}", ours / plain));
    let (ours, plain) = line.false_alarms;
    let texts = [
        line.series.clone(),
        line.metric.clone(),
        line.pairs.to_string(),
        line.rows.to_string(),
        share(line.ours),
        share(line.plain),
        ratio.unwrap_or_default(),
        format!("{:.1} %, {:.1} %", 100.0 * ours, 100.0 * plain),
    ];
    texts.map(Cell::from).to_vec()
}
