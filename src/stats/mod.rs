//! Slices in, numbers out. Nothing here knows what the numbers mean or where they came from.
//!
//! Every function takes finite numbers; callers drop others before. Intervals are distribution-free.

mod arrivals;
mod changes;
mod holm;
mod proportion;
mod random;
mod score;
mod signed_rank;
mod summary;
mod tail;
mod two_sample;

pub use arrivals::Arrivals;
pub use changes::{CHANGE_ERROR, ChangePoint, Course, Drift, MOST_POINTS, Total, course, course_on, total};
pub use holm::{holm, weighted_holm};
pub use proportion::wilson;
pub use random::Random;
pub use score::{Level, PairedShift, TimedPair};
pub use signed_rank::{Paired, signed_rank};
pub use summary::{Description, Interval, mad, median, median_interval, summarise};
pub use tail::{enough_for, percentile, upper_bound};
pub use two_sample::{Shift, log_shift};

/// Spread of the normal distribution's MAD: multiplied by it, a MAD estimates a standard deviation.
pub const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;

/// Quantile of the standard normal distribution, by Acklam's rational approximation (relative error below 1.2e-9).
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    const TAIL: f64 = 0.02425;
    let poly = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    if p <= 0.0 {
        f64::NEG_INFINITY
    } else if p >= 1.0 {
        f64::INFINITY
    } else if p < TAIL {
        let q = (-2.0 * p.ln()).sqrt();
        poly(&C, q) / (poly(&D, q) * q + 1.0)
    } else if p > 1.0 - TAIL {
        -normal_quantile(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        poly(&A, r) * q / (poly(&B, r) * r + 1.0)
    }
}

/// Upper tail of the standard normal distribution, by the continued fraction and series of the error function
/// (Abramowitz and Stegun 26.2.11 and 26.2.14); absolute error below 1e-12.
pub fn normal_upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - normal_upper_tail(-z);
    }
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 3.0 {
        let (mut term, mut sum, mut k) = (z, z, 1.0);
        while term > 1e-17 * sum {
            k += 2.0;
            term *= z * z / k;
            sum += term;
        }
        0.5 - density * sum
    } else {
        let fraction = (1..=60).rev().fold(z, |tail, k| z + f64::from(k) / tail);
        density / fraction
    }
}

#[cfg(test)]
mod tests {
    use super::{normal_quantile, normal_upper_tail};

    #[test]
    fn quantiles_of_the_normal_distribution_are_the_tabulated_ones() {
        for (p, z) in [(0.975, 1.959_963_984_540_054), (0.995, 2.575_829_303_548_901), (0.001, -3.090_232_306_167_813)]
        {
            assert!((normal_quantile(p) - z).abs() < 1e-8, "{p}");
        }
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn tail_and_quantile_are_inverse() {
        for z in [-4.0, -1.0, 0.0, 0.5, 1.96, 2.9, 3.1, 5.0] {
            let back = normal_quantile(1.0 - normal_upper_tail(z));
            assert!((back - z).abs() < 1e-6, "{z} {back}");
        }
    }
}
