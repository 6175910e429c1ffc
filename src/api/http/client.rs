//! Where a request comes from: the other end of the connection, or whom a trusted proxy names.
//!
//! A header is a claim of whoever sends it: `X-Forwarded-For` counts only from proxies that the configuration names, and
//! only as far as they wrote it. Nothing in it makes a request fail.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

/// The other end of a connection; `api::serve` puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: SocketAddr,
    pub channel: Channel,
}

/// Whether others on the way can read a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Clear,
    Encrypted,
}

/// The address of whoever asks, in a request's extensions. There is none where there was no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

/// The proxies in front that say for whom they ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Of addresses and networks.
    ///
    /// # Errors
    /// When one is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ProxyError> {
        let parse = |text: &str| match text.parse::<IpAddr>() {
            Ok(address) => Ok(IpNet::from(address)),
            Err(_) => text.parse::<IpNet>().map_err(|_| ProxyError { proxy: text.to_owned() }),
        };
        texts.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Walks from the last proxy towards the client and ends at the first that is none of ours: what stands further left,
    /// anybody may have written.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let mut entries = lines.flat_map(|line| line.to_str().unwrap_or("unreadable").rsplit(','));
        while self.trust(client) {
            match entries.next().and_then(address_of) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// An entry is an address; some proxies add the port.
fn address_of(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse::<IpAddr>().ok();
    let address = address.or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

/// Puts the [`ClientAddress`] into the request.
pub async fn name_client(State(proxies): State<Arc<Proxies>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    let client = peer.map(|peer| proxies.client(peer, request.headers()));
    request.extensions_mut().insert(ClientAddress(client));
    next.run(request).await
}

/// Why a text names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`trusted_proxies` has `{proxy}`: give addresses such as 10.0.0.7, or networks such as 10.0.0.0/8")]
pub struct ProxyError {
    proxy: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", axum::http::HeaderValue::from_bytes(line).unwrap());
        }
        Proxies::parse(trusted.iter().copied()).unwrap().client(peer.parse().unwrap(), &headers).to_string()
    }

    const TRUSTED: &[&str] = &["10.0.0.0/8", "fd00::1"];

    #[test]
    fn a_forwarded_address_from_anybody_but_a_trusted_proxy_is_ignored() {
        assert_eq!(client(&[], "10.0.0.1", &[b"1.1.1.1"]), "10.0.0.1");
        assert_eq!(client(TRUSTED, "9.9.9.9", &[b"1.1.1.1"]), "9.9.9.9");
        assert_eq!(client(TRUSTED, "fd00::2", &[b"1.1.1.1"]), "fd00::2");
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_counts_and_none_before_it() {
        assert_eq!(client(TRUSTED, "10.0.0.1", &[b"1.1.1.1"]), "1.1.1.1");
        assert_eq!(client(TRUSTED, "10.0.0.1", &[b"6.6.6.6, 1.1.1.1, 10.9.9.9"]), "1.1.1.1");
        assert_eq!(client(TRUSTED, "10.0.0.1", &[b"6.6.6.6", b"1.1.1.1", b"10.9.9.9"]), "1.1.1.1");
        assert_eq!(client(TRUSTED, "::ffff:10.0.0.1", &[b"::ffff:1.1.1.1"]), "1.1.1.1");
        assert_eq!(client(TRUSTED, "fd00::1", &[b"[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client(TRUSTED, "10.0.0.1", &[b"1.1.1.1:4711"]), "1.1.1.1");
        assert_eq!(client(TRUSTED, "10.0.0.1", &[b"10.0.0.2, 10.0.0.3"]), "10.0.0.2");
    }

    #[test]
    fn garbage_in_the_header_ends_the_walk_and_nothing_else() {
        let garbage: [&[u8]; 6] = [b"", b",", b"unknown", b"1.1.1.1; DROP", b"\xff\xfe", b"999.1.1.1"];
        for line in garbage {
            assert_eq!(client(TRUSTED, "10.0.0.1", &[line]), "10.0.0.1", "{line:?}");
        }
        assert_eq!(client(TRUSTED, "10.0.0.1", &[b"1.1.1.1, nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client(TRUSTED, "10.0.0.1", &["1,".repeat(10_000).as_bytes()]), "10.0.0.1");
    }

    #[test]
    fn what_is_no_address_is_named() {
        for wrong in ["proxy.example", "10.0.0.0/33", "", "*"] {
            let error = Proxies::parse([wrong]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
    }
}
