//! What needs a real socket: clients that are slow or go away, and the server's end.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rapport::api::{Limits, serve};
use tokio::sync::oneshot;

use crate::fixture_schema::{Stopped, app, token};

struct Server {
    address: SocketAddr,
    stopped: Stopped,
    shutdown: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

async fn start(limits: Limits) -> Server {
    let stopped = Stopped::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shutdown, signal) = oneshot::channel::<()>();
    let router = app(limits.clone(), stopped.clone());
    let task = tokio::spawn(serve(listener, router, limits, async { signal.await.unwrap_or_default() }));
    Server { address, stopped, shutdown: Some(shutdown), task }
}

fn send_query(address: SocketAddr, field: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let token = token();
    let head = format!(
        "GET /graphql?query=%7B{field}%7D HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    client
}

async fn until(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !condition() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    condition()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_stopped_when_its_client_goes_away() {
    let server = start(Limits::default()).await;
    let client = send_query(server.address, "slow");
    assert!(until(|| server.stopped.started.load(Ordering::SeqCst) == 1).await);
    assert_eq!(server.stopped.ended.load(Ordering::SeqCst), 0);
    drop(client);
    assert!(until(|| server.stopped.ended.load(Ordering::SeqCst) == 1).await);
    server.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_ends_its_head_is_cut_off() {
    let server = start(Limits { head_time: Duration::from_millis(100), ..Limits::default() }).await;
    let mut client = TcpStream::connect(server.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(b"GET /graphql HTTP/1.1\r\nHost: x\r\n").unwrap();
    let begin = Instant::now();
    let mut answer = Vec::new();
    // The end of the stream, or a reset, comes long before the timeout of reading.
    let _ = client.read_to_end(&mut answer);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    server.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_is_cut_off_and_gives_its_place_back() {
    let limits = Limits { connections: 1, write_time: Duration::from_millis(200), ..Limits::default() };
    let server = start(limits).await;
    let mut greedy = TcpStream::connect(server.address).unwrap();
    greedy.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    // More than the buffers of both ends hold.
    let asked = "GET /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n".repeat(4_000);
    // It breaks off where the server has had enough.
    let _ = greedy.write_all(asked.as_bytes());
    // There is one place: this is answered only when it is given back.
    let mut client = send_query(server.address, "one");
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.task.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_request_is_answered_before_the_server_ends() {
    let limits = Limits { execution_time: Duration::from_millis(500), ..Limits::default() };
    let mut server = start(limits).await;
    let mut client = send_query(server.address, "slow");
    assert!(until(|| server.stopped.started.load(Ordering::SeqCst) == 1).await);
    server.shutdown.take().unwrap().send(()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("TIMEOUT"), "{answer}");
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).is_err());
}
