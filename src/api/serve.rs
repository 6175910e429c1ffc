//! Connections: how many, how slow, and how they end.
//!
//! Written by hand because `axum::serve` gives a client all the time it wants to send the head of a request.
//! A connection has its place before it says anything, so that slow handshakes are counted as slow heads are.

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1};
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
use super::tls::Tls;

/// What a request needs beside its query to finish when the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Where connections come in, and what is spoken there.
pub struct Entrance {
    pub listener: TcpListener,
    /// `None` speaks clear text.
    pub tls: Option<Arc<Tls>>,
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
        Self { listener, tls: None }
    }
}

/// Serves until `shutdown` is ready, then lets the requests that run finish.
pub async fn serve(entrance: impl Into<Entrance>, router: Router, limits: Limits, shutdown: impl Future<Output = ()>) {
    let Entrance { listener, tls } = entrance.into();
    let mut renewing = JoinSet::new();
    if let Some(tls) = &tls {
        renewing.spawn(Arc::clone(tls).keep_fresh());
    }
    let (stop, _) = watch::channel(());
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
                let (router, limits, mut stopped) = (router.clone(), limits.clone(), stop.subscribe());
                let tls = tls.as_ref().map(|tls| TlsAcceptor::from(tls.current()));
                connections.spawn(async move {
                    greet(stream, address, tls, router, &limits, &mut stopped).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Mostly: no file descriptors left. Trying again at once would spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    drop(stop);
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

/// A connection to its end, with the handshake before it where TLS is spoken.
async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: &Limits,
    stopped: &mut watch::Receiver<()>,
) {
    // Answers are small; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return converse(stream, Peer { address, channel: Channel::Clear }, router, limits, stopped).await;
    };
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(limits.head_time, tls.accept(stream)) => shaken,
        // Nothing was asked yet.
        _ = stopped.changed() => return,
    };
    match shaken {
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
    stopped: &mut watch::Receiver<()>,
) {
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request
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
        // The sender was dropped: finish the request that runs and take no other.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke off");
    }
}
