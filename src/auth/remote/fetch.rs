//! One question to a source of keys, and its answer: one connection, one request, no redirects, limits on everything.
//!
//! It remembers nothing between two questions; what an answer is used for is in [`super::RemoteKeys`].

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem::PemObject};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::address::{JwksUrl, Way};
use crate::auth::jwks::{DOCUMENT_BYTES_MAX, KeySet, SetError};

/// From the look-up of the name to the last byte. Requests wait for it where there are no keys yet.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// The head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Where an issuer publishes its keys.
pub struct Source {
    url: JwksUrl,
    /// `None` where the address is on this machine.
    tls: Option<TlsConnector>,
    pub(super) time_max: Duration,
}

impl Source {
    /// # Errors
    /// When there are no certificates to know the source by.
    pub fn new(url: JwksUrl, ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let tls = match url.way() {
            Way::Tls => Some(connector(ca_file)?),
            Way::Loopback => None,
        };
        Ok(Self { url, tls, time_max: FETCH_TIME_MAX })
    }

    pub fn url(&self) -> &JwksUrl {
        &self.url
    }

    /// Asks the source once.
    ///
    /// # Errors
    /// When there is no answer in time, or it is no key set.
    pub async fn fetch(&self) -> Result<KeySet, FetchError> {
        let fetched = tokio::time::timeout(self.time_max, self.get()).await;
        let document = fetched.map_err(|_| FetchError::TooSlow { limit: self.time_max })??;
        Ok(KeySet::parse(&document)?)
    }

    async fn get(&self) -> Result<Bytes, FetchError> {
        let stream = self.connect().await?;
        match &self.tls {
            None => self.exchange(stream).await,
            Some(connector) => {
                let name = ServerName::try_from(self.url.host().to_owned()).map_err(FetchError::Name)?;
                self.exchange(connector.connect(name, stream).await.map_err(FetchError::Connect)?).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, FetchError> {
        let found = tokio::net::lookup_host((self.url.host(), self.url.port())).await.map_err(FetchError::Connect)?;
        let addresses: Vec<SocketAddr> = found.collect();
        // A name such as `localhost` is what the machine's tables make of it.
        if self.url.way() == Way::Loopback && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(FetchError::NotThisMachine);
        }
        TcpStream::connect(&addresses[..]).await.map_err(FetchError::Connect)
    }

    async fn exchange(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<Bytes, FetchError> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
        let request = Request::get(self.url.path_and_query())
            .header(header::HOST, self.url.authority())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::USER_AGENT, "rapport")
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new())
            .map_err(|_| FetchError::Broken)?;
        let mut answer = pin!(async move {
            let response = sender.send_request(request).await.map_err(FetchError::Http)?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status { status: response.status() });
            }
            read(response.into_body()).await
        });
        tokio::select! {
            answer = &mut answer => answer,
            // The source hung up; what it sent before is still there to be read.
            _ = connection => answer.await,
        }
    }
}

async fn read(body: hyper::body::Incoming) -> Result<Bytes, FetchError> {
    // What is announced as too long is not even begun.
    if u64::try_from(DOCUMENT_BYTES_MAX).is_ok_and(|maximum| maximum < body.size_hint().lower()) {
        return Err(FetchError::Set(SetError::TooLarge));
    }
    match Limited::new(body, DOCUMENT_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::Set(SetError::TooLarge)),
        Err(error) => Err(error.downcast().map_or(FetchError::Broken, |error| FetchError::Http(*error))),
    }
}

/// Knows a source by the system's certificates, or only by those of a file.
fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TrustError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let wrong = || TrustError::File { path: path.to_path_buf() };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|_| wrong())? {
                roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
            }
            if roots.is_empty() {
                return Err(wrong());
            }
        }
        None => {
            // A few of a system's certificates are often unreadable; the rest is enough.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TrustError::None);
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TrustError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("the host is no name that a certificate can have")]
    Name(#[source] InvalidDnsNameError),
    #[error("the host is not on this machine, and keys come over plain HTTP only from there")]
    NotThisMachine,
    #[error("the answer took longer than {} s", limit.as_secs_f32())]
    TooSlow { limit: Duration },
    #[error("the answer is {status}; only 200 is accepted, and redirects are not followed")]
    Status { status: StatusCode },
    #[error("the answer broke off or is not HTTP")]
    Http(#[source] hyper::Error),
    #[error("fetching broke off inside")]
    Broken,
    #[error(transparent)]
    Set(#[from] SetError),
}

/// Why there is nothing to know a source by.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error("{} holds no certificates in PEM that can be used", path.display())]
    File { path: PathBuf },
    #[error("this system has no root certificates: install its package `ca-certificates`, or set `ca_file`")]
    None,
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
