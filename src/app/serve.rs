//! Listening until a signal says stop, and then ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;

use crate::api::Limits;
use crate::store::embedded::EmbeddedStore;

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
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, store: &Arc<EmbeddedStore>) {
    let stop = async {
        stop_signal().await;
        eprintln!("\nStopping: finishing open requests …");
    };
    crate::api::serve::serve(listener, router, limits, stop).await;
    store.close().await;
    eprintln!("Stopped. What was accepted is stored.");
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
