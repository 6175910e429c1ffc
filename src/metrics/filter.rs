//! Filters: lists that a row's properties must be in, and what is left out.

use crate::sql::Sql;

use super::catalogue::Dimension;

/// A property that a filter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Property {
    Channels,
    Accounts,
    Operators,
    Teams,
    Segments,
    Campaigns,
    Scenarios,
    Authors,
    MessageKinds,
    Contacts,
}

impl Property {
    pub const ALL: [Property; 10] = [
        Self::Channels,
        Self::Accounts,
        Self::Operators,
        Self::Teams,
        Self::Segments,
        Self::Campaigns,
        Self::Scenarios,
        Self::Authors,
        Self::MessageKinds,
        Self::Contacts,
    ];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Accounts => "accounts",
            Self::Operators => "operators",
            Self::Teams => "teams",
            Self::Segments => "segments",
            Self::Campaigns => "campaigns",
            Self::Scenarios => "scenarios",
            Self::Authors => "authors",
            Self::MessageKinds => "messageKinds",
            Self::Contacts => "contacts",
        }
    }

    /// The dimension that its values are keys of; contacts are none, and every row has one.
    pub fn dimension(self) -> Option<Dimension> {
        match self {
            Self::Channels => Some(Dimension::Channel),
            Self::Accounts => Some(Dimension::Account),
            Self::Operators => Some(Dimension::Operator),
            Self::Teams => Some(Dimension::Team),
            Self::Segments => Some(Dimension::Segment),
            Self::Campaigns => Some(Dimension::Campaign),
            Self::Scenarios => Some(Dimension::Scenario),
            Self::Authors => Some(Dimension::Author),
            Self::MessageKinds => Some(Dimension::MessageKind),
            Self::Contacts => None,
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Channels => "channel IN ",
            Self::Accounts => "account IN ",
            Self::Operators => "operator IN ",
            Self::Teams => "team IN ",
            Self::Segments => "hasAny(segments, ",
            Self::Campaigns => "campaign IN ",
            Self::Scenarios => "scenario IN ",
            Self::Authors => "author_kind IN ",
            Self::MessageKinds => "message_kind IN ",
            Self::Contacts => "contact IN ",
        }
    }
}

/// Every list that a filter can have, each with the dimension that it asks for.
pub fn known_lists() -> impl Iterator<Item = (&'static str, Option<Dimension>)> {
    let times = [("hours", Some(Dimension::Hour)), ("weekdays", Some(Dimension::Weekday))];
    Property::ALL.into_iter().map(|property| (property.name(), property.dimension())).chain(times)
}

/// Lists that must all hold. A list that is absent holds for every row; none is ever empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Clauses {
    lists: Vec<(Property, Vec<String>)>,
    hours: Option<Vec<i64>>,
    weekdays: Option<Vec<i64>>,
}

/// The most values in one list: more is a segment, not a filter.
pub const VALUES_MAX: usize = 500;

/// The longest value of a list, in characters: as long as any property can be.
pub const VALUE_CHARS_MAX: usize = 256;

impl Clauses {
    /// # Errors
    /// When the list is empty or too long.
    pub fn add(&mut self, property: Property, values: Vec<String>) -> Result<(), FilterError> {
        check_length(property.name(), values.len())?;
        self.lists.push((property, values));
        Ok(())
    }

    /// # Errors
    /// When the list is empty or too long, or an hour is not 0 to 23.
    pub fn add_hours(&mut self, hours: Vec<i64>) -> Result<(), FilterError> {
        check_length("hours", hours.len())?;
        check_numbers("hours", &hours, 0, 23)?;
        self.hours = Some(hours);
        Ok(())
    }

    /// # Errors
    /// When the list is empty or too long, or a weekday is not 1 to 7.
    pub fn add_weekdays(&mut self, weekdays: Vec<i64>) -> Result<(), FilterError> {
        check_length("weekdays", weekdays.len())?;
        check_numbers("weekdays", &weekdays, 1, 7)?;
        self.weekdays = Some(weekdays);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.hours.is_none() && self.weekdays.is_none()
    }

    fn sql(&self) -> Sql {
        let mut sql = Sql::new("true");
        for (property, values) in &self.lists {
            sql.push(" AND ").push(property.condition()).bind_list(values.iter().map(String::as_str));
            if *property == Property::Segments {
                sql.push(")");
            }
        }
        if let Some(hours) = &self.hours {
            sql.push(" AND intDiv(local, 3600000) % 24 IN ").bind_list(hours.iter().copied());
        }
        if let Some(weekdays) = &self.weekdays {
            sql.push(" AND (intDiv(local, 86400000) + 3) % 7 + 1 IN ").bind_list(weekdays.iter().copied());
        }
        sql
    }
}

/// What to keep, and what of it to leave out again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    keep: Clauses,
    leave: Clauses,
}

impl Filter {
    /// `leave` is one condition: only rows for which all of its lists hold are left out.
    pub fn new(keep: Clauses, leave: Clauses) -> Self {
        Self { keep, leave }
    }

    /// The lists that it has, each with the dimension that it asks for.
    pub fn lists(&self) -> impl Iterator<Item = (&'static str, Option<Dimension>)> {
        let mut lists = Vec::new();
        for clauses in [&self.keep, &self.leave] {
            lists.extend(clauses.lists.iter().map(|(property, _)| (property.name(), property.dimension())));
            lists.extend(clauses.hours.iter().map(|_| ("hours", Some(Dimension::Hour))));
            lists.extend(clauses.weekdays.iter().map(|_| ("weekdays", Some(Dimension::Weekday))));
        }
        lists.into_iter()
    }

    /// Every list with its values, as it was asked for.
    pub fn told(&self) -> Vec<ToldList> {
        let mut told = Vec::new();
        for (clauses, effect) in [(&self.keep, Effect::Keeps), (&self.leave, Effect::LeavesOut)] {
            let texts = |numbers: &Vec<i64>| numbers.iter().map(i64::to_string).collect();
            let lists = clauses.lists.iter().map(|(property, values)| (property.name(), values.clone()));
            let hours = clauses.hours.iter().map(|hours| ("hours", texts(hours)));
            let weekdays = clauses.weekdays.iter().map(|weekdays| ("weekdays", texts(weekdays)));
            told.extend(lists.chain(hours).chain(weekdays).map(|(name, values)| ToldList { name, values, effect }));
        }
        told
    }

    /// A condition over a fact's columns and `local`.
    pub fn sql(&self) -> Sql {
        let mut sql = self.keep.sql();
        if !self.leave.is_empty() {
            sql.push(" AND NOT (").append(&self.leave.sql()).push(")");
        }
        sql
    }
}

/// A list of a filter, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldList {
    pub name: &'static str,
    pub values: Vec<String>,
    pub effect: Effect,
}

/// What a list does to the rows that have one of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Keeps,
    /// Together with the other lists of `not`.
    LeavesOut,
}

fn check_length(name: &'static str, count: usize) -> Result<(), FilterError> {
    if count == 0 {
        return Err(FilterError::Empty { name });
    }
    if VALUES_MAX < count {
        return Err(FilterError::TooLong { name, count });
    }
    Ok(())
}

fn check_numbers(name: &'static str, numbers: &[i64], min: i64, max: i64) -> Result<(), FilterError> {
    match numbers.iter().find(|number| !(min..=max).contains(*number)) {
        Some(number) => Err(FilterError::OutOfRange { name, number: *number, min, max }),
        None => Ok(()),
    }
}

/// Why a filter cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("the filter `{name}` is an empty list: leave it out to mean all")]
    Empty { name: &'static str },
    #[error("the filter `{name}` has {count} values; the limit `filterValues` is {VALUES_MAX}")]
    TooLong { name: &'static str, count: usize },
    #[error("the filter `{name}` has {number}; it takes {min} to {max}")]
    OutOfRange { name: &'static str, number: i64, min: i64, max: i64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bound_and_not_is_one_condition() {
        let mut keep = Clauses::default();
        keep.add(Property::Channels, vec!["' OR 1".into()]).expect("valid");
        keep.add(Property::Segments, vec!["vip".into(), "new".into()]).expect("valid");
        let mut leave = Clauses::default();
        leave.add(Property::Operators, vec!["anna".into()]).expect("valid");
        leave.add_hours(vec![0, 23]).expect("valid");
        insta::assert_snapshot!(Filter::new(keep, leave).sql().text(), @"true AND channel IN [?] AND hasAny(segments, [?, ?]) AND NOT (true AND operator IN [?] AND intDiv(local, 3600000) % 24 IN [?, ?])");
    }

    #[test]
    fn empty_lists_and_wrong_numbers_are_refused() {
        let mut clauses = Clauses::default();
        let message = |result: Result<(), FilterError>| result.expect_err("refused").to_string();
        assert_eq!(
            message(clauses.add(Property::Teams, vec![])),
            "the filter `teams` is an empty list: leave it out to mean all"
        );
        assert_eq!(message(clauses.add_hours(vec![24])), "the filter `hours` has 24; it takes 0 to 23");
        assert_eq!(message(clauses.add_weekdays(vec![0])), "the filter `weekdays` has 0; it takes 1 to 7");
    }
}
