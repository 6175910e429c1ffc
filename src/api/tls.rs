//! TLS: the certificate that the server shows, taken over anew when its files change.
//!
//! Protocol and ciphers are rustls' own. A pair that cannot be used never replaces one that works, and no message
//! holds anything that stands in the key's file.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// How often the files are looked at. A renewed certificate overlaps the old one by weeks.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Where the certificate, with its chain, and its key are, both as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A pair of files and the configuration that they last gave.
pub struct Tls {
    files: TlsFiles,
    current: RwLock<Arc<ServerConfig>>,
    /// The outcome of the last look, so that the same mistake is told once.
    seen: Mutex<Seen>,
}

/// What the files held, or why they could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Pair([u8; 32]),
    Unreadable(String),
}

/// What became of a look at the files.
#[derive(Debug)]
pub enum Renewal {
    Unchanged,
    TakenOver,
    /// The old pair goes on.
    Refused(TlsError),
}

impl Tls {
    /// # Errors
    /// When a file cannot be read, holds not what it should, or the two do not belong together.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files)?;
        let current = RwLock::new(Arc::new(pair.configure(&files)?));
        Ok(Self { files, current, seen: Mutex::new(Seen::Pair(pair.digest())) })
    }

    /// What the next connection is greeted with.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files once. Blocking.
    pub fn renew(&self) -> Renewal {
        let read = Pair::read(&self.files);
        let now = match &read {
            Ok(pair) => Seen::Pair(pair.digest()),
            Err(error) => Seen::Unreadable(error.to_string()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Renewal::Unchanged;
        }
        *seen = now;
        match read.and_then(|pair| pair.configure(&self.files)) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!("the renewed certificate is in use");
                Renewal::TakenOver
            }
            Err(error) => {
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(%error, cause, "the certificate's files changed and cannot be used: the old pair goes on");
                Renewal::Refused(error)
            }
        }
    }

    /// Looks at the files for as long as the server runs.
    pub async fn keep_fresh(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let tls = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || tls.renew()).await {
                tracing::warn!(%error, "the certificate's files could not be looked at");
            }
        }
    }
}

/// The text of both files.
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |setting, path: &Path| {
            let unreadable = |source: io::Error| TlsError::Unreadable { setting, path: path.to_owned(), source };
            fs::read(path).map_err(unreadable)
        };
        Ok(Self { certificate: read("tls_certificate", &files.certificate)?, key: read("tls_key", &files.key)? })
    }

    fn digest(&self) -> [u8; 32] {
        let lengths = (self.certificate.len() as u64).to_le_bytes();
        Sha256::new().chain_update(lengths).chain_update(&self.certificate).chain_update(&self.key).finalize().into()
    }

    fn configure(&self, files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate { path: files.certificate.clone() })?;
        // The reason is left out: it can quote the file.
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey { path: files.key.clone() })?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::NotAPair { certificate: files.certificate.clone(), key: files.key.clone() }
            }
            source => TlsError::Unusable { certificate: files.certificate.clone(), source },
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("`{setting}` is {}, which cannot be read", path.display())]
    Unreadable { setting: &'static str, path: PathBuf, source: io::Error },
    #[error("`tls_certificate` is {}, which holds no certificate: give a PEM file with the certificate first and its chain after it", path.display())]
    NoCertificate { path: PathBuf },
    #[error("`tls_key` is {}, which holds no private key: give a PEM file with a key that has no password", path.display())]
    NoKey { path: PathBuf },
    #[error("the key {} does not belong to the certificate {}: give the two that were issued together", key.display(), certificate.display())]
    NotAPair { certificate: PathBuf, key: PathBuf },
    #[error("the certificate {} cannot be used with its key", certificate.display())]
    Unusable { certificate: PathBuf, source: rustls::Error },
}
