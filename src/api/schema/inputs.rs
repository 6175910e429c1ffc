//! Enums and input objects.

use async_graphql::dynamic::{Enum, EnumItem, InputObject, InputValue, SchemaBuilder, TypeRef};

use crate::metrics::calendar::Comparison;
use crate::metrics::filter::Property;
use crate::metrics::terms::{Attribution, ResponseKind};
use crate::model::{Granularity, Level};

pub const RANGE: &str = "RangeInput";
pub const FILTER: &str = "FilterInput";
pub const GRANULARITY: &str = "Granularity";
pub const COMPARISON: &str = "Comparison";
pub const DIRECTION: &str = "Direction";
pub const LEVEL: &str = "QualityLevel";
pub const RESPONSE_KIND: &str = "ResponseKind";
pub const ATTRIBUTION: &str = "Attribution";
const CLAUSES: &str = "FilterClausesInput";
const AUTHOR: &str = "AuthorKind";

static GRANULARITIES: [(&str, Granularity); 4] = [
    ("HOUR", Granularity::Hour),
    ("DAY", Granularity::Day),
    ("WEEK", Granularity::Week),
    ("MONTH", Granularity::Month),
];

static COMPARISONS: [(&str, Comparison, &str); 3] = [
    ("PREVIOUS_PERIOD", Comparison::PreviousPeriod, "As long, and right before it."),
    ("PREVIOUS_WEEK", Comparison::PreviousWeek, "The same local days and times a week earlier."),
    (
        "PREVIOUS_YEAR",
        Comparison::PreviousYear,
        "The same local dates and times a year earlier; 29 February becomes the 28th.",
    ),
];

static RESPONSE_KINDS: [(&str, ResponseKind, &str); 3] = [
    ("FIRST", ResponseKind::First, "The first turn of each dialog cycle."),
    ("NEXT", ResponseKind::Next, "The turns after the first."),
    ("ALL", ResponseKind::All, "Every turn."),
];

static ATTRIBUTIONS: [(&str, Attribution, &str); 3] = [
    ("LAST_TOUCH", Attribution::LastTouch, "To the last dialog that began before the conversion."),
    ("FIRST_TOUCH", Attribution::FirstTouch, "To the first dialog of which the conversion is in the window."),
    ("LINEAR", Attribution::Linear, "To all dialogs of which the conversion is in the window, in equal parts."),
];

static AUTHORS: [(&str, &str); 6] = [
    ("CLIENT", "The client."),
    ("OPERATOR", "A person of the company, also with a draft written by a machine."),
    ("BOT", "A bot that converses."),
    ("AUTOMATION", "A broadcast, greeting, away message or trigger."),
    ("SYSTEM", "The platform itself."),
    ("UNKNOWN", "Nobody said who wrote it."),
];

/// The granularity by its name in the API; names come checked by the schema.
pub fn granularity(name: &str) -> Option<Granularity> {
    GRANULARITIES.iter().find(|(known, _)| *known == name).map(|(_, every)| *every)
}

/// The comparison by its name in the API.
pub fn comparison(name: &str) -> Option<Comparison> {
    COMPARISONS.iter().find(|(known, _, _)| *known == name).map(|(_, comparison, _)| *comparison)
}

/// The kind of response by its name in the API.
pub fn response_kind(name: &str) -> Option<ResponseKind> {
    RESPONSE_KINDS.iter().find(|(known, _, _)| *known == name).map(|(_, kind, _)| *kind)
}

/// The attribution by its name in the API.
pub fn attribution(name: &str) -> Option<Attribution> {
    ATTRIBUTIONS.iter().find(|(known, _, _)| *known == name).map(|(_, attribution, _)| *attribution)
}

pub fn granularity_name(every: Granularity) -> &'static str {
    GRANULARITIES.iter().find(|(_, known)| *known == every).map_or("", |(name, _)| name)
}

pub fn response_kind_name(kind: ResponseKind) -> &'static str {
    RESPONSE_KINDS.iter().find(|(_, known, _)| *known == kind).map_or("", |(name, _, _)| name)
}

pub fn attribution_name(attribution: Attribution) -> &'static str {
    ATTRIBUTIONS.iter().find(|(_, known, _)| *known == attribution).map_or("", |(name, _, _)| name)
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut granularities =
        Enum::new(GRANULARITY).description("The step of a series, on the zone's clocks. Weeks start on Monday.");
    for (name, _) in GRANULARITIES {
        granularities = granularities.item(name);
    }
    let mut comparisons = Enum::new(COMPARISON).description("What to compare a period with.");
    for (name, _, definition) in COMPARISONS {
        comparisons = comparisons.item(EnumItem::new(name).description(definition));
    }
    let mut levels = Enum::new(LEVEL).description("How far a value can be trusted.");
    for level in Level::ALL {
        levels = levels.item(EnumItem::new(level.name()).description(level.definition()));
    }
    let mut authors = Enum::new(AUTHOR).description("Who wrote a message.");
    for (name, definition) in AUTHORS {
        authors = authors.item(EnumItem::new(name).description(definition));
    }
    let mut kinds = Enum::new(RESPONSE_KIND).description("Which turns are asked about.");
    for (name, _, definition) in RESPONSE_KINDS {
        kinds = kinds.item(EnumItem::new(name).description(definition));
    }
    let mut attributions = Enum::new(ATTRIBUTION).description("To which of several dialogs a conversion is credited.");
    for (name, _, definition) in ATTRIBUTIONS {
        attributions = attributions.item(EnumItem::new(name).description(definition));
    }
    let direction = Enum::new(DIRECTION)
        .description("The direction of an order; unknown values stand last in both.")
        .item("ASC")
        .item("DESC");
    schema
        .register(granularities)
        .register(comparisons)
        .register(levels)
        .register(authors)
        .register(kinds)
        .register(attributions)
        .register(direction)
        .register(range())
        .register(clauses(InputObject::new(CLAUSES).description("Lists that must all hold.")))
        .register(filter())
}

fn range() -> InputObject {
    let text =
        |name: &str, description: &str| InputValue::new(name, TypeRef::named(TypeRef::STRING)).description(description);
    InputObject::new(RANGE)
        .description("A half-open range [from, to): either `from` and `to`, or `last`. At most 731 days.")
        .field(text("from", "A date in the zone (2026-03-29: its first instant) or an instant (2026-03-29T10:00:00Z)."))
        .field(text("to", "As `from`; this instant is no longer part of the range."))
        .field(text("last", "The period that ends now: P30D, P4W, P6M, P1Y or PT24H. It begins at the same local time so many days ago."))
}

fn filter() -> InputObject {
    let filter = InputObject::new(FILTER).description("Which rows count: those for which every list holds, less those for which every list of `not` holds. A list holds when the row has one of its values.");
    clauses(filter).field(
        InputValue::new("not", TypeRef::named(CLAUSES))
            .description("Rows to leave out: those for which all of these lists hold."),
    )
}

fn clauses(mut input: InputObject) -> InputObject {
    for property in Property::ALL {
        let of = if property == Property::Authors { AUTHOR } else { TypeRef::STRING };
        input = input.field(InputValue::new(property.name(), TypeRef::named_nn_list(of)));
    }
    input
        .field(
            InputValue::new("hours", TypeRef::named_nn_list(TypeRef::INT))
                .description("Local hours of the day, 0 to 23."),
        )
        .field(
            InputValue::new("weekdays", TypeRef::named_nn_list(TypeRef::INT))
                .description("Local days of the week, 1 (Monday) to 7 (Sunday)."),
        )
}
