//! How long to leave a place alone that failed. No IO, no clock.

use crate::model::clock::Millis;

/// The pause after a first failure. It doubles with each further one.
const FIRST_MS: Millis = 5_000;

/// A quarter of an hour: a place that comes back is found before somebody has to ask why not.
const MAX_MS: Millis = 15 * 60 * 1_000;

/// The pause after so many failures in a row; none after none.
pub fn after_failures(failures: u32) -> Millis {
    match failures {
        0 => 0,
        failures => FIRST_MS.saturating_mul(1 << (failures - 1).min(20)).min(MAX_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let seconds: Vec<i64> = (0..11).map(|failures| after_failures(failures) / 1_000).collect();
        assert_eq!(seconds, [0, 5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(after_failures(u32::MAX), MAX_MS);
    }
}
