//! Many questions, one error budget.

/// Which hypotheses are rejected at family-wise level `alpha` by Holm's step-down procedure (Holm 1979), which needs no
/// independence. The answer stands in the order of `p_values`.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut rejected = vec![false; p_values.len()];
    for (step, at) in order.into_iter().enumerate() {
        if p_values[at] > alpha / (p_values.len() - step) as f64 {
            break;
        }
        rejected[at] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::holm;

    #[test]
    fn steps_down_and_stops_at_the_first_that_stays() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
        assert_eq!(holm(&[0.02, 0.02], 0.05), [true, true]);
        assert_eq!(holm(&[0.03, 0.03], 0.05), [false, false]);
        assert_eq!(holm(&[], 0.05), Vec::<bool>::new());
    }
}
