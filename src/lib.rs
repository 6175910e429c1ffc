//! Rapport: the analytics API for customer conversations in messengers.
//!
//! # ARCHITECTURE
//!
//! ```text
//! main → app → api → { metrics, ingest, auth, store } → { sql, model }
//! ```
//!
//! * [`model`]: the vocabulary: events, channels, ranges of time, scopes, the clock.
//! * [`sql`]: text that only the programmer can write, plus bound values.
//! * [`metrics`]: the semantic layer: catalogue, validated query, pure compiler, typed answers.
//! * [`store`]: ClickHouse behind one trait, Arrow in and out; migrations.
//! * [`ingest`]: an event's way in, from bytes to a receipt.
//! * [`auth`]: a token becomes a `Viewer` with a `Scope`.
//! * [`api`]: routes, the GraphQL schema, one table of error codes.
//! * [`app`]: composition root, configuration, command line.
//!
//! Invariants, held by `tests/it/tidy.rs`:
//!
//! * A module imports only from the modules to its right in the picture; `model` and `sql` import nothing of ours.
//! * Only `app::config` reads the environment and only `model::clock` reads the time of day.
//! * SQL text lives only in `sql/`, `metrics` and `store` (and the two statements of `ingest` that ask which
//!   ids are known); a value reaches the engine only as a bound parameter.
//! * A fact is read only through its parameterised view, which takes a `Scope`; only `auth` makes one.
//! * No file has more than 400 lines; migrations are numbered without gaps.

pub mod api;
pub mod app;
pub mod auth;
pub mod ingest;
pub mod metrics;
pub mod model;
pub mod sql;
pub mod store;
