//! `backsight simulate`: how often the decision of a run is wrong, and what it finds, on drawn and on recorded noise.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::compare::{Family, Pair, Recorded, Scenario, Sensitivity, Source, Tally, sensitivity, simulate};
use crate::results::{Arm, Document, ExitCode, Metric};

/// Rows of a bank that are read.
const MOST_ROWS: usize = 5_000_000;
/// The largest results document that is read as a bank, in bytes.
const LARGEST: u64 = 256 << 20;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Families of drawn noise.
    pub families: Vec<Family>,
    /// Files of recorded rows: CSV, or results documents of paired measurements.
    pub banks: Vec<PathBuf>,
    /// How many benchmarks a run has.
    pub benchmarks: Vec<usize>,
    /// How many legs they are split over.
    pub legs: usize,
    /// True changes of one of them; zero for none.
    pub effects: Vec<f64>,
    /// Pairs that each benchmark may spend.
    pub pairs: u32,
    /// The smallest change that matters.
    pub limit: f64,
    /// The chance of any call in a run without a change.
    pub false_alarms: f64,
    /// Simulated runs of each line.
    pub runs: u32,
    /// Where everything is drawn from.
    pub seed: u64,
    /// Whether the banks are also told as the smallest slow-down found, beside the plain test.
    pub sensitivity: bool,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// One line for each source, number of benchmarks and effect.
    pub lines: Vec<Line>,
    /// One line for each series and clock of the banks.
    pub sensitivity: Vec<Smallest>,
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The family or the bank.
    pub source: String,
    /// How many benchmarks a run has.
    pub benchmarks: usize,
    /// The true change of the first.
    pub effect: f64,
    /// Simulated runs.
    pub runs: u32,
    /// Runs in which anything that did not change was called regressed or improved.
    pub alarms: u32,
    /// Runs in which the change was found.
    pub found: u32,
    /// Runs in which what changed was called unchanged.
    pub unchanged: u32,
    /// Runs in which it stayed inconclusive.
    pub inconclusive: u32,
    /// Runs in which it was called the opposite.
    pub opposite: u32,
}

/// The smallest slow-down found at 95 % power in one clock of one series.
#[derive(Debug, Clone, Serialize)]
pub struct Smallest {
    /// The series.
    pub series: String,
    /// The clock.
    pub metric: String,
    /// Pairs of each stretch.
    pub pairs: usize,
    /// Pairs of the series.
    pub rows: usize,
    /// By our test; absent beyond 100 %.
    pub ours: Option<f64>,
    /// By the plain interleaved Wilcoxon test.
    pub plain: Option<f64>,
    /// False alarms of both where nothing changed.
    pub false_alarms: (f64, f64),
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A bank cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A bank is not what we read.
    #[error("{}: {text}", path.display())]
    Bank {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is wanted.
        text: String,
    },
}

impl SimulateError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Simulates all lines; `told` hears of each when it is done.
///
/// # Errors
/// If a bank cannot be read.
pub fn run(request: &Request, mut told: impl FnMut(&Line)) -> Result<Answer, SimulateError> {
    let banks = request.banks.iter().map(|path| Ok((name(path), bank(path)?))).collect::<Result<Vec<_>, _>>()?;
    let mut answer = Answer { lines: Vec::new(), sensitivity: Vec::new() };
    let families = request.families.iter().map(|family| (family.as_str().to_owned(), Source::Family(*family)));
    let recorded = banks.iter().map(|(name, bank)| (name.clone(), Source::Recorded(bank)));
    for (name, source) in families.chain(recorded) {
        for benchmarks in &request.benchmarks {
            for effect in &request.effects {
                let line = line(request, &name, &source, *benchmarks, *effect);
                told(&line);
                answer.lines.push(line);
            }
        }
    }
    for (_, bank) in banks.iter().filter(|_| request.sensitivity) {
        let told = sensitivity(bank, request.pairs as usize, request.false_alarms, request.runs, request.seed);
        answer.sensitivity.extend(told.into_iter().map(Smallest::from));
    }
    Ok(answer)
}

fn line(request: &Request, name: &str, source: &Source<'_>, benchmarks: usize, effect: f64) -> Line {
    let Request { pairs, limit, false_alarms, runs, seed, .. } = *request;
    let scenario = Scenario { benchmarks, legs: request.legs, effect, pairs, limit, false_alarms };
    let Tally { runs, alarms, found, unchanged, open, opposite } = simulate(source, scenario, runs, seed);
    Line { source: name.to_owned(), benchmarks, effect, runs, alarms, found, unchanged, inconclusive: open, opposite }
}

impl From<Sensitivity> for Smallest {
    fn from(told: Sensitivity) -> Self {
        let Sensitivity { series, metric, pairs, rows, ours, plain, false_alarms } = told;
        Self { series, metric, pairs, rows, ours, plain, false_alarms }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a bank: a results document if it begins with a brace, otherwise CSV.
fn bank(path: &Path) -> Result<Recorded, SimulateError> {
    let io = |source| SimulateError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut first = [0_u8];
    let read = file.read(&mut first).map_err(io)?;
    file.rewind().map_err(io)?;
    let told = match (read, &first) {
        (1, b"{") => documents(file),
        _ => rows(file),
    };
    told.map_err(|text| SimulateError::Bank { path: path.to_owned(), text })
}

/// A row of a recorded bank, as `docs/statistics.md` describes it.
#[derive(Debug, Deserialize)]
struct Row {
    workload: String,
    #[serde(default)]
    order: String,
    arm: String,
    #[serde(default)]
    slowdown_pct: f64,
    round: u64,
    #[serde(default)]
    position: u32,
    wall_ns: f64,
    cpu_ns: f64,
}

/// The runs of one round, base and head: wall and CPU time, and the place in the round.
type Round = [Option<([f64; 2], u32)>; 2];

/// Pairs whose order was drawn and whose arms are equal; others are left out.
fn rows(file: File) -> Result<Recorded, String> {
    let mut reader = csv::Reader::from_reader(BufReader::new(file));
    let mut workloads: BTreeMap<String, BTreeMap<u64, Round>> = BTreeMap::new();
    for row in reader.deserialize::<Row>().take(MOST_ROWS) {
        let row =
            row.map_err(|error| format!("{error}; wanted: workload,order,arm,slowdown_pct,round,wall_ns,cpu_ns"))?;
        if row.slowdown_pct != 0.0 || !(row.order.is_empty() || row.order == "random") {
            continue;
        }
        let arm = usize::from(row.arm != "A");
        let round = workloads.entry(row.workload).or_default().entry(row.round).or_default();
        if let Some(place) = round.get_mut(arm) {
            *place = Some(([row.wall_ns, row.cpu_ns], row.position));
        }
    }
    let pair = |round: &Round| match round {
        [Some((base, one)), Some((head, other))] => {
            Some(Pair { base: base.to_vec(), head: head.to_vec(), head_first: other < one })
        }
        _ => None,
    };
    let series =
        workloads.into_iter().map(|(name, rounds)| (name, rounds.values().filter_map(pair).collect::<Vec<_>>()));
    complete(series.filter(|(_, rows)| !rows.is_empty()).collect())
}

/// The pairs of one or more results documents that follow each other; benchmarks of one name are joined.
fn documents(file: File) -> Result<Recorded, String> {
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let documents = serde_json::Deserializer::from_slice(&bytes).into_iter::<Document>();
    let mut series: Vec<(String, Vec<Pair>)> = Vec::new();
    for document in documents {
        let document = document.map_err(|error| format!("not a results document: {error}"))?;
        for benchmark in &document.benchmarks {
            let samples = |metrics: &[Metric], name: &str| {
                metrics.iter().find(|metric| metric.metric == name).map(|metric| metric.samples.clone())
            };
            let columns = |metrics: &[Metric]| Some([samples(metrics, "wall_time")?, samples(metrics, "cpu_time")?]);
            let (Some(base), Some(head)) = (columns(&benchmark.base), columns(&benchmark.metrics)) else { continue };
            let at = |columns: &[Vec<f64>; 2], row: usize| -> Vec<f64> {
                columns.iter().filter_map(|column| column.get(row)).copied().collect()
            };
            let n = base[0].len().min(head[0].len());
            let counted = benchmark.iterations.iter().filter(|iteration| iteration.counts());
            let first: Vec<bool> = counted.step_by(2).map(|first| first.arm == Some(Arm::Head)).collect();
            let head_first = |row: usize| first.get(row).copied().unwrap_or(false);
            let pairs =
                (0..n).map(|row| Pair { base: at(&base, row), head: at(&head, row), head_first: head_first(row) });
            match series.iter_mut().find(|(name, _)| *name == benchmark.series()) {
                Some((_, known)) => known.extend(pairs),
                None => series.push((benchmark.series(), pairs.collect())),
            }
        }
    }
    complete(series)
}

fn complete(series: Vec<(String, Vec<Pair>)>) -> Result<Recorded, String> {
    if series.iter().all(|(_, rows)| rows.is_empty()) {
        return Err(
            "no pairs in it: wanted are rows of both arms A and B, or a document of `bench` with both arms".into()
        );
    }
    Ok(Recorded { metrics: vec!["wall_time".into(), "cpu_time".into()], series })
}
