//! Normalised events become one Arrow batch with exactly the columns of `inbox`: those of `sql/migrations/0001_inbox.sql`
//! and those that `0044` added.
//!
//! The only place that knows which Arrow type stands for which column. A test compares the names with the table's.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListBuilder, MapBuilder, MapFieldNames,
    RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use super::Origin;
use crate::model::clock::Millis;
use crate::model::event::{Amount, Author, FailureReason, NormalEvent};
use crate::store::Insert;

/// The columns that may hold nulls.
const NULLABLE: [&str; 4] = ["survey_score", "survey_scale", "conversion_value", "cost_amount"];

/// The columns of `sql/migrations/0030_arrivals.sql`, and those that `0050` added.
pub(super) const ARRIVALS: [&str; 8] =
    ["tenant", "kind", "channel", "account", "chat", "dialog", "contact", "identities"];

/// What is written of rows beside the log, in this order: first what follows from the events, then the mark that something is to
/// be derived from it. All of it can be written twice without harm.
pub fn followers(rows: &RecordBatch) -> Result<[Insert; 2], ArrowError> {
    let places = ARRIVALS.iter().map(|name| rows.schema().index_of(name)).collect::<Result<Vec<_>, _>>()?;
    let arrivals = rows.project(&places)?;
    Ok([Insert { table: "inbox", rows: rows.clone() }, Insert { table: "arrivals", rows: arrivals }])
}

/// An event and where it came from.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub origin: &'a Origin,
    pub event: &'a NormalEvent,
}

/// One row an event, in the order given.
pub fn build(rows: &[Row<'_>]) -> Result<RecordBatch, ArrowError> {
    let columns = Columns { rows };
    let same = |text: fn(&Origin) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| text(row.origin))))
    };
    let columns = [
        ("tenant", same(|origin| &origin.tenant)),
        ("id", columns.text(|event| &event.id)),
        ("kind", columns.text(|event| event.kind.as_str())),
        ("at", columns.time(|event| event.at)),
        ("received_at", columns.time(|event| event.received_at)),
        ("clock", columns.text(|event| event.clock.as_str())),
        ("channel", columns.text(|event| &event.channel)),
        ("account", columns.text(|event| &event.account)),
        ("chat", columns.text(|event| &event.chat)),
        ("contact", columns.text(|event| &event.contact)),
        ("dialog", columns.text(|event| &event.dialog)),
        ("message", columns.text(|event| &event.message)),
        ("operator", columns.text(|event| &event.operator)),
        ("team", columns.text(|event| &event.team)),
        ("author", columns.text(|event| event.author.map_or("", Author::as_str))),
        ("assisted", Arc::new(columns.events().map(|event| Some(event.assisted)).collect::<BooleanArray>())),
        ("segments", columns.list(|event| &event.segments)),
        ("campaign", columns.text(|event| &event.campaign)),
        ("scenario", columns.text(|event| &event.scenario)),
        ("template", columns.text(|event| &event.template)),
        ("source", columns.text(|event| &event.source)),
        ("message_kind", columns.text(|event| &event.message_kind)),
        ("failure_code", columns.text(|event| &event.failure_code)),
        ("failure_reason", columns.text(|event| event.failure_reason.map_or("", FailureReason::as_str))),
        ("survey_id", columns.text(|event| &event.survey_id)),
        ("survey_score", Arc::new(columns.events().map(|event| event.survey_score).collect::<Float64Array>())),
        ("survey_scale", Arc::new(columns.events().map(|event| event.survey_scale).collect::<Int64Array>())),
        ("conversion_action", columns.text(|event| &event.conversion_action)),
        ("conversion_value", columns.amount(|event| event.conversion_value)?),
        ("conversion_currency", columns.text(|event| &event.conversion_currency)),
        ("conversion_order", columns.text(|event| &event.conversion_order)),
        ("cost_amount", columns.amount(|event| event.cost_amount)?),
        ("cost_currency", columns.text(|event| &event.cost_currency)),
        ("cost_category", columns.text(|event| &event.cost_category)),
        ("consent_purpose", columns.text(|event| &event.consent_purpose)),
        ("consent_text_version", columns.text(|event| &event.consent_text_version)),
        ("link_url", columns.text(|event| &event.link_url)),
        ("attributes", columns.attributes()?),
        ("connection", same(|origin| &origin.connection)),
        ("identities", columns.list(|event| &event.identities)),
    ];
    // By name and not by what is there: batches are joined, so all must have one schema.
    let named = columns.into_iter().map(|(name, column)| (name, column, NULLABLE.contains(&name)));
    RecordBatch::try_from_iter_with_nullable(named)
}

/// The rows as `events` has them: with the number of their batch.
pub fn numbered(rows: &RecordBatch, number: u64) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("batch", DataType::UInt64, false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(UInt64Array::from_value(number, rows.num_rows())));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

struct Columns<'a> {
    rows: &'a [Row<'a>],
}

impl<'a> Columns<'a> {
    fn events(&self) -> impl Iterator<Item = &'a NormalEvent> {
        self.rows.iter().map(|row| row.event)
    }

    fn text(&self, field: impl Fn(&'a NormalEvent) -> &'a str) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(self.events().map(field)))
    }

    fn time(&self, field: impl Fn(&NormalEvent) -> Millis) -> ArrayRef {
        Arc::new(TimestampMillisecondArray::from_iter_values(self.events().map(field)).with_timezone("UTC"))
    }

    fn amount(&self, field: impl Fn(&NormalEvent) -> Option<Amount>) -> Result<ArrayRef, ArrowError> {
        let scaled = self.events().map(|event| field(event).map(|amount| i128::from(amount.0)));
        let decimals = scaled.collect::<Decimal128Array>();
        let decimals = decimals.with_precision_and_scale(Amount::DIGITS, Amount::DECIMALS as i8)?;
        Ok(Arc::new(decimals))
    }

    fn list(&self, field: impl Fn(&'a NormalEvent) -> &'a [String]) -> ArrayRef {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for event in self.events() {
            for entry in field(event) {
                lists.values().append_value(entry);
            }
            lists.append(true);
        }
        Arc::new(lists.finish())
    }

    fn attributes(&self) -> Result<ArrayRef, ArrowError> {
        let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
        let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
        for event in self.events() {
            for (name, value) in &event.attributes {
                maps.keys().append_value(name);
                maps.values().append_value(value);
            }
            maps.append(true)?;
        }
        Ok(Arc::new(maps.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::normalise::normalise;

    #[test]
    fn the_columns_are_those_of_the_inbox() {
        let table = include_str!("../../sql/migrations/0001_inbox.sql");
        let added = include_str!("../../sql/migrations/0044_inbox_connection.sql");
        let columns = table.lines().filter_map(|line| line.strip_prefix("    ")?.split(' ').next());
        let added = added
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("ADD COLUMN IF NOT EXISTS ")?.split(' ').next());
        let columns = columns.chain(added);
        let events = normalise(
            serde_json::from_str(
                r#"{"id":"e","kind":"conversion.recorded","channel":"vk","segments":["a","b"],"x":"y",
                "conversion":{"action":"p","value":"1.5","currency":"EUR"}}"#,
            )
            .unwrap(),
            1_777_636_800_000,
        )
        .unwrap();
        let origin = Origin { tenant: "acme".to_owned(), ..Origin::default() };
        let batch = build(&[Row { origin: &origin, event: &events }]).unwrap();
        let schema = batch.schema();
        assert_eq!(
            schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
            columns.collect::<Vec<_>>()
        );
        assert_eq!(batch.num_rows(), 1);
    }
}
