//! How rows become a number: the shape decides the unit, and what an empty cohort gives.

use crate::sql::Sql;

/// How rows become a number.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// The number of rows for which the condition holds.
    Count { rows: &'static str },
    /// How many different values of `key` the rows have for which the condition holds.
    Distinct { key: &'static str, rows: &'static str },
    /// Of the rows of `of`, the share (0 to 1) for which `rows` holds too.
    Share { rows: &'static str, of: &'static str },
    /// The same over different values of `key`; a key of `rows` need not be one of `of`.
    DistinctShare { key: &'static str, rows: &'static str, of: &'static str },
    /// The mean of `value` over rows.
    Mean { value: &'static str, rows: &'static str, unit: Unit },
    /// An exact quantile of `value` over rows, interpolated between the two nearest ranks (type 7).
    Quantile { level: &'static str, value: &'static str, rows: &'static str, unit: Unit },
    /// An end of the Wilson interval at 95 % of a share.
    Wilson { end: End, rows: &'static str, of: &'static str },
    /// Any other aggregate. `rows` are those behind it.
    Aggregate { sql: &'static str, rows: &'static str, unit: Unit },
}

/// An end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Low,
    High,
}

/// What a number is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole number; parts add up to the whole.
    Count,
    /// A whole number whose parts do not add up: the same thing can be in several.
    Distinct,
    /// 0 to 1; parts do not add up.
    Share,
    /// Seconds, with a fraction.
    Seconds,
    /// A mean of numbers without a unit.
    Mean,
    /// An instant.
    Instant,
    /// An amount of money in the currency beside it.
    Money,
    /// A code, such as a currency's.
    Code,
}

impl Unit {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::Distinct => "DISTINCT",
            Self::Share => "SHARE",
            Self::Seconds => "SECONDS",
            Self::Mean => "MEAN",
            Self::Instant => "INSTANT",
            Self::Money => "MONEY",
            Self::Code => "CODE",
        }
    }

    /// All units, with what they are, for the schema.
    pub const ALL: [(Unit, &'static str); 8] = [
        (Self::Count, "A whole number; parts add up to the whole."),
        (Self::Distinct, "A whole number of different things; parts do not add up, as one thing can be in several."),
        (Self::Share, "0 to 1; parts do not add up."),
        (Self::Seconds, "Seconds, with a fraction."),
        (Self::Mean, "A mean of numbers without a unit."),
        (Self::Instant, "An instant."),
        (Self::Money, "An amount of money."),
        (Self::Code, "A code, such as a currency's."),
    ];
}

impl Measure {
    pub fn unit(self) -> Unit {
        match self {
            Self::Count { .. } => Unit::Count,
            Self::Distinct { .. } => Unit::Distinct,
            Self::Share { .. } | Self::DistinctShare { .. } | Self::Wilson { .. } => Unit::Share,
            Self::Mean { unit, .. } | Self::Quantile { unit, .. } | Self::Aggregate { unit, .. } => unit,
        }
    }

    /// The rows behind the number; of a share, those above the line.
    pub fn rows(self) -> &'static str {
        match self {
            Self::Count { rows }
            | Self::Distinct { rows, .. }
            | Self::Share { rows, .. }
            | Self::DistinctShare { rows, .. }
            | Self::Mean { rows, .. }
            | Self::Quantile { rows, .. }
            | Self::Wilson { rows, .. }
            | Self::Aggregate { rows, .. } => rows,
        }
    }

    /// The rows below the line of a share; of anything else the same as [`Measure::rows`].
    pub fn population(self) -> &'static str {
        match self {
            Self::Share { of, .. } | Self::DistinctShare { of, .. } | Self::Wilson { of, .. } => of,
            other => other.rows(),
        }
    }

    /// The rows that are counted above the line: of a share of rows only those that are in the population too.
    pub fn numerator(self) -> Sql {
        let mut sql = Sql::new("(");
        sql.push(self.rows()).push(")");
        if let Self::Share { of, .. } | Self::Wilson { of, .. } = self {
            sql.push(" AND (").push(of).push(")");
        }
        sql
    }

    /// The aggregate. A share of nothing, a mean of nothing and a quantile of nothing are null.
    pub fn sql(self) -> Sql {
        let mut sql = Sql::new("");
        match self {
            Self::Count { rows } => sql.push("countIf(").push(rows).push(")"),
            Self::Distinct { key, rows } => distinct(&mut sql, key, rows),
            Self::Share { rows, of } => {
                sql.push("countIf((").push(of).push(") AND (").push(rows);
                sql.push(")) / nullIf(countIf(").push(of).push("), 0)")
            }
            Self::DistinctShare { key, rows, of } => {
                distinct(&mut sql, key, rows).push(" / nullIf(");
                distinct(&mut sql, key, of).push(", 0)")
            }
            Self::Mean { value, rows, unit } => {
                sql.push("toFloat64(sumIf(").push(value).push(", ").push(rows);
                sql.push(")) / nullIf(countIf(").push(rows).push("), 0)").push(per_thousand(unit))
            }
            Self::Quantile { level, value, rows, unit } => {
                sql.push("quantileExactInclusiveOrNullIf(").push(level).push(")(").push(value).push(", ");
                sql.push(rows).push(")").push(per_thousand(unit))
            }
            Self::Wilson { end, rows, of } => {
                let (part, whole) = (Self::Share { rows, of }.sql(), Self::Count { rows: of }.sql());
                sql.push("(").append(&part).push(" + 1.920729440648 / nullIf(").append(&whole).push(", 0)");
                sql.push(if end == End::Low { " - " } else { " + " });
                sql.push("1.959964 * sqrt(").append(&part).push(" * (1 - ").append(&part).push(") / nullIf(");
                sql.append(&whole).push(", 0) + 0.960364720324 / nullIf(pow(").append(&whole);
                sql.push(", 2), 0))) / (1 + 3.841458881296 / nullIf(").append(&whole).push(", 0))")
            }
            Self::Aggregate { sql: text, .. } => sql.push(text),
        };
        sql
    }
}

fn distinct<'a>(sql: &'a mut Sql, key: &'static str, rows: &'static str) -> &'a mut Sql {
    sql.push("uniqExactIf(").push(key).push(", ").push(rows).push(")")
}

/// Durations are milliseconds in the facts and seconds in the API.
fn per_thousand(unit: Unit) -> &'static str {
    if unit == Unit::Seconds { " / 1000" } else { "" }
}
