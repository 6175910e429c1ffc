//! One integration binary: what the parts do together.

mod audits;
mod fixture_schema;
mod http;
