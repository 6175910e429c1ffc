//! What a chat history leaves out: who is an operator, which kind a message is, and ids.
//!
//! Derived ids are hashes of what the row says, so importing a file again gives only duplicates. The text of a
//! message goes into the hash and nowhere else.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::adapter::text_of;
use crate::ingest::normalise::TEXT_FIELDS;
use crate::model::event::{Author, Kind};
use crate::model::hex;

/// Rows with the same hash are told apart by counting; the counts of this many different rows are kept. Equal rows
/// (same chat, author, time and text) stand next to each other in a history, never further apart than this.
const COUNTED_ROWS_MAX: usize = 100_000;
/// Bytes of a hash that an id shows: 2^128 values.
const HASH_BYTES: usize = 16;

/// Derives the fields of rows that come one after the other.
#[derive(Default)]
pub(super) struct History {
    counts: HashMap<[u8; HASH_BYTES], u32>,
    order: VecDeque<[u8; HASH_BYTES]>,
}

impl History {
    pub fn complete(&mut self, row: &mut Map<String, Value>, operators: &[String]) {
        name_author(row, operators);
        derive_kind(row);
        let needs_message = text_of(row, "kind").starts_with("message.") && text_of(row, "message").is_empty();
        let needs_id = text_of(row, "id").is_empty();
        // Without any of these a row says too little to be told from another, and is rejected with a reason.
        let says_enough = ["chat", "message", "contact", "dialog"].iter().any(|field| !text_of(row, field).is_empty());
        if !says_enough || !(needs_message || needs_id) {
            return;
        }
        let hash = self.hash(row);
        if needs_message {
            row.insert("message".to_owned(), Value::from(format!("h{hash}")));
        }
        if needs_id {
            row.insert("id".to_owned(), Value::from(format!("h{hash}")));
        }
    }

    fn hash(&mut self, row: &Map<String, Value>) -> String {
        let mut hasher = Sha256::new();
        let fields = ["kind", "channel", "account", "chat", "dialog", "message", "at", "author", "operator", "contact"];
        for field in fields.iter().chain(&TEXT_FIELDS) {
            hasher.update(text_of(row, field));
            // Ends the field, so that "ab" + "c" is not "a" + "bc".
            hasher.update([0]);
        }
        let mut content = [0; HASH_BYTES];
        content.copy_from_slice(&hasher.clone().finalize()[..HASH_BYTES]);
        hasher.update(self.count(content).to_le_bytes());
        hex(&hasher.finalize()[..HASH_BYTES])
    }

    /// How many rows of the same content came before.
    fn count(&mut self, content: [u8; HASH_BYTES]) -> u32 {
        if let Some(count) = self.counts.get_mut(&content) {
            *count += 1;
            return *count;
        }
        if self.order.len() == COUNTED_ROWS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.counts.remove(&oldest);
        }
        self.order.push_back(content);
        self.counts.insert(content, 0);
        0
    }
}

/// A person's name in the author column: an operator if listed as one, else the client.
fn name_author(row: &mut Map<String, Value>, operators: &[String]) {
    let name = text_of(row, "author");
    if name.is_empty() || Author::parse(&name).is_some() {
        return;
    }
    let (author, field) = if operators.contains(&name) { ("OPERATOR", "operator") } else { ("CLIENT", "contact") };
    row.insert("author".to_owned(), Value::from(author));
    row.entry(field).or_insert_with(|| Value::from(name));
}

/// A row with an author and no kind is a message: the client's was received, any other was sent.
fn derive_kind(row: &mut Map<String, Value>) {
    let has_operator = !text_of(row, "operator").is_empty();
    if !text_of(row, "kind").is_empty() {
        return;
    }
    let kind = match Author::parse(&text_of(row, "author")) {
        Some(Author::Client) => Kind::MessageReceived,
        Some(_) => Kind::MessageSent,
        None if has_operator => Kind::MessageSent,
        None => return,
    };
    row.insert("kind".to_owned(), Value::from(kind.as_str()));
}
