//! Configuration of traces: where they go, and how many. It opens nothing.

use super::list::Number;
use crate::outbound::{Address, AddressError};

/// Where traces go.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TracesConfig {
    #[default]
    Off,
    To {
        /// A receiver of OTLP over HTTP, without `/v1/traces`.
        endpoint: Address,
        /// Of traces that nobody began before, 0 to 1.
        share: f64,
    },
}

impl TracesConfig {
    /// # Errors
    /// When the program has no traces in it, or the address or the share cannot be used.
    pub fn new(endpoint: Option<String>, sample: Option<Number>) -> Result<Self, TracesConfigError> {
        let share = match sample {
            None => 1.0,
            Some(sample) => sample.within(0.0..=1.0).map_err(|sample| TracesConfigError::Sample { sample })?,
        };
        let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.trim().is_empty()) else { return Ok(Self::Off) };
        if !cfg!(feature = "otlp") {
            return Err(TracesConfigError::NotBuilt);
        }
        Ok(Self::To { endpoint: Address::parse(&endpoint).map_err(TracesConfigError::Endpoint)?, share })
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TracesConfigError {
    #[error(
        "`otlp_endpoint` is set, but this program was built without traces: build it with `cargo build --release --features \
         otlp`, or take the setting away"
    )]
    NotBuilt,
    #[error("`otlp_endpoint` cannot be used: give a receiver such as http://localhost:4318")]
    Endpoint(#[source] AddressError),
    #[error("`otlp_sample` is `{sample}`: give the share of traces to collect, from 0 to 1")]
    Sample { sample: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: Option<&str>, sample: Option<&str>) -> Result<TracesConfig, TracesConfigError> {
        TracesConfig::new(endpoint.map(str::to_owned), sample.map(|sample| Number(sample.to_owned())))
    }

    #[test]
    fn traces_go_nowhere_unless_configured() {
        assert_eq!(read(None, None).unwrap(), TracesConfig::Off);
        assert_eq!(read(Some(" "), Some("0.5")).unwrap(), TracesConfig::Off);
    }

    #[test]
    fn a_share_is_a_number_from_0_to_1() {
        for wrong in ["", "-0.1", "1.1", "NaN", "half", "10%"] {
            let error = read(None, Some(wrong)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`otlp_sample` is `{wrong}`")), "{error}");
        }
    }

    #[cfg(not(feature = "otlp"))]
    #[test]
    fn a_program_without_traces_says_so() {
        let error = read(Some("http://localhost:4318"), None).unwrap_err().to_string();
        assert!(error.contains("built without traces"), "{error}");
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn a_receiver_is_reached_safely() {
        let TracesConfig::To { endpoint, share } = read(Some("http://localhost:4318"), Some("0.25")).unwrap() else {
            panic!("it is configured");
        };
        assert_eq!((endpoint.port(), share), (4318, 0.25));
        for wrong in ["http://collector.example:4318", "localhost:4318", "https://me:hunter2@collector.example"] {
            assert!(matches!(read(Some(wrong), None), Err(TracesConfigError::Endpoint(_))), "{wrong}");
        }
    }
}
