//! A platform of ours, for what is the same for every platform: letters signed by HMAC, and connections to take them in.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderName, Request, StatusCode};
use rapport::ingest::connection::Connection;
use rapport::ingest::connection::health::Health;
use rapport::ingest::connector::options::{Hidden, OptionError, Options};
use rapport::ingest::connector::sender::Sender;
use rapport::ingest::connector::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal, json, signature};
use rapport::model::event::Kind;
use serde_json::{Value, json};

use crate::world::World;

pub const SECRET: &str = "a secret of letters";

/// `{"account": "post", "letters": [{"kind": "letter", "id": "1", "at": 2061633600, "chat": "c"}]}`, signed in `x-letter`.
#[derive(Debug)]
struct Letters {
    accounts: Accounts,
    secret: Hidden,
}

static PLATFORM: Platform = Platform { name: "letters", open };

fn open(accounts: &Accounts, options: &mut Options) -> Result<Arc<dyn Connector>, OptionError> {
    Ok(Arc::new(Letters { accounts: accounts.clone(), secret: options.secret("secret")? }))
}

impl Connector for Letters {
    fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        // HMAC is tested beside the connectors; here a refusal is a refusal.
        if !signature::is_same(&self.secret, signature::header(delivery, "x-letter")?) {
            return Err(Refusal::BadSignature { what: "x-letter" });
        }
        let body: Value = serde_json::from_slice(delivery.body).unwrap_or_default();
        match json::text(&body, "/account") {
            Some(account) => self.accounts.check(&account),
            None => Ok(()),
        }
    }

    fn read(&self, payload: &Payload<'_>) -> Reading {
        let Ok(body) = serde_json::from_slice::<Value>(payload.body) else {
            return Reading::unreadable("the payload is no JSON");
        };
        let mut reading = Reading::default();
        let sender = Sender { channel: "LETTERS" };
        for letter in json::list(&body, "/letters") {
            match json::text(letter, "/kind").as_deref() {
                Some("letter") => {
                    let id = json::text(letter, "/id").unwrap_or_default();
                    let mut event = sender.event(Kind::MessageReceived, self.accounts.first(), &[&id]);
                    event.at = json::instant(letter, "/at", json::Unit::Seconds);
                    event.chat = json::scalar(letter, "/chat");
                    event.message = Some(id.into());
                    reading.events.push(event);
                }
                Some("advertisement") => reading.ignored += 1,
                other => reading.note_unknown(other.unwrap_or("nothing")),
            }
        }
        reading
    }
}

pub fn connection(name: &str, tenant: &str, account: &str) -> Connection {
    let accounts = Accounts::new(vec![account.to_owned()]).expect("a name");
    let secret = json!({ "secret": SECRET }).as_object().cloned().expect("an object");
    let connector = (PLATFORM.open)(&accounts, &mut Options::new(secret)).expect("sound options");
    Connection {
        name: name.to_owned(),
        tenant: tenant.to_owned(),
        platform: &PLATFORM,
        accounts,
        connector,
        keep_days: 30,
        health: Health::default(),
    }
}

/// Posts a signed body and returns status and text.
pub async fn post(world: &World, name: &str, body: impl Into<Body>) -> (StatusCode, String) {
    deliver(world, name, &[("x-letter", SECRET)], body).await
}

pub async fn deliver(
    world: &World,
    name: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, String) {
    let mut request = Request::post(format!("/webhooks/{name}")).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(name.parse::<HeaderName>().expect("a header"), *value);
    }
    world.send_for_text(request.body(body.into()).expect("a request")).await
}
