//! A small seeded source of randomness, so that an order or a simulation can be repeated from its seed alone.

/// SplitMix64 (Steele, Lea and Flood 2014): passes the usual batteries, eight bytes of state. Not for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// From a seed; equal seeds give equal sequences, on every platform and for ever.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 (included) to 1 (excluded).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Heads or tails.
    pub const fn coin(&mut self) -> bool {
        self.bits() >> 63 == 1
    }

    /// Puts a list into a drawn order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let other = (self.uniform() * (at + 1) as f64) as usize;
            list.swap(at, other.min(at));
        }
    }

    /// Standard normal, by inversion.
    pub fn normal(&mut self) -> f64 {
        super::normal_quantile(self.uniform().max(f64::MIN_POSITIVE))
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_sequence_of_a_seed_never_changes() {
        // The reference values of SplitMix64 for seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.bits(), 6_457_827_717_110_365_317);
        assert_eq!(random.bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn coins_are_fair_and_normals_are_normal() {
        let mut random = Random::new(1);
        let heads = (0..1_000_000).filter(|_| random.coin()).count();
        assert!((498_500..=501_500).contains(&heads), "{heads}");
        let sum: f64 = (0..10_000).map(|_| random.normal()).map(|x| x * x).sum();
        assert!((sum / 10_000.0 - 1.0).abs() < 0.05, "{sum}");
    }
}
