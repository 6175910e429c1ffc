//! Experiment.
use rapport::sql::Sql;
use rapport::store::Store;
use std::process::Command;
use std::time::Instant;

use crate::engine::{empty_store, shown as text};

fn hits(dir: &str, needle: &str) -> usize {
    let out = Command::new("grep").args(["-rlaF", needle, dir]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().map(|l| eprintln!("   {l}")).count()
}

#[tokio::test]
async fn experiment() {
    let store = empty_store();
    let dir = crate::engine::directory().path().display().to_string();
    let go = async |sql: &'static str| {
        let now = Instant::now();
        let done = store.execute(Sql::new(sql)).await;
        eprintln!("{:?} {:?} {}", now.elapsed(), done, &sql[..sql.len().min(90)]);
    };
    go("CREATE TABLE t (tenant LowCardinality(String), id String, contact String) ENGINE = MergeTree ORDER BY (tenant, id) SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, min_bytes_for_wide_part = 0").await;
    go("CREATE TABLE w (erasure String, name String) ENGINE = MergeTree ORDER BY (erasure, name)").await;
    go("INSERT INTO t SELECT 'a', toString(number), if(number = 77, 'zz-needle-zz', toString(number * 7)) FROM numbers(1000000)").await;
    go("INSERT INTO w SELECT 'e', 'zz-needle-zz'").await;
    eprintln!("hits {}", hits(&dir, "zz-needle-zz"));
    go("ALTER TABLE t DELETE WHERE tenant = 'a' AND contact IN (SELECT name FROM w WHERE erasure = 'e') SETTINGS mutations_sync = 2").await;
    eprintln!("hits {}", hits(&dir, "zz-needle-zz"));
    go("ALTER TABLE t MODIFY SETTING old_parts_lifetime = 0").await;
    eprintln!("hits after setting {}", hits(&dir, "zz-needle-zz"));
    go("ALTER TABLE t DROP PARTITION ID 'none'").await;
    eprintln!("hits after drop {}", hits(&dir, "zz-needle-zz"));
    let parts = text(&store, "SELECT table, name, toString(active) AS a, toString(rows) AS r, toString(refcount) AS c, toString(remove_time) as rt FROM system.parts WHERE database = currentDatabase()").await;
    eprintln!("{parts}");
    go("TRUNCATE TABLE w").await;
    eprintln!("hits after truncate {}", hits(&dir, "zz-needle-zz"));
    for _ in 0..8 {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        eprintln!("hits {:?}", hits(&dir, "zz-needle-zz"));
    }
    go("INSERT INTO t SELECT 'a', toString(number), if(number = 77, 'zz-needle-zz', toString(number * 7)) FROM numbers(1000000)").await;
    go("DELETE FROM t WHERE contact = 'zz-needle-zz'").await;
    go("ALTER TABLE t APPLY DELETED MASK SETTINGS mutations_sync = 2").await;
    go("ALTER TABLE t DROP PARTITION ID 'none'").await;
    eprintln!("hits after lightweight {}", hits(&dir, "zz-needle-zz"));
}
