//! The documents that a request can name instead of sending: trusted ones, and what its tenant's clients have sent before.
//!
//! Finds a document and never runs one: whoever runs it does so in their own scope. No file is read here. [`manifest`] only
//! parses, [`trusted`] checks once at start, [`kept`] holds what clients have sent, apart for each tenant.

pub mod kept;
pub mod manifest;
pub mod text_hash;
pub mod trusted;

use async_graphql::dynamic::Schema;

use self::{
    kept::KeptTexts,
    manifest::Manifest,
    text_hash::TextHash,
    trusted::{TrustedDocuments, UnfitDocuments},
};
use super::{
    document::{self, Checked},
    errors::{ApiError, Code},
    limits::Limits,
};

/// Which documents a server runs, and how they can be named.
#[derive(Clone, Debug)]
pub struct DocumentPolicy {
    pub trusted: TrustedPolicy,
    pub persisted_queries: PersistedQueries,
}

impl Default for DocumentPolicy {
    fn default() -> Self {
        Self { trusted: TrustedPolicy::Off, persisted_queries: PersistedQueries::On }
    }
}

/// What the manifest of trusted documents is for.
#[derive(Clone, Debug)]
pub enum TrustedPolicy {
    /// There is none.
    Off,
    /// Its documents can be named; others run too.
    Allow(Manifest),
    /// Nothing else runs.
    Require(Manifest),
}

/// Whether clients can have their documents kept under their hashes. Where trusted documents are required, it is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersistedQueries {
    On,
    Off,
}

/// How a request says which document it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentAsked {
    /// By the id of a trusted document.
    Id(String),
    /// By the hash of a text that is trusted, or was sent before.
    Hash(TextHash),
    /// By its text, perhaps with the hash under which it shall be kept.
    Text { text: String, hash: Option<TextHash> },
}

/// The documents of a running server.
pub struct Documents {
    trusted: Option<TrustedDocuments>,
    others: Others,
    /// `None` if nothing is kept.
    kept: Option<KeptTexts>,
}

/// What becomes of a document that is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Run,
    Refused,
}

impl Documents {
    /// # Errors
    /// When a document of the manifest cannot be run.
    pub fn new(policy: &DocumentPolicy, schema: &Schema, limits: &Limits) -> Result<Self, UnfitDocuments> {
        let (manifest, others) = match &policy.trusted {
            TrustedPolicy::Off => (None, Others::Run),
            TrustedPolicy::Allow(manifest) => (Some(manifest), Others::Run),
            TrustedPolicy::Require(manifest) => (Some(manifest), Others::Refused),
        };
        let trusted = manifest.map(|manifest| TrustedDocuments::check(manifest, schema, limits)).transpose()?;
        let keeps = policy.persisted_queries == PersistedQueries::On && others == Others::Run;
        Ok(Self { trusted, others, kept: keeps.then(|| KeptTexts::new(limits)) })
    }

    /// How the record of a request names a document: by the hash of its text, or by the manifest's id. An id that the
    /// manifest does not have can be anything, a token too: of it only the hash is told.
    pub fn name(&self, asked: &DocumentAsked) -> String {
        match asked {
            DocumentAsked::Id(id) if self.trusted.as_ref().is_some_and(|trusted| trusted.with_id(id).is_some()) => {
                id.clone()
            }
            DocumentAsked::Id(id) => format!("unknown id, sha256:{}", TextHash::of(id)),
            DocumentAsked::Hash(hash) => hash.to_string(),
            DocumentAsked::Text { text, .. } => TextHash::of(text).to_string(),
        }
    }

    /// Whether it is one of the manifest.
    pub fn trusts(&self, asked: &DocumentAsked) -> bool {
        let Some(trusted) = &self.trusted else { return false };
        match asked {
            DocumentAsked::Id(id) => trusted.with_id(id).is_some(),
            DocumentAsked::Hash(hash) => trusted.with_hash(*hash).is_some(),
            DocumentAsked::Text { text, .. } => trusted.with_hash(TextHash::of(text)).is_some(),
        }
    }

    /// The document that a member of this tenant asks for, within the limits.
    pub fn open(&self, asked: DocumentAsked, tenant: &str, limits: &Limits) -> Result<Checked, ApiError> {
        match asked {
            DocumentAsked::Id(id) => {
                let trusted = self.trusted.as_ref().and_then(|trusted| trusted.with_id(&id));
                open_trusted(trusted.ok_or_else(unknown_document)?, limits)
            }
            DocumentAsked::Hash(hash) => match self.trusted_with(hash) {
                Some(trusted) => open_trusted(trusted, limits),
                None => self.open_kept(hash, tenant, limits),
            },
            DocumentAsked::Text { text, hash } => self.open_text(&text, hash, tenant, limits),
        }
    }

    fn trusted_with(&self, hash: TextHash) -> Option<&Checked> {
        self.trusted.as_ref()?.with_hash(hash)
    }

    fn open_kept(&self, hash: TextHash, tenant: &str, limits: &Limits) -> Result<Checked, ApiError> {
        match (self.others, &self.kept) {
            (Others::Refused, _) => Err(unknown_document()),
            // Clients know both messages word for word: they send the text, and after the first give up on hashes.
            (Others::Run, None) => Err(ApiError::new(Code::PersistedQueryNotSupported, "PersistedQueryNotSupported")),
            (Others::Run, Some(kept)) => match kept.find(tenant, hash) {
                Some(text) => document::parse(&text, limits),
                None => Err(ApiError::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound")),
            },
        }
    }

    fn open_text(
        &self,
        text: &str,
        hash: Option<TextHash>,
        tenant: &str,
        limits: &Limits,
    ) -> Result<Checked, ApiError> {
        if hash.is_some_and(|hash| hash != TextHash::of(text)) {
            let message = "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of the `query`";
            return Err(ApiError::new(Code::InvalidBody, message));
        }
        if self.others == Others::Refused {
            // Before it is parsed: what is not trusted costs nothing but its hash.
            let trusted = self.trusted_with(TextHash::of(text)).ok_or_else(|| {
                let message = "this server runs only the documents of its manifest: name one by `documentId`, or send exactly its text";
                ApiError::new(Code::TrustedDocumentsOnly, message)
            });
            return open_trusted(trusted?, limits);
        }
        let checked = document::parse(text, limits)?;
        if let (Some(kept), Some(hash)) = (&self.kept, hash) {
            kept.keep(tenant, hash, text);
        }
        Ok(checked)
    }
}

/// A copy, because the library consumes what it runs; that is cheaper than parsing. At the start it kept the server's
/// limits; a role can have narrower ones.
fn open_trusted(trusted: &Checked, limits: &Limits) -> Result<Checked, ApiError> {
    document::check(&trusted.document, limits)?;
    Ok(trusted.clone())
}

// The id is not told again: it could be as long as a body.
fn unknown_document() -> ApiError {
    let message =
        "there is no trusted document with this id or hash: the manifest must have had it when the server started";
    ApiError::new(Code::DocumentNotFound, message)
}
