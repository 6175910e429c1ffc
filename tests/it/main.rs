//! Every integration test in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod access;
mod attacks;
mod audit;
mod audits;
mod backups;
mod bad_input;
mod business_hours;
mod catalogue;
mod cluster;
mod crm;
mod definitions;
mod demo;
mod derivation;
mod dialogs;
mod double;
mod drill;
mod engine;
mod erasure;
mod errands;
mod events;
mod explain;
mod faults;
mod feeding;
mod fixture_schema;
mod hindered;
mod history;
mod http;
mod identity;
mod issuers;
mod metrics;
mod oracle;
#[cfg(feature = "otlp")]
mod otlp;
mod outcomes;
mod pickers;
mod process;
mod questions;
mod queue;
mod rejected;
mod replay;
mod retention;
mod schema;
mod sends;
mod served;
mod server;
mod standing;
mod statements;
mod stopping;
mod store;
mod table;
#[path = "../../src/auth/test_keys.rs"]
#[allow(dead_code, reason = "the tests of `auth` use the rest")]
mod test_keys;
#[path = "../../src/outbound/test_source.rs"]
#[allow(dead_code, reason = "the tests of `auth` and `outbound` use the rest")]
mod test_source;
mod tidy;
mod transport;
mod webhooks;
mod worked;
mod world;
