//! How long the report of a large run takes to render, and to shorten to what a comment may have.
//!
//! `cargo bench --bench comment`. Prints a Markdown table; `docs/measurements/comment.md` has the figures.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use backsight::report::markdown::{Detail, HIGHEST, Measure, parts};
use backsight::results::{
    Basis, Benchmark, Comparison, Direction, Document, Metric, MetricChange, Pairs, PipelineRef, Validity, Verdict,
};

const ROUNDS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    println!("| benchmarks | of them regressed | report, characters | rendering, ms | and shortening to 65,536, ms |");
    println!("|--:|--:|--:|--:|--:|");
    for (benchmarks, every) in [(1000, 100), (1000, 2), (5000, 50)] {
        let document = document(benchmarks, every)?;
        let (mut rendering, mut shortening, mut length) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let report = parts(black_box(&document), None, None)?;
            rendering.push(start.elapsed().as_secs_f64() * 1e3);
            let text = report.within(65_536, Measure::Characters, "_Shortened._");
            shortening.push(start.elapsed().as_secs_f64() * 1e3);
            length = Measure::Characters.of(&report.text(Detail::UpTo(HIGHEST)));
            black_box(text);
        }
        let told = |values: &mut Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get(((values.len() - 1) as f64 * share) as usize).copied().unwrap_or_default();
            format!("{:.1} ({:.1} to {:.1})", at(0.5), at(0.0), at(1.0))
        };
        println!(
            "| {benchmarks} | {} | {length} | {} | {} |",
            benchmarks / every,
            told(&mut rendering),
            told(&mut shortening)
        );
    }
    Ok(())
}

fn document(benchmarks: usize, every: usize) -> Result<Document, Box<dyn Error>> {
    let pipeline = PipelineRef { path: "backsight.yml".into(), sha256: "00".into() };
    let mut document = Document::begun(uuid::Uuid::nil(), "2026-11-23T10:00:00Z".parse()?, "demo", pipeline);
    let mut rows = Vec::new();
    for index in 0..benchmarks {
        let verdict = if index % every == 0 { Verdict::Regressed } else { Verdict::Unchanged };
        let name = format!("module_{}/function_{index}/size=4096", index % 37);
        rows.push(row(&name, verdict));
        let mut benchmark = Benchmark::new(name);
        benchmark.metrics = ["wall_time", "cpu_time", "peak_memory"].map(metric).to_vec();
        document.benchmarks.push(benchmark);
    }
    document.counts.benchmarks = benchmarks as u64;
    document.comparison = Some(Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: None,
        false_alarms: Some(0.01),
        rows,
        newly_failing: Vec::new(),
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    });
    Ok(document)
}

fn metric(name: &str) -> Metric {
    Metric {
        metric: name.into(),
        value: 41.2e6,
        unit: "ns".into(),
        direction: Direction::Lower,
        lower: None,
        upper: None,
        iterations: None,
        original_unit: None,
        source: "clock".into(),
        samples: vec![41.2e6; 50],
        summary: None,
        note: None,
    }
}

fn row(name: &str, verdict: Verdict) -> MetricChange {
    MetricChange {
        benchmark: name.into(),
        metric: "wall_time".into(),
        unit: "ns".into(),
        direction: Direction::Lower,
        base: Some(41.2e6),
        head: Some(43.9e6),
        change: Some(0.066),
        low: Some(0.058),
        high: Some(0.073),
        confidence: Some(0.99),
        p: Some(0.0001),
        tested: None,
        n: (60, 60),
        limit: 0.02,
        pairs: Some(Pairs { screening: 40, confirmation: 60 }),
        smallest_detectable: None,
        method: None,
        beside: false,
        verdict,
        validity: Validity::Valid,
        note: None,
        trend: vec![41.0e6, 41.2e6, 41.1e6, 41.3e6],
        accepted: None,
    }
}
