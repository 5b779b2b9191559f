//! Raw samples as few bytes: each series quantised between its smallest and largest value, all series in one pool.
//!
//! A plot is a few hundred pixels high, so 16, 12 or 8 bits a sample lose nothing that can be seen; the figures beside a
//! plot are made from the samples themselves. The high bytes of all samples stand together, the rest behind them: the
//! high bytes of a measurement are far from evenly spread, and so they are what deflate can make smaller.

use serde::Serialize;

use super::number::Number;

/// What all samples of a report may take, in bytes before deflate and base64.
pub(super) const ROOM: usize = 3_300_000;

/// A series in the pool.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Series {
    /// The place of its first sample among all.
    pub(super) at: usize,
    /// How many samples.
    pub(super) n: usize,
    /// What the lowest code stands for.
    pub(super) min: Number,
    /// What the highest code stands for.
    pub(super) max: Number,
}

/// All series of a report.
#[derive(Debug)]
pub(super) struct Pool {
    /// Bits of a sample: 16, 12 or 8.
    bits: u8,
    codes: Vec<u16>,
    room: usize,
}

impl Pool {
    /// A pool for so many samples that must be in it; others come in as long as there is room.
    pub(super) fn new(wanted: usize, room: usize) -> Self {
        let fits = |bits: &u8| wanted.saturating_mul(usize::from(*bits)).div_ceil(8) <= room;
        let bits = [16, 12].into_iter().find(fits).unwrap_or(8);
        Self { bits, codes: Vec::new(), room: room.saturating_mul(8) / usize::from(bits) }
    }

    /// Bits of a sample.
    pub(super) const fn bits(&self) -> u8 {
        self.bits
    }

    /// How many samples are in it.
    pub(super) const fn len(&self) -> usize {
        self.codes.len()
    }

    /// Takes in a series, unless there is none, it holds what is no number, or there is no room left.
    pub(super) fn take(&mut self, samples: &[f64]) -> Option<Series> {
        let full = self.codes.len() + samples.len() > self.room;
        if samples.is_empty() || full || samples.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let min = samples.iter().copied().fold(f64::INFINITY, f64::min);
        let max = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // What the page will compute with.
        let (low, high) = (Number(min), Number(max));
        let at = self.codes.len();
        let highest = self.highest();
        self.codes.extend(samples.iter().map(|value| code(*value, low.rounded(), high.rounded(), highest)));
        Some(Series { at, n: samples.len(), min: low, max: high })
    }

    fn highest(&self) -> f64 {
        f64::from((1_u32 << self.bits) - 1)
    }

    /// High bytes of all samples, then the low bytes (16 bits) or the low halves in pairs (12 bits).
    pub(super) fn bytes(&self) -> Vec<u8> {
        let shift = self.bits - 8;
        let mut bytes: Vec<u8> = self.codes.iter().map(|code| (code >> shift) as u8).collect();
        match self.bits {
            16 => bytes.extend(self.codes.iter().map(|code| (code & 0xff) as u8)),
            12 => bytes.extend(self.codes.chunks(2).map(|pair| {
                let half = |nth: usize| pair.get(nth).map_or(0, |code| (code & 0x0f) as u8);
                half(0) << 4 | half(1)
            })),
            _ => {}
        }
        bytes
    }
}

fn code(value: f64, min: f64, max: f64, highest: f64) -> u16 {
    // Halves, so that values at both ends of what a number can be do not overflow.
    let share = (value / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0);
    if share.is_finite() { (share * highest).round().clamp(0.0, highest) as u16 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{Pool, ROOM, Series};

    /// What the page does.
    fn read(pool: &Pool, series: &Series) -> Vec<f64> {
        let (bytes, all) = (pool.bytes(), pool.codes.len());
        let one = |nth: usize| -> f64 {
            let high = u32::from(bytes[nth]);
            let code = match pool.bits {
                16 => high << 8 | u32::from(bytes[all + nth]),
                12 => high << 4 | u32::from(bytes[all + nth / 2] >> (if nth.is_multiple_of(2) { 4 } else { 0 }) & 0x0f),
                _ => high,
            };
            let share = f64::from(code) / pool.highest();
            series.min.rounded() * (1.0 - share) + series.max.rounded() * share
        };
        (series.at..series.at + series.n).map(one).collect()
    }

    #[test]
    fn no_sample_is_off_by_more_than_half_a_step() {
        for (wanted, bits) in [(10, 16), (ROOM / 2 + 1, 12), (ROOM, 8), (usize::MAX, 8)] {
            let mut pool = Pool::new(wanted, ROOM);
            assert_eq!(pool.bits(), bits);
            let mut seed = 7_u64;
            for n in [1, 2, 3, 200] {
                let mut next = || {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    41.0e6 + (seed >> 40) as f64
                };
                let samples: Vec<f64> = (0..n).map(|_| next()).collect();
                let series = pool.take(&samples).expect("there is room");
                let span = series.max.0 - series.min.0;
                // Half a step, and what rounding the ends to nine digits adds.
                let bound = span / f64::from((1 << bits) - 1) / 2.0 + series.max.0 * 2e-9;
                for (told, was) in read(&pool, &series).iter().zip(&samples) {
                    assert!((told - was).abs() <= bound, "{told} {was} {bits}");
                }
            }
        }
    }

    #[test]
    fn odd_series_do_no_harm() {
        let mut pool = Pool::new(10, 16);
        assert_eq!(pool.take(&[]), None);
        assert_eq!(pool.take(&[1.0, f64::NAN]), None);
        assert_eq!(pool.take(&[f64::INFINITY]), None);
        let same = pool.take(&[3.5, 3.5]).expect("room for two");
        assert_eq!(read(&pool, &same), [3.5, 3.5]);
        let wide = pool.take(&[-1.7e308, 0.0, 1.7e308]).expect("room for three");
        let told = read(&pool, &wide);
        assert!(told.iter().all(|value| value.is_finite()) && told[0] < -1.6e308 && told[2] > 1.6e308, "{told:?}");
        assert_eq!(pool.take(&[1.0; 9]), None, "there is no room for nine more");
        assert!(pool.take(&[1.0]).is_some());
    }
}
