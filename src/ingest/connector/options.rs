//! What is configured for a connection: each connector takes the options that it knows, and what is left over is a mistake.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value};

/// The options of one connection, as written.
#[derive(Clone, Default)]
pub struct Options {
    values: Map<String, Value>,
}

/// A text that nobody may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

/// A secret shorter than this can be guessed by trying: platforms make longer ones.
const SECRET_CHARS_MIN: usize = 8;

impl Options {
    pub fn new(values: Map<String, Value>) -> Self {
        Self { values }
    }

    /// Whether an option is given that nobody took yet.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A secret: `name`, or the content of the file that `name_file` names.
    ///
    /// # Errors
    /// When there is none, both, or the file cannot be read.
    pub fn secret(&mut self, name: &'static str) -> Result<Hidden, OptionError> {
        self.secret_if_given(name)?.ok_or(OptionError::Missing { name })
    }

    /// # Errors
    /// When there are both, or the file cannot be read.
    pub fn secret_if_given(&mut self, name: &'static str) -> Result<Option<Hidden>, OptionError> {
        let written = self.text_if_given(name)?;
        let file = match self.values.remove(&format!("{name}_file")) {
            None => None,
            Some(Value::String(path)) => Some(PathBuf::from(path)),
            Some(_) => return Err(OptionError::WrongType { name, expected: "a text" }),
        };
        let secret = match (written, file) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(OptionError::Both { name }),
            (Some(text), None) => text,
            (None, Some(path)) => {
                let text = std::fs::read_to_string(&path);
                text.map_err(|source| OptionError::File { name, path, source })?.trim().to_owned()
            }
        };
        match SECRET_CHARS_MIN <= secret.chars().count() {
            true => Ok(Some(Hidden(secret))),
            false => Err(OptionError::SecretTooShort { name, minimum: SECRET_CHARS_MIN }),
        }
    }

    /// # Errors
    /// When it is missing or no text.
    pub fn text(&mut self, name: &'static str) -> Result<String, OptionError> {
        self.text_if_given(name)?.ok_or(OptionError::Missing { name })
    }

    /// A text; a number counts as its digits, because ids are written so.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text_if_given(&mut self, name: &'static str) -> Result<Option<String>, OptionError> {
        match self.values.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Err(OptionError::Blank { name }),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(OptionError::WrongType { name, expected: "a text" }),
        }
    }

    /// Texts; one alone needs no brackets, none is an empty list.
    ///
    /// # Errors
    /// When something in it is no text.
    pub fn list(&mut self, name: &'static str) -> Result<Vec<String>, OptionError> {
        let wrong = || OptionError::WrongType { name, expected: "a list of texts" };
        let entries = match self.values.remove(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(entries)) => entries,
            Some(one) => vec![one],
        };
        let text = |entry| match entry {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(wrong()),
        };
        entries.into_iter().map(text).collect()
    }

    /// # Errors
    /// When it is neither `true` nor `false`.
    pub fn flag(&mut self, name: &'static str) -> Result<bool, OptionError> {
        match self.values.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(OptionError::WrongType { name, expected: "true or false" }),
        }
    }

    /// A table of texts by name.
    ///
    /// # Errors
    /// When it is no table, or a value in it no text.
    pub fn table(&mut self, name: &'static str) -> Result<Vec<(String, String)>, OptionError> {
        let wrong = || OptionError::WrongType { name, expected: "a table of texts" };
        let entries = match self.values.remove(name) {
            None => return Ok(Vec::new()),
            Some(Value::Object(entries)) => entries,
            Some(_) => return Err(wrong()),
        };
        let text = |(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            Value::Number(number) => Ok((key, number.to_string())),
            _ => Err(wrong()),
        };
        entries.into_iter().map(text).collect()
    }

    /// # Errors
    /// When an option is left that nobody took.
    pub fn finish(self) -> Result<(), OptionError> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => Err(OptionError::Unknown { name: name.clone() }),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Hidden {
    /// For tests, and for what has to send it.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a connection's options are not in order.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    #[error("`{name}` is missing")]
    Missing { name: &'static str },
    #[error("`{name}` is empty")]
    Blank { name: &'static str },
    #[error("`{name}` must be {expected}")]
    WrongType { name: &'static str, expected: &'static str },
    #[error("`{name}` and `{name}_file` are both given: give one of them")]
    Both { name: &'static str },
    #[error("`{name}` needs at least {minimum} characters")]
    SecretTooShort { name: &'static str, minimum: usize },
    #[error("`{name}_file`: {} cannot be read", path.display())]
    File {
        name: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{name}` is no option of this platform")]
    Unknown { name: String },
    #[error("`{name}`: {reason}")]
    Invalid { name: &'static str, reason: String },
}
