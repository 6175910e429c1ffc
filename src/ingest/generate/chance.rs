//! Chance from a seed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) struct Chance {
    random: ChaCha8Rng,
}

impl Chance {
    pub fn new(seed: u64, stream: u32) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::from(stream));
        Self { random }
    }

    /// True in this share of cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.random.random::<f64>() < share
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.random.random::<f64>()
    }

    /// A number from 0 to `end`, without it; 0 if there is none.
    pub fn below(&mut self, end: i64) -> i64 {
        if end < 1 { 0 } else { self.random.random_range(0..end) }
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.random.random_range(0..from.len())]
    }

    /// An index with the chance that its weight has among all.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.between(0.0, weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        weights.len() - 1
    }

    /// A whole number whose mean is `mean`.
    pub fn round(&mut self, mean: f64) -> u64 {
        (mean + self.random.random::<f64>()).floor() as u64
    }

    /// Milliseconds, log-normal: half are shorter than the median, a few are very long. At least a second, so that
    /// one message comes after the other.
    pub fn delay_ms(&mut self, median_seconds: f64, spread: f64) -> i64 {
        let seconds = median_seconds * (spread * self.normal()).exp();
        (seconds.clamp(1.0, 14.0 * 86_400.0) * 1_000.0) as i64
    }

    /// The same for an amount.
    pub fn amount(&mut self, median: f64, spread: f64) -> f64 {
        median * (spread * self.normal()).exp()
    }

    /// The normal distribution, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.random.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.random.random::<f64>()).cos()
    }
}
