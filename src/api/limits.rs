//! Every limit on a request, named, with its default. Nothing here enforces; each limit says where it is held.

use std::time::Duration;

use super::errors::{ApiError, Code};
use crate::ingest::item::LINE_BYTES_MAX;
use crate::metrics::filter::{VALUE_CHARS_MAX, VALUES_MAX};
use crate::metrics::query::DIMENSIONS_MAX;
use crate::metrics::schedule::{BOUNDARIES_MAX, EXCEPTIONS_MAX, INTERVALS_MAX, NOTE_CHARS_MAX, VERSIONS_MAX};
use crate::metrics::terms::{ACTIONS_MAX, BOUNDS_MAX};
use crate::model::TimeRange;

/// The limits of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a GraphQL body or query string; held by `http::body`.
    pub body_bytes: usize,
    /// Bytes of an ingest body as sent; held by the ingest route.
    pub ingest_compressed_bytes: usize,
    /// Bytes of an ingest body when decompressed; held by the ingest route.
    pub ingest_bytes: usize,
    /// Bytes of the variables as JSON; held by `http::parameters`.
    pub variables_bytes: usize,
    /// Connections open at once; held by `serve`, as is the next.
    pub connections: usize,
    /// How long the head of a request may take to arrive.
    pub head_time: Duration,
    /// How long a body may take to arrive; held by `http::body`.
    pub body_time: Duration,
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
    /// Records of one page; held by the schema, as is the next.
    pub page_records: usize,
    /// Pages and counts of records in a whole request.
    pub pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            ingest_compressed_bytes: 8 * 1024 * 1024,
            ingest_bytes: 32 * 1024 * 1024,
            variables_bytes: 64 * 1024,
            // Each takes a file descriptor, of which a process commonly has 1,024, and the store needs some.
            connections: 768,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            execution_time: Duration::from_secs(10),
            // Most of the time nothing waits. After a large import an answer that says what it lacks is better than none.
            catch_up_time: Duration::from_secs(4),
            // A dashboard of ten panels has about 600.
            tokens: 4_000,
            // The parser's own limit, which it only applies after it has recursed.
            nesting: 64,
            depth: 12,
            introspection_depth: 20,
            introspection_lists: 3,
            complexity: 2_000,
            aliases: 50,
            root_fields: 10,
            directives: 50,
            errors: 20,
            // A year by hour is 8,784 points.
            series_points: 10_000,
            groups: 1_000,
            // Sorted in memory: about 5 MB.
            groups_read: 10_000,
            // Two years by day in each of the ten families; a line has up to ten figures.
            lines: 20_000,
            // The total and a comparison of each of the ten families. One of a long series has 0.5 MB of parameters.
            explanations: 20,
            // About 300 bytes each.
            page_records: 500,
            // Each is a statement, and a statement takes tens of milliseconds.
            pages: 20,
        }
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
        let row = |name, value: usize, unit| LimitRow { name, value: value as u64, unit };
        vec![
            row("bodyBytes", self.body_bytes, "bytes"),
            row("ingestCompressedBytes", self.ingest_compressed_bytes, "bytes"),
            row("ingestBytes", self.ingest_bytes, "bytes"),
            row("variablesBytes", self.variables_bytes, "bytes"),
            row("connections", self.connections, "connections"),
            LimitRow { name: "headSeconds", value: self.head_time.as_secs(), unit: "seconds" },
            LimitRow { name: "bodySeconds", value: self.body_time.as_secs(), unit: "seconds" },
            LimitRow { name: "executionSeconds", value: self.execution_time.as_secs(), unit: "seconds" },
            LimitRow { name: "catchUpSeconds", value: self.catch_up_time.as_secs(), unit: "seconds" },
            row("tokens", self.tokens, "tokens"),
            row("nesting", self.nesting, "brackets"),
            row("depth", self.depth, "fields"),
            row("introspectionDepth", self.introspection_depth, "fields"),
            row("introspectionLists", self.introspection_lists, "lists"),
            row("complexity", self.complexity, "fields"),
            row("aliases", self.aliases, "aliases"),
            row("rootFields", self.root_fields, "fields"),
            row("directives", self.directives, "directives"),
            row("errors", self.errors, "errors"),
            row("seriesPoints", self.series_points, "points"),
            row("groups", self.groups, "groups"),
            row("groupsRead", self.groups_read, "groups"),
            row("lines", self.lines, "lines"),
            row("explanations", self.explanations, "explanations"),
            row("histogramBounds", BOUNDS_MAX, "numbers"),
            row("actions", ACTIONS_MAX, "values"),
            row("pageRecords", self.page_records, "records"),
            row("pages", self.pages, "pages"),
            row("dimensions", DIMENSIONS_MAX, "dimensions"),
            row("filterValues", VALUES_MAX, "values"),
            row("filterValueCharacters", VALUE_CHARS_MAX, "characters"),
            LimitRow { name: "rangeDays", value: TimeRange::LONGEST_DAYS.unsigned_abs(), unit: "days" },
            row("lineBytes", LINE_BYTES_MAX, "bytes"),
            row("businessHoursVersions", VERSIONS_MAX, "versions"),
            row("businessHoursIntervals", INTERVALS_MAX, "intervals"),
            row("businessHoursExceptions", EXCEPTIONS_MAX, "exceptions"),
            row("businessHoursNoteCharacters", NOTE_CHARS_MAX, "characters"),
            row("businessHoursBoundaries", BOUNDARIES_MAX, "boundaries"),
        ]
    }
}

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
