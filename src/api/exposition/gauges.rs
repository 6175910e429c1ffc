//! What is measured when somebody asks: the engine's own counts, its parts, what is still to be derived, the process.

use std::fs;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::whole;
use crate::ingest::Ingest;
use crate::store::parts::{self, Detached, EngineCounts, Parts};

/// What the engine told; nothing is claimed of what it did not.
#[derive(Debug, Default)]
pub(super) struct Told {
    parts: Option<Vec<Parts>>,
    detached: Option<Vec<Detached>>,
    counts: Option<EngineCounts>,
    stale: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Table {
    table: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Damage {
    table: String,
    reason: String,
}

pub(super) async fn ask(ingest: &Ingest) -> Told {
    let store = ingest.derivation().store().as_ref();
    Told {
        parts: parts::by_table(store).await.ok(),
        detached: parts::detached(store).await.ok(),
        counts: parts::counts(store).await.ok(),
        stale: ingest.derivation().count_all_stale().await.ok(),
    }
}

pub(super) fn register(registry: &mut Registry, told: &Told) {
    registry.register("build", "The program", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
    if let Some(found) = &told.parts {
        let (count, rows, bytes) = (Family::default(), Family::default(), Family::default());
        for of in found {
            let table = Table { table: of.table.clone() };
            for (family, value) in [(&count, of.parts), (&rows, of.rows), (&bytes, of.bytes)] {
                let family: &Family<Table, Gauge> = family;
                family.get_or_create(&table).set(whole(value));
            }
        }
        registry.register("engine_parts", "Parts of a table that are read", count);
        registry.register("engine_table_rows", "Rows of a table as they lie on disk, before merges", rows);
        registry.register("engine_table_bytes", "Bytes of a table on disk", bytes);
    }
    if let Some(found) = &told.detached {
        let family = Family::<Damage, Gauge>::default();
        for of in found {
            let damage = Damage { table: of.table.clone(), reason: of.reason.clone() };
            family.get_or_create(&damage).set(whole(of.parts));
        }
        registry.register("engine_detached_parts", "Parts that were put aside, whose rows no answer has", family);
    }
    if let Some(counts) = told.counts {
        for (name, help, value) in [
            ("engine_rows_read", "Rows that the engine read from tables", counts.rows_read),
            ("engine_rows_inserted", "Rows that were inserted into tables, with those of feeds", counts.rows_inserted),
            ("engine_rows_merged", "Rows that merges read", counts.rows_merged),
        ] {
            registry.register(name, help, ConstCounter::new(value));
        }
    }
    if let Some(stale) = told.stale {
        let help = "Threads and links that changed since what follows from them was derived";
        registry.register("derivation_stale", help, ConstGauge::new(whole(stale)));
    }
    if let Some(bytes) = resident_bytes() {
        registry.register("process_resident_memory_bytes", "Memory of the process", ConstGauge::new(whole(bytes)));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        registry.register("process_open_fds", "Open files and sockets", ConstGauge::new(whole(open.count() as u64)));
    }
}

/// As Linux tells it; `None` elsewhere.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
