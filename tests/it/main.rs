//! Every integration test in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audits;
mod engine;
mod events;
mod fixture_schema;
mod http;
mod oracle;
mod questions;
mod schema;
mod store;
mod worked;
mod world;
