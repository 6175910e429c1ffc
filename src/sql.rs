//! SQL that cannot be injected into: text that only the programmer can write, plus bound values.
//!
//! Text is `&'static str`, so nothing that came from a user can be part of it. Values are typed and travel to
//! the engine apart from the text. This module knows no table and no metric.

use std::fmt::Write;

/// A value that the engine receives as a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Float(f64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

/// A statement or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Appends text. It must not contain a question mark: `?` is where a value goes.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        debug_assert!(!text.contains('?'), "a placeholder without its value: {text}");
        self.text.push_str(text);
        self
    }

    /// Appends a generated name such as `m0`.
    pub fn name(&mut self, prefix: &'static str, number: usize) -> &mut Self {
        let _ = write!(self.text, "{prefix}{number}");
        self
    }

    /// Appends a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Appends an array of parameters: `[?, ?]`.
    pub fn bind_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.text.push('[');
        for (index, value) in values.into_iter().enumerate() {
            if 0 < index {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self.text.push(']');
        self
    }

    /// Appends another statement's text and values.
    pub fn append(&mut self, other: &Sql) -> &mut Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values.iter().cloned());
        self
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_out_of_the_text() {
        let mut sql = Sql::new("SELECT count() FROM t WHERE a = ");
        sql.bind("' OR 1=1 --").push(" AND b IN ").bind_list([1, 2]);
        assert_eq!(sql.text(), "SELECT count() FROM t WHERE a = ? AND b IN [?, ?]");
        assert_eq!(sql.values(), [Value::Text("' OR 1=1 --".into()), Value::Int(1), Value::Int(2)]);
    }
}
