//! Every integration test in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audits;
mod bad_input;
mod catalogue;
mod demo;
mod drill;
mod engine;
mod events;
mod fixture_schema;
mod history;
mod http;
mod oracle;
mod questions;
mod schema;
mod store;
mod tidy;
mod worked;
mod world;
