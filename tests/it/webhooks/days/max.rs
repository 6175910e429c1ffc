//! MAX: a bot, and the trigger of a RetailCRM, which knows one of its clients by the link that was made for it alone.

use std::fmt::Write;

use axum::http::StatusCode;
use rapport::ingest::connection::Connection;
use serde_json::{Value, json};

use super::bots::{Day, Door, assert_figures, at, connection, quality, wilson};

/// A person with the dialog that it has with the bot.
type Person = (i64, i64);

const IVAN: Person = (54_321, 9_000_001);
const LENA: Person = (54_322, 9_000_002);
const PETR: Person = (54_323, 9_000_003);
const OLEG: Person = (54_324, 9_000_004);

const BOT: Door = Door { path: "max", headers: &[("x-max-bot-api-secret", "max_webhook_secret-01")] };
const STRANGER: Door = Door { path: "max", headers: &[] };
const TRIGGER: Door = Door { path: "retail", headers: &[("content-type", "application/x-www-form-urlencoded")] };

/// The bot's own token, with which MAX signs shared cards.
const TOKEN: &str = "max-access-token-0001";

fn connections() -> [Connection; 2] {
    let bot = json!({ "secret": "max_webhook_secret-01", "access_token": TOKEN, "link_prefix": "c_" });
    let crm = json!({ "secret": "key of the trigger", "mapping_file": "mappings/retailcrm-trigger.toml" });
    [connection("max", "max", "77001", &bot), connection("mapping", "retail", "shop", &crm)]
}

fn with(mut value: Value, more: &Value) -> Value {
    for (name, part) in more.as_object().expect("an object") {
        value[name] = part.clone();
    }
    value
}

fn user(person: Person) -> Value {
    json!({ "user_id": person.0, "first_name": "Somebody", "username": null, "is_bot": false, "name": "Somebody" })
}

fn bot() -> Value {
    json!({ "user_id": 77_001, "first_name": "Shop", "username": "shop_bot", "is_bot": true, "name": "Shop" })
}

/// A message of a person to the bot, in milliseconds.
fn wrote(person: Person, id: &str, time: &str) -> Value {
    json!({ "update_type": "message_created", "timestamp": at(time) + 250, "user_locale": "ru", "a_field_of_next_year": [],
        "message": { "sender": user(person), "timestamp": at(time),
            "recipient": { "chat_id": person.1, "chat_type": "dialog", "user_id": 77_001 },
            "body": { "mid": id, "seq": at(time), "text": "What somebody wrote", "attachments": [] } } })
}

/// What a person did to the dialog as a whole.
fn did(person: Person, what: &str, time: &str, more: &Value) -> Value {
    let update = json!({ "update_type": what, "timestamp": at(time), "chat_id": person.1, "user": user(person) });
    with(update, more)
}

fn pressed(person: Person, keyboard: &str, message: &str, time: &str, data: &str) -> Value {
    json!({ "update_type": "message_callback", "timestamp": at(time) + 30,
        "callback": { "timestamp": at(time), "callback_id": keyboard, "user": user(person), "payload": data },
        "message": taken(person, message, time) })
}

/// A message of the bot, as MAX shows it.
fn taken(person: Person, id: &str, time: &str) -> Value {
    json!({ "sender": bot(), "timestamp": at(time), "body": { "mid": id, "seq": at(time), "text": "What the bot wrote" },
        "recipient": { "chat_id": person.1, "chat_type": "dialog", "user_id": person.0 } })
}

/// The report of a send that MAX took, by the bot unless `more` says otherwise.
fn sent(person: Person, id: &str, time: &str, more: &Value) -> Value {
    let report = json!({ "contact": format!("max:{}", person.0), "author": "BOT",
        "answer": { "message": taken(person, id, time) } });
    with(report, more)
}

/// The report of one that it refused.
fn refused(id: &str, person: Person, time: &str, (code, words): (&str, &str), more: &Value) -> Value {
    let report = json!({ "id": id, "chat": person.1, "contact": format!("max:{}", person.0), "at": at(time),
        "author": "BOT", "answer": { "code": code, "message": words } });
    with(report, more)
}

const SUSPENDED: (&str, &str) = ("chat.denied", "error.dialog.suspended");

fn event(kind: &str, time: &str, person: Person, more: &Value) -> Value {
    let event = json!({ "id": format!("{kind} {} {time}", person.1), "kind": kind, "at": at(time), "channel": "MAX",
        "account": "77001", "chat": person.1 });
    with(event, more)
}

/// What the trigger sends of an order. Its clock is Moscow's, three hours ahead.
fn order(id: &str, status: &str, time: &str, total: &str, customer: &str) -> String {
    let (hours, rest) = time.split_once(':').expect("a time");
    let hours: u32 = hours.parse().expect("hours");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("order_id", id).append_pair("status", status);
    form.append_pair("changed_at", &format!("2035-05-01 {:02}:{rest}", hours + 3));
    form.append_pair("total", total).append_pair("currency", "RUB").append_pair("customer_id", customer);
    form.append_pair("key", "key of the trigger");
    form.finish()
}

fn hmac(text: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, TOKEN.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    tag.as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text takes all");
        hex
    })
}

/// Ivan comes by a link of his own, talks with the bot and with an operator, and rates.
async fn morning_with_ivan(day: &mut Day) {
    let nothing = json!({});
    let comes = did(IVAN, "bot_started", "09:00:00", &json!({ "payload": "c_8f3a51" }));
    assert_eq!(day.knock("09:00:00", STRANGER, comes.to_string()).await.0, StatusCode::UNAUTHORIZED);
    day.comes("09:00:00", BOT, &comes).await;
    // The edit overtakes the message.
    let first = wrote(IVAN, "mid.c1", "09:01:00");
    day.comes("09:01:00", BOT, with(first.clone(), &json!({ "update_type": "message_edited" }))).await;
    day.comes("09:01:01", BOT, &first).await;
    // MAX did not hear our answer: word for word, then in another body.
    day.comes("09:02:01", BOT, &first).await;
    let again = json!({ "timestamp": at("09:03:00"), "user_locale": "en" });
    day.comes("09:04:31", BOT, with(first, &again)).await;
    let mut in_seconds = wrote(IVAN, "mid.c2", "09:02:00");
    in_seconds["message"]["timestamp"] = json!(at("09:02:00") / 1_000);
    day.comes("09:04:32", BOT, in_seconds).await;
    day.comes("09:04:33", BOT, wrote(IVAN, "mid.c3", "09:02:30")).await;
    let given = json!({ "operator": "olga", "team": "south" });
    day.says("09:04:40", &[event("dialog.assigned", "09:03:00", IVAN, &given)]).await;
    // A button of a message of which nobody has told yet.
    day.comes("09:06:20", BOT, pressed(IVAN, "kb.b2", "mid.b2", "09:06:20", "order:1")).await;
    let by_olga = json!({ "author": "OPERATOR", "operator": "olga", "team": "south" });
    let reports = [
        sent(IVAN, "mid.o1", "09:06:00", &by_olga),
        sent(IVAN, "mid.b2", "09:01:02", &json!({ "scenario": "faq" })),
        sent(IVAN, "mid.b1", "09:00:01", &json!({ "scenario": "welcome" })),
    ];
    assert_eq!(day.reports("09:10:00", "max", &reports).await, (3, 0));
    assert_eq!(day.reports("09:10:30", "max", &reports).await, (0, 3));

    day.comes("09:50:00", BOT, wrote(IVAN, "mid.c4", "09:50:00")).await;
    let with_draft = with(by_olga, &json!({ "assisted": true }));
    day.reports("09:51:00", "max", &[sent(IVAN, "mid.o2", "09:51:00", &with_draft)]).await;
    day.reports("09:55:00", "max", &[sent(IVAN, "mid.b3", "09:55:00", &nothing)]).await;
    day.says("09:55:01", &[event("survey.sent", "09:55:00", IVAN, &json!({ "survey": { "id": "s-17" } }))]).await;
    // The second thoughts come first: MAX says when a button was pressed.
    day.comes("10:00:06", BOT, pressed(IVAN, "kb.b3", "mid.b3", "10:00:05", "rate:s-17:4/5")).await;
    day.comes("10:01:01", BOT, pressed(IVAN, "kb.b3", "mid.b3", "10:00:00", "rate:s-17:3/5")).await;
    day.says("10:30:01", &[event("dialog.closed", "10:30:00", IVAN, &nothing)]).await;
}

/// The CRM's orders 771 and 780 are Ivan's, which its own system says by the link; 790 is nobody's here.
async fn sales(day: &mut Day) {
    day.comes("10:05:01", TRIGGER, order("771", "assembling", "10:05:00", "12990.50", "55")).await;
    let won = order("771", "complete", "10:15:00", "12990.50", "55");
    day.comes("10:15:01", TRIGGER, &won).await;
    day.comes("10:15:31", TRIGGER, &won).await;
    day.comes("10:16:01", TRIGGER, format!("number=771C&{won}")).await;
    day.comes("10:20:01", TRIGGER, order("780", "complete", "10:20:00", "500", "55")).await;
    day.comes("10:25:01", TRIGGER, order("790", "complete", "10:25:00", "70", "99")).await;
    day.comes("10:26:00", TRIGGER, "hello=world&status=custom-hello&key=key+of+the+trigger").await;
    let stranger = day.knock("10:26:01", TRIGGER, won.replace("trigger", "door")).await;
    assert_eq!(stranger.0, StatusCode::UNAUTHORIZED);
    let link = json!({ "id": "link 55", "kind": "contact.linked", "at": at("10:40:00"), "channel": "RETAILCRM",
        "account": "shop", "contact": "retailcrm:shop:contact:55", "identities": ["link:8f3a51"] });
    day.says("10:40:01", &[link]).await;
    day.comes("18:00:01", TRIGGER, order("780", "cancel-other", "18:00:00", "500", "55")).await;
}

/// Lena talks with the bot alone and leaves; a broadcast finds two of three.
async fn midday(day: &mut Day) {
    day.comes("11:00:00", BOT, did(LENA, "bot_started", "11:00:00", &json!({ "payload": "spring" }))).await;
    day.comes("11:00:05", BOT, wrote(LENA, "mid.l1", "11:00:05")).await;
    let prices = json!({ "scenario": "prices" });
    day.reports("11:00:06", "max", &[sent(LENA, "mid.lb", "11:00:06", &prices)]).await;
    day.says("11:30:00", &[event("survey.sent", "11:30:00", LENA, &json!({ "survey": { "id": "s-18" } }))]).await;
    let muted = json!({ "muted_until": 9_223_372_036_854_775_807_i64 });
    day.comes("12:00:00", BOT, did(LENA, "dialog_muted", "12:00:00", &muted)).await;
    let may = json!({ "author": "AUTOMATION", "campaign": "may" });
    let broadcast = [
        refused("s-petr", PETR, "12:29:59", ("too.many.requests", "Too many requests"), &may),
        sent(LENA, "mid.m1", "12:30:00", &may),
        sent(PETR, "mid.m2", "12:30:01", &may),
        refused("s-oleg", OLEG, "12:30:02", SUSPENDED, &may),
    ];
    assert_eq!(day.reports("12:31:00", "max", &broadcast).await, (4, 0));
    day.comes("12:45:00", BOT, did(PETR, "dialog_muted", "12:45:00", &muted)).await;
    day.comes("12:50:00", BOT, did(PETR, "dialog_unmuted", "12:50:00", &json!({}))).await;
    let stops = did(LENA, "bot_stopped", "13:00:00", &json!({}));
    day.comes("13:00:00", BOT, did(LENA, "dialog_removed", "13:00:00", &json!({}))).await;
    day.comes("13:00:00", BOT, &stops).await;
    day.comes("13:01:00", BOT, &stops).await;
    day.reports("13:10:01", "max", &[refused("s-lena", LENA, "13:10:00", SUSPENDED, &prices)]).await;
    day.comes("13:20:00", BOT, did(PETR, "dialog_painted", "13:20:00", &json!({}))).await;
}

/// Oleg comes back and shares his number late; Ivan asks once more.
async fn evening(day: &mut Day) {
    day.comes("16:00:00", BOT, did(OLEG, "bot_started", "16:00:00", &json!({}))).await;
    day.comes("20:00:00", BOT, wrote(IVAN, "mid.c5", "20:00:00")).await;
    let by_olga = json!({ "author": "OPERATOR", "operator": "olga", "team": "south" });
    day.reports("20:00:46", "max", &[sent(IVAN, "mid.o3", "20:00:45", &by_olga)]).await;
    // Half an hour into the next day.
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=cell:79161234567\r\nFN:Oleg\r\nEND:VCARD\r\n";
    let payload = json!({ "vcf_info": card, "hash": hmac(card), "max_info": user(OLEG) });
    let mut shares = wrote(OLEG, "mid.p1", "23:30:00");
    shares["message"]["body"]["attachments"] = json!([{ "type": "contact", "payload": payload }]);
    day.comes("24:30:00", BOT, shares).await;
}

#[tokio::test]
async fn a_day_of_a_bot_on_max_is_counted_as_by_hand() {
    let mut day = Day::begin(connections()).await;
    morning_with_ivan(&mut day).await;
    sales(&mut day).await;
    midday(&mut day).await;
    evening(&mut day).await;
    let health = day.health().await;
    let unknown = ["dialog_painted", "custom-hello"].map(|kind| json!([{ "kind": kind, "deliveries": 1 }]));
    assert_eq!([&health[0]["unknownKinds"], &health[1]["unknownKinds"]], [&unknown[0], &unknown[1]]);
    // The stranger; the edit and the removal; c1 twice, the stop.
    let told = ["refusedSinceStart", "ignored", "duplicates", "rejected"].map(|field| health[0][field].clone());
    assert_eq!(told, [json!(1), json!(2), json!(3), json!(0)], "{health}");
    assert_figures(&day.figures().await, &expected());
}

fn expected() -> Value {
    let (low, high) = wilson(1.0, 1.0);
    json!({
        // Taken: b1 b2 o1 o2 b3 o3 to Ivan, lb m1 to Lena, m2 to Petr: 9. Refused: Petr once (too many requests), Oleg and
        // Lena (stopped): 3. Of 12, 9 were accepted, and all but Oleg's and Lena's can be addressed. No bot of MAX hears of
        // deliveries.
        "delivery": { "total": { "rate": null, "outbound": 12, "delivered": null, "failed": 3, "pending": null,
            "acceptanceRate": 9.0 / 12.0, "addressableRate": 10.0 / 12.0, "failedAfterDelivered": 0, "orphanStatuses": 0,
            "quality": quality("UNAVAILABLE", 0.0, &["UNAVAILABLE"]) } },
        // Of 9 accepted: b1 b2 o1 o2 b3 (Ivan writes or presses after each). Nothing follows o3; a mute and a stop, which
        // follow lb, m1 and m2, are none of reply, button, click and reaction.
        "reads": { "total": { "ofSent": null, "ofDelivered": null, "read": null, "engagedRate": 5.0 / 9.0,
            "quality": quality("UNAVAILABLE", 0.0, &["UNAVAILABLE"]) } },
        // Turns and the operator's answers: c1 09:01 -> o1 09:06: 300 s (the bot does not stop the clock); c2 (with c3)
        // 09:02 -> 09:06: 240 s; c4 09:50 -> 09:51: 60 s; c5 20:00:00 -> 20:00:45: 45 s.
        // 45 60 240 300: p50 at rank 1.5; p90 at 2.7: 240 + 0.7 * 60; p95 at 2.85; p99 at 2.97; mean 645 / 4; all within 300.
        // Lena (only the bot) and Oleg wait in vain; both dialogs closed by the clock.
        "responseTime": { "total": { "p50Seconds": 150.0, "p90Seconds": 282.0, "p95Seconds": 291.0, "p99Seconds": 298.2,
            "meanSeconds": 161.25, "answered": 4, "unanswered": 2, "abandoned": 2, "withinTarget": 1.0,
            "quality": quality("EXACT", 1.0, &[]) } },
        // Ivan [09:00:01, 10:30) 5399 s, and again [20:00, …) 14400 s, for only his source closes his dialog; Lena
        // [11:00:05, next day) 46795 s; Oleg [23:30, …) 1800 s; a broadcast opens none for Petr. 68394 s of 86400 s; three
        // at once from 23:30.
        "activeDialogs": { "total": { "distinct": 3, "peak": 3, "peakAt": "2035-05-01T23:30:00.000Z",
            "meanConcurrent": 68_394.0 / 86_400.0, "openNow": 3, "quality": quality("EXACT", 1.0, &[]) } },
        // Two surveys; s-17 4 of 5, the later press of the two; s-18 nothing. (4 - 1) / (5 - 1).
        "satisfaction": { "total": { "satisfiedShare": 1.0, "satisfiedLow": low, "satisfiedHigh": high, "meanScore": 4.0,
            "normalisedMean": 0.75, "rated": 1, "surveyed": 2, "responseRate": 0.5,
            "quality": quality("EXACT", 1.0, &["SMALL_SAMPLE"]) } },
        // Four cycles: Ivan's two, Lena's, Oleg's. 771 goes to Ivan's first, the last before it; 780 was taken back; 790 is
        // nobody's. The CRM knows Ivan in both.
        "conversion": { "total": { "rate": 0.25, "converted": 1, "dialogs": 4, "value": "12990.5", "currency": "RUB",
            "identityCoverage": 0.5, "quality": quality("LOWER_BOUND", 1.0, &[]) } },
        // First replies: c1 bot, c2 operator, c4 operator (with a draft), c5 operator, l1 bot, p1 none.
        // Messages that are no broadcast: b1 b2 o1 o2 b3 o3 lb and the bot's that Lena did not get; 5 of 8 are the bot's.
        // A bot wrote to Ivan in the morning (then Olga: handed off) and to Lena (alone, closed, silent: contained).
        "automation": { "total": { "automaticShare": 2.0 / 5.0, "automatic": 2, "manual": 3, "assisted": 1,
            "automaticMessageShare": 5.0 / 8.0, "containment": 0.5, "handoffRate": 0.5,
            "quality": quality("EXACT", 1.0, &[]) } },
        // Ivan 09:00:01 to 09:06:00: 359 s; 09:50 to 09:55: 300 s; 20:00:00 to 20:00:45: 45 s. Lena 1 s. Oleg: one message.
        // 1 45 300 359: p50 at rank 1.5; p90 at 2.7: 300 + 0.7 * 59; mean 705 / 4.
        "sessions": { "total": { "p50Seconds": 172.5, "p90Seconds": 341.3, "meanSeconds": 176.25, "sessions": 4,
            "singleMessageSessions": 1, "quality": quality("EXACT", 1.0, &[]) } },
        // c1 to c5, l1, p1; all but c3 begin a turn. From nine to ten on this Tuesday: c1 c2 c3 c4.
        "activity": {
            "total": { "messages": 7, "turns": 6, "quality": quality("EXACT", 1.0, &[]) },
            "peak": { "weekday": 2, "hour": 9, "occurrences": 1, "messages": 4, "perOccurrence": 4.0, "turns": 3,
                "turnsPerOccurrence": 3.0 },
        },
        // Lena left once, though three told it; Oleg, seen only by the failure, came back. Reached: Ivan Lena Petr.
        // Lena and Petr muted, Petr for five minutes.
        "unsubscribes": { "total": { "rate": 2.0 / 3.0, "unsubscribed": 2, "netUnsubscribed": 1, "exposed": 3,
            "muted": 2, "muteRate": 2.0 / 3.0, "quality": quality("APPROXIMATE", 1.0, &["SEEN_BY_FAILURE"]) } },
    })
}
