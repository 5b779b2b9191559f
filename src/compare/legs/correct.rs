//! One error budget over all legs.
//!
//! A leg tests its own suspects by Holm's procedure at its own share of the budget. Put together, the same tests are one
//! family: Holm's procedure over the suspects of all legs at the whole budget decides. Each p-value is that of the look which
//! decided, divided by the look's share of the errors, so that looking several times costs what it must; it stays valid
//! whatever level the leg itself worked with. `docs/statistics.md` has the measured rates.

use crate::results::{Direction, MetricChange, Verdict};
use crate::stats::weighted_holm;

/// Judges the rows of all legs again at the family-wise level `false_alarms`. A change that its leg called and the family
/// does not is undecided; one that the family calls and its leg could not is called.
pub fn correct(rows: &mut [MetricChange], false_alarms: f64, legs: usize) {
    let tested: Vec<(usize, f64, f64)> = rows
        .iter()
        .enumerate()
        .filter_map(|(at, row)| row.tested.map(|tested| (at, tested.p, tested.weight.max(f64::MIN_POSITIVE))))
        .collect();
    let p_values: Vec<f64> = tested.iter().map(|(_, p, _)| *p).collect();
    let weights: Vec<f64> = tested.iter().map(|(_, _, weight)| *weight).collect();
    let called = weighted_holm(&p_values, &weights, false_alarms);
    for ((at, ..), called) in tested.into_iter().zip(called) {
        let Some(row) = rows.get_mut(at) else { continue };
        let moved = matches!(row.verdict, Verdict::Regressed | Verdict::Improved);
        let beyond = row.change.filter(|change| change.abs() >= row.limit && *change != 0.0);
        match (called, beyond) {
            (false, _) if moved => {
                row.verdict = Verdict::Inconclusive;
                row.note = Some(format!(
                    "its leg alone would call it; over all {legs} legs together it may be chance (false alarms {} %)",
                    (false_alarms * 1e4).round() / 1e2
                ));
            }
            (true, Some(change)) if row.verdict == Verdict::Inconclusive => {
                let worse = (change > 0.0) == (row.direction == Direction::Lower);
                row.verdict = if worse { Verdict::Regressed } else { Verdict::Improved };
                row.note = None;
            }
            _ => {}
        }
    }
}
