//! Traces: what the program's spans become where a receiver of OTLP is configured.
//!
//! Nothing waits for the receiver but the end of the process, and that not for long: see `export`. Without the feature
//! `otlp` there are none, and `config` refuses to be told otherwise.

#[cfg(feature = "otlp")]
mod export;

use anyhow::Result;
use tracing_subscriber::{Layer, Registry};

use super::config::TracesConfig;
use crate::api::traces::Exported;

/// What takes spans from where they end.
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The traces of the process.
#[derive(Default)]
pub struct Traces {
    /// `None`: none are collected.
    pub exported: Option<Exported>,
    #[cfg(feature = "otlp")]
    export: Option<export::Export>,
}

impl Traces {
    /// Begins to collect, if that is configured. The layer is for the log of the process.
    ///
    /// # Errors
    /// When there are no certificates to know the receiver by.
    #[cfg(feature = "otlp")]
    pub fn begin(config: &TracesConfig) -> Result<(Self, Option<SpanLayer>)> {
        let TracesConfig::To { endpoint, share } = config else { return Ok((Self::default(), None)) };
        let exported = Exported::default();
        let (export, layer) = export::begin(endpoint, *share, exported.clone())?;
        Ok((Self { exported: Some(exported), export: Some(export) }, Some(layer)))
    }

    /// There are none in this program.
    ///
    /// # Errors
    /// Never: the configuration has been refused before.
    #[cfg(not(feature = "otlp"))]
    pub fn begin(_config: &TracesConfig) -> Result<(Self, Option<SpanLayer>)> {
        Ok((Self::default(), None))
    }

    /// Sends what has ended, within [`export::FLUSH_MAX`].
    #[cfg(feature = "otlp")]
    pub async fn close(self) {
        if let Some(export) = self.export {
            export.close().await;
        }
    }

    /// Nothing is to be sent.
    #[cfg(not(feature = "otlp"))]
    pub async fn close(self) {}
}
