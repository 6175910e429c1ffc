//! Listening until a signal says stop, and then ending cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::meters::Meters;
use crate::api::serve::{Entrance, Stopping};
use crate::api::tls::Tls;
use crate::api::{Limits, audit};
use crate::ingest::Ingest;
use crate::ingest::errands::{self, Runner};
use crate::ingest::queued::worker::Working;
use crate::store::chosen::ChosenStore;

use super::config::Config;

/// Where clients come in: TLS where it is configured. First of all, so that what is wrong here is told before anything
/// slow begins.
///
/// # Errors
/// When the certificate cannot be used, or the address cannot be had.
pub async fn enter(config: &Config) -> Result<Entrance> {
    let tls = config.network.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let entrance = Entrance { listener: listen(config.listen).await?, tls, meters: Meters::default() };
    if entrance.tls.is_none() && !config.listen.ip().is_loopback() {
        tracing::warn!(
            listen = %config.listen,
            "others on the network can read tokens and answers: set RAPPORT_TLS_CERTIFICATE and RAPPORT_TLS_KEY, or let a \
             proxy in front encrypt"
        );
    }
    Ok(entrance)
}

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

    pub async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What goes on beside the requests.
pub struct Background {
    pub ingest: Ingest,
    /// Those of connections whose platforms have to be asked.
    pub errands: Vec<Runner>,
    /// Where this process also stores what its queue has.
    pub worker: Option<Working>,
}

/// How the end is told before it comes.
#[derive(Debug)]
pub struct Notice {
    pub stopping: Stopping,
    /// How long readiness says so while everything is still served.
    pub time: Duration,
}

/// Serves until a signal, finishes what is open, and closes the record and the store. What is derived keeps up meanwhile,
/// and what platforms do not tell by themselves is asked for.
pub async fn serve(
    entrance: Entrance,
    router: Router,
    limits: Limits,
    (store, background): (&Arc<ChosenStore>, Background),
    audit: audit::Log,
    (stop, notice): (StopSignal, Notice),
) {
    let stop = async {
        stop.wait().await;
        notice.stopping.begin();
        tokio::time::sleep(notice.time).await;
        eprintln!("\nStopping: finishing open requests …");
    };
    let upkeep = background.ingest.start_upkeep();
    let on_errands = tokio::spawn(errands::keep_up(background.errands));
    crate::api::serve::serve(entrance, router, limits, stop).await;
    audit.close().await;
    // An errand that is not done is run again by the next start.
    on_errands.abort();
    // After the last request, so that what the queue has by now is stored before the end, as far as it is in work.
    if let Some(worker) = background.worker {
        worker.stop().await;
    }
    upkeep.end().await;
    store.close().await;
    eprintln!("Stopped. What was accepted is stored, or in the queue where there is one.");
}
