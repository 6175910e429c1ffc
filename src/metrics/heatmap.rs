//! Peak hours: client messages by local weekday and hour, in total and for each time that hour came round.

use crate::model::Granularity;
use crate::model::clock::DAY_MS;

use super::answer::{Line, Number};
use super::calendar::{Calendar, CalendarError, HOUR_MS};

/// One hour of the week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// 1 (Monday) to 7 (Sunday).
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// How often the hour came round in the range, cut ones included. When it never did, everything else is unknown.
    pub occurrences: u64,
    pub messages: u64,
    pub turns: u64,
}

impl Cell {
    /// Messages for each occurrence; `None` when there was none.
    pub fn messages_per_occurrence(&self) -> Option<f64> {
        (0 < self.occurrences).then(|| self.messages as f64 / self.occurrences as f64)
    }

    /// Turns for each occurrence; `None` when there was none.
    pub fn turns_per_occurrence(&self) -> Option<f64> {
        (0 < self.occurrences).then(|| self.turns as f64 / self.occurrences as f64)
    }
}

/// The 168 hours of the week, Monday first, from a breakdown by weekday and hour.
///
/// # Errors
/// None in practice: the longest range has fewer hours than any limit.
pub fn heatmap(calendar: &Calendar, lines: &[Line]) -> Result<Vec<Cell>, CalendarError> {
    let mut cells = Vec::with_capacity(168);
    for weekday in 1..=7 {
        for hour in 0..24 {
            cells.push(Cell { weekday, hour, occurrences: 0, messages: 0, turns: 0 });
        }
    }
    for point in calendar.points(Granularity::Hour, usize::MAX)? {
        cells[index_of(calendar.local_ms(point.start))].occurrences += 1;
    }
    for line in lines {
        let number = |index: usize| line.keys.get(index).and_then(|key| key.as_ref()?.parse::<usize>().ok());
        if let (Some(weekday @ 1..=7), Some(hour @ 0..=23)) = (number(0), number(1)) {
            let cell = &mut cells[(weekday - 1) * 24 + hour];
            cell.messages = count(line, "messages");
            cell.turns = count(line, "turns");
        }
    }
    Ok(cells)
}

/// The hour with the most messages for each occurrence; the earliest of the week among equals; none without messages.
pub fn peak(cells: &[Cell]) -> Option<Cell> {
    let mut best: Option<Cell> = None;
    for cell in cells.iter().filter(|cell| 0 < cell.messages) {
        let higher = match best {
            None => true,
            // Crosswise, so that no rounding decides.
            Some(best) => best.messages * cell.occurrences < cell.messages * best.occurrences,
        };
        if higher {
            best = Some(*cell);
        }
    }
    best
}

fn index_of(local_ms: i64) -> usize {
    let weekday = (local_ms.div_euclid(DAY_MS) + 3).rem_euclid(7);
    let hour = local_ms.rem_euclid(DAY_MS) / HOUR_MS;
    usize::try_from(weekday * 24 + hour).expect("both are remainders, so not negative")
}

fn count(line: &Line, name: &str) -> u64 {
    match line.metrics.value(name) {
        Some(Number::Count(count)) => *count,
        _ => 0,
    }
}
