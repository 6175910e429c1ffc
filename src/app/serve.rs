//! Listening until a signal says stop, and then ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;

use crate::store::embedded::EmbeddedStore;

/// How long open requests may take to finish after a signal.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes the address first, so that a busy port is told before anything slow begins.
///
/// # Errors
/// When the address cannot be had.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: stop what uses it, or choose another with RAPPORT_LISTEN=127.0.0.1:8081")
    })
}

/// Serves until Ctrl-C or SIGTERM, finishes what is open, and closes the store.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, router: Router, store: &Arc<EmbeddedStore>) -> Result<()> {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop_signal().await;
        eprintln!("\nStopping: finishing open requests …");
        let _ = stop.send(());
    });
    let deadline = async move {
        let _ = stopped.await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = server => result.context("the server failed")?,
        () = deadline => eprintln!("Some requests did not finish within {} s and were cut.", DRAIN.as_secs()),
    }
    store.close().await;
    eprintln!("Stopped; everything that was accepted is stored.");
    Ok(())
}

/// Ctrl-C, or what a service manager sends.
async fn stop_signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be waited for");
            let _ = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
