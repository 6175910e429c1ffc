//! How an operator stands among the operators of a team: its own value, and the middle of all values without anybody's name.
//!
//! This is the one place that reads rows of a team for somebody who sees only its own; nothing leaves it but three quantiles,
//! and those only of five operators or more.

use crate::model::Peers;
use crate::model::clock::DAY_MS;

use super::answer::{Line, Number, Quality};
use super::catalogue::{Dimension, Metric, Unit};
use super::query::{Grouping, Question};

/// Of fewer values the middle would be somebody's.
pub const OPERATORS_MIN: usize = 5;

/// What an operator is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub team: String,
    /// The operator's own, of its rows in the team; `None` when it has none or the value is unknown.
    pub value: Option<f64>,
    pub quality: Option<Quality>,
    pub band: Option<Band>,
}

/// The middle of the values of a team's operators.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub operators: usize,
    pub lower_quartile: f64,
    pub median: f64,
    pub upper_quartile: f64,
}

/// The same question about a team, one line an operator.
///
/// # Errors
/// When the metric is no number.
pub fn question(
    question: &Question,
    peers: &Peers,
    team: &str,
    metric: &Metric,
) -> Result<(Question, Grouping), StandingError> {
    if matches!(metric.unit(), Unit::Instant | Unit::Money | Unit::Code) {
        return Err(StandingError::NoNumber { metric: metric.name });
    }
    let question = Question { scope: peers.team(team.to_owned()), histogram: false, ..question.clone() };
    Ok((question, Grouping::By(vec![Dimension::Operator])))
}

/// Whether the question is about whole teams over long enough a time. A filter, or moments in the place of days, could leave
/// one colleague's work in or out, and the difference would be that colleague's.
///
/// # Errors
/// When it is not.
pub fn check(question: &Question) -> Result<(), StandingError> {
    if let Some((list, _)) = question.filter.lists().next() {
        return Err(StandingError::Filtered { list });
    }
    let range = question.calendar.range();
    match DAY_MS <= range.to() - range.from() {
        true => Ok(()),
        false => Err(StandingError::TooShort),
    }
}

/// Where the operator stands among the lines of its team.
pub fn standing(peers: &Peers, team: String, lines: &[Line], metric: &Metric) -> Standing {
    let operator = |line: &Line| line.keys.first().cloned().flatten();
    let value = |line: &Line| match line.metrics.value(metric.name) {
        Some(Number::Count(count)) => Some(as_real(*count)),
        Some(Number::Real(real)) => Some(*real),
        Some(Number::Instant(_) | Number::Text(_)) | None => None,
    };
    let own = lines.iter().find(|line| operator(line).as_deref() == Some(peers.operator()));
    let of_somebody = lines.iter().filter(|line| operator(line).is_some());
    Standing {
        team,
        value: own.and_then(value),
        quality: own.map(|line| line.metrics.quality.clone()),
        band: band(of_somebody.filter_map(value).collect()),
    }
}

fn band(mut values: Vec<f64>) -> Option<Band> {
    if values.len() < OPERATORS_MIN {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Band {
        operators: values.len(),
        lower_quartile: quantile(&values, 1),
        median: quantile(&values, 2),
        upper_quartile: quantile(&values, 3),
    })
}

/// So many quarters of sorted values, interpolated between the two nearest ranks (type 7), as every percentile here.
fn quantile(values: &[f64], quarters: usize) -> f64 {
    let place = (values.len() - 1) * quarters;
    let (below, part) = (place / 4, as_real((place % 4) as u64) / 4.0);
    let next = values[(below + 1).min(values.len() - 1)];
    values[below] + (next - values[below]) * part
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn as_real(count: u64) -> f64 {
    count as f64
}

/// Why there is nothing to compare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StandingError {
    #[error("`{metric}` is no number that operators can be compared by")]
    NoNumber { metric: &'static str },
    #[error(
        "`standing` compares with a whole team: a filter, such as this by `{list}`, could single somebody out; leave it out"
    )]
    Filtered { list: &'static str },
    #[error("`standing` compares over a day at least: in less a single answer could be seen")]
    TooShort,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_the_middle_of_five_or_more() {
        assert_eq!(band(vec![1.0, 2.0, 3.0, 4.0]), None);
        let check = |values: &[f64], lower_quartile, median, upper_quartile| {
            let operators = values.len();
            assert_eq!(band(values.to_vec()), Some(Band { operators, lower_quartile, median, upper_quartile }));
        };
        check(&[5.0, 1.0, 4.0, 2.0, 3.0], 2.0, 3.0, 4.0);
        check(&[0.0, 10.0, 20.0, 30.0, 40.0, 50.0], 12.5, 25.0, 37.5);
        check(&[7.0; 5], 7.0, 7.0, 7.0);
    }
}
