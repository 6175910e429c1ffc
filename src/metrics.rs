//! The semantic layer: what can be asked, and how it is asked of the engine.
//!
//! A SQL file says what a row is, the [`catalogue`] says what is aggregated, [`compile`] only combines. A
//! [`query::MetricQuery`] is valid by construction, so the compiler has no error path. This module does no IO
//! and knows neither tokio nor GraphQL: [`answer`] reads what somebody else has fetched.

pub mod answer;
pub mod calendar;
pub mod catalogue;
pub mod compile;
pub mod deliveries;
pub mod filter;
pub mod heatmap;
pub mod period;
pub mod query;
pub mod records;
pub mod schedule;
mod spans;
pub mod standing;
pub mod statement;
pub mod table;
pub mod terms;
pub mod timeline;

/// The fact views, over what `ingest::derive` keeps ready.
pub const FACTS: &[(&str, &str)] = &[
    ("messages.sql", include_str!("../sql/facts/messages.sql")),
    ("engagements.sql", include_str!("../sql/facts/engagements.sql")),
    ("client_messages.sql", include_str!("../sql/facts/client_messages.sql")),
    ("turns.sql", include_str!("../sql/facts/turns.sql")),
    ("dialogs.sql", include_str!("../sql/facts/dialogs.sql")),
    ("sessions.sql", include_str!("../sql/facts/sessions.sql")),
    ("surveys.sql", include_str!("../sql/facts/surveys.sql")),
    ("conversions.sql", include_str!("../sql/facts/conversions.sql")),
    ("reach.sql", include_str!("../sql/facts/reach.sql")),
    ("timeline.sql", include_str!("../sql/facts/timeline.sql")),
];
