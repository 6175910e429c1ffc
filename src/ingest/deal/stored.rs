//! Facts of deals into the store and out of it, and which of their conversions it has. One of the places outside `sql/` with
//! SQL text: see `lib.rs`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;

use super::conversions::{Recorded, Terms};
use super::{DealFact, Stage};
use crate::ingest::{IngestError, Origin};
use crate::model::clock::Millis;
use crate::model::event::Amount;
use crate::sql::Sql;
use crate::store::Store;

/// Deals of one question: their names, of 200 characters at most, are far below what the engine takes as one statement.
pub const DEALS_MAX: usize = 100;

const NULLABLE: [&str; 2] = ["amount", "currency"];

/// The facts with the columns of `deal_facts`, as they arrived.
pub fn build(origin: &Origin, received_at: Millis, facts: &[DealFact]) -> Result<RecordBatch, ArrowError> {
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(facts.iter().map(|_| text))) };
    let instants = |at: Vec<Millis>| -> ArrayRef { Arc::new(TimestampMillisecondArray::from(at).with_timezone("UTC")) };
    let text =
        |field: fn(&DealFact) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(facts.iter().map(field))) };
    let optional = |field: fn(&DealFact) -> Option<&str>| -> ArrayRef {
        Arc::new(facts.iter().map(field).collect::<StringArray>())
    };
    let columns: [(&str, ArrayRef); 15] = [
        ("tenant", same(&origin.tenant)),
        ("deal", text(|fact| &fact.deal)),
        ("id", text(|fact| &fact.id)),
        ("channel", text(|fact| &fact.channel)),
        ("account", text(|fact| &fact.account)),
        ("action", text(|fact| &fact.action)),
        ("at", instants(facts.iter().map(|fact| fact.at).collect())),
        ("rank", Arc::new(UInt64Array::from_iter_values(facts.iter().map(|fact| fact.rank)))),
        ("stage", text(|fact| fact.stage.map_or("", Stage::as_str))),
        ("is_transition", Arc::new(BooleanArray::from_iter(facts.iter().map(|fact| Some(fact.is_transition))))),
        ("amount", optional(|fact| fact.amount.as_deref())),
        ("currency", optional(|fact| fact.currency.as_deref())),
        ("usual_currency", text(|fact| fact.usual_currency.as_deref().unwrap_or_default())),
        ("connection", same(&origin.connection)),
        ("received_at", instants(vec![received_at; facts.len()])),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, NULLABLE.contains(&name))))
}

/// All facts of the deals, in no order.
pub async fn facts(store: &dyn Store, tenant: &str, deals: &[&str]) -> Result<Vec<DealFact>, IngestError> {
    let mut sql = Sql::new(
        "SELECT deal, id, channel, account, action, toUnixTimestamp64Milli(at), stage, amount, currency, usual_currency,
             rank, toUInt64(is_transition)
         FROM deal_facts FINAL WHERE tenant = ",
    );
    // No name has a line break.
    sql.bind_tenant(tenant).push(" AND deal IN ").bind_lines(deals);
    let mut facts = Vec::new();
    for batch in store.query(sql).await? {
        read_facts(&batch, &mut facts).map_err(IngestError::Batch)?;
    }
    Ok(facts)
}

/// Where conversions lie: the table that figures are made of, and the log. Each can have what the other has not yet: which is
/// written first is [`crate::ingest::commit`]'s to say. What counts, or will, must be taken back like all else.
const RECORDED_IN: [&str; 2] = [
    "SELECT id, toUnixTimestamp64Milli(at), action, value, currency FROM conversion_events FINAL WHERE tenant = ",
    "SELECT id, toUnixTimestamp64Milli(at), conversion_action, conversion_value, conversion_currency FROM events
     WHERE kind IN ('conversion.recorded', 'conversion.reverted') AND tenant = ",
];

/// Conversions and reversals whose ids begin with one of the stems; most are told twice.
pub async fn recorded(store: &dyn Store, tenant: &str, stems: &[String]) -> Result<Vec<Recorded>, IngestError> {
    let mut recorded = Vec::new();
    for select in RECORDED_IN {
        let mut sql = Sql::new(select);
        // Each beginning is a range of the table's order, which a list of beginnings would not be.
        sql.bind_tenant(tenant).push(" AND (0");
        for stem in stems {
            sql.push(" OR startsWith(id, ").bind(stem.as_str()).push(")");
        }
        sql.push(")");
        for batch in store.query(sql).await? {
            read_recorded(&batch, &mut recorded).map_err(IngestError::Batch)?;
        }
    }
    Ok(recorded)
}

fn read_facts(batch: &RecordBatch, facts: &mut Vec<DealFact>) -> Result<(), ArrowError> {
    let columns = batch.columns().iter().enumerate().map(|(index, column)| {
        let wanted = match index {
            5 => DataType::Int64,
            10 | 11 => DataType::UInt64,
            _ => DataType::Utf8,
        };
        cast(column, &wanted)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let at = columns[5].as_primitive::<Int64Type>();
    let ranks = columns[10].as_primitive::<UInt64Type>();
    let transitions = columns[11].as_primitive::<UInt64Type>();
    let text = |column: usize, row: usize| columns[column].as_string::<i32>().value(row).to_owned();
    let optional = |column: usize, row: usize| (!columns[column].is_null(row)).then(|| text(column, row));
    facts.extend((0..batch.num_rows()).map(|row| DealFact {
        deal: text(0, row),
        id: text(1, row),
        channel: text(2, row),
        account: text(3, row),
        action: text(4, row),
        at: at.value(row),
        rank: ranks.value(row),
        stage: Stage::parse(&text(6, row)),
        is_transition: transitions.value(row) != 0,
        amount: optional(7, row),
        currency: optional(8, row),
        usual_currency: Some(text(9, row)).filter(|currency| !currency.is_empty()),
    }));
    Ok(())
}

fn read_recorded(batch: &RecordBatch, recorded: &mut Vec<Recorded>) -> Result<(), ArrowError> {
    let ids = cast(batch.column(0), &DataType::Utf8)?;
    let at = cast(batch.column(1), &DataType::Int64)?;
    let actions = cast(batch.column(2), &DataType::Utf8)?;
    let values = cast(batch.column(3), &DataType::Decimal128(Amount::DIGITS, Amount::DECIMALS as i8))?;
    let currencies = cast(batch.column(4), &DataType::Utf8)?;
    let values = values.as_primitive::<Decimal128Type>();
    // `Decimal(18, 4)` has 18 digits, which fit.
    let value = |row: usize| i64::try_from(values.value(row)).unwrap_or(i64::MAX);
    recorded.extend((0..batch.num_rows()).map(|row| Recorded {
        id: ids.as_string::<i32>().value(row).to_owned(),
        terms: Terms {
            at: at.as_primitive::<Int64Type>().value(row),
            action: actions.as_string::<i32>().value(row).to_owned(),
            value: (!values.is_null(row)).then(|| Amount(value(row))),
            currency: currencies.as_string::<i32>().value(row).to_owned(),
        },
    }));
    Ok(())
}
