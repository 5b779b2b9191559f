//! A share of yes among yes and no, with an interval.

/// The share `hits / n` with Wilson's score interval for `z` standard errors (Wilson 1927; recommended for any n by Brown,
/// Cai and DasGupta 2001). `None` for no trials.
///
/// It holds for independent trials; where failures come in bursts it is too narrow.
pub fn wilson(hits: u64, n: u64, z: f64) -> Option<(f64, f64, f64)> {
    if n == 0 {
        return None;
    }
    let (n, hits) = (n as f64, hits.min(n) as f64);
    let share = hits / n;
    let weight = z * z / n;
    let centre = (share + weight / 2.0) / (1.0 + weight);
    let reach = z / (1.0 + weight) * (share * (1.0 - share) / n + weight / (4.0 * n)).sqrt();
    Some((share, (centre - reach).max(0.0), (centre + reach).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::wilson;
    use crate::stats::Random;

    #[test]
    fn the_published_examples() {
        // Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (hits, n, low, high) in
            [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
        {
            let found = wilson(hits, n, 1.96).unwrap();
            assert!((found.1 - low).abs() < 5e-4 && (found.2 - high).abs() < 5e-4, "{hits} of {n}: {found:?}");
        }
        assert_eq!(wilson(0, 0, 1.96), None);
        let all = wilson(9, 5, 1.96).unwrap();
        assert!(all.0 == 1.0 && all.2 == 1.0, "more hits than trials are all of them");
    }

    #[test]
    fn it_covers_rare_events_about_as_often_as_it_says() {
        let mut random = Random::new(3);
        for (p, n) in [(0.02, 200), (0.1, 50), (0.5, 20)] {
            let covered = (0..2000).filter(|_| {
                let hits = (0..n).filter(|_| random.uniform() < p).count() as u64;
                let (_, low, high) = wilson(hits, n, 1.96).unwrap();
                low <= p && p <= high
            });
            let share = covered.count() as f64 / 2000.0;
            assert!(share > 0.925, "p = {p}, n = {n}: {share}");
        }
    }
}
