//! What the data directory of a server that is gone holds, counted by the engine in a process of its own: the engine takes one
//! directory a process, and the tests of this process share another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use rapport::sql::Sql;
use rapport::store::Store;
use rapport::store::data_directory::DataDirectory;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::limits::Limits;
use serde::{Deserialize, Serialize};

use super::House;

/// By this variable the counting process learns what to do.
const VARIABLE: &str = "FAULTS_COUNT";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    pub rows: u64,
    /// Tenant and id.
    pub ids: BTreeSet<(String, String)>,
    /// Rows by tenant and day.
    #[serde(with = "pairs")]
    pub days: BTreeMap<(String, String), u64>,
    /// Merged messages by tenant.
    pub messages: BTreeMap<String, u64>,
}

/// What is done to the directory before it is counted: the controls harm it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Harm {
    None,
    DeleteRow { tenant: String, id: String },
    DoubleRow { tenant: String, id: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct Task {
    library: PathBuf,
    directory: PathBuf,
    answer: PathBuf,
    harm: Harm,
}

/// Counts the directory. No other process may have it open.
pub fn count(house: &House, data: &Path, harm: Harm) -> Counted {
    let answer = data.with_extension("counted");
    let task = Task { library: house.library.clone(), directory: data.to_owned(), answer: answer.clone(), harm };
    let output = (house.counter)()
        .env(VARIABLE, serde_json::to_string(&task).expect("a task can be written"))
        .stdin(Stdio::null())
        .output()
        .expect("this program can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "the data directory could not be counted: {said}");
    let text = std::fs::read(&answer).unwrap_or_else(|error| panic!("the count is not there ({error}): {said}"));
    serde_json::from_slice(&text).expect("a count can be read")
}

/// Whether this process was started to count, and then it has.
#[expect(clippy::disallowed_methods, reason = "the test's runner leaves no other way to hand it a task")]
pub fn if_asked() -> bool {
    let Ok(task) = std::env::var(VARIABLE) else { return false };
    let task: Task = serde_json::from_str(&task).expect("the task was written by this program");
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    let counted = runtime.block_on(run(&task));
    std::fs::write(&task.answer, serde_json::to_vec(&counted).expect("a count can be written")).expect("there is room");
    true
}

async fn run(task: &Task) -> Counted {
    let directory = DataDirectory::open(&task.library, &task.directory).expect("the server is gone");
    let limits = Limits { seconds: 120, rows_returned: 100_000_000, ..Limits::default() };
    let store = EmbeddedStore::open(&directory, "rapport", limits).expect("the database opens");
    let harm = match &task.harm {
        Harm::None => None,
        Harm::DeleteRow { tenant, id } => Some((Sql::new("DELETE FROM events"), tenant, id)),
        Harm::DoubleRow { tenant, id } => Some((Sql::new("INSERT INTO events SELECT * FROM events"), tenant, id)),
    };
    if let Some((mut statement, tenant, id)) = harm {
        statement.push(" WHERE tenant = ").bind(tenant.clone()).push(" AND id = ").bind(id.clone());
        store.execute(statement).await.expect("the harm can be done");
    }
    let mut counted = Counted::default();
    for row in rows(&store, "SELECT tenant, id, count() FROM events GROUP BY tenant, id").await {
        counted.rows += number(&row[2]);
        counted.ids.insert((row[0].clone(), row[1].clone()));
    }
    for row in rows(&store, "SELECT tenant, toString(toDate(at)), count() FROM events GROUP BY 1, 2").await {
        counted.days.insert((row[0].clone(), row[1].clone()), number(&row[2]));
    }
    for row in rows(&store, "SELECT tenant, count() FROM messages FINAL GROUP BY tenant").await {
        counted.messages.insert(row[0].clone(), number(&row[1]));
    }
    store.close().await;
    counted
}

async fn rows(store: &EmbeddedStore, statement: &'static str) -> Vec<Vec<String>> {
    let batches = store.query(Sql::new(statement)).await.expect("the tables are there");
    batches.iter().flat_map(texts).collect()
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let cell = |column, row| array_value_to_string(column, row).expect("every type can be shown");
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()).collect()
}

fn number(text: &str) -> u64 {
    text.parse().expect("a count is a number")
}

/// JSON has no objects whose names are pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Pairs = BTreeMap<(String, String), u64>;

    pub fn serialize<S: Serializer>(pairs: &Pairs, serializer: S) -> Result<S::Ok, S::Error> {
        pairs.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        Ok(Vec::<((String, String), u64)>::deserialize(deserializer)?.into_iter().collect())
    }
}
