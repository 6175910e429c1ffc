//! The semantic layer: what can be asked, and how it is asked of the engine.
//!
//! A SQL file says what a row is, the [`catalogue`] says what is aggregated, [`compile`] only combines. A
//! [`query::MetricQuery`] is valid by construction, so the compiler has no error path. This module does no IO
//! and knows neither tokio nor GraphQL: [`answer`] reads what somebody else has fetched.

pub mod answer;
pub mod calendar;
pub mod catalogue;
pub mod compile;
pub mod filter;
pub mod heatmap;
pub mod period;
pub mod query;
pub mod schedule;

/// The fact views, in the order in which they are made.
pub const FACTS: &[(&str, &str)] = &[
    ("messages.sql", include_str!("../sql/facts/messages.sql")),
    ("engagements.sql", include_str!("../sql/facts/engagements.sql")),
    ("inbound.sql", include_str!("../sql/facts/inbound.sql")),
    ("client_messages.sql", include_str!("../sql/facts/client_messages.sql")),
];
