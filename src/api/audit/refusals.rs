//! Requests of which nobody knows whose they are: anybody can send them, so their lines are limited, and the rest is counted.

use crate::model::clock::Millis;

/// Lines a minute. At 400 bytes each a day of attacks has 0.35 GB; what is left out is counted in the next line.
pub const LINES_MAX: u64 = 600;

const MINUTE_MS: i64 = 60_000;

/// What has been recorded of them in this minute.
#[derive(Debug, Default)]
pub struct Refusals {
    minute: i64,
    lines: u64,
    /// Not recorded since the last line.
    left_out: u64,
}

/// What becomes of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line of its own, which tells how many before it had none.
    Recorded {
        left_out: u64,
    },
    Counted,
}

impl Refusals {
    pub fn count(&mut self, at: Millis) -> Refusal {
        let minute = at.div_euclid(MINUTE_MS);
        // Also where the clock was set back: a minute is a minute.
        if minute != self.minute {
            (self.minute, self.lines) = (minute, 0);
        }
        if LINES_MAX <= self.lines {
            self.left_out = self.left_out.saturating_add(1);
            return Refusal::Counted;
        }
        self.lines += 1;
        Refusal::Recorded { left_out: std::mem::take(&mut self.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_have_lines_and_the_next_tells_of_the_others() {
        let mut refusals = Refusals::default();
        for _ in 0..LINES_MAX {
            assert_eq!(refusals.count(60_000), Refusal::Recorded { left_out: 0 });
        }
        for _ in 0..1_000 {
            assert_eq!(refusals.count(119_999), Refusal::Counted);
        }
        assert_eq!(refusals.count(120_000), Refusal::Recorded { left_out: 1_000 });
        assert_eq!(refusals.count(120_001), Refusal::Recorded { left_out: 0 });
    }
}
