//! Outbound HTTP: one question to a configured place, and its answer. One connection, one request, limits on
//! everything.
//!
//! One of the modules that open connections: `lib.rs` has the list. It follows no redirect, keeps no connection and
//! remembers nothing between two questions; what an answer means, and when to ask again, is for those who ask, with
//! [`pause`] to measure by.

pub mod address;
pub mod pause;
mod retry_after;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem::PemObject};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use address::Way;
pub use address::{Address, AddressError};
pub use retry_after::RetryAfter;

/// The head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What an answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From the look-up of the name to the last byte.
    pub time_max: Duration,
    pub body_bytes_max: usize,
}

/// A place that is asked, and by which certificates it is known.
pub struct Target {
    address: Address,
    /// `None` where the address is on this machine.
    tls: Option<TlsConnector>,
    pub bounds: Bounds,
}

/// One question. Its path may hold a secret: it is not shown.
pub struct Question {
    pub method: Method,
    /// With the leading `/`.
    pub path_and_query: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

/// What came back, whatever its status: a redirect is an answer like others.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: Option<RetryAfter>,
    pub body: Bytes,
}

impl Question {
    pub fn get(path_and_query: impl Into<String>) -> Self {
        Self { method: Method::GET, path_and_query: path_and_query.into(), headers: Vec::new(), body: Bytes::new() }
    }

    pub fn post_json(path_and_query: impl Into<String>, body: impl Into<Bytes>) -> Self {
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { method: Method::POST, path_and_query: path_and_query.into(), headers: vec![json], body: body.into() }
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Target {
    /// # Errors
    /// When there are no certificates to know the place by.
    pub fn new(address: Address, ca_file: Option<&Path>, bounds: Bounds) -> Result<Self, TrustError> {
        let tls = match address.way() {
            Way::Tls => Some(connector(ca_file)?),
            Way::Loopback => None,
        };
        Ok(Self { address, tls, bounds })
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks once.
    ///
    /// # Errors
    /// When there is no whole answer within the bounds.
    pub async fn ask(&self, question: Question) -> Result<Answer, OutboundError> {
        let time_max = self.bounds.time_max;
        let asked = tokio::time::timeout(time_max, self.connect_and_ask(question)).await;
        asked.map_err(|_| OutboundError::TooSlow { limit: time_max })?
    }

    async fn connect_and_ask(&self, question: Question) -> Result<Answer, OutboundError> {
        let stream = self.connect().await?;
        match &self.tls {
            None => self.exchange(stream, question).await,
            Some(connector) => {
                let name = ServerName::try_from(self.address.host().to_owned()).map_err(OutboundError::Name)?;
                let stream = connector.connect(name, stream).await.map_err(OutboundError::Connect)?;
                self.exchange(stream, question).await
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, OutboundError> {
        let place = (self.address.host(), self.address.port());
        let found = tokio::net::lookup_host(place).await.map_err(OutboundError::Connect)?;
        let addresses: Vec<SocketAddr> = found.collect();
        // A name such as `localhost` is what the machine's tables make of it.
        if self.address.way() == Way::Loopback && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(OutboundError::NotThisMachine);
        }
        TcpStream::connect(&addresses[..]).await.map_err(OutboundError::Connect)
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        question: Question,
    ) -> Result<Answer, OutboundError> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(OutboundError::Http)?;
        let mut request = hyper::Request::builder()
            .method(question.method)
            .uri(question.path_and_query)
            .header(header::HOST, self.address.authority())
            .header(header::USER_AGENT, "rapport")
            .header(header::CONNECTION, "close");
        for (name, value) in question.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(question.body)).map_err(|_| OutboundError::NoRequest)?;
        let bytes_max = self.bounds.body_bytes_max;
        let mut answer = pin!(async move {
            let response = sender.send_request(request).await.map_err(OutboundError::Http)?;
            let status = response.status();
            let retry_after = response.headers().get(header::RETRY_AFTER).and_then(RetryAfter::parse);
            let body = read(response.into_body(), bytes_max).await?;
            Ok(Answer { status, retry_after, body })
        });
        tokio::select! {
            answer = &mut answer => answer,
            // The other side hung up; what it sent before is still there to be read.
            _ = connection => answer.await,
        }
    }
}

async fn read(body: hyper::body::Incoming, bytes_max: usize) -> Result<Bytes, OutboundError> {
    let too_large = || OutboundError::TooLarge { limit: bytes_max };
    // What is announced as too long is not even begun.
    if u64::try_from(bytes_max).is_ok_and(|maximum| maximum < body.size_hint().lower()) {
        return Err(too_large());
    }
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => match error.downcast() {
            Ok(error) => Err(OutboundError::Http(*error)),
            Err(_) => Err(OutboundError::NoRequest),
        },
    }
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TrustError> {
    Ok(TlsConnector::from(Arc::new(trust(ca_file)?)))
}

/// Knows a place by the system's certificates, or only by those of a file.
///
/// # Errors
/// When there are no certificates to know the place by.
pub fn trust(ca_file: Option<&Path>) -> Result<ClientConfig, TrustError> {
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
    Ok(config)
}

/// An error and what caused it, in a line: whoever asks in the background tells it in the log.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("the host is no name that a certificate can have")]
    Name(#[source] InvalidDnsNameError),
    #[error("the host is not on this machine, and plain HTTP goes nowhere else")]
    NotThisMachine,
    #[error("the answer took longer than {} s", limit.as_secs_f32())]
    TooSlow { limit: Duration },
    #[error("the answer is longer than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the answer broke off or is not HTTP")]
    Http(#[source] hyper::Error),
    #[error("the question cannot be put as HTTP")]
    NoRequest,
}

/// Why there is nothing to know a place by.
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
pub mod test_source;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
