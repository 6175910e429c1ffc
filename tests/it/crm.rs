//! Deals of CRMs become conversions: from what a connector reads to what a report says.

mod amocrm;
mod book;
mod credited;
pub mod hubspot;
mod races;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rapport::ingest::Ingest;
use rapport::ingest::connection::Connection;
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, Payload, platform};
use rapport::ingest::receive::Received;
use serde_json::{Value, json};

use crate::dialogs::{MARCH, message};
use crate::engine::shown;
use crate::world::{TENANT, World, instant};

/// A world with one connection to a CRM.
pub struct Desk {
    pub world: World,
    ingest: Ingest,
    connection: Arc<Connection>,
}

impl Desk {
    pub async fn with(connection: Connection) -> Self {
        let world = World::at("2026-03-30T00:00:00Z").await;
        let ingest = world.ingest.clone();
        Self { world, ingest, connection: Arc::new(Connection { tenant: TENANT.to_owned(), ..connection }) }
    }

    /// A world with the connection that the payloads of a platform are of.
    pub async fn of(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads").join(name).join("connection.json");
        let mut written: serde_json::Map<String, Value> =
            serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let accounts = serde_json::from_value(written.remove("accounts").unwrap()).unwrap();
        let platform = platform(name).unwrap();
        let accounts = Accounts::new(accounts).unwrap();
        Self::with(Connection::open((name, ""), platform, accounts, Options::new(written), 30).unwrap()).await
    }

    /// A delivery that arrives at an instant.
    pub async fn deliver(&self, content_type: &str, body: &str, at: &str) -> Received {
        let payload = Payload { body: body.as_bytes(), content_type, received_at: instant(at) };
        self.ingest.receive(&self.connection, payload).await.expect("the store takes it")
    }

    /// One dialog of this contact, begun on the 10th at 10:00.
    pub async fn dialog_of(&self, contact: &str) {
        let mut event = message("CLIENT", "2026-03-10T10:00:00Z");
        event["contact"] = contact.into();
        self.world.take(&[event]).await;
    }

    /// How many dialogs were converted, and what they brought.
    pub async fn converted(&self) -> Value {
        let fields = "conversion { total { converted value currency } }";
        self.world.analytics(MARCH, fields).await["conversion"]["total"].clone()
    }

    /// Who is said to be one person, one a line.
    pub async fn links(&self) -> String {
        let statement = "SELECT contact, arrayStringConcat(identities, ' ') AS names FROM events
            WHERE kind = 'contact.linked' ORDER BY contact, names";
        shown(self.world.store.as_ref(), statement).await
    }

    /// The conversions and reversals that are stored, one a line.
    pub async fn stored(&self) -> String {
        let statement =
            "SELECT id, formatDateTime(at, '%d %H:%i:%S') AS time, kind, action, value, currency, order_id, contact
            FROM conversion_events FINAL ORDER BY at, id";
        shown(self.world.store.as_ref(), statement).await
    }
}

pub fn worth(converted: i64, value: Option<&str>, currency: Option<&str>) -> Value {
    json!({"converted": converted, "value": value, "currency": currency})
}
