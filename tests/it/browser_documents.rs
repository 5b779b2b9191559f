//! Documents for the browser: one with everything a report can show, and one as large as reports get.

use backsight::results::{
    AcceptedRef, Attempt, Basis, Benchmark, Case, Comparison, Direction, Document, ExitCode, Failure, Generation,
    GenerationState, History, Iteration, Kind, LogRef, Metric, MetricChange, Outcome, Pairs, QuarantineState,
    Quarantined, Reason, Remark, RemarkLevel, SeriesChange, SeriesHistory, SeriesPoint, Status, StepStatus, Summary,
    Toolchain, Validity, Verdict,
};
use jiff::{SignedDuration, Timestamp};

use crate::support::{CLASS, add_step, document};

/// Noise that is the same in each run of the tests.
struct Noise(u64);

impl Noise {
    /// Between 0 and 1.
    fn even(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// As run times are: a bulk, and now and then something far above it.
    fn time(&mut self, median: f64) -> f64 {
        let bulk: f64 = (0..6).map(|_| self.even() - 0.5).sum();
        let tail = if self.even() > 0.97 { self.even() * 0.15 } else { 0.0 };
        (median * (1.0 + bulk * 0.01 + tail)).round()
    }
}

fn summary(samples: &[f64]) -> Summary {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    Summary {
        n: samples.len() as u64,
        median: at(0.5),
        mean: samples.iter().sum::<f64>() / samples.len() as f64,
        min: at(0.0),
        max: at(1.0),
        spread: at(0.75) - at(0.25),
        low: Some(at(0.4)),
        high: Some(at(0.6)),
        confidence: Some(0.95),
    }
}

fn metric(name: &str, unit: &str, samples: Vec<f64>) -> Metric {
    let summary = summary(&samples);
    Metric {
        metric: name.into(),
        value: summary.median,
        unit: unit.into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: "clock".into(),
        samples,
        summary: Some(summary),
        note: None,
    }
}

/// A benchmark measured in pairs, and what the comparison says of it.
fn pair(noise: &mut Noise, step: &str, name: &str, n: usize, shift: f64) -> (Benchmark, MetricChange) {
    let mut sample = |factor: f64| -> Vec<f64> { (0..n).map(|_| noise.time(41.2e6 * factor)).collect() };
    let (base, head) = (metric("wall_time", "ns", sample(1.0)), metric("wall_time", "ns", sample(1.0 + shift)));
    let row = row(name, &base, &head, shift);
    let benchmark = Benchmark {
        step: step.into(),
        metrics: vec![head, metric("peak_memory", "bytes", vec![8_493_466.0; n.min(20)])],
        base: vec![base, metric("peak_memory", "bytes", vec![8_493_466.0; n.min(20)])],
        iterations: vec![Iteration { warm_up: true, ..Iteration::at(0) }, Iteration::at(1)],
        ..Benchmark::new(name)
    };
    (benchmark, row)
}

fn row(name: &str, base: &Metric, head: &Metric, shift: f64) -> MetricChange {
    let change = head.value / base.value - 1.0;
    MetricChange {
        benchmark: name.into(),
        metric: base.metric.clone(),
        unit: base.unit.clone(),
        direction: Direction::Lower,
        base: Some(base.value),
        head: Some(head.value),
        change: Some(change),
        low: Some(change - 0.007),
        high: Some(change + 0.007),
        confidence: Some(0.99),
        p: Some(if shift == 0.0 { 0.4 } else { 0.000_02 }),
        tested: None,
        n: (base.samples.len() as u64, head.samples.len() as u64),
        limit: 0.02,
        pairs: Some(Pairs { screening: 40, confirmation: if shift == 0.0 { 0 } else { 60 } }),
        smallest_detectable: Some(0.011),
        method: Some("paired, signed rank".into()),
        beside: false,
        verdict: match shift {
            shift if shift > 0.0 => Verdict::Regressed,
            shift if shift < 0.0 => Verdict::Improved,
            _ => Verdict::Unchanged,
        },
        validity: Validity::Valid,
        note: None,
        trend: Vec::new(),
        accepted: None,
    }
}

fn comparison(rows: Vec<MetricChange>) -> Comparison {
    Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: Some("base 056dff690 (main) and head on this host, in pairs whose order is drawn from seed 7".into()),
        false_alarms: Some(0.01),
        rows,
        newly_failing: vec![("tests/unit".into(), "test_tokenizer::test_emoji".into())],
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    }
}

/// A report with something in each of its parts: 63 benchmarks, 405 tests.
pub(crate) fn full() -> Document {
    let mut document = document(600);
    let mut noise = Noise(7);
    document.project = "tokenizer".into();
    document.change.server = Some("https://github.com".into());
    document.change.repository = Some("octo/tokenizer".into());
    document.run.status = Status::Failed;
    document.run.exit_code = ExitCode::Failed;
    benchmarks(&mut document, &mut noise);
    tests(&mut document);
    generations(&mut document);
    document.toolchains.push(Toolchain { name: "python3".into(), version: "Python 3.11.7".into() });
    let text = "the store could not be locked for 2 s, and then it could".into();
    document.remarks.push(Remark { level: RemarkLevel::Warning, step: Some("tests/unit".into()), text });
    document
}

fn benchmarks(document: &mut Document, noise: &mut Noise) {
    let step = add_step(document, Kind::Benchmark, "bench", None, None);
    let mut rows = Vec::new();
    let mut add = |name: &str, shift: f64| -> MetricChange {
        let (mut benchmark, mut row) = pair(noise, &step, name, 100, shift);
        // The series of a benchmark that a harness reports is named by its step too.
        row.benchmark = benchmark.series();
        if name == "io/write many" {
            let reason = Reason::new("cpu_pressure", "programs waited for a processor 31 % of the time");
            benchmark.validity = Validity::Noisy { reason };
            row.validity = benchmark.validity.clone();
            row.verdict = Verdict::Inconclusive;
        }
        document.counts.benchmarks += 1;
        document.benchmarks.push(benchmark);
        row
    };
    let mut large = add("parse/large", 0.066);
    large.note = Some("it decides: the program is bound by the processor".into());
    rows.push(large);
    rows.push(add("encode/minilm batch=8", -0.073));
    rows.push(add("io/write many", 0.0));
    let mut wanted = add("startup", 0.04);
    wanted.trend = (0..12).map(|_| 41.0e6).collect();
    let pattern = "bench/startup".into();
    let reason = "checks its configuration now".into();
    wanted.accepted = Some(AcceptedRef { pattern, reason, author: "Ada".into(), commit: None });
    rows.push(wanted);
    rows.extend([add("解析/大きいファイル", 0.0), add("قياس/السرعة القصوى", 0.0)]);
    for group in 0..8 {
        rows.extend((0..7).map(|size| add(&format!("group_{group}/work size={size}"), 0.0)));
    }
    let gone = MetricChange {
        benchmark: "bench/gone".into(),
        head: None,
        change: None,
        low: None,
        high: None,
        p: None,
        ..rows[4].clone()
    };
    rows.push(MetricChange { verdict: Verdict::Missing, pairs: None, ..gone });
    for row in &mut rows {
        row.benchmark = row.benchmark.trim_start_matches("bench/").to_owned();
    }
    for benchmark in &mut document.benchmarks {
        benchmark.step = String::new();
    }
    document.comparison = Some(comparison(rows));
}

fn tests(document: &mut Document) {
    let unit = add_step(document, Kind::Test, "unit", None, None);
    let many = add_step(document, Kind::Test, "many", None, None);
    if let Some(step) = document.steps.iter_mut().find(|step| step.id == unit) {
        step.status = StepStatus::Failed;
        step.command = "python3 -m pytest tests".into();
        let tail = "collected 5 items\n\u{1b}[31m1 failed\u{1b}[0m\n".into();
        step.log = Some(LogRef { path: "logs/tests-unit.log".into(), bytes: 2048, omitted: 0, tail });
    }
    document.steps.reverse();
    let mut add = |case: Case| {
        document.counts.add_case(case.outcome);
        document.cases.push(case);
    };
    let of = |name: &str, outcome| Case {
        step: unit.clone(),
        class: Some("test_tokenizer".into()),
        ..Case::new(name, outcome)
    };
    let failure = Failure {
        message: Some("AssertionError: 'a' != 'b'".into()),
        kind: Some("AssertionError".into()),
        text: Some("def test_emoji():\n>   assert split(text) == ['a']\nE   AssertionError: 'a' != 'b'\n".into()),
    };
    add(Case {
        suites: vec!["pytest".into(), "tokens".into()],
        file: Some("tests/test_tokenizer.py".into()),
        line: Some(88),
        failures: vec![failure.clone()],
        stdout: Some("printed before it failed\n".into()),
        ..of("test_emoji", Outcome::Failed)
    });
    let tried = |outcome, failure| Attempt { outcome, duration_ns: Some(5_000_000), failure };
    add(Case {
        attempts: vec![tried(Outcome::Failed, Some(failure)), tried(Outcome::Passed, None)],
        ..of("test_waits", Outcome::Flaky)
    });
    add(of("test_later", Outcome::Skipped));
    add(Case { duration_ns: Some(1_200_000), ..of("test_fast", Outcome::Passed) });
    add(of("test_known", Outcome::Passed));
    for nth in 0..400 {
        add(Case { step: many.clone(), ..Case::new(format!("many_{nth:03}"), Outcome::Passed) });
    }
    document.quarantine.push(Quarantined {
        step: unit,
        title: "test_tokenizer::test_known".into(),
        outcome: Outcome::Passed,
        state: QuarantineState::Idle,
        pattern: "*known".into(),
        owner: "Ada".into(),
        reason: "a race in the fixture".into(),
        until: "2027-01-01".into(),
    });
}

fn generations(document: &mut Document) {
    let step = add_step(document, Kind::Generation, "docs", None, None);
    for (output, state, diff) in [
        (
            "docs/options.md",
            GenerationState::Drifted,
            Some("--- docs/options.md\n+++ rendered\n@@ -1 +1 @@\n-old line\n+new line\n"),
        ),
        ("docs/table.md", GenerationState::Unchanged, None),
    ] {
        document.counts.generations += 1;
        document.counts.generations_failed += u64::from(diff.is_some());
        document.generations.push(Generation {
            answer: None,
            step: step.clone(),
            template: "templates/page.md.j2".into(),
            output: output.into(),
            state,
            sha256: None,
            bytes: Some(120),
            reason: None,
            context: None,
            diff: diff.map(Into::into),
            failure: None,
        });
    }
}

/// What `parse/large` measured over 120 commits, with a change for the better and one for the worse.
pub(crate) fn history() -> History {
    let mut noise = Noise(11);
    let start = Timestamp::from_second(1_780_000_000).unwrap();
    let points = (0..120).map(|nth: i64| {
        let level = if nth < 40 {
            44.0e6
        } else if nth < 90 {
            39.5e6
        } else {
            41.2e6
        };
        let value = noise.time(level);
        SeriesPoint {
            run: format!("run-{nth}"),
            at: start + SignedDuration::from_hours(24 * nth),
            commit: Some(format!("{:040x}", nth * 0x1234_5678_9abc)),
            value,
            low: Some(value * 0.99),
            high: Some(value * 1.01),
            samples: Some(60),
            noisy: nth % 17 == 0,
        }
    });
    let step = |index: u64, size: f64| SeriesChange {
        index,
        after: Some("a".repeat(40)),
        until: Some("b".repeat(40)),
        commits: Some(2),
        at: start + SignedDuration::from_hours(24 * index as i64),
        size,
        low: size - 0.006,
        high: size + 0.006,
        relative: true,
        p: 1e-9,
        worse: size > 0.0,
        accepted: None,
    };
    let series = SeriesHistory {
        project: "tokenizer".into(),
        benchmark: "parse/large".into(),
        metric: "wall_time".into(),
        unit: "ns".into(),
        direction: Direction::Lower,
        class_key: CLASS.into(),
        points: points.collect(),
        changes: vec![step(40, -0.102), step(90, 0.043)],
        drift: None,
        period: None,
        level: Some(41.2e6),
        since_segment: None,
    };
    History { branch: Some("main".into()), series: vec![series], ..History::default() }
}

/// 5,000 benchmarks with 200 pairs of samples each: two million samples.
pub(crate) fn large() -> Document {
    let mut document = document(700);
    let mut noise = Noise(3);
    let step = add_step(&mut document, Kind::Benchmark, "all", None, None);
    let mut rows = Vec::new();
    for group in 0..50 {
        for size in 0..100 {
            let shift = if size == 0 { 0.05 } else { 0.0 };
            let (mut benchmark, mut row) =
                pair(&mut noise, &step, &format!("group_{group}/work size={size}"), 200, shift);
            benchmark.metrics.truncate(1);
            benchmark.base.truncate(1);
            row.benchmark = benchmark.series();
            document.counts.benchmarks += 1;
            document.benchmarks.push(benchmark);
            rows.push(row);
        }
    }
    document.comparison = Some(comparison(rows));
    document
}
