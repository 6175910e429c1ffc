//! TLS with a real client on a real socket; every certificate is made here.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rapport::api::meters::Meters;
use rapport::api::serve::Entrance;
use rapport::api::tls::{Renewal, Tls, TlsFiles};
use rapport::api::{Limits, serve};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, crypto::aws_lc_rs, version,
};

use crate::fixture_schema::{Stopped, app, token};

struct Server {
    address: SocketAddr,
    tls: Arc<Tls>,
    files: Files,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

struct Files {
    directory: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let certificate = write_pair(directory.path());
        Self { directory, certificate }
    }

    fn named(&self) -> TlsFiles {
        named(self.directory.path())
    }
}

fn named(directory: &Path) -> TlsFiles {
    TlsFiles { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") }
}

fn pair() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

/// A new certificate and its key, as files; gives the certificate.
fn write_pair(directory: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = pair();
    let files = named(directory);
    std::fs::write(files.certificate, cert.pem()).unwrap();
    std::fs::write(files.key, signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

async fn start(limits: Limits) -> Server {
    let files = Files::new();
    let tls = Arc::new(Tls::load(files.named()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, signal) = oneshot::channel::<()>();
    let router = app(limits.clone(), Stopped::default());
    let entrance = Entrance { listener, tls: Some(Arc::clone(&tls)), meters: Meters::default() };
    let task = tokio::spawn(serve(entrance, router, limits, async { signal.await.unwrap_or_default() }));
    Server { address, tls, files, shutdown, task }
}

/// A client that trusts this certificate and nothing else.
async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config =
        builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await
}

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

/// Asks `{ one }` and gives the whole answer.
async fn ask(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> String {
    let token = token();
    let request = format!(
        "GET /graphql?query=%7Bone%7D HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn is_served(server: &Server, trusted: &CertificateDer<'static>) -> bool {
    let served = async {
        match connect(server.address, trusted, BOTH).await {
            Ok(mut stream) => ask(&mut stream).await.contains(r#"{"data":{"one":1}"#),
            Err(_) => false,
        }
    };
    // So that a server that lets nobody in fails a test instead of hanging it.
    tokio::time::timeout(Duration::from_secs(30), served).await.unwrap_or(false)
}

#[tokio::test]
async fn a_query_is_answered_over_both_versions_of_tls_and_asks_for_tls_from_then_on() {
    let server = start(Limits::default()).await;
    for (asked, spoken) in [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = connect(server.address, &server.files.certificate, &[asked]).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        let answer = ask(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#"{"data":{"one":1}"#), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    }
    server.task.abort();
}

#[tokio::test]
async fn clear_text_asks_for_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = app(Limits::default(), Stopped::default());
    let task = tokio::spawn(serve(listener, router, Limits::default(), std::future::pending()));
    let answer = ask(&mut TcpStream::connect(address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("strict-transport-security"), "{answer}");
    task.abort();
}

#[tokio::test]
async fn a_broken_handshake_costs_only_itself() {
    let server = start(Limits { connections: 1, ..Limits::default() }).await;
    for broken in [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(), &[0xff; 64], &[0x16, 3, 1, 0, 4, 1, 0, 0, 0]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(broken).await.unwrap();
        let mut answer = Vec::new();
        // An alert or a reset; never an answer in clear text.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
        assert!(is_served(&server, &server.files.certificate).await);
    }
    server.task.abort();
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut_off_and_gives_its_place_back() {
    let server = start(Limits { connections: 1, head_time: Duration::from_secs(1), ..Limits::default() }).await;
    for beginning in [b"".as_slice(), &[0x16, 3, 1, 2, 0, 1, 0, 1, 252]] {
        let mut slow = TcpStream::connect(server.address).await.unwrap();
        slow.write_all(beginning).await.unwrap();
        // There is one place, and the slow client has it until it is cut off.
        assert!(is_served(&server, &server.files.certificate).await);
        let mut answer = Vec::new();
        let _ = slow.read_to_end(&mut answer).await;
    }
    server.task.abort();
}

#[tokio::test]
async fn a_handshake_that_never_ends_does_not_keep_the_server_from_ending() {
    let server = start(Limits { head_time: Duration::from_secs(3_600), ..Limits::default() }).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(&[0x16, 3, 1]).await.unwrap();
    assert!(is_served(&server, &server.files.certificate).await);
    server.shutdown.send(()).unwrap();
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
    let server = start(Limits::default()).await;
    let first = server.files.certificate.clone();
    assert!(matches!(server.tls.renew(), Renewal::Unchanged));

    let second = write_pair(server.files.directory.path());
    assert!(!is_served(&server, &second).await, "nothing was taken over yet");
    assert!(matches!(server.tls.renew(), Renewal::TakenOver));
    assert!(is_served(&server, &second).await);
    assert!(!is_served(&server, &first).await);

    let files = server.files.named();
    for break_them in [
        // The moment between the two files of a renewal.
        (|files: &TlsFiles| std::fs::write(&files.key, pair().signing_key.serialize_pem())) as fn(&TlsFiles) -> _,
        |files| std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        |files| std::fs::write(&files.certificate, ""),
        |files| std::fs::remove_file(&files.key),
    ] {
        break_them(&files).unwrap();
        assert!(matches!(server.tls.renew(), Renewal::Refused(_)));
        assert!(matches!(server.tls.renew(), Renewal::Unchanged), "the same mistake is told once");
        assert!(is_served(&server, &second).await);
    }
    let third = write_pair(server.files.directory.path());
    assert!(matches!(server.tls.renew(), Renewal::TakenOver));
    assert!(is_served(&server, &third).await);
    server.task.abort();
}

#[test]
fn files_that_are_no_pair_are_refused_by_name_and_without_what_is_in_them() {
    let check = |change: fn(&TlsFiles), expect: &str| {
        let files = Files::new();
        change(&files.named());
        let secret = std::fs::read_to_string(files.named().key).unwrap_or_default();
        let error = format!("{:#}", anyhow::Error::from(Tls::load(files.named()).err().expect(expect)));
        assert!(error.contains(expect), "{error}");
        assert!(secret.lines().all(|line| line.is_empty() || !error.contains(line)), "{error}");
    };
    check(|files| std::fs::remove_file(&files.certificate).unwrap(), "`tls_certificate` is ");
    check(|files| std::fs::remove_file(&files.key).unwrap(), "`tls_key` is ");
    check(|files| std::fs::write(&files.certificate, "no PEM").unwrap(), "holds no certificate");
    check(|files| std::fs::write(&files.key, "no PEM").unwrap(), "holds no private key");
    check(
        |files| std::fs::write(&files.key, "-----BEGIN PRIVATE KEY\nMIGHAgEA secret\n").unwrap(),
        "holds no private key",
    );
    check(
        |files| std::fs::write(&files.key, pair().signing_key.serialize_pem()).unwrap(),
        "does not belong to the certificate",
    );
    check(
        |files| {
            std::fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                .unwrap()
        },
        "cannot be used",
    );
}
