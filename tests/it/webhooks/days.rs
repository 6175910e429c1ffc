//! Whole days on real platforms, told through HTTP as they are told; all ten families beside what was computed by hand.

mod bots;
mod max;
mod telegram;
mod viber;
mod whatsapp;

use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use rapport::api::audit::Log;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, platform};
use serde_json::{Value, json};

use super::letters::deliver;
use crate::world::{TENANT, World, instant};

/// A Tuesday in the future, because the archive forgets by the engine's clock, which is nobody's to set.
const DATE: &str = "2035-05-01";

pub fn connection(platform_name: &str, name: &str, account: &str, options: Value) -> Connection {
    let Value::Object(options) = options else { panic!("options are an object") };
    let accounts = Accounts::new(vec![account.to_owned()]).unwrap();
    let platform = platform(platform_name).unwrap();
    Connection::open((name, TENANT), platform, accounts, Options::new(options), 30).unwrap()
}

/// Milliseconds of a time of the day, UTC: `08:00:10`.
pub fn millis(time: &str) -> i64 {
    instant(&format!("{DATE}T{time}Z"))
}

pub fn seconds(time: &str) -> i64 {
    millis(time) / 1_000
}

pub fn hex(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tenant with connections whose clock goes on.
pub struct Day {
    world: World,
    connections: Connections,
}

impl Day {
    pub async fn of(connections: impl IntoIterator<Item = Connection>) -> Self {
        let connections = Connections::new(connections);
        let world = World::at(&format!("{DATE}T00:00:00Z")).await.recorded_by(connections.clone(), Log::off());
        Self { world, connections }
    }

    /// It is this time now.
    pub fn at(&mut self, time: &str) -> &Self {
        self.until(&format!("{DATE}T{time}Z"))
    }

    pub fn until(&mut self, now: &str) -> &Self {
        let World { router, store, .. } = &self.world;
        let later = World { router: router.clone(), store: Arc::clone(store), now: instant(now) };
        self.world = later.recorded_by(self.connections.clone(), Log::off());
        self
    }

    pub async fn deliver(&self, name: &str, headers: &[(&str, &str)], body: &str) -> StatusCode {
        deliver(&self.world, name, headers, body.to_owned()).await.0
    }

    /// What platforms answered to sends; all must be good.
    pub async fn report(&self, name: &str, reports: &[Value]) {
        let request = Request::post(format!("/v1/sends/{name}"))
            .header("authorization", format!("Bearer {}", self.world.service()));
        let body = Body::from(Value::from(reports.to_vec()).to_string());
        let (status, receipt) = self.world.send(request.body(body).unwrap()).await;
        assert_eq!((status, &receipt["rejectedTotal"]), (StatusCode::OK, &json!(0)), "{receipt}");
    }

    pub async fn events(&self, events: &[Value]) {
        self.world.take(events).await;
    }

    /// All that the ten families say of the day, response times with a target.
    pub async fn told(&self, target_seconds: u32) -> Value {
        let range = r#"range: {from: "2035-05-01", to: "2035-05-02"}, timezone: "UTC""#;
        self.world
            .analytics(range, &FAMILIES.replace("QUALITY", QUALITY).replace("TARGET", &target_seconds.to_string()))
            .await
    }

    pub async fn connections(&self) -> Value {
        let fields = "name received accepted duplicates rejected ignored troubled refusedSinceStart foreignSinceStart \
                      unknownKinds { kind deliveries }";
        self.world.ask(&self.world.manager(), &format!("{{ connections {{ {fields} }} }}")).await["connections"].clone()
    }
}

const QUALITY: &str = "quality { level coverage provisional warnings { code } }";

/// Every metric of every family.
const FAMILIES: &str = "
    delivery { total { rate outbound delivered failed pending acceptanceRate addressableRate failedAfterDelivered
        orphanStatuses QUALITY } }
    reads { total { ofSent ofDelivered read engagedRate QUALITY } }
    responseTime(kind: ALL, targetSeconds: TARGET) { total { p50Seconds p90Seconds p95Seconds p99Seconds meanSeconds
        answered unanswered abandoned withinTarget QUALITY } }
    activeDialogs { total { distinct peak peakAt meanConcurrent openNow QUALITY } }
    satisfaction { total { satisfiedShare satisfiedLow satisfiedHigh meanScore normalisedMean rated surveyed responseRate
        QUALITY } }
    conversion { total { rate converted dialogs value currency identityCoverage QUALITY } }
    automation { total { automaticShare automatic manual assisted automaticMessageShare containment handoffRate
        QUALITY } }
    sessions { total { p50Seconds p90Seconds meanSeconds sessions singleMessageSessions QUALITY } }
    activity { total { messages turns QUALITY } peak { weekday hour messages perOccurrence } }
    unsubscribes { total { rate unsubscribed netUnsubscribed exposed muted muteRate QUALITY } }";

/// The day is not over, so that everything can still change.
pub fn quality(level: &str, warnings: &[&str]) -> Value {
    let warnings: Vec<Value> = warnings.iter().map(|code| json!({ "code": code })).collect();
    json!({ "level": level, "coverage": 1.0, "provisional": true, "warnings": warnings })
}

/// Tells all differences at once. Numbers are equal but for their last digit, which reading JSON can cost.
pub fn assert_same(told: &Value, expected: &Value) {
    let mut differences = Vec::new();
    compare("", told, expected, &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn compare(path: &str, told: &Value, expected: &Value, differences: &mut Vec<String>) {
    match (told, expected) {
        (Value::Object(told), Value::Object(expected)) if told.keys().eq(expected.keys()) => {
            for (name, expected) in expected {
                compare(&format!("{path}.{name}"), &told[name], expected, differences);
            }
        }
        (Value::Number(one), Value::Number(other)) if is_near(one.as_f64(), other.as_f64()) => {}
        (told, expected) if told == expected => {}
        (told, expected) => differences.push(format!("{path} is {told}, computed {expected}")),
    }
}

fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    one.zip(other).is_some_and(|(one, other)| (one - other).abs() <= 1e-12 * other.abs())
}
