//! Telegram: a bot with a business connection, and amoCRM, which knows one of its clients by the phone that it shared.

use axum::http::StatusCode;
use rapport::ingest::connection::Connection;
use serde_json::{Value, json};

use super::bots::{Day, Door, assert_figures, at, connection, quality, wilson};

const ANNA: i64 = 7_264_000_111;
const BORIS: i64 = 7_264_000_222;
const VERA: i64 = 7_264_000_333;
const GLEB: i64 = 7_264_000_444;
const DINA: i64 = 7_264_000_555;
const EGOR: i64 = 7_264_000_666;
/// The employee who connected the bot to her own account, and how her chats are called then.
const OLGA: i64 = 5_010_000_007;
const OF_OLGA: &str = "bc_Yx17";

const BOT: Door = Door { path: "tg", headers: &[("x-telegram-bot-api-secret-token", "tg_webhook_secret-01")] };
const STRANGER: Door = Door { path: "tg", headers: &[("x-telegram-bot-api-secret-token", "tg_webhook_secret-02")] };
const AMO: Door =
    Door { path: "amo?secret=4f2c8d0a6b1e", headers: &[("content-type", "application/x-www-form-urlencoded")] };

fn connections() -> [Connection; 2] {
    let bot =
        json!({ "secret_token": "tg_webhook_secret-01", "link_prefix": "c_", "poll_scale": 5, "poll_first": "best" });
    let crm = json!({ "path_secret": "4f2c8d0a6b1e", "currency": "RUB", "country": "RU" });
    [connection("telegram", "tg", "shop_helper_bot", &bot), connection("amocrm", "amo", "31415926", &crm)]
}

fn user(id: i64) -> Value {
    json!({ "id": id, "is_bot": false, "first_name": "Somebody", "language_code": "ru" })
}

fn chat(id: i64) -> Value {
    json!({ "id": id, "first_name": "Somebody", "type": "private" })
}

fn bot() -> Value {
    json!({ "id": 5_550_001, "is_bot": true, "first_name": "Shop helper", "username": "shop_helper_bot" })
}

/// A message of a private chat, by its other side unless `more` says otherwise.
fn message(client: i64, id: i64, time: &str, more: &Value) -> Value {
    let mut message = json!({ "message_id": id, "from": user(client), "chat": chat(client), "date": at(time) / 1_000,
        "text": "What somebody wrote", "a_field_of_next_year": true });
    for (name, value) in more.as_object().expect("an object") {
        message[name] = value.clone();
    }
    message
}

fn update(number: i64, kind: &str, what: &Value) -> Value {
    json!({ "update_id": 900_000 + number, kind: what })
}

/// A message of the chat of Olga with Boris.
fn business(number: i64, id: i64, time: &str, more: &Value) -> Value {
    let mut said = message(BORIS, id, time, more);
    said["business_connection_id"] = OF_OLGA.into();
    update(number, "business_message", &said)
}

fn pressed(number: i64, press: &str, client: i64, message: i64, data: &str) -> Value {
    let shown = json!({ "message_id": message, "from": bot(), "chat": chat(client), "date": at("09:10:00") / 1_000 });
    let query = json!({ "id": press, "from": user(client), "message": shown, "chat_instance": "1", "data": data });
    update(number, "callback_query", &query)
}

fn member(number: i64, client: i64, time: &str, before: &str, now: &str) -> Value {
    let changed = json!({ "chat": chat(client), "from": user(client), "date": at(time) / 1_000,
        "old_chat_member": { "user": bot(), "status": before }, "new_chat_member": { "user": bot(), "status": now } });
    update(number, "my_chat_member", &changed)
}

/// The report of a send, with Telegram's answer, by the bot unless `more` says otherwise. It names the contact: one that
/// leaves it out would count its chat as another contact beside the client (`exposed`).
fn sent(client: i64, id: i64, time: &str, more: &Value) -> Value {
    let mut report = json!({ "contact": format!("telegram:{client}"), "author": "BOT",
        "answer": { "ok": true, "result": message(client, id, time, &json!({ "from": bot() })) } });
    for (name, value) in more.as_object().expect("an object") {
        report[name] = value.clone();
    }
    report
}

/// A send of a broadcast that Telegram refused.
fn refused(id: &str, client: i64, time: &str, code: i64, words: &str) -> Value {
    json!({ "id": id, "chat": client.to_string(), "contact": format!("telegram:{client}"), "at": at(time),
        "author": "AUTOMATION", "campaign": "spring",
        "answer": { "ok": false, "error_code": code, "description": words } })
}

fn event(kind: &str, time: &str, chat: &str, more: &Value) -> Value {
    let mut event = json!({ "id": format!("{kind} {chat} {time}"), "kind": kind, "at": at(time), "channel": "TELEGRAM",
        "account": "shop_helper_bot", "chat": chat });
    for (name, value) in more.as_object().expect("an object") {
        event[name] = value.clone();
    }
    event
}

/// Keys and values of amoCRM as the form that it sends.
fn form(fields: &[(&str, String)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.iter().chain([&("account[id]", "31415926".to_owned())]) {
        form.append_pair(name, value);
    }
    form.finish()
}

fn lead(action: &str, id: i64, status: i64, price: &str, time: &str) -> String {
    let field = |name: &str| format!("leads[{action}][0][{name}]");
    let (number, stage, worth, changed) = (field("id"), field("status_id"), field("price"), field("updated_at"));
    let seconds = (at(time) / 1_000).to_string();
    form(&[(&number, id.to_string()), (&stage, status.to_string()), (&worth, price.to_owned()), (&changed, seconds)])
}

/// Anna and the bot, then an operator; she is asked how it was.
async fn morning_with_anna(day: &mut Day) {
    let (anna, nothing) = (ANNA.to_string(), json!({}));
    let begins = update(1, "message", &message(ANNA, 11, "09:00:00", &json!({ "text": "/start c_8f3a51" })));
    assert_eq!(day.knock("09:00:00", STRANGER, begins.to_string()).await.0, StatusCode::UNAUTHORIZED);
    day.comes("09:00:00", BOT, &begins).await;
    let greeting = sent(ANNA, 12, "09:00:01", &json!({ "scenario": "welcome" }));
    assert_eq!(day.reports("09:00:02", "tg", std::slice::from_ref(&greeting)).await, (1, 0));
    let second = message(ANNA, 13, "09:00:40", &nothing);
    day.comes("09:00:41", BOT, update(2, "message", &second)).await;
    // Telegram did not hear our answer: word for word, then after a restart of its numbers.
    day.comes("09:00:43", BOT, update(2, "message", &second)).await;
    day.comes("09:00:47", BOT, update(-70_000, "message", &second)).await;
    let given = json!({ "operator": "ivan", "team": "north" });
    day.says("09:00:50", &[event("dialog.handed_off", "09:00:45", &anna, &given)]).await;
    let by_ivan = json!({ "author": "OPERATOR", "operator": "ivan", "team": "north" });
    day.reports("09:03:41", "tg", &[sent(ANNA, 14, "09:03:40", &by_ivan)]).await;
    let own =
        json!({ "text": null, "contact": { "phone_number": "79161234567", "first_name": "Anna", "user_id": ANNA } });
    day.comes("09:05:00", BOT, update(3, "message", &message(ANNA, 15, "09:05:00", &own))).await;
    let with_draft = json!({ "author": "OPERATOR", "operator": "ivan", "team": "north", "assisted": true });
    day.reports("09:05:31", "tg", &[sent(ANNA, 16, "09:05:30", &with_draft), greeting]).await;
    // The buttons of a survey: pressed, and pressed again on second thoughts.
    day.reports("09:10:00", "tg", &[sent(ANNA, 17, "09:10:00", &nothing)]).await;
    day.says("09:10:01", &[event("survey.sent", "09:10:00", &anna, &json!({ "survey": { "id": "s-1" } }))]).await;
    day.comes("09:12:00", BOT, pressed(4, "91", ANNA, 17, "rate:s-1:2/5")).await;
    day.comes("09:12:30", BOT, pressed(5, "92", ANNA, 17, "rate:s-1:5/5")).await;
    day.comes("09:12:50", BOT, pressed(4, "91", ANNA, 17, "rate:s-1:2/5")).await;
    day.says("09:30:01", &[event("dialog.closed", "09:30:00", &anna, &nothing)]).await;
}

/// Boris writes to Olga herself, and her bot says the last word.
async fn morning_with_boris(day: &mut Day) {
    let nothing = json!({});
    day.comes("09:50:00", BOT, business(10, 31, "09:50:00", &nothing)).await;
    let away = json!({ "from": user(OLGA), "is_from_offline": true });
    day.comes("09:50:06", BOT, business(11, 32, "09:50:05", &away)).await;
    day.comes("10:20:00", BOT, business(12, 33, "10:20:00", &nothing)).await;
    day.comes("10:21:00", BOT, business(13, 34, "10:21:00", &nothing)).await;
    day.comes("10:30:00", BOT, business(14, 35, "10:30:00", &json!({ "from": user(OLGA) }))).await;
    // Told by who sent it, and by Telegram: one message.
    let by_bot = json!({ "from": user(OLGA), "sender_business_bot": bot() });
    let last = business(15, 36, "10:31:00", &by_bot);
    let report = json!({ "contact": format!("telegram:{BORIS}"), "author": "BOT", "scenario": "goodbye",
        "answer": { "ok": true, "result": last["business_message"] } });
    assert_eq!(day.reports("10:31:00", "tg", &[report]).await, (1, 0));
    day.comes("10:31:01", BOT, last).await;
    let chat = format!("{OF_OLGA}:{BORIS}");
    day.says("10:40:00", &[event("survey.sent", "10:40:00", &chat, &json!({ "survey": { "id": "s-2" } }))]).await;
}

/// amoCRM sells to Anna, whom it knows by her phone, and to somebody unknown; whose the lead is comes last.
async fn sales(day: &mut Day) {
    day.comes("09:20:02", AMO, lead("add", 5_501, 58_840_350, "45900", "09:20:00")).await;
    let won = lead("status", 5_501, 142, "45900", "11:00:00");
    day.comes("11:00:05", AMO, &won).await;
    day.comes("11:00:35", AMO, &won).await;
    // A discount, after the sale.
    day.comes("11:13:25", AMO, lead("update", 5_501, 142, "41000.50", "11:13:20")).await;
    day.comes("11:30:05", AMO, lead("update", 5_509, 142, "999", "11:30:00")).await;
    let card = |field: &str| format!("contacts[update][0]{field}");
    let (id, changed, linked) = (card("[id]"), card("[last_modified]"), card("[linked_leads_id][5501][ID]"));
    let (code, phone) = (card("[custom_fields][0][code]"), card("[custom_fields][0][values][0][value]"));
    let seconds = (at("11:40:00") / 1_000).to_string();
    let fields = [
        (id.as_str(), "9001".to_owned()),
        (&changed, seconds),
        (&linked, "5501".to_owned()),
        (&code, "PHONE".to_owned()),
        (&phone, "8 (916) 123-45-67".to_owned()),
    ];
    day.comes("11:40:03", AMO, form(&fields)).await;
}

/// A broadcast to four, of whom one has blocked the bot and one is not there; one writes back and leaves.
async fn afternoon(day: &mut Day) {
    let spring = json!({ "author": "AUTOMATION", "campaign": "spring" });
    let reaction = json!({ "chat": chat(VERA), "message_id": 41, "user": user(VERA), "date": at("12:05:00") / 1_000,
        "old_reaction": [], "new_reaction": [{ "type": "emoji", "emoji": "👍" }] });
    // Before anybody has told of the message that it is to.
    day.comes("12:05:00", BOT, update(20, "message_reaction", &reaction)).await;
    let limited = refused("s-vera", VERA, "11:59:59", 429, "Too Many Requests: retry after 1");
    let dina = refused("s-dina", DINA, "12:00:02", 403, "Forbidden: bot was blocked by the user");
    let egor = refused("s-egor", EGOR, "12:00:03", 400, "Bad Request: chat not found");
    let taken = [sent(VERA, 41, "12:00:00", &spring), sent(GLEB, 51, "12:00:01", &spring)];
    let all = [&taken[..], &[limited, dina, egor]].concat();
    assert_eq!(day.reports("12:10:00", "tg", &all).await, (5, 0));
    assert_eq!(day.reports("12:10:30", "tg", &all).await, (0, 5));

    let from_link = json!({ "text": "/start spring" });
    day.comes("13:00:00", BOT, update(21, "message", &message(GLEB, 52, "13:00:00", &from_link))).await;
    day.reports("13:00:02", "tg", &[sent(GLEB, 53, "13:00:02", &json!({ "scenario": "prices" }))]).await;
    let poll = json!({ "survey": { "id": format!("poll:5300:{GLEB}") } });
    day.says("13:05:00", &[event("survey.sent", "13:05:00", &GLEB.to_string(), &poll)]).await;
    // The third of five options, of which the first is the best: 3 points.
    let answer = json!({ "poll_id": "5300", "user": user(GLEB), "option_ids": [2] });
    day.comes("13:06:00", BOT, update(22, "poll_answer", &answer)).await;
    let leaves = member(23, GLEB, "14:00:00", "member", "kicked");
    day.comes("14:00:01", BOT, &leaves).await;
    day.comes("14:00:09", BOT, &leaves).await;
    let late = refused("s-gleb", GLEB, "14:10:00", 403, "Forbidden: bot was blocked by the user");
    day.reports("14:10:01", "tg", &[late]).await;
    day.comes("15:00:00", BOT, member(24, DINA, "15:00:00", "kicked", "member")).await;
    day.comes("15:10:00", BOT, update(25, "telepathy", &json!({ "from": user(VERA) }))).await;
    // The edit overtakes its message, which comes half an hour into the next day.
    let written = message(VERA, 42, "23:50:00", &json!({}));
    let mut edited = written.clone();
    edited["edit_date"] = json!(at("23:52:00") / 1_000);
    day.comes("23:52:00", BOT, update(27, "edited_message", &edited)).await;
    day.comes("24:30:00", BOT, update(26, "message", &written)).await;
}

#[tokio::test]
async fn a_day_of_a_bot_on_telegram_is_counted_as_by_hand() {
    let mut day = Day::begin(connections()).await;
    morning_with_anna(&mut day).await;
    morning_with_boris(&mut day).await;
    sales(&mut day).await;
    afternoon(&mut day).await;
    let health = day.health().await;
    assert_eq!(health[1]["name"], "tg");
    assert_eq!(health[1]["unknownKinds"], json!([{ "kind": "telepathy", "deliveries": 1 }]));
    // The stranger; the edit; 13 twice, the first press with its rating, the block.
    let told = ["refusedSinceStart", "ignored", "duplicates", "rejected"].map(|field| health[1][field].clone());
    assert_eq!(told, [json!(1), json!(1), json!(5), json!(0)], "{health}");
    assert_figures(&day.figures().await, &expected());
}

fn expected() -> Value {
    let (low, high) = wilson(1.0, 2.0);
    json!({
        // Taken: 12 14 16 17 to Anna, 32 35 36 to Boris, 41 to Vera, 51 53 to Gleb: 10. Refused: Vera once (429), Dina and
        // Gleb (left), Egor (not there): 4. Of 14, 10 were accepted, and all but Dina's, Gleb's and Egor's can be addressed.
        // No Telegram bot hears of deliveries.
        "delivery": { "total": { "rate": null, "outbound": 14, "delivered": null, "failed": 4, "pending": null,
            "acceptanceRate": 10.0 / 14.0, "addressableRate": 11.0 / 14.0, "failedAfterDelivered": 0, "orphanStatuses": 0,
            "quality": quality("UNAVAILABLE", 0.0, &["UNAVAILABLE"]) } },
        // Of 10 accepted: 12 14 16 17 (Anna writes or presses after each), 32 (Boris writes), 41 (reaction), 51 (Gleb
        // writes). Nothing follows 35 and 36, and an answer to a poll is none of reply, button, click and reaction (53).
        "reads": { "total": { "ofSent": null, "ofDelivered": null, "read": null, "engagedRate": 7.0 / 10.0,
            "quality": quality("UNAVAILABLE", 0.0, &["UNAVAILABLE"]) } },
        // Turns and the operator's answers: Anna 09:00:00 and 09:00:40 -> 09:03:40: 220 s, 180 s; 09:05:00 -> 09:05:30: 30 s.
        // Boris 09:50 -> 10:30: 2400 s (the away message is no operator's); 10:20 (with 10:21) -> 10:30: 600 s.
        // 30 180 220 600 2400: p50 the third; p90 at rank 3.6: 600 + 0.6 * 1800; p95 at 3.8; p99 at 3.96; mean 3430 / 5.
        // Three within 300 s. Gleb (only the bot) and Vera wait in vain; both dialogs closed by the clock.
        "responseTime": { "total": { "p50Seconds": 220.0, "p90Seconds": 1680.0, "p95Seconds": 2040.0, "p99Seconds": 2328.0,
            "meanSeconds": 686.0, "answered": 5, "unanswered": 2, "abandoned": 2, "withinTarget": 0.6,
            "quality": quality("EXACT", 1.0, &[]) } },
        // Anna [09:00, 09:30) 1800 s; Boris [09:50, next day) 51000 s; Gleb [13:00, …) 39600 s; Vera [23:50, …) 600 s: a
        // broadcast opens no dialog. Together 93000 s of 86400 s; three at once from 23:50.
        "activeDialogs": { "total": { "distinct": 4, "peak": 3, "peakAt": "2035-05-01T23:50:00.000Z",
            "meanConcurrent": 93_000.0 / 86_400.0, "openNow": 3, "quality": quality("EXACT", 1.0, &[]) } },
        // Three surveys; s-1 5 of 5 (the last press), the poll 3 of 5, s-2 nothing. (5 + 3) / 2; (1 + 0.5) / 2.
        "satisfaction": { "total": { "satisfiedShare": 0.5, "satisfiedLow": low, "satisfiedHigh": high, "meanScore": 4.0,
            "normalisedMean": 0.75, "rated": 2, "surveyed": 3, "responseRate": 2.0 / 3.0,
            "quality": quality("EXACT", 1.0, &["SMALL_SAMPLE"]) } },
        // Four dialogs; Anna's led to lead 5501, worth what was told last. Lead 5509 is nobody's here. The CRM knows Anna.
        "conversion": { "total": { "rate": 0.25, "converted": 1, "dialogs": 4, "value": "41000.5", "currency": "RUB",
            "identityCoverage": 0.25, "quality": quality("LOWER_BOUND", 1.0, &[]) } },
        // First replies: 11 bot, 13 operator, 15 operator (with a draft), 31 away message, 33 operator, 52 bot, 42 none.
        // Messages that are no broadcast: 12 14 16 17 32 35 36 53, of which 12 17 32 36 53 are automatic.
        // A bot wrote to Anna (then Ivan: handed off), to Boris (after Olga) and to Gleb (alone, closed, silent: contained).
        "automation": { "total": { "automaticShare": 0.5, "automatic": 3, "manual": 3, "assisted": 1,
            "automaticMessageShare": 5.0 / 8.0, "containment": 1.0 / 3.0, "handoffRate": 1.0 / 3.0,
            "quality": quality("EXACT", 1.0, &[]) } },
        // Anna 09:00:00 to 09:10:00: 600 s. Boris 09:50 to 10:31: 2460 s, for 30 min between 31 and 33 are not more than 30,
        // and the away message does not count. Gleb 13:00:00 to 13:00:02: 2 s. Vera: one message, without the broadcast.
        // 2 600 2460: p90 at rank 1.8: 600 + 0.8 * 1860; mean 3062 / 3.
        "sessions": { "total": { "p50Seconds": 600.0, "p90Seconds": 2088.0, "meanSeconds": 3062.0 / 3.0, "sessions": 3,
            "singleMessageSessions": 1, "quality": quality("EXACT", 1.0, &[]) } },
        // 11 13 15, 31 33 34, 52, 42; all but 34 begin a turn. From nine to ten on this Tuesday: 11 13 15 31.
        "activity": {
            "total": { "messages": 8, "turns": 7, "quality": quality("EXACT", 1.0, &[]) },
            "peak": { "weekday": 2, "hour": 9, "occurrences": 1, "messages": 4, "perOccurrence": 4.0, "turns": 4,
                "turnsPerOccurrence": 4.0 },
        },
        // Gleb left once, though two told it; Dina, seen only by the failure, came back. Reached: Anna Boris Vera Gleb.
        "unsubscribes": { "total": { "rate": 2.0 / 4.0, "unsubscribed": 2, "netUnsubscribed": 1, "exposed": 4,
            "muted": null, "muteRate": null, "quality": quality("APPROXIMATE", 1.0, &["SEEN_BY_FAILURE"]) } },
    })
}
