//! What a message of the queue holds: sections, each one body or one request's events, in a form that a later version reads.
//!
//! Pure: bytes in, sections out. A section is a line of JSON that says what it is, and the bytes that it announces.

use std::io::{self, Read};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ingest::normalise::TEXT_FIELDS;
use crate::model::clock::Millis;
use crate::model::event::Event;
use crate::model::hex;

/// A part of a message: what one request brought, or a stretch of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub head: Head,
    pub body: Bytes,
}

/// What a section is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Head {
    /// Events, one a line, that passed the rules at their arrival.
    Events { tenant: String, connection: String, received_at: Millis, events: u64, bytes: usize },
    /// What a platform sent, verified, word for word.
    Payload { tenant: String, connection: String, content_type: String, received_at: Millis, bytes: usize },
}

/// The first byte: how the rest is written.
const PLAIN: u8 = b'1';
const COMPRESSED: u8 = b'2';

/// Below it compression saves less than it costs.
const COMPRESSED_FROM_BYTES: usize = 4 * 1024;

/// The fastest level: the stream's disk is written a tenth of what came, at several hundred megabytes a second.
const LEVEL: i32 = 1;

/// The most that a message may unpack to: the largest body that the API takes.
pub(super) const PLAIN_BYTES_MAX: usize = 64 << 20;

/// The most sections of a message: each costs its reader some work, however small it is.
pub(super) const SECTIONS_MAX: usize = 4096;

impl Section {
    /// The parts of its identity: what is sent again has them again, whenever it comes.
    fn identity(&self) -> [&[u8]; 5] {
        match &self.head {
            Head::Events { tenant, connection, .. } => {
                [b"events", tenant.as_bytes(), connection.as_bytes(), b"", &self.body]
            }
            Head::Payload { tenant, connection, content_type, .. } => {
                [b"payload", tenant.as_bytes(), connection.as_bytes(), content_type.as_bytes(), &self.body]
            }
        }
    }

    /// Its events in two halves; `None` where there is nothing to halve.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let Head::Events { tenant, connection, received_at, events, .. } = &self.head else { return None };
        let middle = self.body.len() / 2;
        let cut = middle + self.body[middle..].iter().position(|byte| *byte == b'\n')? + 1;
        let first = self.body.slice(..cut);
        let rest = self.body.slice(cut..);
        if rest.is_empty() || *events < 2 {
            return None;
        }
        let lines = |body: &Bytes| body.iter().filter(|byte| **byte == b'\n').count() as u64;
        let half = |body: Bytes| Self {
            head: Head::Events {
                tenant: tenant.clone(),
                connection: connection.clone(),
                received_at: *received_at,
                events: lines(&body),
                bytes: body.len(),
            },
            body,
        };
        Some((half(first), half(rest)))
    }

    /// How many events it has; a payload says that only when it is read.
    pub fn events(&self) -> u64 {
        match &self.head {
            Head::Events { events, .. } => *events,
            Head::Payload { .. } => 0,
        }
    }
}

/// The id under which the stream knows sections that it was given before: the same for the same contents.
pub(super) fn id(sections: &[Section]) -> String {
    let mut digest = Sha256::new();
    for part in sections.iter().flat_map(Section::identity) {
        // Lengths, so that no two lists of parts look the same.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    hex(&digest.finalize()[..16])
}

/// Sections as a message.
pub(super) fn encode(sections: &[Section]) -> Result<Bytes, MessageError> {
    let mut plain = vec![PLAIN];
    for Section { head, body } in sections {
        serde_json::to_writer(&mut plain, head).map_err(MessageError::Head)?;
        plain.push(b'\n');
        plain.extend_from_slice(body);
    }
    // What no worker would read must not be accepted.
    if PLAIN_BYTES_MAX < plain.len() - 1 {
        return Err(MessageError::Large { bytes_max: PLAIN_BYTES_MAX });
    }
    if plain.len() < COMPRESSED_FROM_BYTES {
        return Ok(plain.into());
    }
    let mut packed = vec![COMPRESSED];
    zstd::stream::copy_encode(&plain[1..], &mut packed, LEVEL).map_err(MessageError::Packed)?;
    Ok(packed.into())
}

/// The sections of a message.
pub(super) fn decode(message: &Bytes) -> Result<Vec<Section>, MessageError> {
    let mut rest = match message.first() {
        Some(&PLAIN) => message.slice(1..),
        Some(&COMPRESSED) => unpack(&message[1..])?,
        Some(&other) => return Err(MessageError::Form { byte: other }),
        None => return Err(MessageError::Short),
    };
    let mut sections = Vec::new();
    while !rest.is_empty() {
        if sections.len() == SECTIONS_MAX {
            return Err(MessageError::Many { sections_max: SECTIONS_MAX });
        }
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(MessageError::Short)?;
        let head: Head = serde_json::from_slice(&rest[..end]).map_err(MessageError::Head)?;
        let (Head::Events { bytes, .. } | Head::Payload { bytes, .. }) = &head;
        let from = end + 1;
        let to = from.checked_add(*bytes).filter(|to| *to <= rest.len()).ok_or(MessageError::Short)?;
        sections.push(Section { body: rest.slice(from..to), head });
        rest = rest.slice(to..);
    }
    Ok(sections)
}

/// The most bytes that a message can unpack to, before it is unpacked.
pub(super) fn plain_bytes_most(message: &Bytes) -> usize {
    match message.first() {
        Some(&COMPRESSED) => PLAIN_BYTES_MAX,
        _ => message.len(),
    }
}

fn unpack(packed: &[u8]) -> Result<Bytes, MessageError> {
    let mut plain = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(MessageError::Packed)?;
    decoder.take(PLAIN_BYTES_MAX as u64 + 1).read_to_end(&mut plain).map_err(MessageError::Packed)?;
    match plain.len() <= PLAIN_BYTES_MAX {
        true => Ok(plain.into()),
        false => Err(MessageError::Large { bytes_max: PLAIN_BYTES_MAX }),
    }
}

/// An event as a line, without what people wrote: that is never stored, in a stream neither.
pub(super) fn line(mut event: Event) -> Result<Vec<u8>, MessageError> {
    let is_text = |name: &String| TEXT_FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name));
    event.other.retain(|name, _| !is_text(name));
    if let Some(attributes) = &mut event.attributes {
        attributes.retain(|name, _| !is_text(name));
    }
    let mut line = serde_json::to_vec(&event).map_err(MessageError::Head)?;
    line.push(b'\n');
    Ok(line)
}

/// Why a message cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("a message begins with the byte {byte}, which this version does not know")]
    Form { byte: u8 },
    #[error("a message ends before what it announces")]
    Short,
    #[error("a message unpacks to more than {bytes_max} bytes")]
    Large { bytes_max: usize },
    #[error("a message has more than {sections_max} parts")]
    Many { sections_max: usize },
    #[error("a message cannot be unpacked")]
    Packed(#[source] io::Error),
    #[error("a part of a message is not what it should be")]
    Head(#[source] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(tenant: &str, received_at: Millis, body: &str) -> Section {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let events = body.iter().filter(|byte| **byte == b'\n').count() as u64;
        let head = Head::Events {
            tenant: tenant.to_owned(),
            connection: String::new(),
            received_at,
            events,
            bytes: body.len(),
        };
        Section { head, body }
    }

    fn payload(body: &[u8]) -> Section {
        let head = Head::Payload {
            tenant: "acme".to_owned(),
            connection: "shop".to_owned(),
            content_type: "application/json".to_owned(),
            received_at: 7,
            bytes: body.len(),
        };
        Section { head, body: Bytes::copy_from_slice(body) }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let long = "{\"id\":\"a\"}\n".repeat(1_000);
        for sections in [
            vec![],
            vec![events("acme", 5, "{\"id\":\"a\"}\n")],
            vec![events("acme", 5, &long), payload(b"\xff\n\x00"), payload(b""), events("b", 6, "")],
        ] {
            assert_eq!(decode(&encode(&sections).unwrap()).unwrap(), sections);
        }
        assert!(encode(&[events("acme", 5, &long)]).unwrap().len() < long.len() / 10);
    }

    #[test]
    fn the_same_contents_have_the_same_id_whenever_they_come() {
        let at = |received_at| id(&[events("acme", received_at, "x\n")]);
        assert_eq!(at(1), at(2));
        let ids = [
            at(1),
            id(&[events("rival", 1, "x\n")]),
            id(&[events("acme", 1, "y\n")]),
            id(&[payload(b"x\n")]),
            id(&[events("acme", 1, "x\n"), events("acme", 1, "x\n")]),
            id(&[]),
        ];
        let different: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn a_broken_message_says_what_is_wrong() {
        let told = |message: &[u8]| decode(&Bytes::copy_from_slice(message)).unwrap_err().to_string();
        assert_eq!(told(b""), "a message ends before what it announces");
        assert_eq!(told(b"9{}"), "a message begins with the byte 57, which this version does not know");
        assert_eq!(told(b"2nonsense"), "a message cannot be unpacked");
        assert_eq!(told(b"1{}\n"), "a part of a message is not what it should be");
        let whole = encode(&[events("acme", 5, "{\"id\":\"a\"}\n")]).unwrap();
        assert_eq!(told(&whole[..whole.len() - 1]), "a message ends before what it announces");
    }

    #[test]
    fn what_no_worker_would_read_is_not_written() {
        let large = payload(&vec![b'x'; PLAIN_BYTES_MAX]);
        assert!(matches!(encode(&[large]), Err(MessageError::Large { .. })));
        let most = payload(&vec![b'x'; PLAIN_BYTES_MAX - 200]);
        assert_eq!(decode(&encode(std::slice::from_ref(&most)).unwrap()).unwrap(), [most]);
        let many = |count| decode(&encode(&vec![payload(b""); count]).unwrap()).map(|sections| sections.len());
        assert_eq!(many(SECTIONS_MAX).unwrap(), SECTIONS_MAX);
        assert!(matches!(many(SECTIONS_MAX + 1), Err(MessageError::Many { .. })));
    }

    #[test]
    fn a_section_is_halved_between_two_lines() {
        let (first, rest) = events("acme", 5, "aaaa\nb\nc\n").halves().unwrap();
        assert_eq!((first.body.as_ref(), first.events()), (&b"aaaa\n"[..], 1));
        assert_eq!((rest.body.as_ref(), rest.events()), (&b"b\nc\n"[..], 2));
        assert_eq!(events("acme", 5, "aaaa\n").halves(), None);
        assert_eq!(payload(b"a\nb\n").halves(), None);
    }

    #[test]
    fn a_line_has_nothing_that_people_wrote() {
        let event = serde_json::from_str(
            r#"{"id":"a","text":"secret","Body":"secret","x":1,"attributes":{"message_text":"secret","y":"2"}}"#,
        );
        let line = line(event.unwrap()).unwrap();
        assert_eq!(line, b"{\"id\":\"a\",\"attributes\":{\"y\":\"2\"},\"x\":1}\n");
    }
}
