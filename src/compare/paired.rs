//! The decision of a paired measurement: two stages, fresh data for the second.
//!
//! Base and head were run in pairs whose inner order was drawn at random, so under "no change" the sign of each pair's
//! log ratio is a fair coin, whatever the noise is like. *Screening* looks at the first pairs: a metric whose interval
//! lies inside the limit is unchanged, and if that holds for all metrics nothing more is measured. Otherwise the
//! *confirmation* takes fresh pairs, which played no part in that choice: Holm's procedure over the metrics at the run's
//! `false_alarms` tests "no change", and a change is called only if that is rejected *and* the estimate lies at or
//! beyond the limit. Effect and interval are those of the confirmation alone.
//!
//! Error rates: a false call in at most `false_alarms` of the measurements of equal programs; "unchanged" in at most
//! 5 % where the true change lies exactly at the limit (two looks at 2.5 %).

use crate::results::{Direction, Verdict};
use crate::stats::{Paired, holm, normal_quantile, signed_rank};

/// The error of one look of "unchanged": two looks are taken, 5 % are promised.
const UNCHANGED_ERROR: f64 = 0.025;
/// The power of the smallest detectable change.
const POWER: f64 = 0.95;
/// The method's name in documents.
pub const METHOD: &str = "paired, random order: signed rank and Hodges-Lehmann of log ratios, two stages, Holm";

/// What a decision is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms {
    /// The smallest change that matters, relative, such as 0.02.
    pub limit: f64,
    /// The chance of calling any change of the whole measurement when there is none, such as 0.01.
    pub false_alarms: f64,
}

/// What screening says of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Screen {
    /// The whole interval lies inside the limit.
    Unchanged(Paired),
    /// Anything else: fresh pairs decide.
    Open,
}

/// What is decided of one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// The verdict: regressed, improved, unchanged or inconclusive.
    pub verdict: Verdict,
    /// Estimated relative change.
    pub change: f64,
    /// Lower end of its interval; minus one where the pairs are too few to bound it.
    pub low: f64,
    /// Upper end; infinity where the pairs are too few.
    pub high: f64,
    /// Coverage of the interval.
    pub confidence: f64,
    /// Two-sided p-value of "no change", before Holm's correction.
    pub p: f64,
    /// The smallest relative change that would have been found 19 times out of 20; `None` with too few pairs.
    pub smallest_detectable: Option<f64>,
}

/// Looks at the log ratios (head over base) of a metric's first pairs.
pub fn screen(log_ratios: &[f64], terms: Terms) -> Screen {
    match signed_rank(log_ratios, 1.0 - 2.0 * UNCHANGED_ERROR) {
        Some(told) if is_inside(&told, terms.limit) => Screen::Unchanged(told),
        Some(_) | None => Screen::Open,
    }
}

/// The decision for a metric that screening found unchanged.
pub fn unchanged(screened: &Paired, terms: Terms) -> Decision {
    let confidence = 1.0 - 2.0 * UNCHANGED_ERROR;
    Decision { verdict: Verdict::Unchanged, ..described(screened, confidence, terms) }
}

/// Decides over the log ratios of fresh pairs, one entry a metric with its direction. `None` for a metric without pairs.
pub fn decide(metrics: &[(Direction, &[f64])], terms: Terms) -> Vec<Option<Decision>> {
    let confidence = 1.0 - terms.false_alarms;
    let told: Vec<Option<Paired>> = metrics.iter().map(|(_, ratios)| signed_rank(ratios, confidence)).collect();
    let p_values: Vec<f64> = told.iter().map(|told| told.map_or(1.0, |told| told.p())).collect();
    let rejected = holm(&p_values, terms.false_alarms);
    let decided = metrics.iter().zip(&told).zip(rejected).map(|(((direction, ratios), told), rejected)| {
        let told = told.as_ref()?;
        let mut decision = described(told, confidence, terms);
        let beyond = decision.change.abs() >= terms.limit;
        let narrow = signed_rank(ratios, 1.0 - 2.0 * UNCHANGED_ERROR);
        decision.verdict = if rejected && beyond {
            let worse = (told.estimate > 0.0) == (*direction == Direction::Lower);
            if worse { Verdict::Regressed } else { Verdict::Improved }
        } else if narrow.is_some_and(|narrow| is_inside(&narrow, terms.limit)) {
            Verdict::Unchanged
        } else {
            Verdict::Inconclusive
        };
        Some(decision)
    });
    decided.collect()
}

fn is_inside(told: &Paired, limit: f64) -> bool {
    told.low.exp_m1() > -limit && told.high.exp_m1() < limit
}

fn described(told: &Paired, confidence: f64, terms: Terms) -> Decision {
    Decision {
        verdict: Verdict::Inconclusive,
        change: told.estimate.exp_m1(),
        low: told.low.exp_m1(),
        high: told.high.exp_m1(),
        confidence,
        p: told.p(),
        smallest_detectable: smallest_detectable(told, confidence, terms),
    }
}

/// From the half width of the interval, which is a quantile times the standard error, to the change that is rejected
/// with the promised power.
fn smallest_detectable(told: &Paired, confidence: f64, terms: Terms) -> Option<f64> {
    let half = (told.high - told.low) / 2.0;
    let error = half / normal_quantile(0.5 + confidence / 2.0);
    let needed = normal_quantile(1.0 - terms.false_alarms / 2.0) + normal_quantile(POWER);
    (half.is_finite()).then(|| (needed * error).exp_m1())
}

#[cfg(test)]
mod tests {
    use super::{Screen, Terms, decide, screen};
    use crate::results::{Direction, Verdict};
    use crate::stats::Random;

    const TERMS: Terms = Terms { limit: 0.02, false_alarms: 0.01 };

    /// Log ratios of `n` pairs with a true change and a noise.
    fn pairs(random: &mut Random, n: usize, change: f64, noise: &mut dyn FnMut(&mut Random) -> f64) -> Vec<f64> {
        (0..n).map(|_| change.ln_1p() + noise(random) - noise(random)).collect()
    }

    /// The whole procedure on two metrics, as the measuring loop carries it out.
    fn verdict(random: &mut Random, change: f64, noise: &mut dyn FnMut(&mut Random) -> f64) -> Verdict {
        let mut draw = |n| [pairs(random, n, change, noise), pairs(random, n, change, noise)];
        let first = draw(40);
        if first.iter().all(|ratios| matches!(screen(ratios, TERMS), Screen::Unchanged(_))) {
            return Verdict::Unchanged;
        }
        let fresh = draw(60);
        let metrics: Vec<_> = fresh.iter().map(|ratios| (Direction::Lower, ratios.as_slice())).collect();
        let verdicts: Vec<Verdict> = decide(&metrics, TERMS).into_iter().flatten().map(|d| d.verdict).collect();
        let worst = [Verdict::Regressed, Verdict::Improved, Verdict::Inconclusive];
        worst.into_iter().find(|verdict| verdicts.contains(verdict)).unwrap_or(Verdict::Unchanged)
    }

    fn share(change: f64, wanted: &[Verdict], noise: &mut dyn FnMut(&mut Random) -> f64) -> f64 {
        let mut random = Random::new(20_261_123);
        let rounds = rounds();
        let hits = (0..rounds).filter(|_| wanted.contains(&verdict(&mut random, change, noise))).count();
        println!("{change:+} {wanted:?}: {hits} of {rounds}");
        hits as f64 / f64::from(rounds)
    }

    /// How many measurements are simulated: few enough for every day, more by `BACKSIGHT_SIMULATIONS` for the figures
    /// in `docs/statistics.md`.
    fn rounds() -> u32 {
        std::env::var("BACKSIGHT_SIMULATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
    }

    fn gauss(random: &mut Random) -> f64 {
        0.02 * random.normal()
    }

    fn heavy(random: &mut Random) -> f64 {
        // The ratio of a normal and the root of a mean of squares: Student's t with 3 degrees of freedom.
        let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
        0.02 * random.normal() / (squares / 3.0).sqrt()
    }

    fn bimodal(random: &mut Random) -> f64 {
        0.01 * random.normal() + if random.coin() { 0.1 } else { 0.0 }
    }

    #[test]
    fn equal_programs_are_called_different_in_at_most_one_of_a_hundred() {
        // The promise is 1 %; that the estimate must lie beyond the limit as well makes it far rarer.
        let alarm = [Verdict::Regressed, Verdict::Improved];
        for noise in [gauss, heavy, bimodal] {
            let rate = share(0.0, &alarm, &mut { noise });
            assert!(rate <= 0.01, "false alarms {rate}");
        }
    }

    #[test]
    fn five_percent_is_found_and_never_called_unchanged() {
        for noise in [gauss, heavy] {
            assert!(share(0.05, &[Verdict::Regressed], &mut { noise }) >= 0.95);
            assert_eq!(share(0.05, &[Verdict::Unchanged], &mut { noise }), 0.0);
        }
    }

    #[test]
    fn exactly_at_the_limit_unchanged_is_rarer_than_one_in_twenty() {
        let rate = share(0.02, &[Verdict::Unchanged], &mut gauss);
        assert!(rate <= 0.05, "{rate}");
    }

    #[test]
    fn direction_turns_the_word_and_equal_counts_are_unchanged() {
        let slower = vec![0.1; 30];
        let words = decide(&[(Direction::Lower, &slower), (Direction::Higher, &slower)], TERMS);
        let words: Vec<_> = words.into_iter().flatten().map(|d| d.verdict).collect();
        assert_eq!(words, [Verdict::Regressed, Verdict::Improved]);
        assert!(matches!(screen(&[0.0; 30], TERMS), Screen::Unchanged(_)));
        assert_eq!(decide(&[(Direction::Lower, &[])], TERMS), [None]);
    }
}
