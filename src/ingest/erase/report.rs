//! What an erasure found and removed, for who asked for it: as a text that can be printed as an act of destruction, and as data.

use std::fmt;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::{Mode, Reach, Request};
use crate::model::clock::Millis;
use crate::sql::Sql;
use crate::store::{Store, StoreError};

/// An erasure, or a trial of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    pub tenant: String,
    pub mode: Mode,
    pub reach: Reach,
    /// SHA-256 of tenant, contact and instant, in hexadecimal digits: what the evidence keeps of whom.
    pub contact_hash: String,
    pub asked_by: String,
    pub asked_at: Millis,
    pub finished_at: Option<Millis>,
    /// The names that are erased.
    pub names: Vec<String>,
    /// Names that links join to them and that stay.
    pub linked: Vec<String>,
    /// Chats that go as a whole.
    pub chats: u64,
    /// Chats in which others are named: there only what is the contact's own goes.
    pub shared_chats: u64,
    /// Events of others that named the contact beside them: the name is gone from them.
    pub unnamed: u64,
    pub removed: Vec<Removed>,
    /// Parts of tables of before that a query was still reading: the engine removes them within minutes.
    pub old_files: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    pub table: String,
    pub rows: u64,
}

/// Characters of an erasure's id: enough to tell it from all others.
const ID_CHARS: usize = 16;

/// Names that a report shows; of more only how many.
const NAMES_MAX: usize = 1_000;

impl Erasure {
    pub(super) fn begun(
        tenant: String,
        contact_hash: String,
        reach: Reach,
        asked_by: String,
        asked_at: Millis,
    ) -> Self {
        Self {
            tenant,
            mode: Mode::Erase,
            reach,
            contact_hash,
            asked_by,
            asked_at,
            finished_at: None,
            names: Vec::new(),
            linked: Vec::new(),
            chats: 0,
            shared_chats: 0,
            unnamed: 0,
            removed: Vec::new(),
            old_files: 0,
        }
    }

    pub fn id(&self) -> &str {
        self.contact_hash.get(..ID_CHARS).unwrap_or(&self.contact_hash)
    }

    pub fn rows(&self) -> u64 {
        self.removed.iter().map(|removed| removed.rows).sum()
    }

    pub fn to_json(&self) -> Value {
        let removed: Vec<Value> =
            self.removed.iter().map(|removed| json!({"table": removed.table, "rows": removed.rows})).collect();
        json!({
            "erasure": self.id(), "contactHash": self.contact_hash, "tenant": self.tenant,
            "dryRun": self.mode == Mode::Trial, "reach": self.reach.name(), "askedBy": self.asked_by,
            "askedAt": shown(self.asked_at), "finishedAt": self.finished_at.map(shown), "names": self.names,
            "linkedNames": self.linked, "chats": self.chats, "sharedChats": self.shared_chats,
            "unnamedEvents": self.unnamed, "rows": self.rows(), "tables": removed, "oldFiles": self.old_files,
            "backups": BACKUPS,
        })
    }
}

const BACKUPS: &str =
    "Backups that were made before keep the data until they are removed; after a restore, erase again.";

impl fmt::Display for Erasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            Mode::Trial => writeln!(f, "WHAT AN ERASURE WOULD REMOVE (nothing was changed)\n")?,
            Mode::Erase => writeln!(f, "ACT OF DESTRUCTION OF PERSONAL DATA\n")?,
        }
        writeln!(f, "Erasure          {}", self.id())?;
        writeln!(f, "Evidence         {} (SHA-256 of tenant, contact and instant)", self.contact_hash)?;
        writeln!(f, "Tenant           {}", self.tenant)?;
        writeln!(f, "Asked by         {}", self.asked_by)?;
        writeln!(f, "Asked at         {}", shown(self.asked_at))?;
        if let Some(at) = self.finished_at {
            writeln!(f, "Finished at      {}", shown(at))?;
        }
        writeln!(f, "Names            {}", self.names.join(", "))?;
        if !self.linked.is_empty() {
            writeln!(f, "Names that stay  {} (of the same person: --person erases them too)", self.linked.join(", "))?;
        }
        writeln!(f, "Chats            {} as a whole", self.chats)?;
        if 0 < self.shared_chats {
            writeln!(
                f,
                "Shared chats     {} (others are named in them: only the contact's own messages)",
                self.shared_chats
            )?;
        }
        writeln!(f, "\nRows by table")?;
        for removed in self.removed.iter().filter(|removed| 0 < removed.rows) {
            writeln!(f, "  {:<20} {:>10}", removed.table, removed.rows)?;
        }
        writeln!(f, "  {:<20} {:>10}", "together", self.rows())?;
        if 0 < self.unnamed {
            writeln!(f, "The name was taken out of {} events of others.", self.unnamed)?;
        }
        if self.mode == Mode::Erase {
            writeln!(
                f,
                "\nMethod: rows were removed from the files of the tables, and the files of before were deleted."
            )?;
            if 0 < self.old_files {
                writeln!(
                    f,
                    "{} parts of before were still being read: the engine deletes them within minutes.",
                    self.old_files
                )?;
            }
        }
        writeln!(f, "{BACKUPS}")
    }
}

/// What was found, before anything is removed.
pub(super) async fn describe(
    store: &dyn Store,
    request: &Request,
    contact_hash: String,
    now: Millis,
) -> Result<Erasure, StoreError> {
    let mut erasure =
        Erasure::begun(request.tenant.clone(), contact_hash, request.reach, request.asked_by.clone(), now);
    erasure.mode = request.mode;
    let names = Sql::new("SELECT DISTINCT name FROM erasing WHERE what = 'NAME' ORDER BY name");
    erasure.names = texts(&store.query(names.of_tenant(&request.tenant)).await?)?;
    let mut linked = Sql::new("SELECT DISTINCT name FROM identity_links WHERE name != '' AND tenant = ");
    linked.bind_tenant(&request.tenant);
    linked.push(" AND key IN (SELECT key FROM erasing WHERE what = 'KIN') ORDER BY name");
    erasure.linked = texts(&store.query(linked).await?)?;
    let chats = Sql::new("SELECT count() FROM erasing WHERE what = 'CHAT'");
    erasure.chats = first_number(&store.query(chats.of_tenant(&request.tenant)).await?)?;
    let shared = Sql::new(
        "SELECT uniqExact(key) FROM erasing WHERE what = 'MESSAGE' AND key NOT IN (SELECT key FROM erasing WHERE what = 'CHAT')",
    );
    erasure.shared_chats = first_number(&store.query(shared.of_tenant(&request.tenant)).await?)?;
    Ok(erasure)
}

fn shown(at: Millis) -> String {
    DateTime::from_timestamp_millis(at).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn texts(batches: &[RecordBatch]) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for batch in batches {
        let texts = batch.column(0).as_string_opt::<i32>().ok_or_else(wrong_column)?;
        found.extend(texts.iter().flatten().map(str::to_owned));
    }
    let more = found.len().saturating_sub(NAMES_MAX);
    if 0 < more {
        found.truncate(NAMES_MAX);
        found.push(format!("and {more} more"));
    }
    Ok(found)
}

pub(in crate::ingest) fn first_number(batches: &[RecordBatch]) -> Result<u64, StoreError> {
    let first = batches.first().filter(|batch| 0 < batch.num_rows());
    let column = first.and_then(|batch| batch.column(0).as_primitive_opt::<UInt64Type>());
    column.map(|column| column.value(0)).ok_or_else(wrong_column)
}

pub(super) fn wrong_column() -> StoreError {
    StoreError::Engine {
        code: 0,
        message: "an answer about an erasure has other columns than it was asked for".to_owned(),
    }
}
