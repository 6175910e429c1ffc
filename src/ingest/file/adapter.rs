//! Files that were not made for us: columns are renamed and defaulted, local times get their zone, and what a chat
//! history does not say (kind, ids, who is an operator) is derived; see [`super::history`] for the last.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::history::History;
use super::{local_time, row};
use crate::ingest::item::{Item, Source, Unreadable};
use crate::model::event::Scalar;

/// How the columns of a foreign file become fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdapterOptions {
    /// Column, field: `--map NAME=FIELD`.
    pub renames: Vec<(String, String)>,
    /// Field, value where the row has none: `--set FIELD=VALUE`.
    pub defaults: Vec<(String, String)>,
    /// Zone of times without an offset; UTC if only a format is given.
    pub time_zone: Option<Tz>,
    /// A chrono format for `at`, before the shapes of [`super::local_time`] are tried.
    pub time_format: Option<String>,
    /// Names in the author column that are operators; any other name is a client's.
    pub operators: Vec<String>,
}

impl AdapterOptions {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads `NAME=VALUE`, for the command line.
    pub fn parse_pair(text: &str) -> Result<(String, String), String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), value.to_owned())),
            _ => Err(format!("{text:?} is not of the form NAME=VALUE")),
        }
    }
}

/// Turns rows into items, in their order.
pub(super) struct Adapter {
    options: AdapterOptions,
    history: History,
}

impl Adapter {
    pub fn new(options: AdapterOptions) -> Self {
        Self { options, history: History::default() }
    }

    pub fn adapt(&mut self, line: u64, row: Map<String, Value>) -> Item {
        let mut row = self.rename(row);
        for (field, value) in &self.options.defaults {
            row.entry(field.as_str()).or_insert_with(|| Value::from(value.as_str()));
        }
        self.read_time(&mut row);
        self.history.complete(&mut row, &self.options.operators);
        let id = row.get("id").and_then(Value::as_str).map(str::to_owned);
        match row::to_event(row) {
            Ok(event) => Item::of(line, event),
            Err(unfit) => Item {
                line,
                source: Source::Text(unfit.row.to_string().into()),
                event: Err(Unreadable { id, reason: unfit.reason }),
            },
        }
    }

    /// The same for an item that was read as an event already.
    pub fn adapt_item(&mut self, item: Item) -> Item {
        let Ok(event) = &item.event else { return item };
        match serde_json::to_value(event) {
            Ok(Value::Object(row)) => self.adapt(item.line, row),
            _ => item,
        }
    }

    fn rename(&self, row: Map<String, Value>) -> Map<String, Value> {
        if self.options.renames.is_empty() {
            return row;
        }
        let renamed = |name: String| match self.options.renames.iter().find(|(column, _)| *column == name) {
            Some((_, field)) => field.clone(),
            None => name,
        };
        row.into_iter().map(|(name, value)| (renamed(name), value)).collect()
    }

    /// Leaves what it cannot read: normalising rejects it and names it.
    fn read_time(&self, row: &mut Map<String, Value>) {
        let format = self.options.time_format.as_deref();
        if self.options.time_zone.is_none() && format.is_none() {
            return;
        }
        let Some(Value::String(text)) = row.get("at") else { return };
        let zone = self.options.time_zone.unwrap_or(Tz::UTC);
        if let Some(millis) = local_time::read(text, zone, format) {
            row.insert("at".to_owned(), Value::from(millis));
        }
    }
}

/// A field as text, whatever it is written as; empty when absent.
pub(super) fn text_of(row: &Map<String, Value>, field: &str) -> String {
    match row.get(field).map(|value| serde_json::from_value(value.clone())) {
        Some(Ok(Scalar::Text(text))) => text,
        Some(Ok(Scalar::Number(number))) => number.to_string(),
        _ => String::new(),
    }
}
