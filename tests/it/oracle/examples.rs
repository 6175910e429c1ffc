//! The oracle against numbers worked out by hand: the examples of the definitions, without an API.

use proptest::prop_assert_eq;
use proptest::strategy::{Strategy, ValueTree};
use serde_json::{Value, json};

use super::answer::{Facts, expected};
use super::arguments::Arguments;
use super::events::{DAY, Event, HOUR, History, MINUTE, Who, history};
use super::families::{FAMILIES, Family, family};
use super::local::written;
use super::outcomes::{Conversion, Rating, Survey};
use super::question::{Lists, Question, SINGLE, Viewer, question_of};
use super::runner;
use crate::world::instant;

const START: &str = "2026-03-10T09:00:00Z";

fn question(family: &'static str, from: i64, to: i64, arguments: Arguments) -> Question {
    Question {
        family: self::family(family),
        arguments,
        zone: chrono_tz::Tz::UTC,
        from: (from, written(from)),
        to: (to, written(to)),
        keep: Lists::new(),
        leave: Lists::new(),
        viewer: Viewer::Manager,
        every: "DAY",
        dimensions: Vec::new(),
        compare: "PREVIOUS_PERIOD",
    }
}

/// The totals of a period of milliseconds after the start, asked 30 days later.
fn total(family: &'static str, events: &[Event], period: (i64, i64), arguments: Arguments) -> Value {
    let start = instant(START);
    let mut events = events.to_vec();
    for event in &mut events {
        event.at += start;
    }
    let now = start + 30 * DAY;
    let facts = Facts::of(&History { window: start, events, arrival: 0, now, schedule: None });
    let question = question(family, start + period.0, start + period.1, arguments);
    expected(&facts, &question).1["total"].take()
}

fn event(kind: &'static str, at: i64) -> Event {
    let message = if kind.starts_with("message.") { at.to_string().leak() } else { "" };
    Event { kind, at, channel: "SITE", account: "a", chat: "x", message, ..Event::default() }
}

fn by(author: &'static str, at: i64) -> Event {
    let kind = if author == "CLIENT" { "message.received" } else { "message.sent" };
    Event { who: Who { author, ..Who::default() }, ..event(kind, at) }
}

fn check(metrics: &Value, expect: &Value) {
    for (name, value) in expect.as_object().unwrap() {
        assert_eq!(metrics[name], *value, "{name} of {metrics:#}");
    }
}

#[test]
fn example_3_a_bot_answers_first() {
    let second = 1000;
    let events = [by("CLIENT", 0), by("CLIENT", 20 * second), by("BOT", 21 * second), by("OPERATOR", 240 * second)];
    let asked = |bot_stops_clock| Arguments { bot_stops_clock, target_seconds: Some(240), ..Arguments::default() };
    let slow = total("responseTime", &events, (0, DAY), asked(None));
    check(&slow, &json!({"p50Seconds": 240.0, "withinTarget": 1.0, "answered": 1, "unanswered": 0, "abandoned": 0}));
    let quick = total("responseTime", &events, (0, DAY), asked(Some(true)));
    check(&quick, &json!({"p50Seconds": 21.0, "answered": 1}));
    let automation = total("automation", &events, (0, DAY), Arguments::default());
    check(&automation, &json!({"automaticShare": 1.0, "handoffRate": 1.0, "containment": 0.0, "manual": 0}));
}

#[test]
fn example_5_sessions_are_cut_where_nobody_writes() {
    let events = [("CLIENT", 0), ("OPERATOR", 10), ("CLIENT", 27), ("CLIENT", 60)]
        .map(|(author, minute)| by(author, minute * MINUTE));
    for (minutes, sessions, alone, mean) in [(30, 1, 1, 1620.0), (15, 1, 2, 600.0), (33, 1, 0, 3600.0)] {
        let arguments = Arguments { inactivity_minutes: Some(minutes), ..Arguments::default() };
        let metrics = total("sessions", &events, (0, DAY), arguments);
        check(&metrics, &json!({"sessions": sessions, "singleMessageSessions": alone, "meanSeconds": mean}));
    }
}

#[test]
fn example_6_dialogs_overlap() {
    let mut events = Vec::new();
    for (dialog, open, close) in [("d1", 0, 60), ("d2", 30, 90), ("d3", 30, 60)] {
        events.push(Event { dialog, ..event("dialog.opened", open * MINUTE) });
        events.push(Event { dialog, ..event("dialog.closed", close * MINUTE) });
    }
    let whole = total("activeDialogs", &events, (0, 120 * MINUTE), Arguments::default());
    check(&whole, &json!({"peak": 3, "peakAt": "2026-03-10T09:30:00.000Z", "meanConcurrent": 1.25, "openNow": 0}));
    let late = total("activeDialogs", &events, (45 * MINUTE, 120 * MINUTE), Arguments::default());
    check(&late, &json!({"peak": 3, "peakAt": "2026-03-10T09:45:00.000Z", "meanConcurrent": 1.0}));
}

#[test]
fn example_10_the_last_rating_of_a_survey_counts() {
    let ids = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"];
    let mut events =
        ids.map(|id| Event { survey: Some(Survey { id, rating: None }), ..event("survey.sent", 0) }).to_vec();
    let ratings = [("A", 3.0), ("A", 5.0), ("B", 5.0), ("B", 1.0), ("C", 5.0), ("D", 4.0), ("E", 3.0)];
    for (minute, (id, score)) in (1..).zip(ratings) {
        let survey = Some(Survey { id, rating: Some(Rating { score, scale: 5 }) });
        events.push(Event { survey, ..event("survey.rated", minute * MINUTE) });
    }
    let metrics = total("satisfaction", &events, (0, DAY), Arguments::default());
    check(
        &metrics,
        &json!({"satisfiedShare": 0.6, "meanScore": 3.6, "responseRate": 0.5, "rated": 5, "surveyed": 10,
            "quality": {"level": "EXACT", "coverage": 1.0, "provisional": false, "warnings": [{"code": "SMALL_SAMPLE"}]}}),
    );
}

#[test]
fn opening_ends_nothing_and_only_a_source_that_closes_is_believed() {
    let talk = [by("CLIENT", 0), event("dialog.opened", HOUR), by("CLIENT", 2 * DAY)];
    let first = |events: &[Event]| {
        let arguments = Arguments { kind: Some("FIRST"), ..Arguments::default() };
        total("responseTime", events, (0, 9 * DAY), arguments)
    };
    // Two days of silence divide the dialog; both parts were closed a day after their last message.
    check(&first(&talk), &json!({"answered": 0, "unanswered": 2, "abandoned": 2}));
    // Somewhere else something closed: opening means that this dialog goes on until it is closed, too.
    let elsewhere = Event { chat: "y", ..event("dialog.closed", 5 * DAY) };
    let told = [&talk[..], &[elsewhere]].concat();
    check(&first(&told), &json!({"answered": 0, "unanswered": 1, "abandoned": 0}));
    let closed = [&told[..], &[event("dialog.closed", 5 * DAY)]].concat();
    check(&first(&closed), &json!({"answered": 0, "unanswered": 1, "abandoned": 1}));
}

#[test]
fn a_reply_that_names_nobody_leaves_the_turn_with_its_assignee() {
    let who = |operator| Who { operator, author: "OPERATOR", team: "" };
    let mut events = vec![Event { who: who("anna"), ..event("dialog.assigned", 0) }, by("CLIENT", HOUR)];
    events.push(Event { who: who("bob"), ..event("dialog.assigned", 2 * HOUR) });
    events.push(by("OPERATOR", 3 * HOUR));
    events.push(Event { who: who("bob"), ..by("OPERATOR", 4 * HOUR) });
    let start = instant(START);
    for event in &mut events {
        event.at += start;
    }
    let facts = Facts::of(&History { window: start, events, arrival: 0, now: start + DAY, schedule: None });
    let owners: Vec<&str> = facts.clients.iter().map(|row| row.operator).collect();
    assert_eq!(owners, ["anna"]);
    // The cycle is his who wrote last and gave a name.
    assert_eq!(facts.dialogs[0].cycles[0].row().unwrap().operator, "bob");
}

#[test]
fn a_refund_takes_a_part_of_the_credit_back_or_all_of_it() {
    let sale = |kind, at, value| {
        let conversion = Conversion { action: "purchase", order: "o", value: Some((value, "EUR")) };
        Event { conversion: Some(conversion), ..event(kind, at) }
    };
    let mut events = vec![by("CLIENT", 0), sale("conversion.recorded", HOUR, "25.2")];
    let ask = |events: &[Event]| total("conversion", events, (0, DAY), Arguments::default());
    check(
        &ask(&events),
        &json!({"rate": 1.0, "converted": 1, "value": "25.2", "currency": "EUR", "identityCoverage": 0.0}),
    );
    events.push(sale("conversion.reverted", 2 * HOUR, "5.04"));
    check(&ask(&events), &json!({"converted": 1, "value": "20.16"}));
    // A day too late, and then in time.
    events.push(sale("conversion.reverted", 8 * DAY, "20.16"));
    check(&ask(&events), &json!({"converted": 1, "value": "20.16"}));
    events.push(sale("conversion.reverted", 7 * DAY, "20.16"));
    check(&ask(&events), &json!({"rate": 0.0, "converted": 0, "value": null, "currency": null}));
}

#[test]
fn who_leaves_counts_once_and_who_comes_back_is_not_gone() {
    let contact = |kind, at, contact| Event { contact, ..event(kind, at) };
    let mut events = vec![contact("message.sent", 0, "c1"), contact("message.sent", MINUTE, "c2")];
    events.push(contact("contact.blocked", HOUR, "c1"));
    let failed = Event { reason: "OPT_OUT", ..contact("message.failed", 2 * HOUR, "c1") };
    events.push(failed.clone());
    let ask = |events: &[Event]| total("unsubscribes", events, (0, DAY), Arguments::default());
    let gone = json!({"rate": 0.5, "unsubscribed": 1, "netUnsubscribed": 1, "exposed": 2, "muted": 0, "muteRate": 0.0,
        "quality": {"level": "LOWER_BOUND", "coverage": 1.0, "provisional": false, "warnings": []}});
    check(&ask(&events), &gone);
    events.push(contact("contact.unblocked", 3 * HOUR, "c1"));
    check(&ask(&events), &json!({"unsubscribed": 1, "netUnsubscribed": 0}));
    events.push(Event { at: 4 * HOUR, message: "late", ..failed });
    check(&ask(&events), &json!({"unsubscribed": 1, "netUnsubscribed": 1}));
    assert_eq!(ask(&events)["quality"]["level"], "APPROXIMATE");
}

/// A number that no history ever brings out of its rest is not tested.
#[test]
fn random_histories_move_every_number() {
    let mut runner = runner(1);
    let mut still: Vec<(&Family, &str)> = Vec::new();
    for family in FAMILIES {
        still.extend(family.fields.iter().map(|field| (family, *field)));
    }
    for _ in 0..60 {
        let history = history().new_tree(&mut runner).unwrap().current();
        let facts = Facts::of(&history);
        for family in FAMILIES {
            let arguments = Arguments { target_seconds: Some(3600), window_days: Some(30), ..Arguments::default() };
            let question = question(family.name, history.window, history.window + 30 * DAY, arguments);
            let total = expected(&facts, &question).1["total"].take();
            let rests = |value: &Value| value.is_null() || *value == json!(0) || *value == json!(0.0);
            still.retain(|(own, field)| own.name != family.name || rests(&total[*field]));
        }
    }
    assert!(still.is_empty(), "{:?}", still.iter().map(|(family, field)| (family.name, *field)).collect::<Vec<_>>());
}

#[test]
fn the_oracles_own_numbers_add_up() {
    let cases = (history(), question_of(FAMILIES.iter().collect()));
    let result = runner(100).run(&cases, |(history, seed)| {
        let question = seed.at(history.window);
        let (query, answer) = expected(&Facts::of(&history), &question);
        let single = question.dimensions.iter().all(|dimension| SINGLE.contains(dimension));
        let parts: &[&str] = if single { &["series", "by"] } else { &["series"] };
        for name in question.family.adding {
            let count = |metrics: &Value| metrics[*name].as_u64();
            let Some(total) = count(&answer["total"]) else { continue };
            for part in parts {
                let lines = answer[*part].as_array().unwrap();
                if lines.iter().all(|line| line["metrics"].get(*name).is_some()) {
                    let sum: u64 = lines.iter().filter_map(|line| count(&line["metrics"])).sum();
                    prop_assert_eq!(total, sum, "{} of {} in {}", name, part, query);
                }
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
