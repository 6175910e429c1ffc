//! A main database, and a platform whose connector there is in two versions. Names of databases are whole ones here: a test
//! has its own, and the scratch database beside it.

use std::sync::Arc;

use rapport::app::build::facts;
use rapport::app::replay::Trial;
use rapport::app::replay::ending::finish_replay;
use rapport::app::replay::figures::{Comparison, Figure};
use rapport::auth;
use rapport::ingest::connection::Connection;
use rapport::ingest::connection::health::Health;
use rapport::ingest::connector::sender::Sender;
use rapport::ingest::connector::{Accounts, Connector, Delivery, Payload, Platform, Reading, Refusal};
use rapport::ingest::replay::{Databases, Stretch, tables};
use rapport::ingest::{Ingest, lines};
use rapport::model::TimeRange;
use rapport::model::clock::Millis;
use rapport::model::event::{Event, Kind, Scalar};
use rapport::sql::Sql;
use rapport::store::Store;
use rapport::store::embedded::EmbeddedStore;
use rapport::store::migrations::{MIGRATIONS, migrate};
use serde_json::{Value, json};

use crate::engine::{FixedClock, Lent, directory, limits};
use crate::world::instant;

pub const TENANT: &str = "acme";

/// Ten years: the engine removes what has expired by its own clock, which no test sets.
pub const KEEP_DAYS: u16 = 3_660;

static PLATFORM: Platform = Platform { name: "testing", open: |_, _| unreachable!("tests make their connections") };

/// How well the platform is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Knows no replies; takes a typing sign for a read mark; names no contact.
    First,
    /// What the platform means.
    Second,
}

impl Connector for Mapping {
    fn verify(&self, _: &Delivery<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    /// A payload is `{id, chat, at, from}`, where `from` is `client`, `typing` or an operator's name; or a list of such.
    fn read(&self, payload: &Payload<'_>) -> Reading {
        let mut reading = Reading::default();
        let Ok(body) = serde_json::from_slice::<Value>(payload.body) else { return Reading::unreadable("no JSON") };
        let told = body.as_array().cloned().unwrap_or_else(|| vec![body]);
        for one in told {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let sender = Sender { channel: "WHATSAPP" };
            let (id, chat, from) = (text("id"), text("chat"), text("from"));
            let event = |kind: Kind| Event {
                at: Some(Scalar::Text(text("at"))),
                chat: Some(Scalar::Text(chat.clone())),
                message: Some(Scalar::Text(id.clone())),
                ..sender.event(kind, "main", &[&chat, &id])
            };
            match (self, from.as_str()) {
                (Self::First, "client") => reading.events.push(event(Kind::MessageReceived)),
                (Self::Second, "client") => reading.events.push(Event {
                    contact: Some(Scalar::Text(format!("whatsapp:{chat}"))),
                    ..event(Kind::MessageReceived)
                }),
                (Self::First, "typing") => reading.events.push(event(Kind::MessageRead)),
                (Self::Second, "typing") => reading.ignored += 1,
                (Self::First, _) => reading.note_unknown("reply"),
                (Self::Second, operator) => reading.events.push(Event {
                    operator: Some(Scalar::Text(operator.to_owned())),
                    author: Some(Scalar::Text("OPERATOR".to_owned())),
                    ..event(Kind::MessageSent)
                }),
            }
        }
        reading
    }
}

/// A payload, and when it came: a second after what it tells.
pub struct Sent {
    pub received_at: Millis,
    body: String,
}

pub fn sent(id: &str, chat: &str, at: &str, from: &str) -> Sent {
    let body = json!({"id": id, "chat": chat, "at": at, "from": from}).to_string();
    Sent { received_at: instant(at) + 1_000, body }
}

pub struct House {
    pub main: Arc<EmbeddedStore>,
    pub databases: Databases,
    pub now: Millis,
    // Order matters: the store is dropped first.
    _directory: Lent,
}

impl House {
    pub async fn open(databases: Databases) -> Self {
        let directory = directory();
        let now = instant("2026-03-20T00:00:00Z");
        let main = EmbeddedStore::open(&directory, databases.main, limits()).unwrap();
        let house = Self { main: Arc::new(main), databases, now, _directory: directory };
        migrate(house.main.as_ref(), &house.clock(), MIGRATIONS, &facts()).await.unwrap();
        house
    }

    pub fn clock(&self) -> FixedClock {
        FixedClock(self.now)
    }

    pub fn ingest(&self) -> Ingest {
        Ingest::new(self.main.clone(), Arc::new(self.clock()))
    }

    /// What a start does before it answers.
    pub async fn start(&self) {
        finish_replay(&self.main, self.databases, &self.clock()).await.unwrap();
    }

    pub async fn receive(&self, connection: Connection, payloads: &[Sent]) {
        let (ingest, connection) = (self.ingest(), Arc::new(connection));
        for sent in payloads {
            let payload =
                Payload { body: sent.body.as_bytes(), content_type: "application/json", received_at: sent.received_at };
            ingest.receive(&connection, payload).await.unwrap();
        }
    }

    /// Events that a sending system told itself.
    pub async fn take(&self, tenant: &str, events: &[Value]) {
        let items = lines::split(Value::from(events.to_vec()).to_string().into()).unwrap();
        let receipt = self.ingest().accept(tenant, items).await.unwrap();
        assert_eq!(receipt.rejected_total, 0, "{receipt}");
    }

    pub fn stretch(&self, since: &str, until: &str) -> Stretch {
        Stretch {
            tenant: TENANT.to_owned(),
            connection: "testing".to_owned(),
            since: instant(since),
            until: instant(until),
            now: self.now,
        }
    }

    pub async fn replay(&self, mapping: Mapping, stretch: Stretch) -> anyhow::Result<Trial> {
        let clock = Arc::new(self.clock());
        Trial::begin(self.main.clone(), self.databases, clock, connection(mapping), stretch).await
    }

    /// All tables of some tenants as they count, merged, with nothing left to derive.
    pub async fn contents(&self, tenants: &'static str) -> Vec<(&'static str, String)> {
        let ingest = self.ingest();
        for tenant in ingest.derivation().stale_tenants().await.unwrap() {
            ingest.derivation().catch_up(&tenant).await.unwrap();
        }
        let mut contents = Vec::new();
        for table in tables::published() {
            // Of marks only their sum counts, and it is nothing by now.
            if table == "stale_threads" {
                continue;
            }
            let mut sql =
                Sql::new("SELECT concat(toString(count()), ' ', toString(sum(sipHash64(toString(tuple(*)))))) FROM ");
            sql.push(table).push(if table == "events" { "" } else { " FINAL" }).push(" WHERE tenant ").push(tenants);
            contents.push((table, text(self.main.as_ref(), sql).await));
        }
        contents
    }

    /// What differs between the figures of two stores, over the days of all that happens here.
    pub async fn figures(&self, before: &dyn Store, after: &dyn Store) -> Vec<Figure> {
        let comparison =
            Comparison { before, after, scope: auth::owner(TENANT), now: self.now, zone: chrono_tz::Tz::UTC };
        let range = TimeRange::new(instant("2026-02-01T00:00:00Z"), self.now).unwrap();
        let figures = comparison.figures(range).await.unwrap();
        // What differs over all days differs on one of them.
        assert_eq!(comparison.differing_days(range).await.unwrap().is_some(), !figures.is_empty());
        figures
    }

    /// Whether the scratch database is there.
    pub async fn has_scratch(&self) -> bool {
        let mut sql = Sql::new("SELECT toString(count()) FROM system.databases WHERE name = ");
        sql.bind(self.databases.scratch);
        text(self.main.as_ref(), sql).await == "1"
    }
}

pub fn connection(mapping: Mapping) -> Connection {
    Connection {
        name: "testing".to_owned(),
        tenant: TENANT.to_owned(),
        platform: &PLATFORM,
        accounts: Accounts::new(vec!["main".to_owned()]).unwrap(),
        connector: Arc::new(mapping),
        keep_days: KEEP_DAYS,
        health: Health::default(),
    }
}

async fn text(store: &dyn Store, statement: Sql) -> String {
    use arrow::array::AsArray;
    let batches = store.query(statement).await.unwrap();
    batches[0].column(0).as_string::<i32>().value(0).to_owned()
}

/// A client who writes on two days and is answered by anna, once late; a typing sign between.
pub fn march() -> Vec<Sent> {
    vec![
        sent("m1", "c1", "2026-03-10T09:00:00Z", "client"),
        sent("m2", "c1", "2026-03-10T09:01:00Z", "typing"),
        sent("m3", "c1", "2026-03-10T09:05:00Z", "anna"),
        sent("m4", "c2", "2026-03-11T10:00:00Z", "client"),
        sent("m5", "c2", "2026-03-12T08:00:00Z", "anna"),
    ]
}

/// What others told: of the same tenant, by its own system, and of another one.
pub async fn others(house: &House) {
    let own = |id: &str| {
        json!({"id": id, "kind": "message.received", "at": "2026-03-10T12:00:00Z", "channel": "VK", "account": "a",
            "chat": "v1", "message": id, "contact": "vk:1"})
    };
    let sale = json!({"id": "sale", "kind": "conversion.recorded", "at": "2026-03-13T12:00:00Z", "channel": "CRM",
        "contact": "whatsapp:c1", "conversion": {"action": "purchase", "value": "10", "currency": "EUR"}});
    house.take(TENANT, &[own("o1"), own("o2"), sale]).await;
    house.take("other", &[own("o1"), own("o3")]).await;
}
