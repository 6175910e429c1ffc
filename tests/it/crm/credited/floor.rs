//! The shop floor: a world with two messengers and one CRM, each behind its own signed way in.

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use rapport::ingest::connection::Connection;
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, platform};
use rapport::ingest::errands::Runner;
use rapport::model::clock::Millis;
use serde_json::{Value, json};

use crate::world::{TENANT, World, instant};

/// Long after everything. In the future, because the archive forgets by the engine's clock, which is nobody's to set.
const NOW: &str = "2035-05-16T12:00:00Z";

/// The day of which all questions are.
const THE_TENTH: &str = r#"range: {from: "2035-05-10", to: "2035-05-11"}"#;

/// The one account of each connection.
pub const ACCOUNT: &str = "5001";

const APP_SECRET: &str = "an-invented-app-secret";
const BOT_SECRET: &str = "an_invented_bot_secret";

pub struct Floor {
    world: World,
    platform_name: &'static str,
    options: Value,
}

impl Floor {
    pub async fn with(platform_name: &'static str, options: Value) -> Self {
        let floor = Self { world: World::at(NOW).await, platform_name, options };
        Self { world: floor.world.connected(floor.connections()), ..floor }
    }

    /// A minute later: what is told of a thing at one instant is one thing told.
    pub fn turn(&mut self) {
        self.world = self.world.turned_to(self.world.now + 60_000);
        self.world = self.world.connected(self.connections());
    }

    pub fn now(&self) -> Millis {
        self.world.now
    }

    fn connections(&self) -> [Connection; 3] {
        let whatsapp = json!({"app_secret": APP_SECRET, "verify_token": "an-invented-verify-token"});
        let telegram = json!({"secret_token": BOT_SECRET});
        [connection("chats", "whatsapp", &whatsapp), connection("bot", "telegram", &telegram), self.crm()]
    }

    fn crm(&self) -> Connection {
        connection("crm", self.platform_name, &self.options)
    }

    /// A client writes by WhatsApp.
    pub async fn whatsapp(&self, wa_id: &str, at: &str) {
        let seconds = (millis(at) / 1_000).to_string();
        let message = json!({"from": wa_id, "id": format!("wamid.{wa_id}.{seconds}"), "timestamp": seconds, "type": "text",
            "text": {"body": "Is it still there?"}});
        let value = json!({"messaging_product": "whatsapp", "messages": [message],
            "metadata": {"display_phone_number": "4930555010", "phone_number_id": ACCOUNT},
            "contacts": [{"wa_id": wa_id, "profile": {"name": "Anna"}}]});
        let body = json!({"object": "whatsapp_business_account",
            "entry": [{"id": "2088", "changes": [{"field": "messages", "value": value}]}]})
        .to_string();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes()), body.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.post("chats", "application/json", &[("x-hub-signature-256", format!("sha256={hex}"))], body).await;
    }

    /// A client writes to the bot, or shares its own number with it.
    pub async fn telegram(&self, user: u64, phone: Option<&str>, at: &str) {
        let seconds = millis(at) / 1_000;
        let mut message = json!({"message_id": seconds % 100_000, "date": seconds, "from": {"id": user, "is_bot": false},
            "chat": {"id": user, "type": "private"}});
        match phone {
            Some(phone) => message["contact"] = json!({"phone_number": phone, "user_id": user, "first_name": "B"}),
            None => message["text"] = "Good day".into(),
        }
        let body = json!({"update_id": seconds + i64::try_from(user).unwrap(), "message": message}).to_string();
        let secret = [("x-telegram-bot-api-secret-token", BOT_SECRET.to_owned())];
        self.post("bot", "application/json", &secret, body).await;
    }

    /// A call of the CRM, told twice as platforms do when they are not sure: the second time changes nothing.
    pub async fn call(&self, query: &str, content_type: &str, headers: &[(&str, String)], body: String) {
        for _ in 0..2 {
            self.post(&format!("crm{query}"), content_type, headers, body.clone()).await;
        }
    }

    /// Asks the CRM for all that is still to be asked.
    pub async fn ask_crm(&self) {
        let ingest = self.world.ingest.clone();
        let mut runner =
            Runner::new(&ingest, &Arc::new(self.crm())).expect("this machine needs no certificates").expect("errands");
        for _ in 0..100 {
            // All else is the pace between two questions.
            if 1_000 < runner.step().await.expect("the store is open") - self.world.now {
                return;
            }
        }
        panic!("a hundred questions, and still more");
    }

    async fn post(&self, place: &str, content_type: &str, headers: &[(&str, String)], body: String) {
        let mut request = Request::post(format!("/webhooks/{place}")).header("content-type", content_type);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let (status, text) = self.world.send_for_text(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{text}\n{body}");
    }

    /// Nothing was refused, unreadable or of a kind that nobody knows.
    pub async fn is_in_order(&self) {
        let health = "{ connections { received troubled lastTrouble rejected unknownKinds { kind } } }";
        for told in self.world.ask(&self.world.manager(), health).await["connections"].as_array().unwrap() {
            assert_ne!(told["received"], 0, "{told}");
            assert_eq!((&told["troubled"], &told["rejected"]), (&json!(0), &json!(0)), "{told}");
            assert_eq!(told["unknownKinds"], json!([]));
        }
    }

    /// Of each contact: converted dialogs, dialogs, value.
    pub async fn credited(&self, contacts: [&str; 4]) -> [Value; 4] {
        let parts: Vec<String> = contacts
            .iter()
            .enumerate()
            .map(|(index, contact)| {
                format!(
                    r#"c{index}: analytics({THE_TENTH}, filter: {{contacts: ["{contact}"]}}) {{
                        conversion {{ total {{ converted dialogs value }} }} }}"#
                )
            })
            .collect();
        let answer = self.world.ask(&self.world.manager(), &format!("{{ {} }}", parts.join(" "))).await;
        [0, 1, 2, 3].map(|index| {
            let total = &answer[format!("c{index}")]["conversion"]["total"];
            json!([total["converted"], total["dialogs"], total["value"]])
        })
    }

    /// Converted dialogs, dialogs, value, `identityCoverage`.
    pub async fn conversion(&self) -> Value {
        let fields = "conversion { total { converted dialogs value identityCoverage rate } }";
        let total = self.world.analytics(THE_TENTH, fields).await["conversion"]["total"].clone();
        let rate = total["converted"].as_f64().unwrap() / total["dialogs"].as_f64().unwrap();
        assert_eq!(total["rate"], json!(rate));
        json!([total["converted"], total["dialogs"], total["value"], total["identityCoverage"]])
    }

    /// Channel, converted dialogs and value, when the first dialog gets the credit.
    pub async fn first_touch(&self) -> Value {
        let fields =
            "conversion(attribution: FIRST_TOUCH) { by(dimensions: [CHANNEL]) { keys metrics { converted value } } }";
        let rows = self.world.analytics(THE_TENTH, fields).await["conversion"]["by"].clone();
        let row = |row: &Value| json!([row["keys"][0], row["metrics"]["converted"], row["metrics"]["value"]]);
        rows.as_array().unwrap().iter().map(row).collect()
    }
}

fn connection(name: &str, platform_name: &str, options: &Value) -> Connection {
    let options = Options::new(options.as_object().cloned().unwrap());
    let accounts = Accounts::new(vec![ACCOUNT.to_owned()]).unwrap();
    Connection::open((name, TENANT), platform(platform_name).unwrap(), accounts, options, 30).unwrap()
}

/// Milliseconds of a day and a time of May 2035.
pub fn millis(at: &str) -> i64 {
    instant(&rfc3339(at))
}

pub fn rfc3339(at: &str) -> String {
    format!("2035-05-{at}+00:00")
}
