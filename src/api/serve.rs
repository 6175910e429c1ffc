//! Connections: how many, how slow, and how they end.
//!
//! The end loses no request: nobody is cut off who was accepted, answers say `connection: close`, and a connection that is
//! silent is kept for a moment, because its next request may be on its way. What is cut off is what does not end in time.
//!
//! Written by hand because `axum::serve` gives a client all the time it wants to send the head of a request.
//! A connection has its place before it says anything, so that slow handshakes are counted as slow heads are.

use std::{
    future::Future,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, header},
};
use hyper::{Request, Response, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::http::client::{Channel, Peer};
use super::limits::Limits;
use super::meters::Meters;
use super::tls::Tls;

/// What a request needs beside its query to finish when the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How long a silent connection is kept when the server is told to stop: a client that has just been answered, or has just
/// connected, may have sent its request already.
const LINGER: Duration = Duration::from_secs(1);

/// Whether the server was told to stop. Cloning gives another handle.
#[derive(Clone, Debug, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where connections come in, and what is spoken there.
pub struct Entrance {
    pub listener: TcpListener,
    /// `None` speaks clear text.
    pub tls: Option<Arc<Tls>>,
    pub meters: Meters,
}

impl Entrance {
    /// The beginning of its URLs.
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// Clear text, as for a proxy on the same machine.
impl From<TcpListener> for Entrance {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None, meters: Meters::default() }
    }
}

/// Serves until `shutdown` is ready, then lets the requests that run finish.
pub async fn serve(entrance: impl Into<Entrance>, router: Router, limits: Limits, shutdown: impl Future<Output = ()>) {
    let Entrance { listener, tls, meters } = entrance.into();
    let mut renewing = JoinSet::new();
    if let Some(tls) = &tls {
        renewing.spawn(Arc::clone(tls).keep_fresh());
    }
    let (stop, stopped) = watch::channel(Stage::Open);
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = tokio::select! {
            () = &mut shutdown => break,
            next = accept(&listener, Arc::clone(&places)) => next,
        };
        // Forget those that ended, so that the set does not grow.
        while connections.try_join_next().is_some() {}
        match next {
            Ok((stream, address, place)) => {
                let (router, limits, stopped) = (router.clone(), limits.clone(), stopped.clone());
                let tls = tls.as_ref().map(|tls| TlsAcceptor::from(tls.current()));
                let present = meters.enter();
                connections.spawn(async move {
                    greet(stream, address, tls, router, &limits, stopped).await;
                    drop((place, present));
                });
            }
            Err(error) => {
                // Mostly: no file descriptors left. Trying again at once would spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Before the door closes: who stands in the listener's queue is connected already, and would be cut off.
    for (stream, address) in queued(listener, limits.connections) {
        let (router, limits, stopped) = (router.clone(), limits.clone(), stopped.clone());
        let tls = tls.as_ref().map(|tls| TlsAcceptor::from(tls.current()));
        connections.spawn(async move { greet(stream, address, tls, router, &limits, stopped).await });
    }
    stop.send_replace(Stage::Closing);
    let finish = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.execution_time + GRACE, finish).await.is_err() {
        tracing::warn!("requests were cut off: they did not finish in time");
        // Waited for, so that whatever they still have to record comes before the record is closed.
        connections.shutdown().await;
    }
}

/// The next connection and its place among those allowed; further clients wait in the listener's queue.
async fn accept(
    listener: &TcpListener,
    places: Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, place))
}

/// Whether new requests are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Closing,
}

/// Those who wait in the listener's queue; the listener is closed after the last of them. There are no places for them, and
/// while some are taken others come: so many are taken at most.
fn queued(listener: TcpListener, at_most: usize) -> Vec<(TcpStream, SocketAddr)> {
    let mut queued = Vec::new();
    let listener = match listener.into_std() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "connections that were not accepted yet are cut off");
            return queued;
        }
    };
    for _ in 0..at_most {
        let Ok((stream, address)) = listener.accept() else { break };
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        queued.extend(stream.ok().map(|stream| (stream, address)));
    }
    queued
}

/// A connection to its end, with the handshake before it where TLS is spoken.
async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: &Limits,
    stopped: watch::Receiver<Stage>,
) {
    // Answers are small; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return converse(stream, Peer { address, channel: Channel::Clear }, router, limits, stopped).await;
    };
    // Also while the server stops: who shakes hands is connected.
    match tokio::time::timeout(limits.head_time, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let peer = Peer { address, channel: Channel::Encrypted };
            // The state of TLS is large, and the future of a connection is kept for as long as it lives.
            Box::pin(converse(stream, peer, router, limits, stopped)).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// One connection to its end. When the client goes away, the handler's future is dropped.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    router: Router,
    limits: &Limits,
    stopped: watch::Receiver<Stage>,
) {
    let said = Arc::new(AtomicBool::new(false));
    let (hears, answers) = (Arc::clone(&said), stopped.clone());
    let service = router
        .map_request(move |mut request: Request<Incoming>| {
            hears.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            request
        })
        .map_response(move |mut response: Response<Body>| {
            // The client sends nothing more on this connection, and the server ends it.
            if *answers.borrow() == Stage::Closing {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        });
    // Whoever asks and never reads would keep its connection, and what waits in it, for ever.
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_time));
    let stream = Box::pin(stream);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = linger(stopped) => {
            if !said.load(Ordering::Relaxed) {
                // It never said anything, and hyper would wait for that.
                return;
            }
            // Finish the request that runs and take no other.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Until a silent connection is closed.
async fn linger(mut stopped: watch::Receiver<Stage>) {
    // An error means that nobody is left who could tell: the server is gone.
    let _ = stopped.wait_for(|stage| *stage == Stage::Closing).await;
    tokio::time::sleep(LINGER).await;
}
