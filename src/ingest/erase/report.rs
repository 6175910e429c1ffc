//! What an erasure found and removed, for who asked for it: as a text that can be printed as an act of destruction, and as data.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::{AsArray, RecordBatch};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::listed::Listed;
use super::{Mode, Reach, Request, removing, tables};
use crate::ingest::derive::first_number;
use crate::model::clock::Millis;
use crate::model::hex;
use crate::queue::{Lag, QueueError};
use crate::store::{Store, StoreError};

pub use crate::ingest::removal::Removed;

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
    pub waiting: Waiting,
}

/// What waited in a queue before the store when the erasure was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    NoQueue,
    Messages(u64),
    /// It did not answer.
    Unknown,
}

/// Characters of an erasure's id: enough to tell it from all others.
const ID_CHARS: usize = 16;

/// Names that a report shows; of more only how many.
const NAMES_MAX: usize = 1_000;

impl Erasure {
    /// One that is asked for now.
    pub(super) fn asked(request: &Request, now: Millis) -> Self {
        let hash = hash_of(request, now);
        let asked_by = request.asked_by.clone();
        Self { mode: request.mode, ..Self::begun(request.tenant.clone(), hash, request.reach, asked_by, now) }
    }

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
            waiting: Waiting::NoQueue,
        }
    }

    /// Says what was found, before anything is removed; of a trial also how many rows.
    pub(super) async fn describe(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let listed = Listed::of(self);
        let ask = async |text: &'static str| store.query(listed.part(text)).await;
        let names = texts(&ask("SELECT DISTINCT name FROM erasing WHERE what = 'NAME' ORDER BY name").await?)?;
        let linked = texts(&ask("SELECT DISTINCT name FROM erasing WHERE what = 'LINKED' ORDER BY name").await?)?;
        let chats = first_number(&ask("SELECT count() FROM erasing WHERE what = 'CHAT'").await?, 0)?;
        let shared = "SELECT uniqExact(key) FROM erasing WHERE what = 'MESSAGE' \
                      AND key NOT IN (SELECT key FROM erasing WHERE what = 'CHAT')";
        let shared_chats = first_number(&ask(shared).await?, 0)?;
        let counts = match self.mode {
            Mode::Trial => Some(listed.counts(store).await?),
            Mode::Erase => None,
        };
        (self.names, self.linked, self.chats, self.shared_chats) = (names, linked, chats, shared_chats);
        counts.iter().for_each(|counts| self.take_counts(counts));
        Ok(())
    }

    /// What was counted before it was removed.
    pub(super) fn take_counts(&mut self, counts: &BTreeMap<String, u64>) {
        let count = |name: &str| counts.get(name).copied().unwrap_or_default();
        self.removed =
            tables::erased().map(|(table, _)| Removed { table: table.to_owned(), rows: count(table) }).collect();
        self.unnamed = count(removing::UNNAMED);
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
            "backups": BACKUPS, "queue": self.waiting.told(),
        })
    }
}

const BACKUPS: &str =
    "Backups that were made before keep the data until they are removed; after a restore, erase again.";

const ASIDE: &str = "What the queue put aside stays in its stream of dead messages until that forgets it.";

impl Waiting {
    pub fn of(lag: &Result<Option<Lag>, QueueError>) -> Self {
        match lag {
            Ok(None) => Self::NoQueue,
            Ok(Some(lag)) => Self::Messages(lag.messages),
            Err(_) => Self::Unknown,
        }
    }

    /// What it means for who asked.
    fn told(self) -> Option<String> {
        let afterwards = "they are stored afterwards and count as new: erase again when `rapport_queue_messages` is 0.";
        match self {
            Self::NoQueue => None,
            Self::Messages(0) => Some(format!("Nothing waited in the queue. {ASIDE}")),
            Self::Messages(count) => Some(format!("{count} messages waited in the queue, {afterwards} {ASIDE}")),
            Self::Unknown => Some(format!("The queue did not say whether messages waited in it: {afterwards} {ASIDE}")),
        }
    }
}

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
        writeln!(f, "{BACKUPS}")?;
        self.waiting.told().map_or(Ok(()), |told| writeln!(f, "{told}"))
    }
}

/// What an erasure is called, and by what its name can be recognised: nobody can read the contact in it.
fn hash_of(request: &Request, now: Millis) -> String {
    hex(&Sha256::digest(format!("{}\0{}\0{now}", request.tenant, request.contact)))
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

pub(super) fn wrong_column() -> StoreError {
    StoreError::Engine {
        code: 0,
        message: "an answer about an erasure has other columns than it was asked for".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_act_says_what_waited_in_the_queue() {
        let mut erasure = Erasure::begun("acme".to_owned(), "hash".to_owned(), Reach::Contact, "me".to_owned(), 0);
        assert!(!erasure.to_string().contains("queue"));
        erasure.waiting = Waiting::of(&Ok(Some(Lag { messages: 7, ..Lag::default() })));
        assert!(erasure.to_string().contains("7 messages waited in the queue"), "{erasure}");
        assert!(erasure.to_json()["queue"].to_string().contains("dead messages"), "{erasure}");
        erasure.waiting = Waiting::of(&Err(QueueError::Away { reason: "cut".to_owned() }));
        assert!(erasure.to_string().contains("did not say"), "{erasure}");
    }
}
