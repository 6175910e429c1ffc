//! The table of limits: name, unit, default, and how far each may be configured.

use std::time::Duration;

use super::{Limits, REJECTED_TEXT_BYTES_MAX};
use crate::ingest::item::LINE_BYTES_MAX;
use crate::ingest::rejected::budget::{INVALID_DAY_BYTES_MAX, REFUSED_DAY_BYTES_MAX};
use crate::ingest::rejected::resubmit::LINES_MAX as RESUBMITTED_LINES_MAX;
use crate::ingest::rejected::{KEPT_BYTES_MAX, KEPT_LINES_MAX};
use crate::metrics::filter::{VALUE_CHARS_MAX, VALUES_MAX};
use crate::metrics::query::DIMENSIONS_MAX;
use crate::metrics::schedule::{BOUNDARIES_MAX, EXCEPTIONS_MAX, INTERVALS_MAX, NOTE_CHARS_MAX, VERSIONS_MAX};
use crate::metrics::terms::{ACTIONS_MAX, BOUNDS_MAX};
use crate::model::TimeRange;

/// A limit of the table.
pub struct Spec {
    pub name: &'static str,
    pub unit: &'static str,
    place: Place,
    /// The largest value that may be configured.
    pub most: u64,
    pub scope: SpecScope,
}

/// What a limit holds for, and so where it may be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecScope {
    /// A viewer: also for a role alone.
    Viewer,
    /// The server, before or beside any viewer.
    Server,
    /// Part of what the program is.
    Fixed,
}

enum Place {
    Count(fn(&mut Limits) -> &mut usize),
    Seconds(fn(&mut Limits) -> &mut Duration),
    Fixed(u64),
}

impl Spec {
    /// The value in some limits.
    pub fn value(&self, limits: &mut Limits) -> u64 {
        match self.place {
            Place::Count(place) => *place(limits) as u64,
            Place::Seconds(place) => place(limits).as_secs(),
            Place::Fixed(value) => value,
        }
    }

    /// Sets the value; what is fixed stays.
    pub fn set(&self, limits: &mut Limits, value: u64) {
        match self.place {
            Place::Count(place) => *place(limits) = usize::try_from(value).unwrap_or(usize::MAX),
            Place::Seconds(place) => *place(limits) = Duration::from_secs(value),
            Place::Fixed(_) => {}
        }
    }
}

const fn of(name: &'static str, unit: &'static str, most: u64, place: fn(&mut Limits) -> &mut usize) -> Spec {
    Spec { name, unit, place: Place::Count(place), most, scope: SpecScope::Viewer }
}

const fn time(name: &'static str, most: u64, place: fn(&mut Limits) -> &mut Duration) -> Spec {
    Spec { name, unit: "seconds", place: Place::Seconds(place), most, scope: SpecScope::Viewer }
}

const fn of_server(spec: Spec) -> Spec {
    Spec { scope: SpecScope::Server, ..spec }
}

const fn fixed(name: &'static str, unit: &'static str, value: u64) -> Spec {
    Spec { name, unit, place: Place::Fixed(value), most: value, scope: SpecScope::Fixed }
}

/// A body is held in memory whole.
const BODY_MOST: u64 = 1 << 30;
/// Enough for everything that is counted.
const COUNT_MOST: u64 = 1_000_000;
const SECONDS_MOST: u64 = 300;

/// All limits in reading order.
pub static SPECS: [Spec; 54] = [
    of("bodyBytes", "bytes", BODY_MOST, |limits| &mut limits.body_bytes),
    of("ingestCompressedBytes", "bytes", BODY_MOST, |limits| &mut limits.ingest_compressed_bytes),
    of("ingestBytes", "bytes", BODY_MOST, |limits| &mut limits.ingest_bytes),
    of_server(of("webhookBytes", "bytes", BODY_MOST, |limits| &mut limits.webhook_bytes)),
    of("variablesBytes", "bytes", BODY_MOST, |limits| &mut limits.variables_bytes),
    of_server(of("connections", "connections", COUNT_MOST, |limits| &mut limits.connections)),
    of_server(time("headSeconds", SECONDS_MOST, |limits| &mut limits.head_time)),
    time("bodySeconds", SECONDS_MOST, |limits| &mut limits.body_time),
    of_server(time("writeSeconds", SECONDS_MOST, |limits| &mut limits.write_time)),
    time("executionSeconds", SECONDS_MOST, |limits| &mut limits.execution_time),
    time("catchUpSeconds", SECONDS_MOST, |limits| &mut limits.catch_up_time),
    of("tokens", "tokens", COUNT_MOST, |limits| &mut limits.tokens),
    // The parser recurses on brackets: its stack is what it is.
    of("nesting", "brackets", 64, |limits| &mut limits.nesting),
    of("depth", "fields", 64, |limits| &mut limits.depth),
    of("introspectionDepth", "fields", 64, |limits| &mut limits.introspection_depth),
    of("introspectionLists", "lists", 8, |limits| &mut limits.introspection_lists),
    of("complexity", "fields", COUNT_MOST, |limits| &mut limits.complexity),
    of("aliases", "aliases", COUNT_MOST, |limits| &mut limits.aliases),
    of("rootFields", "fields", COUNT_MOST, |limits| &mut limits.root_fields),
    of("directives", "directives", COUNT_MOST, |limits| &mut limits.directives),
    of("errors", "errors", COUNT_MOST, |limits| &mut limits.errors),
    of("seriesPoints", "points", COUNT_MOST, |limits| &mut limits.series_points),
    of("groups", "groups", COUNT_MOST, |limits| &mut limits.groups),
    of("groupsRead", "groups", COUNT_MOST, |limits| &mut limits.groups_read),
    of("lines", "lines", COUNT_MOST, |limits| &mut limits.lines),
    of("explanations", "explanations", COUNT_MOST, |limits| &mut limits.explanations),
    of_server(of("persistedQueries", "documents of a tenant", COUNT_MOST, |limits| &mut limits.persisted_queries)),
    of_server(of("persistedBytes", "bytes of a tenant", BODY_MOST, |limits| &mut limits.persisted_bytes)),
    of_server(of("persistedQueryBytes", "bytes", BODY_MOST, |limits| &mut limits.persisted_query_bytes)),
    of_server(of("persistedTenants", "tenants", COUNT_MOST, |limits| &mut limits.persisted_tenants)),
    fixed("histogramBounds", "numbers", BOUNDS_MAX as u64),
    fixed("actions", "values", ACTIONS_MAX as u64),
    of("pageRecords", "records", COUNT_MOST, |limits| &mut limits.page_records),
    of("pages", "pages", COUNT_MOST, |limits| &mut limits.pages),
    fixed("dimensions", "dimensions", DIMENSIONS_MAX as u64),
    fixed("filterValues", "values", VALUES_MAX as u64),
    fixed("filterValueCharacters", "characters", VALUE_CHARS_MAX as u64),
    fixed("rangeDays", "days", TimeRange::LONGEST_DAYS.unsigned_abs()),
    of("costPerMinute", "points", u32::MAX as u64, |limits| &mut limits.cost_per_minute),
    of_server(of("tenantCostPerMinute", "points", u32::MAX as u64, |limits| &mut limits.tenant_cost_per_minute)),
    of("requestsAtOnce", "requests", COUNT_MOST, |limits| &mut limits.requests_at_once),
    of_server(of("tenantRequestsAtOnce", "requests", COUNT_MOST, |limits| &mut limits.tenant_requests_at_once)),
    fixed("lineBytes", "bytes", LINE_BYTES_MAX as u64),
    fixed("rejectedLines", "lines", KEPT_LINES_MAX as u64),
    fixed("rejectedBytes", "bytes", KEPT_BYTES_MAX as u64),
    fixed("rejectedDayBytes", "bytes of a tenant and day", INVALID_DAY_BYTES_MAX),
    fixed("refusedDayBytes", "bytes of a tenant and day", REFUSED_DAY_BYTES_MAX),
    fixed("rejectedTextBytes", "bytes", REJECTED_TEXT_BYTES_MAX),
    fixed("resubmittedLines", "lines", RESUBMITTED_LINES_MAX as u64),
    fixed("businessHoursVersions", "versions", VERSIONS_MAX as u64),
    fixed("businessHoursIntervals", "intervals", INTERVALS_MAX as u64),
    fixed("businessHoursExceptions", "exceptions", EXCEPTIONS_MAX as u64),
    fixed("businessHoursNoteCharacters", "characters", NOTE_CHARS_MAX as u64),
    fixed("businessHoursBoundaries", "boundaries", BOUNDARIES_MAX as u64),
];

/// What holds when nothing is configured.
pub fn defaults() -> Limits {
    Limits {
        body_bytes: 256 * 1024,
        ingest_compressed_bytes: 8 * 1024 * 1024,
        ingest_bytes: 32 * 1024 * 1024,
        // WhatsApp's largest has 3 MB.
        webhook_bytes: 4 * 1024 * 1024,
        variables_bytes: 64 * 1024,
        // Each takes a file descriptor, of which a process commonly has 1,024, and the store needs some.
        connections: 768,
        head_time: Duration::from_secs(10),
        body_time: Duration::from_secs(10),
        // A phone that changes networks comes back within seconds.
        write_time: Duration::from_secs(30),
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
        // An application has some hundreds, of about 1 KiB each.
        persisted_queries: 1_000,
        persisted_bytes: 4 * 1024 * 1024,
        // More than the limit `tokens` leaves room for, comments aside.
        persisted_query_bytes: 64 * 1024,
        // 4 GiB if all of them fill theirs, which none does without wanting to; 1 GiB at 1 KiB a text.
        persisted_tenants: 1_000,
        // About 300 bytes each.
        page_records: 500,
        // Each is a statement, and a statement takes tens of milliseconds.
        pages: 20,
        // A dashboard of ten panels costs about 30 points: forty of them a minute.
        cost_per_minute: 1_200,
        // Five such bearers at full speed; a point is 10 to 100 ms of an engine that runs two statements at once.
        tenant_cost_per_minute: 6_000,
        // Each holds its answer in memory; a browser opens six connections, a dashboard server some more.
        requests_at_once: 32,
        tenant_requests_at_once: 128,
    }
}
