//! How a portal's REST API is asked for deals and contacts.
//!
//! A cloud portal lets two requests a second through for ever and fifty in a burst, and says 503 to more; it says 429 when
//! a method took too long in all.

use serde_json::{Value, json};

use crate::ingest::connector::errands::{Ask, Errand, Errands, Place, Verdict, document, is_digits};
use crate::ingest::connector::json::{self, text};
use crate::ingest::connector::options::{Hidden, OptionError, Options};
use crate::model::clock::Millis;
use crate::outbound::{Address, AddressError, Answer, Question};

/// Two questions a second.
const PACE: Millis = 500;

const EVERY: Millis = 5_000;

/// The address of an incoming webhook of the portal. Whoever knows its path may do what its owner may.
#[derive(Debug)]
pub struct Portal {
    place: Place,
    /// With a `/` at both ends.
    path: Hidden,
}

impl Portal {
    /// Takes the options `rest_url` and `ca_file`.
    ///
    /// # Errors
    /// When the address is none that may be asked.
    pub fn from_options(options: &mut Options) -> Result<Option<Self>, OptionError> {
        let ca_file = options.text_if_given("ca_file")?.map(Into::into);
        let Some(url) = options.secret_if_given("rest_url")? else {
            return match ca_file {
                Some(_) => Err(OptionError::Missing { name: "rest_url" }),
                None => Ok(None),
            };
        };
        let address = Address::parse(url.reveal()).map_err(|error| invalid(&error))?;
        let path = address.path_and_query();
        if path.contains('?') || path.trim_matches('/').is_empty() {
            return Err(OptionError::Invalid { name: "rest_url", reason: EXPECTED.to_owned() });
        }
        let path = Hidden::new(&format!("{}/", path.trim_end_matches('/')));
        Ok(Some(Self { place: Place { address: address.origin(), ca_file, pace: PACE, every: EVERY }, path }))
    }
}

const EXPECTED: &str = "give the address of an incoming webhook, such as https://example.bitrix24.com/rest/1/…/";

/// Without the address: its path is a secret.
fn invalid(error: &AddressError) -> OptionError {
    let reason = match error {
        AddressError::Form { .. } => EXPECTED.to_owned(),
        AddressError::Plain { .. } => "plain HTTP to another machine would show the secret in it: use https".to_owned(),
        AddressError::User => error.to_string(),
    };
    OptionError::Invalid { name: "rest_url", reason }
}

impl Errands for Portal {
    fn place(&self) -> &Place {
        &self.place
    }

    fn histories(&self) -> &'static [&'static str] {
        &[]
    }

    fn ask(&self, errand: &Errand) -> Option<Ask> {
        let Errand::LookUp { lookup } = errand else { return None };
        let (method, id) = match lookup.split_once(' ')? {
            ("deal", id) => ("crm.deal.get", id),
            ("contact", id) => ("crm.contact.get", id),
            _ => return None,
        };
        if !is_digits(id) {
            return None;
        }
        let path = format!("{}{method}", self.path.reveal());
        Some(Ask { method, id: id.to_owned(), question: Question::post_json(path, json!({ "id": id }).to_string()) })
    }

    fn judge(&self, _errand: &Errand, answer: &Answer) -> Verdict {
        if is_gone(answer) {
            return Verdict::Told;
        }
        if let Some(reason) = refusal_of_one(answer) {
            return Verdict::Refused { reason };
        }
        match document(answer) {
            Ok(value) if value.get("result").is_some_and(Value::is_object) => Verdict::Told,
            Ok(value) => Verdict::Later {
                reason: format!("the portal says {}", error_of(&value).unwrap_or_else(|| "nothing of it".to_owned())),
            },
            Err(reason) => Verdict::Later { reason },
        }
    }
}

/// Whether the portal knows nothing under this number: it was deleted since.
fn is_gone(answer: &Answer) -> bool {
    let value = json::parse(&answer.body).unwrap_or_default();
    matches!(answer.status.as_u16(), 200 | 400 | 404) && is_not_found(&value)
}

/// What the portal says where it refuses one number and would tell of others: that the webhook's owner may not see it.
fn refusal_of_one(answer: &Answer) -> Option<String> {
    // Of the address and its owner, of the tariff, of how much was asked: all numbers would be refused.
    let is_of_all = matches!(answer.status.as_u16(), 401 | 402 | 403 | 408 | 429);
    if !answer.status.is_client_error() || is_of_all {
        return None;
    }
    // The portal itself says why, in JSON; else somebody between answered.
    let value: Value = serde_json::from_slice(&answer.body).ok()?;
    let code = error_of(&value).unwrap_or_default();
    let says_why = value.get("error").is_some() || value.get("error_description").is_some();
    (says_why && !code.contains("METHOD")).then(|| format!("the portal says {} {code}", answer.status))
}

pub fn is_not_found(answer: &Value) -> bool {
    let says =
        |pointer| text(answer, pointer).is_some_and(|text| text.to_lowercase().replace('_', " ").contains("not found"));
    let code = text(answer, "/error").unwrap_or_default();
    // `ERROR_METHOD_NOT_FOUND` is about the question.
    !code.contains("METHOD") && answer.get("result").is_none() && (says("/error_description") || says("/error"))
}

/// The code of an error: a word of the platform's, never a text of its users.
fn error_of(answer: &Value) -> Option<String> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    text(answer, "/error").filter(|code| code.len() <= 60 && code.chars().all(is_word))
}
