//! Shapes of numbers: shares, percentiles, intervals, histograms, quality.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Exact,
    LowerBound,
    Approximate,
    Unavailable,
}

impl Level {
    pub fn name(self) -> &'static str {
        ["EXACT", "LOWER_BOUND", "APPROXIMATE", "UNAVAILABLE"][self as usize]
    }
}

/// The quality of a family whose every row can be told.
pub fn quality(level: Level, rows: usize, provisional: bool, warnings: &[&str]) -> Value {
    json!({
        "level": level.name(),
        "coverage": share(rows, rows),
        "provisional": provisional,
        "warnings": warnings.iter().map(|code| json!({"code": code})).collect::<Vec<_>>(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds of tests are small")]
pub fn float(number: i64) -> f64 {
    number as f64
}

pub fn count(number: usize) -> f64 {
    float(i64::try_from(number).unwrap())
}

pub fn share(part: usize, whole: usize) -> Option<f64> {
    (0 < whole).then(|| count(part) / count(whole))
}

/// In seconds, of milliseconds; between the two nearest ranks (type 7).
pub fn percentile(millis: &[i64], p: f64) -> Option<f64> {
    if millis.is_empty() {
        return None;
    }
    let mut sorted = millis.to_vec();
    sorted.sort_unstable();
    let position = p * count(sorted.len() - 1) + 1.0;
    let rank = (1..=sorted.len()).rev().find(|rank| count(*rank) <= position.floor()).unwrap();
    let low = float(sorted[rank - 1]);
    let high = float(*sorted.get(rank).unwrap_or(&sorted[rank - 1]));
    Some((low + (position - count(rank)) * (high - low)) / 1000.0)
}

/// In seconds, of milliseconds.
pub fn mean(millis: &[i64]) -> Option<f64> {
    (!millis.is_empty()).then(|| float(millis.iter().sum()) / count(millis.len()) / 1000.0)
}

pub fn seconds(millis: &[i64]) -> Vec<f64> {
    millis.iter().map(|millis| float(*millis) / 1000.0).collect()
}

/// The Wilson interval of a share at 95 %.
pub fn wilson(part: usize, whole: usize) -> Option<(f64, f64)> {
    const Z: f64 = 1.959964;
    let p = share(part, whole)?;
    let n = count(whole);
    let scale = 1.0 + Z * Z / n;
    let centre = (p + Z * Z / (2.0 * n)) / scale;
    let reach = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    Some((centre - reach, centre + reach))
}

/// How many values lie below the first bound, between each two, and from the last on.
pub fn histogram(values: &[f64], bounds: &[f64]) -> Value {
    let ends = || bounds.iter().copied().map(Some);
    let from = std::iter::once(None).chain(ends());
    let to = ends().chain(std::iter::once(None));
    let bins = from.zip(to).map(|(from, to)| {
        let inside = |value: &f64| from.is_none_or(|from| from <= *value) && to.is_none_or(|to| *value < to);
        json!({"from": from, "to": to, "count": values.iter().filter(|value| inside(value)).count()})
    });
    bins.collect::<Vec<_>>().into()
}

/// A sum of shares of ten-thousandths, each an amount and by how many it is divided, as the API writes it.
pub fn decimal(shares: &[(i128, i128)]) -> String {
    let whole = shares.iter().fold(1, |whole, (_, of)| whole / divisor(whole, *of) * of);
    let sum: i128 = shares.iter().map(|(amount, of)| amount * (whole / of)).sum::<i128>() / whole;
    let text = format!("{}.{:04}", sum / 10_000, sum % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The greatest that divides both.
fn divisor(one: i128, other: i128) -> i128 {
    if other == 0 { one } else { divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_the_nearest_ranks() {
        let millis = [40_000, 10_000, 30_000, 20_000];
        assert_eq!(percentile(&millis, 0.5), Some(25.0));
        assert_eq!(percentile(&millis, 0.0), Some(10.0));
        assert_eq!(percentile(&millis, 1.0), Some(40.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn amounts_lose_their_trailing_zeros_only() {
        assert_eq!(decimal(&[(100_000, 3), (100_000, 3), (100_000, 3)]), "10");
        assert_eq!(decimal(&[(2_520, 1)]), "0.252");
        assert_eq!(decimal(&[(0, 1)]), "0");
    }
}
