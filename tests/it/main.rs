//! Every integration test in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod access;
mod audits;
mod bad_input;
mod business_hours;
mod catalogue;
mod definitions;
mod demo;
mod derivation;
mod dialogs;
mod drill;
mod engine;
mod events;
mod explain;
mod fixture_schema;
mod history;
mod http;
mod oracle;
mod outcomes;
mod pickers;
mod questions;
mod schema;
mod standing;
mod statements;
mod store;
mod table;
mod tidy;
mod worked;
mod world;
