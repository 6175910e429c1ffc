//! Configuration of what is between the clients and the routes: TLS, other sites' pages, proxies. It reads no files.

use std::path::PathBuf;

use crate::api::http::client::{Proxies, ProxyError};
use crate::api::http::cors::{Origin, OriginError};
use crate::api::server::Network;
use crate::api::tls::TlsFiles;

use super::list::List;

/// What was said about the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkConfig {
    /// `None` speaks clear text.
    pub tls: Option<TlsFiles>,
    pub network: Network,
}

impl NetworkConfig {
    /// # Errors
    /// When a value cannot be what it stands for, or only one of the two files of TLS is named.
    pub fn new(
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
        origins: &List,
        proxies: &List,
    ) -> Result<Self, NetworkConfigError> {
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(NetworkConfigError::Half { set: "tls_certificate", missing: "tls_key" }),
            (None, Some(_)) => return Err(NetworkConfigError::Half { set: "tls_key", missing: "tls_certificate" }),
        };
        let origins = origins.0.iter().map(|origin| Origin::parse(origin)).collect::<Result<_, _>>()?;
        let proxies = Proxies::parse(proxies.0.iter().map(String::as_str))?;
        Ok(Self { tls, network: Network { origins, proxies } })
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum NetworkConfigError {
    #[error("`{set}` is set and `{missing}` is not: TLS needs both, clear text neither")]
    Half { set: &'static str, missing: &'static str },
    #[error(transparent)]
    Origin(#[from] OriginError),
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}
