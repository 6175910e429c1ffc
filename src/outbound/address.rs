//! The addresses that may be asked.
//!
//! They come from the configuration and never from a token or a payload. What comes is as good as the way it came: HTTPS,
//! or HTTP that does not leave the machine.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use hyper::http::uri::PathAndQuery;

/// An address that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    // Invariant: HTTPS or HTTP, with a host and without a user.
    uri: Uri,
    way: Way,
}

/// How the address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Tls,
    /// Only to an address of this machine.
    Loopback,
}

impl Address {
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let shown = || text.chars().take(200).collect::<String>();
        let uri: Uri = text.trim().parse().map_err(|_| AddressError::Form { address: shown() })?;
        let authority = uri.authority().ok_or_else(|| AddressError::Form { address: shown() })?;
        if authority.as_str().contains('@') {
            return Err(AddressError::User);
        }
        let way = match uri.scheme_str() {
            Some("https") => Way::Tls,
            Some("http") if is_this_machine(host_of(&uri)) => Way::Loopback,
            Some("http") => return Err(AddressError::Plain { address: shown() }),
            _ => return Err(AddressError::Form { address: shown() }),
        };
        Ok(Self { uri, way })
    }

    pub fn way(&self) -> Way {
        self.way
    }

    /// A name or an address, without brackets.
    pub fn host(&self) -> &str {
        host_of(&self.uri)
    }

    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(match self.way {
            Way::Tls => 443,
            Way::Loopback => 80,
        })
    }

    /// What a request puts into `Host`.
    pub fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// The path and what follows it. A configured address may have a secret in it, so it is shown with care.
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The same place without path and query: what can be told of an address with a secret in its path.
    pub fn origin(&self) -> Self {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        // Scheme and authority are those of a whole address.
        Self { uri: Uri::from_parts(parts).unwrap_or_default(), way: self.way }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(formatter)
    }
}

fn host_of(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Why an address may not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("`{address}` is no address: write it as https://id.example.com/keys")]
    Form { address: String },
    #[error(
        "`{address}` is plain HTTP to another machine, where anybody on the way can read and change what is said: use https"
    )]
    Plain { address: String },
    #[error("an address must not have a user or a password in it")]
    User,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_and_this_machine_may_be_asked() {
        for (text, way, host, port) in [
            ("https://id.example.com/realms/acme/certs?x=1", Way::Tls, "id.example.com", 443),
            ("https://10.0.0.7:8443/keys", Way::Tls, "10.0.0.7", 8443),
            ("http://localhost:8081/keys", Way::Loopback, "localhost", 8081),
            ("http://127.0.0.1/keys", Way::Loopback, "127.0.0.1", 80),
            ("http://[::1]:9/keys", Way::Loopback, "::1", 9),
        ] {
            let url = Address::parse(text).unwrap();
            assert_eq!((url.way(), url.host(), url.port()), (way, host, port), "{text}");
            assert_eq!(url.to_string(), text);
        }
        assert_eq!(Address::parse("https://id.example.com").unwrap().path_and_query(), "/");
        let secret = Address::parse("https://crm.example.com:8443/rest/1/s3cret/?x=1").unwrap();
        assert_eq!(secret.origin().to_string(), "https://crm.example.com:8443/");
    }

    #[test]
    fn plain_http_to_another_machine_is_refused() {
        for text in [
            "http://id.example.com/keys",
            "http://10.0.0.7/keys",
            "http://0.0.0.0/keys",
            "http://169.254.169.254/latest",
            "http://localhost.example.com/keys",
            "http://127.0.0.1.example.com/keys",
        ] {
            assert_eq!(Address::parse(text), Err(AddressError::Plain { address: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "/keys", "id.example.com/keys", "file:///etc/keys", "ftp://id.example.com/", "https://", "a b"]
        {
            assert!(matches!(Address::parse(text), Err(AddressError::Form { .. })), "{text}");
        }
        let error = Address::parse("https://anna:hunter2@id.example.com/").unwrap_err();
        assert_eq!(error, AddressError::User);
        assert!(!error.to_string().contains("hunter2"));
    }
}
