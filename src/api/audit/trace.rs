//! What a request turned out to ask for, noted by those who parse it and shared by all of one request.
//!
//! Notes are bounded, whatever a request repeats, and hold no text of a query. Nobody reads them but the record.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::auth::Viewer;
use crate::ingest::Receipt;
use crate::metrics::calendar::Calendar;
use crate::metrics::filter::{Effect, Filter, Property};
use crate::model::clock::Millis;
use crate::model::hex;

/// The longest name that is kept, in characters.
pub const NAME_CHARS_MAX: usize = 100;

/// How many values of a list are kept; of the rest only how many there were.
const VALUES_MAX: usize = 20;

/// How many questions, dialogs and fields are kept: more than the limit `rootFields` lets through.
const NOTES_MAX: usize = 100;

/// The notes of one request.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Noted>);

/// What was noted.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    pub who: Who,
    pub operation: Option<String>,
    /// SHA-256 of the document's text, or its id in the manifest.
    pub document: Option<String>,
    pub fields: Vec<String>,
    pub questions: Vec<Question>,
    /// Pickers that were searched.
    pub searches: usize,
    pub dialogs: Vec<String>,
    pub records: Vec<&'static str>,
    pub counts: Option<Counts>,
    /// Whether something began to be changed.
    pub writes: bool,
}

/// The bearer of the token; nobody where it was refused.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Who {
    tenant: Option<String>,
    issuer: Option<String>,
    sub: Option<String>,
    role: Option<&'static str>,
    operator: Option<String>,
    teams: Vec<String>,
}

/// A range, its zone, and what was looked for in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    #[serde(serialize_with = "instant")]
    from: Millis,
    #[serde(serialize_with = "instant")]
    to: Millis,
    timezone: &'static str,
    filter: BTreeMap<&'static str, Values>,
    not: BTreeMap<&'static str, Values>,
}

/// What a list of a filter held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Values {
    Kept(Vec<String>),
    /// Of values that name a client.
    Counted(usize),
}

/// What became of a body of events.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Counts {
    accepted: u64,
    duplicates: u64,
    rejected: u64,
}

impl Who {
    /// Whether nobody knows whose request it is.
    pub fn is_nobody(&self) -> bool {
        self.tenant.is_none()
    }
}

impl Trace {
    pub fn noted(&self) -> Noted {
        self.open().clone()
    }

    pub fn note_viewer(&self, viewer: &Viewer) {
        self.open().who = Who {
            tenant: Some(viewer.tenant().to_owned()),
            issuer: Some(viewer.issuer().to_owned()),
            sub: Some(shorten(viewer.sub())),
            role: Some(viewer.role().name()),
            operator: viewer.operator().map(shorten),
            teams: keep(viewer.teams().iter().map(|team| shorten(team)).collect(), VALUES_MAX),
        };
    }

    /// The document before it is parsed: also one that does not parse was sent by somebody.
    pub fn note_document(&self, name: &str) {
        self.open().document = Some(shorten(name));
    }

    pub fn note_fields(&self, operation: Option<&str>, fields: &[String]) {
        let mut noted = self.open();
        noted.operation = operation.map(shorten);
        noted.fields = keep(fields.iter().map(|field| shorten(field)).collect(), NOTES_MAX);
    }

    /// The same question under several fields is noted once.
    pub fn note_question(&self, calendar: &Calendar, filter: &Filter) {
        let range = calendar.range();
        let mut question = Question {
            from: range.from(),
            to: range.to(),
            timezone: calendar.zone().name(),
            filter: BTreeMap::new(),
            not: BTreeMap::new(),
        };
        for list in filter.told() {
            let lists = match list.effect {
                Effect::Keeps => &mut question.filter,
                Effect::LeavesOut => &mut question.not,
            };
            let values = match list.name == Property::Contacts.name() {
                true => Values::Counted(list.values.len()),
                false => Values::Kept(keep(list.values, VALUES_MAX)),
            };
            lists.insert(list.name, values);
        }
        note(&mut self.open().questions, question);
    }

    /// That a picker was searched; for what, could be a name.
    pub fn note_search(&self) {
        self.open().searches += 1;
    }

    pub fn note_dialog(&self, id: &str) {
        note(&mut self.open().dialogs, shorten(id));
    }

    /// A kind of record that was opened behind a number or in a dialog.
    pub fn note_records(&self, kind: &'static str) {
        note(&mut self.open().records, kind);
    }

    /// That what follows changes something, and is not undone when nobody waits for it any more.
    pub fn note_write(&self) {
        self.open().writes = true;
    }

    pub fn note_receipt(&self, receipt: &Receipt) {
        let (accepted, duplicates, rejected) = (receipt.accepted, receipt.duplicates, receipt.rejected_total);
        self.open().counts = Some(Counts { accepted, duplicates, rejected });
    }

    fn open(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note<T: PartialEq>(notes: &mut Vec<T>, one: T) {
    if notes.len() < NOTES_MAX && !notes.contains(&one) {
        notes.push(one);
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(NAME_CHARS_MAX).collect()
}

/// The first of the values, how many more there were, and the SHA-256 of all of them, so that it can be shown whether a value
/// that is not named was among them.
fn keep(mut values: Vec<String>, most: usize) -> Vec<String> {
    let more = values.len().saturating_sub(most);
    if 0 < more {
        let digest = Sha256::digest(values.join("\n").as_bytes());
        values.truncate(most);
        values.push(format!("…+{more} sha256:{}", hex(&digest)));
    }
    values
}

/// RFC 3339 with milliseconds, UTC.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(super) fn instant<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    let at = DateTime::from_timestamp_millis(*at).unwrap_or_default();
    serializer.serialize_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
