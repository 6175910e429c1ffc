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
pub mod records;
pub mod schedule;
mod spans;
pub mod statement;
pub mod table;
pub mod terms;
pub mod timeline;

/// The fact views. Those that rest on whole dialogs begin with the same parts: one text each, because the engine analyses
/// a view within a view twice.
pub const FACTS: &[(&str, &str)] = &[
    ("messages.sql", include_str!("../sql/facts/messages.sql")),
    ("engagements.sql", include_str!("../sql/facts/engagements.sql")),
    ("inbound.sql", include_str!("../sql/facts/inbound.sql")),
    (
        "client_messages.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_client_messages AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_client.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_clients.sql"),
            include_str!("../sql/facts/client_messages.sql"),
        ),
    ),
    (
        "turns.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_turns AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_client.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_clients.sql"),
            ",\n",
            include_str!("../sql/facts/turns.sql"),
        ),
    ),
    (
        "dialogs.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_dialogs AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_openness.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_cycles.sql"),
            include_str!("../sql/facts/dialogs.sql"),
        ),
    ),
    (
        "sessions.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_sessions AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_message.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/sessions.sql"),
        ),
    ),
    (
        "surveys.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_surveys AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_survey.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/surveys.sql"),
        ),
    ),
    (
        "conversions.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_conversions AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_rivalry.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_cycles.sql"),
            ",\n",
            include_str!("../sql/facts/conversions.sql"),
        ),
    ),
    ("reach.sql", include_str!("../sql/facts/reach.sql")),
    // It reads `fact_messages`, so it stands after it.
    (
        "timeline.sql",
        concat!(
            "CREATE OR REPLACE VIEW fact_timeline AS WITH\n",
            include_str!("../sql/facts/parts/chosen_by_id.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_flow.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_clients.sql"),
            ",\n",
            include_str!("../sql/facts/parts/dialog_cycles.sql"),
            ",\n",
            include_str!("../sql/facts/timeline.sql"),
        ),
    ),
];
