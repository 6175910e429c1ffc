//! Deliveries as WhatsApp sends them: one message each, signed.

use std::sync::Arc;

use aws_lc_rs::hmac;
use rapport::ingest::connection::health::Health;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, platform};
use serde_json::json;

use super::client::Message;
use super::ways::TENANT;
use crate::world::NOW;

const SECRET: &str = "a secret of a benchmark";
const ACCOUNT: &str = "106540352242922";
const NAME: &str = "bench";

/// The one way in.
pub fn connections() -> Connections {
    let platform = platform("whatsapp").expect("a known platform");
    let accounts = Accounts::new(vec![ACCOUNT.to_owned()]).expect("a name");
    let options = json!({ "app_secret": SECRET, "verify_token": "a token of a benchmark" });
    let mut options = Options::new(options.as_object().cloned().expect("an object"));
    let connector = (platform.open)(&accounts, &mut options).expect("sound options");
    Connections::new([Connection {
        name: NAME.to_owned(),
        tenant: TENANT.to_owned(),
        platform,
        accounts,
        connector: Arc::clone(&connector),
        keep_days: 30,
        health: Health::default(),
    }])
}

/// So many deliveries: clients write in a thousand chats, one after the other.
pub fn messages(count: u64) -> Vec<Message> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    (0..count)
        .map(|index| {
            let from = format!("4915{:09}", index % 1_000);
            let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{
                "field": "messages",
                "value": {
                    "messaging_product": "whatsapp",
                    "metadata": {"display_phone_number": "15550783881", "phone_number_id": ACCOUNT},
                    "contacts": [{"profile": {"name": "A client"}, "wa_id": from}],
                    "messages": [{
                        "from": from, "id": format!("wamid.bench{index:012}"),
                        "timestamp": (NOW / 1_000 - 3_600 + (index / 1_000) as i64).to_string(),
                        "type": "text", "text": {"body": "Is my order on its way? I have waited since Monday."},
                    }],
                },
            }]}]});
            let body = body.to_string().into_bytes();
            let tag = hmac::sign(&key, &body);
            let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            let head = format!("content-type: application/json\r\nx-hub-signature-256: sha256={hex}\r\n");
            Message { path: "/webhooks/bench", head, body }
        })
        .collect()
}
