//! Many questions, one error budget.

/// Which hypotheses are rejected at family-wise level `alpha` by Holm's step-down procedure (Holm 1979), which needs no
/// independence. The answer stands in the order of `p_values`.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    weighted_holm(p_values, &vec![1.0; p_values.len()], alpha)
}

/// Holm's procedure where some questions deserve more of the error budget than others: each step spends it in proportion
/// to the weights of what is left (the same paper, section 3). Weights are positive and must not depend on the effects.
pub fn weighted_holm(p_values: &[f64], weights: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<(usize, f64, f64)> =
        p_values.iter().zip(weights).enumerate().map(|(at, (p, weight))| (at, *p, *weight)).collect();
    order.sort_by(|a, b| (a.1 / a.2).total_cmp(&(b.1 / b.2)));
    let mut left: f64 = weights.iter().sum();
    let mut rejected = vec![false; p_values.len()];
    for (at, p, weight) in order {
        // A hair above, so that sums of weights which are not exact in binary lose nothing.
        if p > alpha * weight / left * (1.0 + 1e-12) {
            break;
        }
        rejected[at] = true;
        left -= weight;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::{holm, weighted_holm};

    #[test]
    fn steps_down_and_stops_at_the_first_that_stays() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
        assert_eq!(holm(&[0.02, 0.02], 0.05), [true, true]);
        assert_eq!(holm(&[0.03, 0.03], 0.05), [false, false]);
        assert_eq!(holm(&[], 0.05), Vec::<bool>::new());
    }

    #[test]
    fn weights_share_the_budget() {
        assert_eq!(weighted_holm(&[0.04, 0.02], &[1.6, 0.4], 0.05), [true, true]);
        assert_eq!(weighted_holm(&[0.2, 0.02], &[1.6, 0.4], 0.05), [false, false]);
        assert_eq!(weighted_holm(&[0.2, 0.01], &[1.6, 0.4], 0.05), [false, true]);
    }
}
