//! Every integration test in one binary.

mod audits;
mod engine;
mod events;
mod fixture_schema;
mod http;
mod questions;
mod schema;
mod store;
mod worked;
mod world;
