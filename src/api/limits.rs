//! Every limit on a request, named. Nothing here enforces; each limit says where it is held.
//!
//! Defaults, names and what may be configured are in [`table`], what a role has of its own in [`by_role`].

mod by_role;
mod table;

use std::time::Duration;

pub use by_role::LimitsByRole;
use table::{SPECS, Spec};

use super::errors::{ApiError, Code};

/// The limits of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a GraphQL body or query string; held by `http::body`.
    pub body_bytes: usize,
    /// Bytes of an ingest body as sent; held by the ingest route.
    pub ingest_compressed_bytes: usize,
    /// Bytes of an ingest body when decompressed; held by the ingest route.
    pub ingest_bytes: usize,
    /// Bytes of one delivery of a platform; held by the webhook route.
    pub webhook_bytes: usize,
    /// Bytes of the variables as JSON; held by `http::parameters`.
    pub variables_bytes: usize,
    /// Connections open at once; held by `serve`, as is the next.
    pub connections: usize,
    /// How long the head of a request may take to arrive.
    pub head_time: Duration,
    /// How long a body may take to arrive; held by `http::body`.
    pub body_time: Duration,
    /// How long an answer may wait for its client to read on; held by `serve`.
    pub write_time: Duration,
    /// How long a query may run; held by `http::graphql`.
    pub execution_time: Duration,
    /// How long a query waits for what has just arrived to be counted in; held by `schema::asking`.
    pub catch_up_time: Duration,
    /// Words and signs of a document; held by `document::lexer` before the document is parsed.
    pub tokens: usize,
    /// Brackets open at once; held by `document::lexer`, because the parser recurses on them.
    pub nesting: usize,
    /// Fields on the longest path, introspection aside; held by `document`, as are the next six.
    pub depth: usize,
    /// Fields on the longest path under `__schema` or `__type`. GraphiQL's own question needs 15.
    pub introspection_depth: usize,
    /// Lists of fields or types within each other under `__schema` or `__type`: each multiplies the answer.
    pub introspection_lists: usize,
    /// Fields in all operations, each counted as often as fragments repeat it.
    pub complexity: usize,
    /// Renamed fields, counted like `complexity`.
    pub aliases: usize,
    /// Fields at the root of one operation; root fields run at once.
    pub root_fields: usize,
    /// Directives, counted like `complexity`.
    pub directives: usize,
    /// Errors told in one answer; held by `http::answer`.
    pub errors: usize,
    /// Points of one series; held by the schema, as are the next three.
    pub series_points: usize,
    /// Groups that one breakdown may ask for.
    pub groups: usize,
    /// Groups that one breakdown may have before it is sorted and cut.
    pub groups_read: usize,
    /// Lines (steps and groups) of a whole request.
    pub lines: usize,
    /// Answers of `explain` in a whole request; held by the schema.
    pub explanations: usize,
    /// Texts that are kept of one tenant under their hashes; held by `documents::kept`, as are the next three. To reach
    /// one is no error: what was least recently used goes, and what is not kept is sent again.
    pub persisted_queries: usize,
    /// Bytes of these texts.
    pub persisted_bytes: usize,
    /// Bytes of one of them.
    pub persisted_query_bytes: usize,
    /// Tenants of which texts are kept.
    pub persisted_tenants: usize,
    /// Records of one page; held by the schema, as is the next.
    pub page_records: usize,
    /// Pages and counts of records in a whole request.
    pub pages: usize,
    /// Points that one bearer of tokens may spend in a minute, and at once; held by `rates`, as are the next three.
    pub cost_per_minute: usize,
    /// Points that all of a tenant may spend together.
    pub tenant_cost_per_minute: usize,
    /// Requests of one bearer that may run at once.
    pub requests_at_once: usize,
    /// Requests of a tenant that may run at once.
    pub tenant_requests_at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        table::defaults()
    }
}

/// A limit as documentation and the `limits` query show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRow {
    pub name: &'static str,
    pub value: u64,
    pub unit: &'static str,
}

impl Limits {
    /// All limits in reading order.
    pub fn rows(&self) -> Vec<LimitRow> {
        let mut limits = self.clone();
        let row = |spec: &Spec| LimitRow { name: spec.name, value: spec.value(&mut limits), unit: spec.unit };
        SPECS.iter().map(row).collect()
    }
}

/// Bytes of the texts of rejected events that a request reads and shows: those of one full page, read and shown once.
pub const REJECTED_TEXT_BYTES_MAX: u64 = 32 << 20;

/// Refuses when more was asked than the limit allows. `name` is the one of [`Limits::rows`].
pub fn check_limit(name: &'static str, limit: usize, asked: usize) -> Result<(), ApiError> {
    if asked <= limit {
        return Ok(());
    }
    // A count that saturated is larger than can be told.
    let asked = if asked == usize::MAX { "more than can be counted".to_owned() } else { asked.to_string() };
    Err(ApiError::new(Code::LimitExceeded, format!("the limit `{name}` is {limit}, and the request has {asked}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_allows_itself_and_no_more() {
        assert!(check_limit("depth", 12, 12).is_ok());
        let error = check_limit("depth", 12, 13).unwrap_err();
        assert_eq!(error.message, "the limit `depth` is 12, and the request has 13");
        assert_eq!(error.code, Code::LimitExceeded);
    }
}
