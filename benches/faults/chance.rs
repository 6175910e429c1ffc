//! Chance that can be repeated: everything random follows from the seed of the run and the name of who asks.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The same for the same seed and name, and another for every other.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut mixed = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in name.bytes() {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }

    /// A number of `[from, to)`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        self.0.random_range(from..to.max(from + 1))
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.0.random_range(0..=last);
            items.swap(last, other);
        }
    }
}
