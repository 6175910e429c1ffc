//! Connectors: what a platform sends becomes events, and what it signs is checked.
//!
//! A connector is pure: bytes in, a [`Reading`] out, the same for the same bytes, so that the archive of raw payloads can
//! be read again. It asks nobody, stores nothing and knows no tenant; [`super::receive`] does the rest. One file a
//! platform; [`options`] (what is configured), [`json`] (payloads as values), [`form`] (forms beside them), [`payload`] (of
//! links and buttons), [`sender`] (events of one account), [`signature`], [`deals`] (of CRMs), [`mod@phone`] and
//! [`mod@email`] (as people write them) and [`errands`] (what a platform has to be asked for) are what they share.

mod amocrm;
mod bitrix24;
pub mod deals;
mod email;
pub mod errands;
mod form;
mod hubspot;
pub mod json;
pub mod mapping;
mod max;
pub mod options;
pub mod payload;
pub mod phone;
#[doc = include_str!("connector/platforms.md")]
pub mod platforms {}
mod retailcrm;
pub mod sender;
pub mod signature;
mod telegram;
mod viber;
mod vk;
mod whatsapp;

use std::fmt;
use std::sync::Arc;

use hyper::HeaderMap;
use serde_json::Value;

use self::errands::Errands;
use self::options::{OptionError, Options};
use super::deal::DealFact;
use crate::model::clock::Millis;
use crate::model::event::{Event, FailureReason};

/// One platform's way of speaking, made ready for one connection.
pub trait Connector: Send + Sync + fmt::Debug {
    /// Whether the delivery comes from the platform and is about an account of this connection. Reads the raw bytes.
    ///
    /// # Errors
    /// When it does not; nothing of it is kept then.
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal>;

    /// The answer to a `GET` by which the platform checks the address.
    ///
    /// # Errors
    /// When the platform has no such check, or this is none.
    fn greet(&self, _query: &str) -> Result<String, Refusal> {
        Err(Refusal::NoGreeting)
    }

    /// The answer to a verified delivery that only checks the address and tells nothing: it is not stored.
    fn handshake(&self, _body: &[u8]) -> Option<String> {
        None
    }

    /// What the payload says. Never fails: what cannot be read is said in the reading.
    fn read(&self, payload: &Payload<'_>) -> Reading;

    /// What the platform has to be asked for in the background; `None` where it tells everything by itself.
    fn errands(&self) -> Option<Arc<dyn Errands>> {
        None
    }

    /// Whether what it names can be asked for, now or once more is configured: only then it is kept for that.
    fn can_be_asked(&self) -> bool {
        false
    }

    /// The contact of a chat with one client, named as the platform's own events name it. `None`: the chat does not tell.
    fn contact_of(&self, _chat: &str) -> Option<String> {
        None
    }

    /// What the platform's answer to a send says, where the sending system reports it word for word. `None`: the
    /// platform's answers are not known here, or this is none.
    fn read_answer(&self, _answer: &Value) -> Option<SendOutcome> {
        None
    }
}

/// A request as it came. Its address and its headers can hold secrets, its body what people wrote: nothing of them is ever
/// shown.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    pub headers: &'a HeaderMap,
    /// `/webhooks/name?key=value`, as called.
    pub path_and_query: &'a str,
    /// What follows the `?`, or nothing.
    pub query: &'a str,
    pub body: &'a [u8],
    pub now: Millis,
}

/// What is kept of a request, and read again by a replay. Its body is what people wrote, and never shown.
#[derive(Clone, Copy)]
pub struct Payload<'a> {
    pub body: &'a [u8],
    /// The `Content-Type` without parameters, in lower case; may be empty.
    pub content_type: &'a str,
    pub received_at: Millis,
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("bytes", &self.body.len()).field("now", &self.now).finish_non_exhaustive()
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("bytes", &self.body.len())
            .field("content_type", &self.content_type)
            .field("received_at", &self.received_at)
            .finish()
    }
}

/// What a payload says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub events: Vec<Event>,
    /// What a CRM says of deals; [`super::deal`] makes conversions of it.
    pub deals: Vec<DealFact>,
    /// Things that the payload names and does not tell: they have to be asked for.
    pub lookups: Vec<String>,
    /// Kinds of events that the connector does not know.
    pub unknown: Vec<String>,
    /// Events of known kinds that no figure needs.
    pub ignored: u32,
    /// Why the payload, or a part of it, cannot be read at all.
    pub unreadable: Option<String>,
}

/// Unknown kinds that a reading names; a payload can invent any number.
const UNKNOWN_MAX: usize = 20;

/// Characters of the name of an unknown kind.
const UNKNOWN_CHARS_MAX: usize = 80;

impl Reading {
    /// A payload that is not what the platform sends.
    pub fn unreadable(reason: impl Into<String>) -> Self {
        Self { unreadable: Some(reason.into()), ..Self::default() }
    }

    /// Counts something that no figure needs.
    pub fn ignore(&mut self) {
        self.ignored = self.ignored.saturating_add(1);
    }

    /// Says that a part of the payload cannot be read. One reason is enough to look at it: the first is kept.
    pub fn note_unreadable(&mut self, reason: impl Into<String>) {
        self.unreadable.get_or_insert_with(|| reason.into());
    }

    /// Notes a kind that is not known.
    pub fn note_unknown(&mut self, kind: &str) {
        let kind: String = kind.chars().filter(|char| !char.is_control()).take(UNKNOWN_CHARS_MAX).collect();
        if self.unknown.len() < UNKNOWN_MAX && !self.unknown.contains(&kind) {
            self.unknown.push(kind);
        }
    }
}

/// What the platform said to a send.
#[derive(Clone, Debug, PartialEq)]
pub enum SendOutcome {
    /// It took the message, under this id; `chat` and `at` where the answer names them.
    Taken { message: String, chat: Option<String>, at: Option<i64> },
    /// It did not.
    Refused { code: String, reason: FailureReason },
}

/// Why a delivery is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the signature is missing: {what}")]
    Unsigned { what: &'static str },
    #[error("the signature is wrong: {what}")]
    BadSignature { what: &'static str },
    #[error("the delivery was signed more than {minutes} minutes ago, or for another time")]
    Stale { minutes: i64 },
    #[error("the payload is about the account {account}, which is not one of this connection")]
    ForeignAccount { account: String },
    #[error("this connection's platform does not verify its address by GET")]
    NoGreeting,
    #[error("the request is no verification of the address: {what}")]
    NotAGreeting { what: &'static str },
}

/// Characters of an account's name that a refusal repeats.
const FOREIGN_CHARS_MAX: usize = 60;

impl Refusal {
    /// The payload is about this account, which is somebody else's.
    pub fn foreign(account: &str) -> Self {
        Self::ForeignAccount { account: account.chars().take(FOREIGN_CHARS_MAX).collect() }
    }
}

/// The accounts of a connection, the first of which names what comes without an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    // Invariant: not empty, and no name is.
    names: Vec<String>,
}

impl Accounts {
    /// `None` when there is none, or one without a name.
    pub fn new(names: Vec<String>) -> Option<Self> {
        (!names.is_empty() && names.iter().all(|name| !name.trim().is_empty())).then_some(Self { names })
    }

    pub fn first(&self) -> &str {
        &self.names[0]
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// # Errors
    /// When the account is none of these.
    pub fn check(&self, name: &str) -> Result<(), Refusal> {
        match self.has(name) {
            true => Ok(()),
            false => Err(Refusal::foreign(name)),
        }
    }

    /// The same of what has several names: one that is known is enough.
    ///
    /// # Errors
    /// When none is of these accounts.
    pub fn check_any(&self, names: &[String]) -> Result<(), Refusal> {
        match names.iter().any(|name| self.has(name)) {
            true => Ok(()),
            false => Err(Refusal::foreign(names.first().map_or("", String::as_str))),
        }
    }

    /// The account of a connection that can have but one. `reason` says why.
    ///
    /// # Errors
    /// When there are several.
    pub fn only(&self, reason: &str) -> Result<String, OptionError> {
        match self.names.as_slice() {
            [name] => Ok(name.clone()),
            _ => Err(OptionError::Invalid { name: "accounts", reason: reason.to_owned() }),
        }
    }
}

/// Makes a connector ready from what is configured.
pub type Open = fn(&Accounts, &mut Options) -> Result<Arc<dyn Connector>, OptionError>;

/// A platform that connections can be made to.
#[derive(Clone, Copy)]
pub struct Platform {
    /// As in `platform = "…"`; in upper case the channel of its events.
    pub name: &'static str,
    pub open: Open,
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All platforms.
pub static PLATFORMS: &[Platform] = &[
    Platform { name: "whatsapp", open: whatsapp::open },
    Platform { name: "telegram", open: telegram::open },
    Platform { name: "viber", open: viber::open },
    Platform { name: "max", open: max::open },
    Platform { name: "vk", open: vk::open },
    Platform { name: "amocrm", open: amocrm::open },
    Platform { name: "hubspot", open: hubspot::open },
    bitrix24::BITRIX24,
    retailcrm::RETAILCRM,
    mapping::PLATFORM,
];

/// The platform of this name; names are exact.
pub fn platform(name: &str) -> Option<&'static Platform> {
    PLATFORMS.iter().find(|platform| platform.name == name)
}

#[cfg(test)]
mod odd_payloads;
#[cfg(test)]
mod tests;
