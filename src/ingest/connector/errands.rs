//! What a connector wants asked of its platform in the background: where, what, how often, and what an answer means.
//!
//! Pure, as the connectors are: [`crate::ingest::errands`] asks. An answer comes back to the connector as a payload of the
//! connection, [`wrap`]ped so that the archive can be read again.

use std::fmt;
use std::path::PathBuf;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::json::{self, number, text};
use crate::model::clock::Millis;
use crate::outbound::{Address, Answer, Question};

/// Where a platform is asked, and how often it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Without its path, which may hold a secret.
    pub address: Address,
    /// PEM certificates of those who may sign the place's own, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// The least time between two questions.
    pub pace: Millis,
    /// How often to look whether there is something to ask.
    pub every: Millis,
}

/// One thing to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// What a payload named, as in [`super::Reading::lookups`].
    LookUp { lookup: String },
    /// The page of a history after a position; `None` is its beginning.
    Page { history: &'static str, after: Option<u64> },
}

/// An errand as it is put to the platform.
#[derive(Debug)]
pub struct Ask {
    pub method: &'static str,
    pub id: String,
    pub question: Question,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The errand is done, and the answer is to be read.
    Told,
    /// A page is to be read; the next begins after `position`.
    Page { position: u64, rest: Rest },
    /// There is nothing after the position.
    Nothing,
    /// It answers, and refuses what this one lookup names: others need not wait.
    Refused { reason: String },
    /// It did not answer: ask again later.
    Later { reason: String },
}

/// Whether a history goes on behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    More,
    CaughtUp,
}

/// What is asked for one connection.
pub trait Errands: Send + Sync + fmt::Debug {
    fn place(&self) -> &Place;

    /// The histories that are read page by page.
    fn histories(&self) -> &'static [&'static str];

    /// How the errand is put; `None` where the platform cannot be asked for it.
    fn ask(&self, errand: &Errand) -> Option<Ask>;

    fn judge(&self, errand: &Errand, answer: &Answer) -> Verdict;
}

/// The document of an answer.
///
/// # Errors
/// When there is none; in words.
pub fn document(answer: &Answer) -> Result<Value, String> {
    if answer.status != StatusCode::OK {
        return Err(format!("the answer is {}; only 200 is accepted, and redirects are not followed", answer.status));
    }
    // As it will be read when it comes back as a payload.
    json::parse(&answer.body).map_err(|_| "the answer is no JSON".to_owned())
}

/// A platform's answer as it is found in a payload.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub method: &'a str,
    pub id: &'a str,
    pub asked_at: Option<Millis>,
    pub answer: &'a Value,
}

/// An answer as a payload of the connection. The answer must be JSON, and stays byte for byte what it is.
pub fn wrap(platform: &str, ask: (&str, &str), asked_at: Millis, answer: &[u8]) -> Vec<u8> {
    let (method, id) = ask;
    let head = json!({ MARK: platform, "method": method, "id": id, "asked_at": asked_at }).to_string();
    let mut body = head.trim_end_matches('}').as_bytes().to_vec();
    body.extend_from_slice(br#","answer":"#);
    body.extend_from_slice(answer);
    body.push(b'}');
    body
}

/// What marks a payload as an answer that was asked for.
const MARK: &str = "rapport";

/// Whether a payload says that it is an answer. Whoever sends one from outside is refused: answers come from us.
pub fn is_wrapped(payload: &Value) -> bool {
    payload.get(MARK).is_some()
}

/// The answer in a payload of the platform.
pub fn unwrap<'a>(platform: &str, payload: &'a Value) -> Option<Told<'a>> {
    if payload.get(MARK)?.as_str()? != platform {
        return None;
    }
    let part = |name| payload.get(name).and_then(Value::as_str).unwrap_or_default();
    let asked_at = number(payload, "/asked_at");
    Some(Told { method: part("method"), id: part("id"), asked_at, answer: payload.get("answer")? })
}

/// An id that is digits and nothing else: it becomes part of names and questions.
pub fn digits(value: &Value, pointer: &str) -> Option<String> {
    text(value, pointer).filter(|id| is_digits(id))
}

/// Digits of the largest number of 64 bits.
const DIGITS_MAX: usize = 20;

pub fn is_digits(id: &str) -> bool {
    !id.is_empty() && id.len() <= DIGITS_MAX && id.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_character_in_an_answer_costs_itself_alone() {
        let body = bytes::Bytes::from_static(br#"{"name":"Anna \ud83d"}"#);
        let answer = Answer { status: StatusCode::OK, retry_after: None, body };
        assert_eq!(document(&answer), Ok(json!({ "name": "Anna \u{fffd}" })));
    }

    #[test]
    fn a_wrapped_answer_is_read_back_and_no_other_platforms() {
        let body = wrap("bitrix24", ("crm.deal.get", "17\"}"), 5, br#"{"result":{"A":1.50}}"#);
        let expected = r#"{"rapport":"bitrix24","method":"crm.deal.get","id":"17\"}","asked_at":5,"answer":{"result":{"A":1.50}}}"#;
        assert_eq!(String::from_utf8_lossy(&body), expected);
        let value: Value = serde_json::from_slice(&body).unwrap();
        let told = unwrap("bitrix24", &value).unwrap();
        assert_eq!((told.method, told.id, told.asked_at), ("crm.deal.get", "17\"}", Some(5)));
        assert_eq!(told.answer, &json!({"result": {"A": 1.50}}));
        assert!(is_wrapped(&value) && unwrap("retailcrm", &value).is_none());
        assert!(!is_wrapped(&json!([])) && !is_wrapped(&json!({"event": "x"})));
    }
}
