//! Whose address is recorded, over a real socket: the client's own, or whom a trusted proxy names.

use rapport::api::http::client::Proxies;
use rapport::api::server::Network;
use rapport::api::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::audit::{Memory, in_memory};
use crate::fixture_schema::{Stopped, app_in};

/// Sends a request without a token and gives the status and what was recorded as its origin.
async fn recorded(trusted: &[&str], header: &str) -> (String, serde_json::Value) {
    let Memory { log, mut lines } = in_memory(0);
    let network = Network { proxies: Proxies::parse(trusted.iter().copied()).unwrap(), ..Network::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = app_in(network, log, Stopped::default());
    let server = tokio::spawn(serve(listener, router, Limits::default(), std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /graphql?query=%7Bone%7D HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    (answer[9..12].to_owned(), lines.recv().await.unwrap()["remote"].clone())
}

#[tokio::test]
async fn the_address_of_a_client_is_that_of_its_socket() {
    assert_eq!(recorded(&[], "").await, ("401".to_owned(), "127.0.0.1".into()));
}

#[tokio::test]
async fn a_client_cannot_name_another_address_as_its_own() {
    let header = "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\nX-Real-Ip: 203.0.113.9\r\n";
    assert_eq!(recorded(&[], header).await.1, "127.0.0.1");
    assert_eq!(recorded(&["10.0.0.0/8"], header).await.1, "127.0.0.1");
}

#[tokio::test]
async fn a_trusted_proxy_names_its_client_and_not_what_that_client_wrote() {
    let header = "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n";
    assert_eq!(recorded(&["127.0.0.0/8"], header).await.1, "203.0.113.9");
}

#[tokio::test]
async fn garbage_from_a_trusted_proxy_fails_no_request() {
    let garbage = "X-Forwarded-For: \u{ff}, ', \";--\r\n".replace('\u{ff}', "<script>");
    assert_eq!(recorded(&["127.0.0.1"], &garbage).await, ("401".to_owned(), "127.0.0.1".into()));
}
