//! Conversion: do dialogs lead to what is wanted.

use super::facts::CONVERSIONS;
use super::{Argument, Check, Cohort, Dimension, Family, Measure, Metric, Sees, Unit};
use crate::model::Readers;

/// What a share of all dialogs loses when dialogs are divided by what they led to.
const NOT_BY_KIND: &[Dimension] = &[Dimension::ConversionKind];

pub static CONVERSION: Family = Family {
    name: "conversion",
    type_name: "Conversion",
    definition: "Whether dialogs lead to what is wanted: a conversion of the contact, under any of its names, within \
                 `windowDays` after its first message in the dialog. A cycle of a dialog counts at the time it opened. A conversion is credited to the \
                 last dialog before it unless `attribution` says otherwise, and a reversal within the window takes it back.",
    fact: &CONVERSIONS,
    cohort: Cohort {
        rows: "true",
        distinct: Some("cycle_key"),
        called: "dialogs",
        time: "when the dialog cycle opened",
    },
    sees: Sees::Row { level: "if(is_known, 0, 1)", signal: "contact" },
    settle_ms: |terms| terms.window_ms(),
    checks: &[Check {
        code: "MIXED_CURRENCIES",
        count: MIXED_CURRENCIES,
        message: |count| {
            format!(
                "Conversions are in {count} currencies, which are not added: `value` is null. Filter or divide them."
            )
        },
        about: &["value", "currency"],
        lowers_to: None,
    }],
    histogram: None,
    arguments: &[Argument::WindowDays, Argument::Attribution, Argument::Actions],
    metrics: &[
        Metric {
            name: "rate",
            what: "Dialogs with at least one conversion",
            over: "dialogs with at least one client message",
            fact: &CONVERSIONS,
            measure: Measure::DistinctShare { key: "cycle_key", rows: "is_credited", of: "true" },
            not_by: NOT_BY_KIND,
            ..Metric::PLAIN
        },
        Metric {
            name: "converted",
            what: "Dialogs with at least one conversion",
            fact: &CONVERSIONS,
            measure: Measure::Distinct { key: "cycle_key", rows: "is_credited" },
            ..Metric::PLAIN
        },
        Metric {
            name: "dialogs",
            what: "Dialogs with at least one client message",
            note: "A dialog that is opened again counts again.",
            fact: &CONVERSIONS,
            measure: Measure::Distinct { key: "cycle_key", rows: "true" },
            not_by: NOT_BY_KIND,
            ..Metric::PLAIN
        },
        Metric {
            name: "value",
            what: "The worth of the conversions, less what was taken back",
            note: "Null when none names a value, or when they are in different currencies.",
            fact: &CONVERSIONS,
            measure: Measure::Aggregate { sql: VALUE, rows: "is_credited AND currency != ''", unit: Unit::Money },
            readers: Readers::Managers,
            ..Metric::PLAIN
        },
        Metric {
            name: "currency",
            what: "The currency of `value`, ISO 4217",
            note: "Null when `value` is.",
            fact: &CONVERSIONS,
            measure: Measure::Aggregate { sql: CURRENCY, rows: "is_credited AND currency != ''", unit: Unit::Code },
            readers: Readers::Managers,
            ..Metric::PLAIN
        },
        Metric {
            name: "identityCoverage",
            what: "Dialogs whose contact the source of conversions knows, so that a conversion can find them",
            over: "dialogs with at least one client message",
            note: "Known is who has, under any of its names, a conversion or a `contact.linked`, whenever that was told. \
                   Where no contact was ever linked, every dialog with a contact counts.",
            fact: &CONVERSIONS,
            measure: Measure::DistinctShare { key: "cycle_key", rows: "is_known", of: "true" },
            not_by: NOT_BY_KIND,
            ..Metric::PLAIN
        },
    ],
};

const MIXED_CURRENCIES: &str =
    "if(uniqExactIf(currency, currency != '') > 1, uniqExactIf(currency, currency != ''), 0)";
const VALUE: &str = "if(uniqExactIf(currency, currency != '') = 1, \
                     toString(round(sumIf(value, currency != ''), 4)), NULL)";
const CURRENCY: &str = "if(uniqExactIf(currency, currency != '') = 1, anyIf(currency, currency != ''), NULL)";
