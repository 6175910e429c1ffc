//! The event: one thing that happened in a conversation, as a source reports it.
//!
//! `schema/event.schema.json` is generated from these types and their comments. They only hold what was received:
//! whether it is allowed, `ingest::normalise` decides, which turns an [`Event`] into a [`NormalEvent`].

mod kind;
mod normal;
mod scalar;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use kind::{Kind, Needs};
pub use normal::{Amount, Author, FailureReason, NormalEvent, TimeSource};
pub use scalar::Scalar;
use scalar::{Decimal, Id, Instant, Text};

/// One thing that happened in a conversation: one JSON object. The tenant comes from the token, never from here.
///
/// Ids are strings or whole numbers; all 64 bits of a number survive. An empty string or null is the same as an
/// absent field. A field that is not listed here is kept in `attributes`, except the text of a message (`text`,
/// `body`, `message_text`), which is never stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "a JSON object with the fields of an event")]
pub struct Event {
    /// The idempotency key, unique in the tenant: a second event with the same id changes nothing and is counted
    /// as a duplicate. 1 to 200 characters, no control characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Id")]
    pub id: Option<Scalar>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Kind")]
    pub kind: Option<Scalar>,
    /// When it happened, by the source's clock: RFC 3339 with an offset, or milliseconds since 1970-01-01 UTC.
    /// Absent, or more than 5 minutes ahead of its arrival: the time of arrival is used. More than 24 hours ahead,
    /// or before 2009-01-01: rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    pub at: Option<Scalar>,
    /// The messenger: `WHATSAPP`, `TELEGRAM`, `VIBER`, `MAX`, `VK`, or a name of your own (letters, digits, `_` and
    /// `-`; at most 32; case does not matter).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "String", regex(pattern = "^[A-Za-z0-9_-]{1,32}$"))]
    pub channel: Option<Scalar>,
    /// The connected sender on the channel: a phone number, bot or community.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub account: Option<Scalar>,
    /// The chat on the platform, unique in the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub chat: Option<Scalar>,
    /// The client, under one id in the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub contact: Option<Scalar>,
    /// Other names of the contact, each as `kind:value`: `phone:+4915112345678`, `telegram:7264`, `crm:c-55`. Contacts
    /// that share one are one person, whenever that is told; ids of contacts are such names too. A phone or an `email:` that
    /// more than 50 contacts share joins nobody. At most 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Id>>", length(max = 16))]
    pub identities: Option<Vec<Scalar>>,
    /// The source's own dialog (ticket, request) id, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub dialog: Option<Scalar>,
    /// The platform's message id, unique in the chat. For `read.watermark` the number up to which all is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub message: Option<Scalar>,
    /// The operator who wrote, was assigned, or works. On an outbound message it makes the author `OPERATOR`
    /// unless `author` says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub operator: Option<Scalar>,
    /// The operator's team at the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub team: Option<Scalar>,
    /// Who wrote the message. `message.received` is always `CLIENT`; an outbound message never is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Author>")]
    pub author: Option<Scalar>,
    /// Whether an operator approved a draft that a machine wrote; such a message counts as manual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assisted: Option<bool>,
    /// The contact's labels at the time of the event; at most 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Text>>", length(max = 32))]
    pub segments: Option<Vec<Scalar>>,
    /// The campaign that the message was sent for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub campaign: Option<Scalar>,
    /// The bot scenario or flow that sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub scenario: Option<Scalar>,
    /// The message template that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub template: Option<Scalar>,
    /// How the contact came: an advertisement, a link, a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub source: Option<Scalar>,
    /// What the message is: `text`, `image`, `document`, …; kept in lower case. `note` is a private note that the
    /// client never sees and no figure counts as a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub message_kind: Option<Scalar>,
    /// Why a `message.failed` failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The survey of `survey.sent` and `survey.rated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survey: Option<Survey>,
    /// What a `conversion.recorded` brought, or a `conversion.reverted` took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// What was consented to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// The link that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// Anything else worth keeping, by name. The first 64 are kept; a value is kept as text and cut after 1,000
    /// characters (a nested one as compact JSON); `truncated: "true"` says that something was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Map<String, Value>>,
    /// Fields of other names; they become attributes.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Why a message could not be delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an object {code, reason}")]
pub struct Failure {
    /// The platform's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub code: Option<Scalar>,
    /// The group that the code belongs to; absent is `UNKNOWN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<FailureReason>")]
    pub reason: Option<Scalar>,
}

/// A question for a rating, and its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an object {id, score, scale}")]
pub struct Survey {
    /// Names this one question to this one client; the rating carries the same id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub id: Option<Scalar>,
    /// The rating, from 1 (worst) to `scale` (best).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>", range(min = 1, max = 10))]
    pub score: Option<Scalar>,
    /// The number of points of the scale: 2, 3, 5 or 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i64>", extend("enum" = [2, 3, 5, 10, null]))]
    pub scale: Option<Scalar>,
}

/// Something that the client did and that counts for the business.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an object {action, value, currency, order}")]
pub struct Conversion {
    /// What the client did: `purchase`, `registration`, `form`, `link_click`, or a name of your own; kept in lower
    /// case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub action: Option<Scalar>,
    /// Its worth in units of the currency, up to four decimals, never negative. A string keeps all digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Decimal>")]
    pub value: Option<Scalar>,
    /// ISO 4217, three letters; required with `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = "^[A-Za-z]{3}$"))]
    pub currency: Option<Scalar>,
    /// The order's id; a reversal names the order that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub order: Option<Scalar>,
}

/// Money spent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an object {amount, currency, category}")]
pub struct Cost {
    /// In units of the currency, up to four decimals; negative for a credit. A string keeps all digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Decimal>")]
    pub amount: Option<Scalar>,
    /// ISO 4217, three letters; required with `amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = "^[A-Za-z]{3}$"))]
    pub currency: Option<Scalar>,
    /// The platform's price category, or a name of your own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub category: Option<Scalar>,
}

/// A consent, or its withdrawal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an object {purpose, text_version}")]
pub struct Consent {
    /// What the data may be used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub purpose: Option<Scalar>,
    /// The version of the text that was agreed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Text>")]
    pub text_version: Option<Scalar>,
}

/// A link that was followed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(expecting = "an object {url}")]
pub struct Link {
    /// Where it leads; cut after 1,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<Scalar>,
}

/// The JSON Schema of one event: the text of `schema/event.schema.json`.
pub fn json_schema() -> String {
    let mut schema = schemars::schema_for!(Event);
    schema.insert("allOf".to_owned(), Value::Array(kind::schema_conditions()));
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON");
    text.push('\n');
    text
}
