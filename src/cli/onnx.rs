//! `backsight onnx`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::output::Console;
use crate::onnx::{Dim, Fill, ModelFacts, Scenario, SlotKind, Tolerance, inspect};
use crate::ops::onnx::{Fate, Request, check, ctrf, document, measure};
use crate::ops::targets::climb_here;
use crate::pipeline::{Percent, StepDuration};
use crate::report::escape::line;
use crate::results::ExitCode;

/// Arguments of `onnx`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What a model file says of itself: inputs, outputs, sizes, operators. No runtime is needed.
    Inspect {
        /// The model file.
        model: PathBuf,
        /// How to print it.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Climb a target's ladder in this process.
    #[command(hide = true)]
    Probe {
        /// The target.
        target: String,
        /// Where a virtual environment may be.
        #[arg(long, default_value = ".")]
        folder: PathBuf,
    },
    /// Whether a model answers rightly: against stored answers, or what the CPU answers. Prints CTRF JSON.
    Check(Box<ModelArgs>),
    /// How fast a model is, after its answers were found right. Prints the JSON of the harness `backsight`.
    Measure {
        #[command(flatten)]
        model: Box<ModelArgs>,
        #[command(flatten)]
        load: LoadArgs,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, clap::Args)]
struct ModelArgs {
    /// The model file.
    model: PathBuf,
    /// The name in results; default: the file's.
    #[arg(long)]
    name: Option<String>,
    /// Which of several files of one model this is, `fp32`, `int8`: a parameter of results.
    #[arg(long, value_name = "NAME")]
    precision: Option<String>,
    /// Where it is to run.
    #[arg(long, default_value = "cpu")]
    target: String,
    /// The number of the device.
    #[arg(long, default_value_t = 0, value_name = "N")]
    device: i32,
    /// ONNX Runtime's shared library; default: BACKSIGHT_ONNXRUNTIME, the active virtual environment, .venv, the system.
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// The size of an open dimension, or several to try each: `batch=1,8`; or the dimension that it is as large as:
    /// `state.1=batch`. An unnamed one is called by its input and axis.
    #[arg(long = "dimension", value_name = "NAME=N[,N...]|NAME", value_parser = dimension)]
    dimensions: Vec<(String, Sizes)>,
    /// The size of an open dimension that is no parameter of results: part of what the model is.
    #[arg(long = "size", value_name = "NAME=N", value_parser = dimension)]
    sizes: Vec<(String, Sizes)>,
    /// What an input is filled with: `sr=16000`, `ids=0..30000`.
    #[arg(long = "input", value_name = "NAME=VALUE|LOW..HIGH", value_parser = fill)]
    inputs: Vec<(String, Fill)>,
    /// Where inputs and arrivals are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder of stored inputs and answers (`test_data_set_0/input_0.pb`); default: the model's own, if it has some.
    #[arg(long, value_name = "DIR")]
    golden: Option<PathBuf>,
    /// How far answers may be off, as `ABSOLUTE,RELATIVE`; default: by the model's precision.
    #[arg(long, value_parser = tolerance)]
    tolerance: Option<Tolerance>,
    /// The smallest share of the nodes that must run on the target.
    #[arg(long, default_value = "90%", value_parser = percent)]
    placement: f64,
}

#[derive(Debug, clap::Args)]
struct LoadArgs {
    /// How queries come.
    #[arg(long, value_enum, default_value_t)]
    scenario: Kind,
    /// Queries a second, for the scenario `server`.
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// How many queries are answered at once, each by a session of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    streams: u16,
    /// Threads inside an operator, or several numbers to try each; default: one for each processor.
    #[arg(long, value_name = "N[,N...]", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Vec<u16>,
    /// At least so many queries; default: 50, or 5 for one call of a paired run.
    #[arg(long, value_name = "N")]
    queries: Option<usize>,
    /// At least so long; default: 10s, or 1s for one call of a paired run.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Time for all combinations together: they last less long where it is short.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    budget: Option<Duration>,
    /// Not longer than this, for each combination; default: three times `--time`.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    most: Option<Duration>,
    /// The 99th percentile of latency that must hold for the result to be valid.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    latency_limit: Option<Duration>,
}

/// How long a combination lasts at the least that nobody called in pairs, and one call that somebody did.
const ALONE: Duration = Duration::from_secs(10);
const IN_PAIRS: Duration = Duration::from_secs(1);

/// Whether this is one call of many in a paired measurement.
fn in_pairs() -> bool {
    std::env::var_os("BACKSIGHT_PAIRED").is_some()
}

impl LoadArgs {
    /// The least and the longest time of each of so many combinations. Within a budget three quarters are for the queries
    /// and the rest for loading, checking and warming up.
    fn times(&self, combinations: usize) -> (Duration, Duration) {
        let in_pairs = in_pairs();
        let usual = if in_pairs { IN_PAIRS } else { ALONE };
        let share = self.budget.filter(|_| !in_pairs).map(|budget| budget.mul_f64(0.75) / combinations.max(1) as u32);
        let time = self.time.unwrap_or_else(|| share.map_or(usual, |share| share.min(usual)));
        let most = self.most.unwrap_or_else(|| share.map_or(time * 3, |share| share.max(time)));
        (time, most.max(time))
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The next query when the last is answered.
    #[default]
    #[value(name = "single_stream")]
    SingleStream,
    /// A sample for each stream at a time; the next when all are answered.
    #[value(name = "multi_stream")]
    MultiStream,
    /// As fast as all streams can.
    Offline,
    /// At random times that do not wait for answers.
    Server,
}

/// The sizes of a dimension, or whose they are.
#[derive(Debug, Clone)]
enum Sizes {
    These(Vec<i64>),
    As(String),
}

fn dimension(text: &str) -> Result<(String, Sizes), String> {
    let wrong =
        || "expected a name and sizes above 0, as in `batch=1,8`, or another name, as in `state.1=batch`".to_owned();
    let (name, sizes) =
        text.rsplit_once('=').filter(|(name, sizes)| !name.is_empty() && !sizes.is_empty()).ok_or_else(wrong)?;
    if !sizes.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return Ok((name.to_owned(), Sizes::As(sizes.to_owned())));
    }
    let size = |size: &str| size.trim().parse::<i64>().ok().filter(|size| *size > 0);
    let sizes = sizes.split(',').map(size).collect::<Option<Vec<i64>>>().ok_or_else(wrong)?;
    Ok((name.to_owned(), Sizes::These(sizes)))
}

fn fill(text: &str) -> Result<(String, Fill), String> {
    let wrong = || "expected a name and a value or range, as in `sr=16000` or `ids=0..30000`".to_owned();
    // Names of inputs hold almost anything, so the last sign counts.
    let (name, value) = text.rsplit_once('=').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(wrong);
    let fill = match value.split_once("..") {
        Some((low, high)) => Fill::Range(number(low)?, number(high)?),
        None => Fill::Value(number(value)?),
    };
    Ok((name.to_owned(), fill))
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    let wrong = || "expected two numbers of at least 0, as in `1e-5,1e-3`".to_owned();
    let (absolute, relative) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| *n >= 0.0 && n.is_finite()).ok_or_else(wrong);
    Ok(Tolerance { absolute: number(absolute)?, relative: number(relative)? })
}

fn percent(text: &str) -> Result<f64, String> {
    // None at all is what a rule with `allow_cpu_fallback` asks for.
    let share = Percent::parse(text).map(|percent| percent.0).or_else(|| (text.trim() == "0%").then_some(0.0));
    share.ok_or_else(|| "expected a share, such as `90%`, or `0%` for any".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| *rate > 0.0 && rate.is_finite());
    rate.ok_or_else(|| "expected a number above 0".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    StepDuration::parse(text).map(|time| time.0).ok_or_else(|| "expected a time, such as `10s` or `500ms`".to_owned())
}

/// Runs the command.
pub(super) fn run(args: &Args, console: Console) -> ExitCode {
    match &args.command {
        Command::Inspect { model, format } => inspected(model, *format, console),
        Command::Probe { target, folder } => {
            let probe = climb_here(target, folder);
            super::written(serde_json::to_writer(std::io::stdout().lock(), &probe).map_err(Into::into))
        }
        Command::Check(model) => {
            let request = request(model, None);
            let result = check(&request);
            let (text, fate) = ctrf(&request, &result);
            for checked in result.iter().flat_map(|(checked, _)| checked) {
                if let Some(problem) = &checked.problem {
                    console.error(&format!("{}: {problem}", checked.name));
                }
            }
            told(&text, fate, result.err().map(|problem| problem.to_string()), console)
        }
        Command::Measure { model, load } => {
            if load.scenario == Kind::Server && load.rate.is_none() {
                console.error("the scenario `server` needs --rate, the number of queries a second");
                return ExitCode::Usage;
            }
            let request = request(model, Some(load));
            let result = measure(&request);
            let fate = result.as_ref().err().map_or(Fate::Passed, |problem| problem.fate);
            told(&document(&request, &result), fate, result.err().map(|problem| problem.to_string()), console)
        }
    }
}

fn request(args: &ModelArgs, load: Option<&LoadArgs>) -> Request {
    let file = || args.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut dimensions: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut same = BTreeMap::new();
    let mut fixed = BTreeSet::new();
    for (name, sizes) in args.dimensions.iter().chain(&args.sizes) {
        match sizes {
            Sizes::These(sizes) => dimensions.entry(name.clone()).or_default().extend(sizes),
            Sizes::As(other) => drop(same.insert(name.clone(), other.clone())),
        }
    }
    fixed.extend(args.sizes.iter().map(|(name, _)| name.clone()));
    let combinations =
        dimensions.values().map(Vec::len).product::<usize>() * load.map_or(1, |load| load.threads.len().max(1));
    let (time, most) = load.map_or((ALONE, ALONE), |load| load.times(combinations));
    Request {
        model: args.model.clone(),
        name: args.name.clone().unwrap_or_else(file),
        precision: args.precision.clone(),
        target: args.target.clone(),
        device: args.device,
        runtime: args.onnxruntime.clone(),
        folder: std::env::var_os("BACKSIGHT_WORKSPACE").map_or_else(|| PathBuf::from("."), PathBuf::from),
        dimensions,
        same,
        fixed,
        fills: args.inputs.iter().cloned().collect(),
        threads: load.map(|load| load.threads.iter().map(|n| usize::from(*n)).collect()).unwrap_or_default(),
        scenario: load.map_or(Scenario::SingleStream, |load| match load.scenario {
            Kind::SingleStream => Scenario::SingleStream,
            Kind::MultiStream => Scenario::MultiStream,
            Kind::Offline => Scenario::Offline,
            Kind::Server => Scenario::Server { rate: load.rate.unwrap_or(1.0) },
        }),
        streams: load.map_or(1, |load| usize::from(load.streams)),
        queries: load.map_or(1, |load| load.queries.unwrap_or(if in_pairs() { 5 } else { 50 })),
        // Of a slow model one call of many may have fewer: the pairs decide.
        least: load.map_or(1, |load| load.queries.unwrap_or(if in_pairs() { 1 } else { 50 })),
        time,
        most,
        latency_limit: load.and_then(|load| load.latency_limit),
        seed: args.seed,
        golden: args.golden.clone(),
        tolerance: args.tolerance,
        placement: args.placement,
        memory: crate::host::probe(Path::new("/")).memory_bytes,
    }
}

/// The document on standard output, and why something is not as it should be for people.
fn told(text: &Value, fate: Fate, problem: Option<String>, console: Console) -> ExitCode {
    if let Some(problem) = problem {
        console.error(&problem);
    }
    let written = super::written(writeln!(std::io::stdout().lock(), "{text:#}"));
    if written == ExitCode::Passed { fate.exit_code() } else { written }
}

fn inspected(model: &Path, format: Format, console: Console) -> ExitCode {
    let facts = match inspect(model) {
        Ok(facts) => facts,
        Err(error) => {
            console.error(&error.to_string());
            return ExitCode::Usage;
        }
    };
    let text = match format {
        Format::Json => format!("{:#}\n", facts_json(&facts)),
        Format::Table => facts_text(&facts),
    };
    super::written(anstream::stdout().lock().write_all(text.as_bytes()))
}

fn dims_text(dims: &[Dim]) -> String {
    let one = |dim: &Dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Named(name) => line(name).into_owned(),
        Dim::Open => "?".to_owned(),
    };
    format!("[{}]", dims.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn facts_text(facts: &ModelFacts) -> String {
    let visible = |text: &str| line(text).into_owned();
    let mut lines = vec![
        format!("format     {} ({})", facts.ir_version, visible(&facts.producer)),
        format!("parameters {}", facts.parameters),
        format!("precision  {}", facts.precision().map_or("none", crate::onnx::Element::name)),
        format!("file       {} bytes, {} bytes of weights", facts.bytes, facts.weight_bytes()),
    ];
    let slots = facts.inputs.iter().map(|slot| ("input ", slot));
    for (what, slot) in slots.chain(facts.outputs.iter().map(|slot| ("output", slot))) {
        let kind = match &slot.kind {
            SlotKind::Tensor { element, dims } => format!("{} {}", element.name(), dims_text(dims)),
            SlotKind::Other(kind) => (*kind).to_owned(),
        };
        lines.push(format!("{what}     {} {kind}", visible(&slot.name)));
    }
    let mut operators: Vec<(&String, &u64)> = facts.operators.iter().collect();
    operators.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let operators: Vec<String> = operators.iter().map(|(name, count)| format!("{} {count}", visible(name))).collect();
    lines.push(format!("operators  {}", operators.join(", ")));
    lines.join("\n") + "\n"
}

fn facts_json(facts: &ModelFacts) -> Value {
    let slot = |slot: &crate::onnx::Slot| match &slot.kind {
        SlotKind::Tensor { element, dims } => {
            let dim = |dim: &Dim| match dim {
                Dim::Fixed(size) => json!(size),
                Dim::Named(name) => json!(name),
                Dim::Open => Value::Null,
            };
            json!({ "name": slot.name, "type": element.name(), "shape": dims.iter().map(dim).collect::<Vec<_>>() })
        }
        SlotKind::Other(kind) => json!({ "name": slot.name, "type": kind }),
    };
    let weights: BTreeMap<&str, u64> = facts.weights.iter().map(|(element, bytes)| (element.name(), *bytes)).collect();
    json!({
        "ir_version": facts.ir_version,
        "producer": facts.producer,
        "opsets": facts.opsets,
        "inputs": facts.inputs.iter().map(slot).collect::<Vec<_>>(),
        "outputs": facts.outputs.iter().map(slot).collect::<Vec<_>>(),
        "operators": facts.operators,
        "parameters": facts.parameters,
        "precision": facts.precision().map(crate::onnx::Element::name),
        "weight_bytes": weights,
        "external": facts.external,
        "bytes": facts.bytes,
    })
}
