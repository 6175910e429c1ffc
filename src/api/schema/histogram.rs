//! `histogram` of a metrics object: how many rows lie in each bin.

use async_graphql::dynamic::{Field, FieldFuture, FieldValue, Object, SchemaBuilder, TypeRef};

use super::told::{HISTOGRAM, Told};
use super::{part, scalars};

/// A line of an answer has about ten figures.
pub const CELLS_A_LINE: usize = 10;

const BIN: &str = "HistogramBin";

/// A bin `[from, to)`; an open end is `None`.
struct Bin {
    from: Option<f64>,
    to: Option<f64>,
    count: u64,
}

pub fn field() -> Field {
    Field::new(HISTOGRAM, TypeRef::named_nn_list_nn(BIN), |context| {
        FieldFuture::new(async move {
            let told = context.parent_value.try_downcast_ref::<Told>()?;
            let question = &told.question;
            let default = question.family.histogram.as_ref().map_or(&[][..], |histogram| histogram.bounds);
            let bounds = question.terms.bounds.as_deref().unwrap_or(default);
            // Fifty aliases of fifty bins under each step would be an answer of gigabytes.
            told.asking.count_lines(told.metrics().bins.len().div_ceil(CELLS_A_LINE))?;
            let bins = told.metrics().bins.iter().enumerate().map(|(index, count)| Bin {
                from: index.checked_sub(1).and_then(|index| bounds.get(index)).copied(),
                to: bounds.get(index).copied(),
                count: *count,
            });
            Ok(Some(FieldValue::list(bins.map(FieldValue::owned_any))))
        })
    })
    .description("How many of the measured rows lie in each bin, from the lowest to the highest.")
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let end = |name: &str, value: for<'a> fn(&'a Bin) -> Option<FieldValue<'a>>| {
        part(name, TypeRef::named(TypeRef::FLOAT), value)
    };
    let bin = Object::new(BIN)
        .description("A bin of a histogram, [from, to).")
        .field(end("from", |bin: &Bin| bin.from.map(FieldValue::value)).description("Null: no lower end."))
        .field(
            end("to", |bin: &Bin| bin.to.map(FieldValue::value))
                .description("Not part of the bin; null: no upper end."),
        )
        .field(part("count", TypeRef::named_nn(scalars::LONG), |bin: &Bin| Some(FieldValue::value(bin.count))));
    schema.register(bin)
}
