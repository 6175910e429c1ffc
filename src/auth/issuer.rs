//! Issuers: who may make tokens, with which keys, for whom, and what their claims mean here.
//!
//! What is written in a configuration is an [`IssuerConfig`]; [`Issuer::open`] reads its files. Keys behind an address are
//! fetched by [`super::remote`].

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio_rustls::rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::claims::{ClaimRules, texts};
use super::jwks::{DOCUMENT_BYTES_MAX, KeySet, RefusedKey, SetError};
use super::key::{KeyError, VerifyingKey};
use super::remote::{FetchError, RemoteKeys, Source};
use super::token::wrong;
use super::{AuthError, Secret, TokenConfig};
use crate::model::Clock;
use crate::outbound::{Address, TrustError};

/// An issuer as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerConfig {
    /// What `iss` must be, to the letter.
    pub issuer: String,
    pub audience: Audience,
    pub keys: KeySource,
    pub rules: ClaimRules,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    Url {
        url: Address,
        /// PEM certificates of those who may sign the source's own, in place of the system's.
        ca_file: Option<PathBuf>,
    },
    JwksFile(PathBuf),
    PublicKeyFile(PathBuf),
}

/// For whom a token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    pub name: String,
    pub others: Others,
}

/// Whether a token may have other audiences beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// A token for several audiences can be replayed by each of them.
    Refused,
    Allowed,
}

impl Audience {
    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<(), AuthError> {
        let audiences = match claims.get("aud") {
            Some(Value::String(audience)) => Some(vec![audience.clone()]),
            Some(value) => texts(value),
            None => None,
        };
        let audiences = audiences.ok_or_else(|| wrong("aud", "a text or a list of texts"))?;
        let is_ours = audiences.contains(&self.name)
            && (self.others == Others::Allowed || audiences.iter().all(|audience| *audience == self.name));
        match (is_ours, self.others) {
            (true, _) => Ok(()),
            (false, Others::Allowed) => Err(AuthError::NotInAudience { expected: self.name.clone() }),
            (false, Others::Refused) => Err(AuthError::Audience { expected: self.name.clone() }),
        }
    }
}

/// An issuer that tokens can be checked with. Copies share its keys.
#[derive(Clone, Debug)]
pub struct Issuer {
    name: String,
    pub(super) audience: Audience,
    pub(super) rules: ClaimRules,
    keys: Keys,
}

#[derive(Clone, Debug)]
enum Keys {
    /// Whatever name a token gives it.
    One(Arc<VerifyingKey>),
    Set(Arc<KeySet>),
    Remote(Arc<RemoteKeys>),
}

impl Issuer {
    /// The one whose tokens are made with our own secret.
    pub(super) fn own(secret: &Secret, config: TokenConfig) -> Self {
        Self {
            name: config.issuer,
            audience: Audience { name: config.audience, others: Others::Refused },
            rules: ClaimRules::default(),
            keys: Keys::One(Arc::new(secret.to_verify())),
        }
    }

    /// Reads the files that the configuration names. Fetches nothing yet.
    ///
    /// # Errors
    /// When a file cannot be read or holds a key that cannot be used.
    pub fn open(config: IssuerConfig, clock: Arc<dyn Clock>) -> Result<Self, IssuerError> {
        let IssuerConfig { issuer: name, audience, keys, rules } = config;
        let keys = match keys {
            KeySource::Url { url, ca_file } => {
                let source = Source::new(url, ca_file.as_deref())?;
                Keys::Remote(Arc::new(RemoteKeys::new(name.clone(), source, clock)))
            }
            KeySource::JwksFile(path) => Keys::Set(Arc::new(read_set(&path)?)),
            KeySource::PublicKeyFile(path) => Keys::One(Arc::new(read_public_key(&path)?)),
        };
        Ok(Self { name, audience, rules, keys })
    }

    /// What `iss` is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that a token names.
    pub(super) async fn key(&self, name: Option<&str>) -> Result<Arc<VerifyingKey>, AuthError> {
        match &self.keys {
            Keys::One(key) => Ok(Arc::clone(key)),
            Keys::Set(set) => set.choose(name).cloned().ok_or(AuthError::UnknownKey),
            Keys::Remote(keys) => keys.key(name).await,
        }
    }

    /// Begins to fetch the keys, where they are to be fetched, so that the first token need not wait.
    pub fn fetch_ahead(&self) {
        if let Keys::Remote(keys) = &self.keys {
            keys.fetch_ahead();
        }
    }

    /// What keys there are, for people. Fetches them once where they are to be fetched.
    ///
    /// # Errors
    /// When they cannot be had.
    pub async fn describe_keys(&self) -> Result<String, FetchError> {
        match &self.keys {
            Keys::One(key) => Ok(format!("1 key ({})", key.algorithm().name())),
            Keys::Set(set) => Ok(set.to_string()),
            Keys::Remote(keys) => {
                let set = keys.source().fetch().await?;
                let refused: String = set.refused.iter().map(|key| format!("; not used: {key}")).collect();
                Ok(format!("{set} at {}{refused}", keys.source().url()))
            }
        }
    }
}

fn read_set(path: &Path) -> Result<KeySet, IssuerError> {
    let path = path.to_path_buf();
    let mut set = match KeySet::parse(&read_file(&path)?) {
        Ok(set) => set,
        Err(cause) => return Err(IssuerError::Set { path, cause }),
    };
    // Who wrote the file is here to put it right; of a fetched set the rest is used.
    if let Some(refused) = set.refused.drain(..).next() {
        return Err(IssuerError::RefusedKey { path, refused });
    }
    match set.is_empty() {
        true => Err(IssuerError::EmptySet { path }),
        false => Ok(set),
    }
}

fn read_public_key(path: &Path) -> Result<VerifyingKey, IssuerError> {
    let path = path.to_path_buf();
    let text = read_file(&path)?;
    let Ok(der) = SubjectPublicKeyInfoDer::from_pem_slice(&text) else { return Err(IssuerError::NotPem { path }) };
    VerifyingKey::of_der(&der).map_err(|cause| IssuerError::Key { path, cause })
}

/// Reads a file of keys; of a longer one no more than shows that it is too long.
fn read_file(path: &Path) -> Result<Vec<u8>, IssuerError> {
    let mut bytes = Vec::new();
    let most = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let read = fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    read.map_err(|cause| IssuerError::File { path: path.to_path_buf(), cause })?;
    Ok(bytes)
}

/// Why an issuer cannot be used. No message holds a key.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("{} cannot be read", path.display())]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{} holds no public key in PEM: it must begin with `-----BEGIN PUBLIC KEY-----`, as `openssl pkey -pubout` writes it", path.display())]
    NotPem { path: PathBuf },
    #[error("the key in {} cannot be used", path.display())]
    Key {
        path: PathBuf,
        #[source]
        cause: KeyError,
    },
    #[error("{} cannot be used", path.display())]
    Set {
        path: PathBuf,
        #[source]
        cause: SetError,
    },
    #[error("{}: {refused}", path.display())]
    RefusedKey { path: PathBuf, refused: RefusedKey },
    #[error("{} is a key set without keys", path.display())]
    EmptySet { path: PathBuf },
    #[error(transparent)]
    Trust(#[from] TrustError),
}

#[cfg(test)]
#[path = "issuer_tests.rs"]
mod tests;
