//! Connections: how many, how slow, and how they end.
//!
//! Written by hand because `axum::serve` gives a client all the time it wants to send the head of a request.
//! TLS is for the proxy in front.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::limits::Limits;

/// What a request needs to finish when the server is told to stop: longer than any query may run.
const GRACE: Duration = Duration::from_secs(15);

/// Serves until `shutdown` is ready, then lets the requests that run finish.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: impl Future<Output = ()>) {
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
            Ok((stream, place)) => {
                let (router, limits, stopped) = (router.clone(), limits.clone(), stop.subscribe());
                connections.spawn(async move {
                    converse(stream, router, &limits, stopped).await;
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
    if tokio::time::timeout(GRACE, finish).await.is_err() {
        tracing::warn!("requests were cut off: they did not finish in time");
    }
}

/// The next connection and its place among those allowed; further clients wait in the listener's queue.
async fn accept(
    listener: &TcpListener,
    places: Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// One connection to its end. When the client goes away, the handler's future is dropped.
async fn converse(stream: TcpStream, router: Router, limits: &Limits, mut stopped: watch::Receiver<()>) {
    // Answers are small; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
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
