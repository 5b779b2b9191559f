//! Figures of requests whose times are known.

use super::{GAPS, Gathered, Kept, SAMPLES};
use crate::llm::record::Outcome;
use crate::llm::trace::{Piece, Trace, Usage};
use crate::results::Reason;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Due at `due`, first piece `first` later, then `tokens - 1` more every `gap`, all in milliseconds.
fn answer(due: u64, first: u64, gap: u64, tokens: u64) -> Trace {
    let pieces: Vec<_> = (0..tokens).map(|n| Piece { at: ms(due + first + n * gap), so_far: None }).collect();
    let usage = Usage { prompt: Some(10), cached: None, output: Some(tokens) };
    let end = pieces.last().unwrap().at;
    Trace { due: ms(due), sent: ms(due), end, pieces, usage, ..Trace::default() }
}

fn gathered(traces: &[Trace]) -> Gathered {
    let mut all = Gathered::default();
    traces.iter().for_each(|trace| all.take(trace));
    all
}

fn value(all: &Gathered, metric: &str) -> Option<f64> {
    all.figures(false).iter().find(|figure| figure.metric == metric).map(|figure| figure.value)
}

fn note(all: &Gathered, metric: &str) -> String {
    all.figures(false).into_iter().find(|figure| figure.metric == metric).unwrap().note.unwrap_or_default()
}

#[test]
fn the_figures_of_a_known_schedule() {
    let all = gathered(&[answer(0, 100, 10, 5), answer(0, 200, 20, 5), answer(140, 300, 30, 5)]);
    assert_eq!(value(&all, "time_to_first_token"), Some(200.0));
    assert_eq!(value(&all, "time_per_output_token"), Some(20.0));
    assert_eq!(value(&all, "inter_token_latency"), Some(20.0));
    assert_eq!(value(&all, "request_latency"), Some(280.0));
    // 15 tokens and 3 requests from 0 to 560 ms.
    assert!((value(&all, "output_throughput").unwrap() - 15.0 / 0.56).abs() < 1e-9);
    assert!((value(&all, "request_throughput").unwrap() - 3.0 / 0.56).abs() < 1e-9);
    assert!((value(&all, "request_output_throughput").unwrap() - 5.0 / 0.28).abs() < 1e-9);
    assert_eq!(value(&all, "success_rate"), Some(1.0));
    assert_eq!(
        note(&all, "time_to_first_token"),
        "prompts of 10 tokens, as the server counts; p90: insufficient samples, 3 of 100; p99: insufficient samples, 3 of 1000"
    );
}

#[test]
fn percentiles_need_samples() {
    let some = gathered(&(0..99).map(|n| answer(0, n, 1, 2)).collect::<Vec<_>>());
    assert_eq!((value(&some, "request_latency_p50"), value(&some, "request_latency_p90")), (Some(50.0), None));
    assert!(note(&some, "request_latency").contains("p90: insufficient samples, 99 of 100"));
    let more = gathered(&(0..1000).map(|n| answer(0, n, 1, 2)).collect::<Vec<_>>());
    let figures = more.figures(false);
    let p99 = figures.iter().find(|figure| figure.metric == "request_latency_p99").unwrap();
    assert_eq!(p99.value, 990.0);
    assert!(p99.upper.is_some_and(|upper| upper > 990.0 && upper <= 1000.0), "{:?}", p99.upper);
    assert_eq!(note(&more, "request_latency"), "");
}

#[test]
fn latency_counts_from_when_a_request_was_due() {
    let mut late = answer(0, 500, 10, 2);
    late.sent = ms(400);
    let all = gathered(&[late, answer(0, 100, 10, 2)]);
    assert_eq!(value(&all, "request_latency"), Some(310.0));
    assert_eq!(all.late_share(), 0.5);
}

#[test]
fn failed_requests_are_counted_and_not_timed() {
    let fail = |code: &str| Trace { end: ms(9), failure: Some(Reason::new(code, "why")), ..Trace::default() };
    let all = gathered(&[fail("http_503"), answer(0, 100, 10, 5), fail("timeout"), fail("http_503")]);
    assert_eq!(value(&all, "success_rate"), Some(0.25));
    assert_eq!(note(&all, "success_rate"), "3 of 4 failed: http_503 (2), timeout (1)");
    assert_eq!(value(&all, "request_latency"), Some(140.0));
    assert_eq!(all.rows[0].outcome, Outcome::Failed { reason: "http_503".into() });
    assert_eq!(value(&gathered(&[fail("x")]), "request_throughput"), None);
}

#[test]
fn what_cannot_be_told_is_said() {
    let mut lumped = answer(0, 100, 10, 3);
    lumped.usage.output = Some(9);
    let mut silent = answer(0, 100, 10, 3);
    silent.usage = Usage::default();
    let all = gathered(&[lumped, silent]);
    assert!(note(&all, "inter_token_latency").starts_with("pieces carry several tokens in 1 of 2 answers"));
    assert!(note(&all, "time_per_output_token").starts_with("of 1 of 2 answers the server does not tell usage"));
    let mut whole = answer(0, 100, 10, 1);
    whole.usage.output = Some(9);
    assert_eq!(value(&gathered(&[whole]), "time_per_output_token"), None, "in one piece no time can be seen");
}

#[test]
fn memory_and_record_are_bounded() {
    let mut kept = Kept::new(GAPS);
    (0..GAPS * 5).for_each(|n| kept.push(n as f64));
    assert!(kept.values.len() <= GAPS && kept.values.len() > GAPS / 2);
    assert!(kept.values.is_sorted() && kept.every == 8);
    let all = gathered(&(0..11_000).map(|n| answer(n, 5, 1, 3)).collect::<Vec<_>>());
    assert_eq!(all.rows.len(), 10_000);
    assert!(all.figures(false).iter().all(|figure| figure.samples.len() <= SAMPLES));
    assert!(note(&all, "request_latency").contains("each 6th sample is kept"));
}
