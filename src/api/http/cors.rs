//! Which pages of other sites may ask: none, unless their origins are configured.
//!
//! An origin is compared as a whole; there are no wildcards. Cookies play no part here, so credentials are never allowed.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser remembers what it may do. Chrome takes no more than this.
const MAX_AGE: Duration = Duration::from_secs(2 * 60 * 60);

/// Scheme, host and port of a site, exactly as a browser sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// # Errors
    /// When no browser would ever send this.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let refuse = |why| OriginError { origin: text.to_owned(), why };
        if text.contains('*') {
            return Err(refuse("has a `*`: name each origin"));
        }
        let (default_port, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("443", rest),
            Some(("http", rest)) => ("80", rest),
            _ => return Err(refuse("begins with neither https:// nor http://")),
        };
        if rest.contains(['/', '?', '#', '@']) {
            return Err(refuse(
                "has more than a scheme, a host and a port: leave out what follows the host, also a `/`",
            ));
        }
        let (host, port) = match rest.rfind(':') {
            // The last colon of a bare IPv6 address is inside its brackets.
            Some(at) if !rest.ends_with(']') => (&rest[..at], Some(&rest[at + 1..])),
            _ => (rest, None),
        };
        if !is_host(host) {
            return Err(refuse("has no host that a browser would send: lower-case letters, digits, `-` and `.`"));
        }
        if port.is_some_and(|port| port.starts_with(['0', '+']) || port.parse::<u16>().is_err()) {
            return Err(refuse("has a port that is none"));
        }
        if port == Some(default_port) {
            return Err(refuse("names its scheme's own port, which no browser sends: leave it out"));
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| refuse("cannot stand in a header"))
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.to_string() == inside);
    }
    let is_sent = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    !host.is_empty() && host.bytes().all(is_sent)
}

/// Answers preflights without a token, and lets pages of these origins read answers. `None` when there are none.
pub fn layer(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.0.clone())))
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers([HeaderName::from_static("x-request-id"), header::RETRY_AFTER])
            .max_age(MAX_AGE),
    )
}

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`cors_origins` has `{origin}`, which {why}; an origin is such as https://dashboard.example.com")]
pub struct OriginError {
    origin: String,
    why: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_browser_sends_is_an_origin() {
        for origin in
            ["https://a.example", "http://localhost:3000", "https://[::1]:8443", "http://[::1]", "https://x:80"]
        {
            assert!(Origin::parse(origin).is_ok(), "{origin}");
        }
        for (text, why) in [
            ("*", "name each origin"),
            ("https://*.example", "name each origin"),
            ("null", "neither https://"),
            ("ftp://a.example", "neither https://"),
            ("HTTPS://a.example", "neither https://"),
            ("https://a.example/", "leave out what follows"),
            ("https://a.example/path", "leave out what follows"),
            ("https://user@a.example", "leave out what follows"),
            ("https://a.example?x", "leave out what follows"),
            ("https://A.example", "no host"),
            ("https://", "no host"),
            ("https://:8080", "no host"),
            ("https://a b", "no host"),
            ("https://a.example\r\nx: y", "no host"),
            ("https://[::1", "no host"),
            ("https://a.example:0", "a port that is none"),
            ("https://a.example:", "a port that is none"),
            ("https://a.example:65536", "a port that is none"),
            ("https://a.example:443", "leave it out"),
            ("http://a.example:80", "leave it out"),
        ] {
            let error = Origin::parse(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
