//! Places behind TLS: known by a company's own certificate, or not asked at all.

use std::convert::Infallible;

use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::*;

/// A company that signs certificates itself.
struct Company {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Company {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Serves one answer on this machine under a name. Gives the port.
    async fn serve(&self, name: &str) -> u16 {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that does not believe us breaks off here.
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let answer = service_fn(|_| async {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here"))))
                });
                let _ = server::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
            }
        });
        port
    }

    /// Asks a place that it trusts if this company has signed for it.
    async fn ask(&self, address: &str) -> Result<Bytes, OutboundError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("company.pem");
        std::fs::write(&path, &self.certificate).unwrap();
        ask(&Target::new(Address::parse(address).unwrap(), Some(&path), BOUNDS).unwrap()).await
    }
}

const BOUNDS: Bounds = Bounds { time_max: Duration::from_secs(30), body_bytes_max: 1_000 };

async fn ask(target: &Target) -> Result<Bytes, OutboundError> {
    target.ask(Question::get("/keys")).await.map(|answer| answer.body)
}

#[tokio::test]
async fn a_source_that_the_named_company_signed_for_is_asked() {
    let company = Company::new();
    let port = company.serve("localhost").await;
    assert!(company.ask(&format!("https://localhost:{port}/keys")).await.unwrap() == "here");
    let port = company.serve("127.0.0.1").await;
    assert!(company.ask(&format!("https://127.0.0.1:{port}/keys")).await.unwrap() == "here");
}

#[tokio::test]
async fn a_source_that_another_signed_for_is_refused() {
    let (company, other) = (Company::new(), Company::new());
    let address = format!("https://localhost:{}/keys", company.serve("localhost").await);
    assert!(matches!(other.ask(&address).await, Err(OutboundError::Connect(_))));
    // The system's certificates do not know it either, where there are any.
    match Target::new(Address::parse(&address).unwrap(), None, BOUNDS) {
        Ok(target) => assert!(matches!(ask(&target).await, Err(OutboundError::Connect(_)))),
        Err(error) => assert!(matches!(error, TrustError::None)),
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let company = Company::new();
    let address = format!("https://localhost:{}/keys", company.serve("id.example.com").await);
    assert!(matches!(company.ask(&address).await, Err(OutboundError::Connect(_))));
}

#[tokio::test]
async fn a_source_without_tls_where_tls_is_due_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://localhost:{}/keys", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) });
        // It says that this is not HTTP, in plain text.
        let _ = server::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    });
    assert!(matches!(Company::new().ask(&address).await, Err(OutboundError::Connect(_))));
}
