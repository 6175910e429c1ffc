//! How a delivery proves that it comes from whom it should: one of five ways, never none.
//!
//! The mapping file says how and where; the secret itself is the connection's and never stands in the file.

use aws_lc_rs::hmac;
use hyper::header::HeaderName;
use serde_json::Value;

use super::condition::read_path;
use super::path::{Path, Scene};
use super::unit::Unit;
use super::written::{MappingError, Written};
use crate::ingest::connector::options::Hidden;
use crate::ingest::connector::signature::{self, check, is_hmac_base64, is_hmac_hex, named_header};
use crate::ingest::connector::{Delivery, Refusal};

#[derive(Clone, Debug)]
pub enum Scheme {
    Hmac(Hmac),
    /// A header is the secret, behind the prefix.
    Header {
        name: HeaderName,
        prefix: String,
    },
    /// A parameter of the address is the secret.
    Query {
        parameter: String,
    },
    /// A field of the body is the secret.
    Body {
        path: Path,
    },
}

/// A header holds the HMAC of the raw body.
#[derive(Clone, Debug)]
pub struct Hmac {
    header: HeaderName,
    prefix: String,
    algorithm: hmac::Algorithm,
    encoding: Encoding,
    timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Hex,
    Base64,
}

/// A header says when the delivery was signed.
#[derive(Clone, Debug)]
struct Timestamp {
    header: HeaderName,
    unit: Unit,
    minutes: i64,
    /// What stands between it and the body in what is signed; `None`: only the body is signed, so that the time is only
    /// as good as the connection's TLS.
    separator: Option<String>,
}

#[derive(Clone, Copy)]
enum Way {
    Hmac,
    Header,
    Query,
    Body,
}

const HEADER: &str = "the header that the mapping file names";
const PARAMETER: &str = "the query parameter that the mapping file names";
const FIELD: &str = "the field of the body that the mapping file names";

const MINUTE_MS: i64 = 60_000;

/// A day: longer is no protection.
const MINUTES_MAX: i64 = 1_440;

impl Scheme {
    /// # Errors
    /// When it is not said how, or not all that it needs.
    pub fn parse(mut written: Written) -> Result<Self, MappingError> {
        let ways = [("hmac", Way::Hmac), ("header", Way::Header), ("query", Way::Query), ("body", Way::Body)];
        if !written.has("scheme") {
            return Err(written.place.inside("scheme").wrong("is missing; give hmac, header, query or body"));
        }
        let scheme = match written.choice("scheme", &ways)? {
            Way::Hmac => Self::Hmac(Hmac::take(&mut written)?),
            Way::Header => Self::Header {
                name: header_name(&mut written)?,
                prefix: written.text_if_given("prefix")?.unwrap_or_default(),
            },
            Way::Query => Self::Query { parameter: written.text("parameter")? },
            Way::Body => Self::Body { path: body_path(&mut written)? },
        };
        written.finish()?;
        Ok(scheme)
    }

    /// Whether the delivery proves it. `parse` reads the body, which only one scheme does before it knows who sent it.
    ///
    /// # Errors
    /// When it does not.
    pub fn verify(
        &self,
        secret: &Hidden,
        delivery: &Delivery<'_>,
        parse: impl FnOnce(&[u8]) -> Option<Value>,
    ) -> Result<(), Refusal> {
        match self {
            Self::Hmac(hmac) => hmac.verify(secret, delivery),
            Self::Header { name, prefix } => {
                let value = named_header(delivery, name, HEADER)?.strip_prefix(prefix.as_str());
                check(secret, Some(value.ok_or(Refusal::BadSignature { what: HEADER })?), HEADER)
            }
            Self::Query { parameter } => {
                let given = signature::parameter(delivery.query, parameter, PARAMETER)?;
                check(secret, given.as_deref(), PARAMETER)
            }
            Self::Body { path } => {
                let body = parse(delivery.body).ok_or(Refusal::Unsigned { what: FIELD })?;
                check(secret, path.find(&Scene::of_body(&body)).and_then(Value::as_str), FIELD)
            }
        }
    }
}

impl Hmac {
    fn take(written: &mut Written) -> Result<Self, MappingError> {
        let algorithms = [
            ("sha256", hmac::HMAC_SHA256),
            ("sha512", hmac::HMAC_SHA512),
            ("sha1", hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        ];
        let timestamp = match written.take("timestamp") {
            None => None,
            Some((place, value)) => Some(Timestamp::parse(Written::of(place, value)?)?),
        };
        Ok(Self {
            header: header_name(written)?,
            prefix: written.text_if_given("prefix")?.unwrap_or_default(),
            algorithm: written.choice("algorithm", &algorithms)?,
            encoding: written.choice("encoding", &[("hex", Encoding::Hex), ("base64", Encoding::Base64)])?,
            timestamp,
        })
    }

    fn verify(&self, secret: &Hidden, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        let wrong = Refusal::BadSignature { what: HEADER };
        let tag =
            named_header(delivery, &self.header, HEADER)?.strip_prefix(self.prefix.as_str()).ok_or(wrong.clone())?;
        let mut signed = Vec::new();
        if let Some(timestamp) = &self.timestamp {
            let written = named_header(delivery, &timestamp.header, HEADER)?;
            let at = timestamp.unit.read(written).ok_or(wrong.clone())?;
            let minutes = timestamp.minutes;
            if minutes.saturating_mul(MINUTE_MS) < delivery.now.saturating_sub(at).saturating_abs() {
                return Err(Refusal::Stale { minutes });
            }
            if let Some(separator) = &timestamp.separator {
                signed.extend_from_slice(written.as_bytes());
                signed.extend_from_slice(separator.as_bytes());
            }
        }
        signed.extend_from_slice(delivery.body);
        let is_signed = match self.encoding {
            Encoding::Hex => is_hmac_hex(self.algorithm, secret, &signed, tag),
            Encoding::Base64 => is_hmac_base64(self.algorithm, secret, &signed, tag),
        };
        if is_signed { Ok(()) } else { Err(wrong) }
    }
}

impl Timestamp {
    fn parse(mut written: Written) -> Result<Self, MappingError> {
        let timestamp = Self {
            header: header_name(&mut written)?,
            unit: Unit::take(&mut written)?,
            minutes: written.number("minutes", 5, 1, MINUTES_MAX)?,
            separator: separator(&mut written)?,
        };
        written.finish()?;
        Ok(timestamp)
    }
}

/// It may be empty: then the body follows the time at once.
fn separator(written: &mut Written) -> Result<Option<String>, MappingError> {
    match written.take("separator") {
        None => Ok(None),
        Some((_, toml::Value::String(text))) => Ok(Some(text)),
        Some((place, _)) => Err(place.wrong("must be a text")),
    }
}

fn header_name(written: &mut Written) -> Result<HeaderName, MappingError> {
    let place = written.place.inside("header");
    let name = written.text("header")?;
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| place.wrong(format!("is `{name}`, which is no name of a header")))
}

fn body_path(written: &mut Written) -> Result<Path, MappingError> {
    let place = written.place.inside("path");
    let path = read_path(written)?;
    match path.is_of_many() || !path.is_of_payload() {
        true => Err(place.wrong("must be the path of one field of the body")),
        false => Ok(path),
    }
}
