//! The documents of a manifest, checked and parsed once when the server starts.
//!
//! A manifest is taken whole or not at all: a server that starts runs every document of it. Nothing is run here.

use std::{collections::HashMap, fmt, sync::Arc};

use async_graphql::dynamic::Schema;

use super::{
    manifest::{Manifest, ManifestDocument},
    text_hash::TextHash,
};
use crate::api::{
    document::{self, Checked, operation},
    errors::ApiError,
    execution::validate,
    limits::{Limits, check_limit},
};

/// How many documents that do not fit are told of at once.
const FAULTS_TOLD_MAX: usize = 10;

/// The draft's mark of an id that is the hash of its text.
const HASH_PREFIX: &str = "sha256:";

/// Documents by their ids and by the hashes of their texts.
#[derive(Debug)]
pub struct TrustedDocuments {
    by_id: HashMap<String, Arc<Checked>>,
    by_hash: HashMap<TextHash, Arc<Checked>>,
}

impl TrustedDocuments {
    /// Parses every document, and checks that it keeps the limits and fits the schema.
    ///
    /// # Errors
    /// When one does not: all of them are named.
    pub fn check(manifest: &Manifest, schema: &Schema, limits: &Limits) -> Result<Self, UnfitDocuments> {
        let mut trusted = Self { by_id: HashMap::new(), by_hash: HashMap::new() };
        let mut faults = Vec::new();
        for document in manifest.documents() {
            if let Err(reason) = trusted.add(document, schema, limits) {
                let name = document.name.clone().or_else(|| name_in(&document.text, limits));
                // A parser's message has several lines, with a drawing.
                let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                faults.push(Fault { id: document.id.clone(), name, reason });
            }
        }
        match faults.is_empty() {
            true => Ok(trusted),
            false => Err(UnfitDocuments { faults, checked: manifest.documents().len() }),
        }
    }

    fn add(&mut self, document: &ManifestDocument, schema: &Schema, limits: &Limits) -> Result<(), String> {
        let hash = TextHash::of(&document.text);
        // Else two ways to name a document would lead to two documents.
        if hash_in(&document.id).is_some_and(|named| named != hash) {
            return Err(format!("its id is a SHA-256, but that of its text is {hash}"));
        }
        let checked = match self.by_hash.get(&hash) {
            Some(checked) => Arc::clone(checked),
            None => Arc::new(check(&document.text, schema, limits)?),
        };
        self.by_id.insert(document.id.clone(), Arc::clone(&checked));
        self.by_hash.insert(hash, checked);
        Ok(())
    }

    /// The document with this id, or with the hash that the id is, with or without `sha256:`.
    pub fn with_id(&self, id: &str) -> Option<&Checked> {
        let by_id = self.by_id.get(id).map(Arc::as_ref);
        by_id.or_else(|| self.with_hash(hash_in(id)?))
    }

    /// The document whose text has this hash.
    pub fn with_hash(&self, hash: TextHash) -> Option<&Checked> {
        self.by_hash.get(&hash).map(Arc::as_ref)
    }
}

fn hash_in(id: &str) -> Option<TextHash> {
    TextHash::parse(id.strip_prefix(HASH_PREFIX).unwrap_or(id))
}

/// The name of an operation in a text that can be parsed.
fn name_in(text: &str, limits: &Limits) -> Option<String> {
    operation::a_name(&document::parse(text, limits).ok()?.document).map(str::to_owned)
}

fn check(text: &str, schema: &Schema, limits: &Limits) -> Result<Checked, String> {
    let message = |error: ApiError| error.message;
    check_limit("bodyBytes", limits.body_bytes, text.len()).map_err(message)?;
    let checked = document::parse(text, limits).map_err(message)?;
    validate(schema, &checked.document)?;
    Ok(checked)
}

/// The documents of a manifest that cannot be run.
#[derive(Debug, thiserror::Error)]
pub struct UnfitDocuments {
    // Invariant: not empty.
    faults: Vec<Fault>,
    /// How many documents the manifest has.
    checked: usize,
}

#[derive(Debug)]
struct Fault {
    id: String,
    name: Option<String>,
    reason: String,
}

impl fmt::Display for UnfitDocuments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} documents cannot be run: ", self.faults.len(), self.checked)?;
        for (index, Fault { id, name, reason }) in self.faults.iter().take(FAULTS_TOLD_MAX).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            // Escaped: the manifest's names are no text of ours.
            match name {
                Some(name) => write!(formatter, "{separator}{id:?} ({name:?}): {reason}")?,
                None => write!(formatter, "{separator}{id:?}: {reason}")?,
            }
        }
        match self.faults.len().saturating_sub(FAULTS_TOLD_MAX) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}
