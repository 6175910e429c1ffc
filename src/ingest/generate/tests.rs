use std::collections::{BTreeMap, HashSet};

use indicatif::ProgressBar;

use super::*;
use crate::ingest::file::{self, AdapterOptions, Options};
use crate::ingest::normalise::normalise;
use crate::model::clock::DAY_MS;
use crate::model::event::{Kind, NormalEvent};
/// 2026-05-01T12:00:00Z.
const TO: i64 = 1_777_636_800_000;

fn plan(messages: u64) -> Plan {
    let from = TO - 30 * DAY_MS;
    Plan { seed: 7, tenant_index: 0, from, to: TO, messages, time_zone: chrono_tz::Europe::Berlin }
}

fn normal(plan: Plan) -> Vec<NormalEvent> {
    plan.events().map(|event| normalise(event, TO).unwrap()).collect()
}

#[test]
fn every_event_is_accepted_by_the_rules_and_lies_in_the_plan() {
    let events = normal(plan(20_000));
    assert!(events.iter().all(|event| plan(1).from <= event.at && event.at < TO));
    let ids: HashSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let copies = events.len() - ids.len();
    assert!((0.005..0.02).contains(&(copies as f64 / events.len() as f64)), "{copies} copies");
}

#[test]
fn a_plan_has_about_as_many_messages_as_it_says() {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let mut messages: HashSet<(String, String)> = HashSet::new();
    for event in normal(plan(20_000)) {
        *kinds.entry(event.kind.as_str()).or_default() += 1;
        if event.kind == Kind::MessageReceived || event.kind.is_outbound_origin() {
            messages.insert((event.chat, event.message));
        }
    }
    assert!((18_000..22_000).contains(&messages.len()), "{} messages: {kinds:?}", messages.len());
    // Everything that a metric needs happens.
    for kind in [
        Kind::MessageFailed,
        Kind::MessageRead,
        Kind::ReadWatermark,
        Kind::MessageClicked,
        Kind::MessageReacted,
        Kind::MessageButtonPressed,
        Kind::DialogHandedOff,
        Kind::SurveyRated,
        Kind::ConversionRecorded,
        Kind::ConversionReverted,
        Kind::ContactUnsubscribed,
        Kind::ContactBlocked,
        Kind::OperatorOnline,
        Kind::SpendRecorded,
    ] {
        assert!(kinds.contains_key(kind.as_str()), "no {kind}: {kinds:?}");
    }
}

#[test]
fn no_channel_reports_what_it_cannot_know() {
    for event in normal(plan(20_000)) {
        let channel = event.channel.as_str();
        match event.kind {
            Kind::MessageDelivered => assert!(["WHATSAPP", "VIBER"].contains(&channel)),
            Kind::MessageRead => assert_eq!(channel, "WHATSAPP"),
            Kind::ReadWatermark => assert!(["VK", "VIBER"].contains(&channel)),
            _ => {}
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_events_and_another_gives_others() {
    let first: Vec<Event> = plan(500).events().collect();
    assert_eq!(first, plan(500).events().collect::<Vec<_>>());
    assert_ne!(first, Plan { tenant_index: 1, ..plan(500) }.events().collect::<Vec<_>>());
    assert_ne!(first, Plan { seed: 8, ..plan(500) }.events().collect::<Vec<_>>());
}

#[test]
fn both_formats_are_read_back_to_the_same_events() {
    let expect = normal(plan(2_000));
    for suffix in [".ndjson", ".parquet"] {
        let file = tempfile::NamedTempFile::with_suffix(suffix).unwrap();
        let written = match suffix {
            ".parquet" => write::parquet(plan(2_000).events(), file.as_file()).unwrap(),
            _ => write::ndjson(plan(2_000).events(), std::io::BufWriter::new(file.as_file())).unwrap(),
        };
        assert_eq!(written, expect.len() as u64);
        let options = Options { path: file.path().to_owned(), format: None, adapter: AdapterOptions::default() };
        let items = file::open(&options, &ProgressBar::hidden()).unwrap();
        let got: Vec<_> = items.map(|item| normalise(item.unwrap().event.unwrap(), TO).unwrap()).collect();
        assert!(got == expect, "{suffix}");
    }
}
