//! Listening until a signal says stop, and then ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::Limits;
use crate::ingest::derive::Derivation;
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

/// Ctrl-C, or what a service manager sends.
pub struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// From here on a signal no longer kills the process: it waits to be taken.
    ///
    /// # Errors
    /// When the system does not let signals be taken.
    pub fn new() -> Result<Self> {
        let take = |kind| signal(kind).context("signals cannot be waited for");
        Ok(Self { interrupt: take(SignalKind::interrupt())?, terminate: take(SignalKind::terminate())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Serves until a signal, finishes what is open, and closes the store. What is derived keeps up meanwhile.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    (store, derivation): (&Arc<EmbeddedStore>, Derivation),
    stop: StopSignal,
) {
    let stop = async {
        stop.wait().await;
        eprintln!("\nStopping: finishing open requests …");
    };
    let keeping_up = tokio::spawn(derivation.keep_up());
    crate::api::serve::serve(listener, router, limits, stop).await;
    // The run that goes on ends before the store closes; what is left is the next start's.
    keeping_up.abort();
    store.close().await;
    eprintln!("Stopped. What was accepted is stored.");
}
