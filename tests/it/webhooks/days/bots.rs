//! What days of bots share: a clock that goes on, the ways in, one question for everything, and how answers are compared.
//!
//! Of a delivery it says only that it is taken; the figures are in the days.

use aws_lc_rs::hmac;
use axum::body::Body;
use axum::http::{HeaderName, Request, StatusCode};
use rapport::api::audit::Log;
use rapport::ingest::connection::{Connection, Connections};
use rapport::ingest::connector::options::Options;
use rapport::ingest::connector::{Accounts, platform};
use serde_json::{Value, json};

use crate::webhooks::letters::deliver;
use crate::world::{TENANT, World, instant};

/// In the future, because the archive forgets by the engine's clock, which is nobody's to set. A Tuesday.
const MIDNIGHT: &str = "2035-05-01T00:00:00Z";

/// When everything is asked: the latest that can change is a conversion, 7 days after a client wrote.
const SETTLED: &str = "2035-05-12T00:00:00Z";

/// Every metric of the ten families, and how far to trust each family.
const EVERYTHING: &str = "
    delivery { total { rate outbound delivered failed pending acceptanceRate addressableRate failedAfterDelivered
        orphanStatuses quality { level coverage provisional warnings { code } } } }
    reads { total { ofSent ofDelivered read engagedRate quality { level coverage provisional warnings { code } } } }
    responseTime(targetSeconds: TARGET) { total { p50Seconds p90Seconds p95Seconds p99Seconds meanSeconds answered unanswered
        abandoned withinTarget quality { level coverage provisional warnings { code } } } }
    activeDialogs { total { distinct peak peakAt meanConcurrent openNow
        quality { level coverage provisional warnings { code } } } }
    satisfaction { total { satisfiedShare satisfiedLow satisfiedHigh meanScore normalisedMean rated surveyed responseRate
        quality { level coverage provisional warnings { code } } } }
    conversion { total { rate converted dialogs value currency identityCoverage
        quality { level coverage provisional warnings { code } } } }
    automation { total { automaticShare automatic manual assisted automaticMessageShare containment handoffRate
        quality { level coverage provisional warnings { code } } } }
    sessions { total { p50Seconds p90Seconds meanSeconds sessions singleMessageSessions
        quality { level coverage provisional warnings { code } } } }
    activity { total { messages turns quality { level coverage provisional warnings { code } } }
        peak { weekday hour occurrences messages perOccurrence turns turnsPerOccurrence } }
    unsubscribes { total { rate unsubscribed netUnsubscribed exposed muted muteRate
        quality { level coverage provisional warnings { code } } } }";

/// A connection of the usual tenant.
pub fn connection(on: &str, name: &str, account: &str, options: &Value) -> Connection {
    let accounts = Accounts::new(vec![account.to_owned()]).expect("a name");
    let options = Options::new(options.as_object().cloned().expect("an object"));
    let platform = platform(on).expect("a platform");
    Connection::open((name, TENANT), platform, accounts, options, 30).expect("sound options")
}

/// Milliseconds of a time of the day, `09:00:05`. Hours from 24 on are the next day's.
pub fn at(time: &str) -> i64 {
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().expect("a number")).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("{time} is no time") };
    instant(MIDNIGHT) + ((hours * 60 + minutes) * 60 + seconds) * 1_000
}

/// A day as it goes on.
pub struct Day {
    world: World,
    connections: Connections,
}

/// One delivery of a platform: where it goes, and the headers that prove it.
#[derive(Clone, Copy)]
pub struct Door {
    pub path: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
}

impl Day {
    pub async fn begin(connections: impl IntoIterator<Item = Connection>) -> Self {
        let connections = Connections::new(connections);
        let world = World::at(MIDNIGHT).await.recorded_by(connections.clone(), Log::off());
        Self { world, connections }
    }

    /// The same store and the same ways in, at another instant.
    fn turn_to(&mut self, now: i64) {
        self.world = self.world.turned_to(now).recorded_by(self.connections.clone(), Log::off());
    }

    /// It is this time now.
    pub fn at(&mut self, time: &str) -> &Self {
        self.turn_to(at(time));
        self
    }

    /// What comes now, with headers that were computed for it.
    pub async fn deliver(&self, path: &str, headers: &[(&str, &str)], body: &str) -> StatusCode {
        deliver(&self.world, path, headers, body.to_owned()).await.0
    }

    /// What comes to a door at this time; it must be taken.
    pub async fn comes(&mut self, time: &str, door: Door, body: impl ToString) {
        let (status, text) = self.knock(time, door, body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{time} {text}");
    }

    pub async fn knock(&mut self, time: &str, door: Door, body: String) -> (StatusCode, String) {
        self.turn_to(at(time));
        let mut request = Request::post(format!("/webhooks/{}", door.path));
        for (name, value) in door.headers {
            request = request.header(name.parse::<HeaderName>().expect("a header"), *value);
        }
        self.world.send_for_text(request.body(Body::from(body)).expect("a request")).await
    }

    /// Answers to sends that are reported at this time; none may be rejected. Returns how many were new and known.
    pub async fn reports(&mut self, time: &str, connection: &str, reports: &[Value]) -> (u64, u64) {
        self.at(time).report(connection, reports).await
    }

    pub async fn report(&self, connection: &str, reports: &[Value]) -> (u64, u64) {
        let request = Request::post(format!("/v1/sends/{connection}"))
            .header("authorization", format!("Bearer {}", self.world.service()))
            .body(Body::from(Value::from(reports.to_vec()).to_string()));
        let (status, receipt) = self.world.send(request.expect("a request")).await;
        assert_eq!((status, &receipt["rejectedTotal"]), (StatusCode::OK, &json!(0)), "{receipt}");
        let count = |field: &str| receipt[field].as_u64().expect("a count");
        (count("accepted"), count("duplicates"))
    }

    /// What the sending system itself says at this time.
    pub async fn says(&mut self, time: &str, events: &[Value]) {
        self.at(time).tell(events).await;
    }

    pub async fn tell(&self, events: &[Value]) {
        self.world.take(events).await;
    }

    /// All that there is to ask of the day, when nothing of it can change any more.
    pub async fn figures(&mut self) -> Value {
        self.turn_to(instant(SETTLED));
        self.figures_within(300).await
    }

    /// All that there is to ask of the day now, with a target for response times.
    pub async fn figures_within(&self, target_seconds: u32) -> Value {
        let everything = EVERYTHING.replace("TARGET", &target_seconds.to_string());
        self.world.analytics(r#"range: {from: "2035-05-01", to: "2035-05-02"}"#, &everything).await
    }

    /// How the connections fared.
    pub async fn health(&mut self) -> Value {
        let fields = "name received accepted duplicates rejected ignored troubled refusedSinceStart \
                      foreignSinceStart unknownKinds { kind deliveries }";
        self.world.ask(&self.world.manager(), &format!("{{ connections {{ {fields} }} }}")).await["connections"].clone()
    }
}

/// What `quality` says of a family of a day that is settled.
pub fn quality(level: &str, coverage: f64, warnings: &[&str]) -> Value {
    let warnings: Vec<Value> = warnings.iter().map(|code| json!({ "code": code })).collect();
    json!({ "level": level, "coverage": coverage, "provisional": false, "warnings": warnings })
}

/// The same of a day that is not over, in which every channel can tell.
pub fn unsettled(level: &str, warnings: &[&str]) -> Value {
    let mut quality = quality(level, 1.0, warnings);
    quality["provisional"] = true.into();
    quality
}

/// How several platforms sign.
pub fn hmac_hex(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ends of the Wilson interval at 95 % for `count` of `all`.
pub fn wilson(count: f64, all: f64) -> (f64, f64) {
    const Z: f64 = 1.959964;
    let (share, part) = (count / all, Z * Z / all);
    let middle = share + part / 2.0;
    let half = Z * (share * (1.0 - share) / all + part / all / 4.0).sqrt();
    ((middle - half) / (1.0 + part), (middle + half) / (1.0 + part))
}

/// Family by family the same: numbers to the ninth digit, everything else to the letter, nothing more and nothing less.
pub fn assert_figures(told: &Value, expected: &Value) {
    let mut differences = Vec::new();
    compare("", told, expected, &mut differences);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn compare(place: &str, told: &Value, expected: &Value, differences: &mut Vec<String>) {
    match (told, expected) {
        (Value::Object(has), Value::Object(wants)) => {
            let unknown =
                wants.keys().filter(|name| !has.contains_key(*name)).map(|name| format!("{place}.{name} is not told"));
            differences.extend(unknown);
            for (name, told) in has {
                match wants.get(name) {
                    Some(expected) => compare(&format!("{place}.{name}"), told, expected, differences),
                    None => differences.push(format!("{place}.{name} is {told}, and not counted by hand")),
                }
            }
        }
        (Value::Number(has), Value::Number(wants)) if is_near(has.as_f64(), wants.as_f64()) => {}
        _ if told == expected => {}
        _ => differences.push(format!("{place} is {told}, not {expected}")),
    }
}

fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    one.zip(other).is_some_and(|(one, other)| (one - other).abs() <= 1e-9 * other.abs().max(1.0))
}
