//! What one query may cost.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use serde::Deserialize;

/// Limits of each reading statement, and how many may run at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Seconds that a query may run, and that it may wait for a free connection.
    pub seconds: u64,
    /// Bytes of memory for one query. All connections together may take `connections` times as much.
    pub memory_bytes: u64,
    /// Rows that a query may read from its tables.
    pub rows_read: u64,
    /// Rows that a query may return.
    pub rows_returned: u64,
    /// Threads of one query.
    pub threads: usize,
    /// Queries that run at the same time; the others wait in order of arrival.
    pub connections: usize,
}

impl Limits {
    /// The first that is 0, which to the engine means "without a limit".
    pub fn missing(&self) -> Option<&'static str> {
        let Self { seconds, memory_bytes, rows_read, rows_returned, threads, connections } = self;
        let counts = [("threads", *threads), ("connections", *connections)].map(|(name, count)| (name, count as u64));
        let others = [
            ("seconds", *seconds),
            ("memory_bytes", *memory_bytes),
            ("rows_read", *rows_read),
            ("rows_returned", *rows_returned),
        ];
        others.into_iter().chain(counts).find(|(_, value)| *value == 0).map(|(name, _)| name)
    }

    /// Those of one query, as the engine names them.
    pub(super) fn settings(&self) -> [(&'static str, u64); 5] {
        [
            ("max_execution_time", self.seconds),
            ("max_memory_usage", self.memory_bytes),
            ("max_rows_to_read", self.rows_read),
            ("max_result_rows", self.rows_returned),
            ("max_threads", self.threads as u64),
        ]
    }
}

impl Default for Limits {
    fn default() -> Self {
        let cores = available_parallelism().map_or(2, NonZeroUsize::get);
        Self {
            // The API answers within 10 s or not at all: longer work would be for nobody.
            seconds: 10,
            // 30 million message states of about 100 bytes are merged in memory at worst: 3 GB, rounded up.
            memory_bytes: 4 << 30,
            // Two years of 3 million messages a day with 3 states each are 6.6 billion; a report over one month of
            // that tenant reads 0.3 billion. 2 billion leaves room and still stops a scan of everything.
            rows_read: 2_000_000_000,
            // 731 days in hours are 17,544 buckets; times 50 groups 877,200. Exports page below it as well.
            rows_returned: 1_000_000,
            // A lone query may use the whole machine; the engine shares the cores when there are more. Twice as many threads as
            // cores, and eight where cores are few, because the system shares these out by threads, of which ingestion has about as
            // many: a query that has fewer waits for all of them.
            threads: (2 * cores).max(8),
            // One query a core keeps the machine busy. With a single one a slow report would hold up all others.
            connections: cores.max(2),
        }
    }
}
