//! What a record shows: the GraphQL types of the catalogue's columns.

use std::sync::Arc;

use async_graphql::SelectionField;
use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};

use crate::metrics::catalogue::facts::FACTS;
use crate::metrics::catalogue::{Column, ColumnKind, Record, RecordKind};
use crate::metrics::records::{Cell, Shown};

use super::{Asking, scalars};

/// One record of a page.
pub struct Node {
    pub page: Arc<Vec<Shown>>,
    pub index: usize,
}

impl Node {
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.page[self.index].cell(name)
    }
}

pub fn type_name(kind: RecordKind) -> String {
    format!("{}Record", kind.type_name())
}

pub fn register(mut schema: SchemaBuilder) -> SchemaBuilder {
    for kind in RecordKind::ALL {
        let mut object = Object::new(type_name(kind)).description(definition(kind));
        for (column, in_all) in columns(kind) {
            object = object.field(field(column, in_all));
        }
        schema = schema.register(object);
    }
    schema
}

/// Those of the columns that are selected below `nodes` or `edges` and are for the viewer; the others are not even fetched.
pub fn selected(
    columns: impl Iterator<Item = &'static Column>,
    connection: SelectionField<'_>,
    asking: &Asking,
) -> Vec<&'static Column> {
    let mut names = Vec::new();
    for part in connection.selection_set() {
        match part.name() {
            "nodes" => names.extend(part.selection_set().map(|field| field.name().to_owned())),
            "edges" => {
                for node in part.selection_set().filter(|field| field.name() == "node") {
                    names.extend(node.selection_set().map(|field| field.name().to_owned()));
                }
            }
            _ => {}
        }
    }
    let is_wanted = |column: &&Column| names.iter().any(|name| name == column.name) && asking.may_read(column.readers);
    columns.filter(is_wanted).collect()
}

/// Every column that a kind of record has for some fact, and whether it has it for all.
fn columns(kind: RecordKind) -> Vec<(&'static Column, bool)> {
    let records: Vec<&Record> =
        FACTS.iter().flat_map(|fact| fact.records()).filter(|record| record.kind == kind).collect();
    let mut columns: Vec<(&'static Column, bool)> = Vec::new();
    for column in records.iter().flat_map(|record| record.columns()) {
        if !columns.iter().any(|(known, _)| known.name == column.name) {
            let has = |record: &&Record| record.columns().any(|other| other.name == column.name);
            columns.push((column, records.iter().all(has)));
        }
    }
    columns
}

pub fn field(column: &'static Column, in_all: bool) -> Field {
    let of = match column.kind {
        ColumnKind::Id => TypeRef::ID,
        ColumnKind::Name | ColumnKind::Text | ColumnKind::Texts => TypeRef::STRING,
        ColumnKind::At | ColumnKind::Instant => scalars::DATE_TIME,
        ColumnKind::Seconds | ColumnKind::Real => TypeRef::FLOAT,
        ColumnKind::Count => scalars::LONG,
        ColumnKind::Flag => TypeRef::BOOLEAN,
    };
    let of = match (column.kind, column.kind.is_never_null() && in_all) {
        (ColumnKind::Texts, true) => TypeRef::named_nn_list_nn(of),
        (ColumnKind::Texts, false) => TypeRef::named_nn_list(of),
        (_, true) => TypeRef::named_nn(of),
        (_, false) => TypeRef::named(of),
    };
    let field = Field::new(column.name, of, move |context| {
        FieldFuture::new(async move {
            let node = context.parent_value.try_downcast_ref::<Node>()?;
            Ok(node.cell(column.name).map(value))
        })
    });
    match in_all {
        true => field.description(column.description()),
        false => field.description(format!("{} Null where what is counted has none.", column.description())),
    }
}

pub fn value(cell: &Cell) -> FieldValue<'static> {
    match cell {
        Cell::Id(id) => FieldValue::value(id_text(*id)),
        Cell::Text(text) => FieldValue::value(text.clone()),
        Cell::Texts(texts) => FieldValue::list(texts.iter().map(|text| FieldValue::value(text.clone()))),
        Cell::Instant(at) => scalars::date_time(*at),
        Cell::Count(count) => FieldValue::value(*count),
        Cell::Real(real) => FieldValue::value(*real),
        Cell::Flag(flag) => FieldValue::value(*flag),
    }
}

/// A key as clients see it.
pub fn id_text(id: u64) -> String {
    format!("{id:016x}")
}

fn definition(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Dialogs => "A dialog behind a number, or a cycle of one.",
        RecordKind::Messages => "A message behind a number. What was written is never stored.",
        RecordKind::Turns => "A turn behind a number, at its first message.",
        RecordKind::Sessions => "A session behind a number, at its first message.",
        RecordKind::Ratings => "A survey behind a number, with its rating.",
        RecordKind::Contacts => "A contact behind a number.",
    }
}
