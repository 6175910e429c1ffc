//! One integration binary: what the parts do together.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod audits;
mod fixture_schema;
mod http;
