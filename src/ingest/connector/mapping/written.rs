//! The mapping file as written: tables whose keys are taken one by one, and mistakes that say where they are.
//!
//! A key that nobody takes is a mistake: a misspelt one would be a rule that silently does less.

use std::fmt;

use toml::{Table, Value};

/// Where in the file something stands: `rule 2: fields.at.unit`.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Counted from 1, as people count; `None` outside the rules.
    rule: Option<usize>,
    key: String,
}

impl Place {
    pub fn of_rule(number: usize) -> Self {
        Self { rule: Some(number), key: String::new() }
    }

    /// A key of the table that stands here.
    pub fn inside(&self, key: &str) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { rule: self.rule, key }
    }

    /// An entry of the list that stands here, counted from 1.
    pub fn entry(&self, number: usize) -> Self {
        Self { rule: self.rule, key: format!("{}[{number}]", self.key) }
    }

    pub fn wrong(&self, reason: impl Into<String>) -> MappingError {
        MappingError { place: self.to_string(), reason: reason.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule, self.key.as_str()) {
            (None, "") => f.write_str("the file"),
            (None, key) => write!(f, "`{key}`"),
            (Some(rule), "") => write!(f, "rule {rule}"),
            (Some(rule), key) => write!(f, "rule {rule}: `{key}`"),
        }
    }
}

/// A mistake in the mapping file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct MappingError {
    place: String,
    reason: String,
}

/// A table of the file, of which its reader takes what it knows.
pub struct Written {
    pub place: Place,
    values: Table,
}

impl Written {
    pub fn new(place: Place, values: Table) -> Self {
        Self { place, values }
    }

    /// # Errors
    /// When the value is no table.
    pub fn of(place: Place, value: Value) -> Result<Self, MappingError> {
        match value {
            Value::Table(values) => Ok(Self { place, values }),
            _ => Err(place.wrong("must be a table")),
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The value of a key with its place.
    pub fn take(&mut self, key: &str) -> Option<(Place, Value)> {
        let value = self.values.remove(key)?;
        Some((self.place.inside(key), value))
    }

    /// # Errors
    /// When it is missing.
    pub fn need(&mut self, key: &str) -> Result<(Place, Value), MappingError> {
        self.take(key).ok_or_else(|| self.place.inside(key).wrong("is missing"))
    }

    /// # Errors
    /// When it is no text, or an empty one.
    pub fn text_if_given(&mut self, key: &str) -> Result<Option<String>, MappingError> {
        match self.take(key) {
            None => Ok(None),
            Some((_, Value::String(text))) if !text.is_empty() => Ok(Some(text)),
            Some((place, _)) => Err(place.wrong("must be a text that is not empty")),
        }
    }

    /// # Errors
    /// When it is missing, no text, or an empty one.
    pub fn text(&mut self, key: &str) -> Result<String, MappingError> {
        self.text_if_given(key)?.ok_or_else(|| self.place.inside(key).wrong("is missing"))
    }

    /// One of several words; the first where nothing is written.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Result<T, MappingError> {
        let place = self.place.inside(key);
        let Some(word) = self.text_if_given(key)? else {
            return Ok(choices[0].1);
        };
        let found = choices.iter().find(|(name, _)| *name == word);
        let known = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.map(|(_, choice)| *choice).ok_or_else(|| place.wrong(format!("is `{word}`; give one of {}", known())))
    }

    /// Whether `key = true` is written.
    ///
    /// # Errors
    /// When it is neither `true` nor `false`.
    pub fn flag(&mut self, key: &str) -> Result<bool, MappingError> {
        match self.take(key) {
            None => Ok(false),
            Some((_, Value::Boolean(flag))) => Ok(flag),
            Some((place, _)) => Err(place.wrong("must be true or false")),
        }
    }

    /// A whole number from `least` to `most`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn number(&mut self, key: &str, otherwise: i64, least: i64, most: i64) -> Result<i64, MappingError> {
        match self.take(key) {
            None => Ok(otherwise),
            Some((_, Value::Integer(number))) if (least..=most).contains(&number) => Ok(number),
            Some((place, _)) => Err(place.wrong(format!("must be a whole number from {least} to {most}"))),
        }
    }

    /// The entries of a list, each with its place; one alone needs no brackets, none is an empty list.
    pub fn entries(&mut self, key: &str) -> Vec<(Place, Value)> {
        match self.take(key) {
            None => Vec::new(),
            Some((place, Value::Array(values))) => {
                (1..).zip(values).map(|(number, value)| (place.entry(number), value)).collect()
            }
            Some(one) => vec![one],
        }
    }

    /// All keys that are left, with their places.
    pub fn rest(self) -> Vec<(String, Place, Value)> {
        let place = self.place;
        self.values.into_iter().map(|(key, value)| (key.clone(), place.inside(&key), value)).collect()
    }

    /// # Errors
    /// When a key is left that nobody took.
    pub fn finish(self) -> Result<(), MappingError> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(key) => Err(self.place.inside(key).wrong("is not known here")),
        }
    }
}

/// A text, a whole number or true and false, as the text that a payload's value is compared with.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
