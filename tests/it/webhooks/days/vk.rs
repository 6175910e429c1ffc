//! A day of a VK community: a bot and two administrators, a newsletter, orders of its shop, and who leaves.
//!
//! It writes through the API itself and reports each such send, so VK's guess of the author is switched off.

use axum::http::StatusCode;
use rapport::ingest::connection::Connection;
use serde_json::{Value, json};

use super::bots::{Day, Door, assert_figures, at, connection, quality};

/// What VK sends has its secret in the body.
const SHOP: Door = Door { path: "shop", headers: &[] };

const SECRET: &str = "a secret of the community";
const ANNA: u64 = 7_001;
const BORIS: u64 = 7_002;
const VERA: u64 = 7_003;
const GLEB: u64 = 7_004;
const DINA: u64 = 7_005;
const EGOR: u64 = 7_006;
const FEDOR: u64 = 7_007;
/// Who orders and never wrote.
const ZOE: u64 = 7_008;

fn shop() -> Connection {
    let options = json!({"secret": SECRET, "confirmation": "7a3c91be", "link_prefix": "c_", "api_author": "UNKNOWN"});
    connection("vk", "shop", "5001", &options)
}

/// The community's day, whose clock goes on: what VK does not date counts from its arrival.
struct Community(Day);

impl Community {
    async fn post(&mut self, time: &str, body: &str) -> (StatusCode, String) {
        self.0.knock(time, SHOP, body.to_owned()).await
    }

    /// VK tells at this time. Gives the body, to be told again.
    async fn vk(&mut self, time: &str, kind: &str, object: Value) -> String {
        let body = json!({"type": kind, "group_id": 5001, "event_id": format!("{kind} {time}"), "v": "5.199",
            "secret": SECRET, "object": object})
        .to_string();
        assert_eq!(self.post(time, &body).await, (StatusCode::OK, "ok".to_owned()), "{body}");
        body
    }

    async fn wrote(&mut self, time: &str, user: u64, number: u64) {
        self.vk(time, "message_new", json!({"message": message(user, number, time), "client_info": {}})).await;
    }

    async fn administrator_wrote(&mut self, time: &str, administrator: u64, user: u64, number: u64) {
        self.vk(time, "message_reply", reply(user, number, time, Some(administrator))).await;
    }

    /// The company's own systems report a send, to which VK gave this answer.
    async fn sent(&mut self, time: &str, answer: Value, more: Value) {
        let mut report = json!({"at": at(time), "answer": answer});
        for (name, value) in more.as_object().unwrap() {
            report[name] = value.clone();
        }
        assert_eq!(self.0.reports(time, "shop", &[report]).await.0, 1);
    }

    /// What neither VK nor its answers can tell.
    async fn event(&mut self, time: &str, kind: &str, more: Value) {
        let mut event = json!({"id": format!("{kind} {time}"), "kind": kind, "at": at(time), "channel": "VK",
            "account": "5001"});
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        self.0.says(time, &[event]).await;
    }
}

fn seconds(time: &str) -> i64 {
    at(time) / 1_000
}

fn message(user: u64, number: u64, time: &str) -> Value {
    json!({"date": seconds(time), "from_id": user, "peer_id": user, "id": 900 + number, "out": 0,
        "conversation_message_id": number, "attachments": [], "text": "Good day", "random_id": 0})
}

/// What the community wrote: an administrator, or its systems through the API.
fn reply(user: u64, number: u64, time: &str, administrator: Option<u64>) -> Value {
    let mut reply = message(user, number, time);
    (reply["out"], reply["from_id"]) = (1.into(), (-5001).into());
    if let Some(administrator) = administrator {
        reply["admin_author_id"] = administrator.into();
    }
    reply
}

fn taken(user: u64, number: u64) -> Value {
    json!({"response": [{"peer_id": user, "message_id": 900 + number, "conversation_message_id": number}]})
}

fn order(user: u64, id: u64, time: &str, hundredths: &str, status: u64) -> Value {
    json!({"id": id, "group_id": 5001, "user_id": user, "date": seconds(time), "status": status, "items_count": 1,
        "total_price": {"amount": hundredths, "currency": {"id": 643, "name": "RUB"}}})
}

fn read_up_to(user: u64, number: u64) -> Value {
    json!({"from_id": user, "peer_id": user, "read_message_id": 900 + number, "conversation_message_id": number})
}

fn pressed(user: u64, number: u64, press: &str, payload: &str) -> Value {
    json!({"user_id": user, "peer_id": user, "event_id": press, "payload": payload, "conversation_message_id": number})
}

fn survey(user: u64, survey: &str) -> Value {
    json!({"chat": user.to_string(), "contact": format!("vk:{user}"), "survey": {"id": survey}})
}

async fn tell_of_anna(day: &mut Community) {
    // She comes by a link that was made for her alone.
    day.vk("08:59:00", "message_allow", json!({"user_id": ANNA, "key": "c_8f3a"})).await;
    day.wrote("09:00:00", ANNA, 1).await;
    // VK tells of the bot's answer, too: one message.
    day.sent("09:00:05", taken(ANNA, 2), json!({"author": "BOT", "scenario": "hello"})).await;
    day.vk("09:00:06", "message_reply", reply(ANNA, 2, "09:00:05", None)).await;
    day.wrote("09:00:20", ANNA, 3).await;
    let chat = json!({"chat": ANNA.to_string(), "operator": "6100", "team": "north"});
    day.event("09:01:00", "dialog.assigned", chat.clone()).await;
    day.administrator_wrote("09:02:20", 6_100, ANNA, 4).await;
    // Told again in another body: another delivery, another form of the same message.
    let again = json!({"message": reply(ANNA, 4, "09:02:20", Some(6_100))});
    day.vk("09:02:50", "message_reply", again).await;
    let mark = day.vk("09:03:00", "message_read", read_up_to(ANNA, 4)).await;
    // Word for word, an hour after: it was read when it was first told.
    let unchanged = mark.clone();
    // The mark comes before the message that it is about.
    day.vk("09:11:00", "message_read", read_up_to(ANNA, 5)).await;
    day.vk("09:12:00", "message_reply", reply(ANNA, 5, "09:10:00", Some(6_100))).await;
    day.vk("09:15:00", "market_order_new", order(ANNA, 397, "09:15:00", "150005", 0)).await;
    // The question for a rating is a trigger's: no campaign, and no bot.
    day.sent("09:20:00", taken(ANNA, 6), json!({"author": "AUTOMATION"})).await;
    day.event("09:20:01", "survey.sent", survey(ANNA, "s-17")).await;
    day.vk("09:20:02", "message_reply", reply(ANNA, 6, "09:20:00", None)).await;
    day.vk("09:21:00", "message_event", pressed(ANNA, 6, "press-1", "rate:s-17:4/5")).await;
    day.vk("09:21:30", "message_event", pressed(ANNA, 6, "press-2", "rate:s-17:5/5")).await;
    day.event("09:30:00", "dialog.closed", chat).await;
    assert_eq!(day.post("09:31:00", &unchanged).await.0, StatusCode::OK);
}

async fn tell_of_boris(day: &mut Community) {
    day.wrote("10:00:00", BORIS, 1).await;
    day.wrote("10:00:30", BORIS, 2).await;
    day.vk("10:09:00", "message_typing_state", json!({"state": "typing", "from_id": -5001, "to_id": BORIS})).await;
    day.administrator_wrote("10:10:00", 6_200, BORIS, 3).await;
    day.wrote("10:10:10", BORIS, 4).await;
    // Up to his own second message: the administrator's third is not read by it.
    day.vk("10:12:00", "message_read", read_up_to(BORIS, 2)).await;
    let answers = json!([{"key": "phone_number", "answer": "+7 (000) 000-00-01"}]);
    let form = json!({"lead_id": 12, "group_id": 5001, "user_id": BORIS, "form_id": 3, "answers": answers});
    day.vk("10:20:00", "lead_forms_new", form).await;
    day.event("10:30:00", "survey.sent", survey(BORIS, "s-18")).await;
    day.vk("10:31:00", "message_event", pressed(BORIS, 3, "press-3", "rate:s-18:2/5")).await;
    day.vk("12:40:00", "market_order_new", order(BORIS, 398, "12:40:00", "70000", 0)).await;
    day.vk("14:30:00", "market_order_new", order(ZOE, 400, "14:30:00", "9900", 0)).await;
}

/// A newsletter to three: one reads it, reacts, leaves and comes back in the evening; one had forbidden it; one writes.
async fn tell_of_the_newsletter(day: &mut Community) {
    let spring = |user: u64| json!({"author": "AUTOMATION", "campaign": "spring", "contact": format!("vk:{user}")});
    day.sent("12:00:00", taken(GLEB, 5), spring(GLEB)).await;
    let mut refused = spring(DINA);
    (refused["id"], refused["chat"]) = ("newsletter-2".into(), DINA.to_string().into());
    day.sent("12:00:01", json!({"error": {"error_code": 901, "error_msg": "denied"}}), refused).await;
    day.sent("12:00:02", taken(EGOR, 2), spring(EGOR)).await;
    day.vk("12:00:03", "message_reply", reply(GLEB, 5, "12:00:00", None)).await;
    day.vk("12:00:04", "message_reply", reply(EGOR, 2, "12:00:02", None)).await;
    day.vk("12:05:00", "message_read", read_up_to(GLEB, 5)).await;
    let reaction = json!({"peer_id": GLEB, "reacted_id": GLEB, "cmid": 5, "reaction_id": 2});
    day.vk("12:06:00", "message_reaction_event", reaction).await;
    day.vk("12:30:00", "message_deny", json!({"user_id": GLEB})).await;
    day.wrote("13:00:00", EGOR, 3).await;
    day.administrator_wrote("13:05:00", 6_100, EGOR, 4).await;
    day.event("13:10:00", "survey.sent", survey(EGOR, "s-19")).await;
}

async fn tell_of_the_rest(day: &mut Community) {
    day.wrote("14:00:00", FEDOR, 1).await;
    // The report alone: VK's own event of it never comes.
    day.sent("14:00:04", taken(FEDOR, 2), json!({"author": "BOT", "contact": format!("vk:{FEDOR}")})).await;
    // Written at eleven, and told four hours late.
    day.vk("15:00:00", "message_new", json!({"message": message(VERA, 1, "11:00:00"), "client_info": {}})).await;
    // The company's page knows the link by which its visitor came, and not who that is.
    let bought = json!({"contact": "link:8f3a", "channel": "SITE",
        "conversion": {"action": "purchase", "value": "200", "currency": "RUB", "order": "page-1"}});
    day.event("16:00:00", "conversion.recorded", bought).await;
    day.vk("18:00:00", "market_order_edit", order(BORIS, 398, "12:40:00", "70000", 5)).await;
    day.vk("19:00:00", "message_dreamt_of", json!({"user_id": VERA})).await;
    day.vk("21:00:00", "message_allow", json!({"user_id": GLEB, "key": ""})).await;
}

#[tokio::test]
async fn a_day_is_counted_as_it_was() {
    let mut day = Community(Day::begin([shop()]).await);
    let confirmation = json!({"type": "confirmation", "group_id": 5001}).to_string();
    assert_eq!(day.post("08:00:00", &confirmation).await, (StatusCode::OK, "7a3c91be".to_owned()));
    let forged = json!({"type": "message_deny", "group_id": 5001, "secret": "another", "object": {"user_id": ANNA}});
    assert_eq!(day.post("08:01:00", &forged.to_string()).await.0, StatusCode::UNAUTHORIZED);
    let foreign = json!({"type": "message_deny", "group_id": 5002, "secret": SECRET, "object": {"user_id": ANNA}});
    assert_eq!(day.post("08:02:00", &foreign.to_string()).await.0, StatusCode::FORBIDDEN);
    tell_of_anna(&mut day).await;
    tell_of_boris(&mut day).await;
    tell_of_the_newsletter(&mut day).await;
    tell_of_the_rest(&mut day).await;

    day.0.at("22:00:00");
    // Deliveries: of Anna 14, of Boris and Zoe 10, of the newsletter 7, of the rest 5; what was forged or foreign left nothing.
    // Events: 10 + 2 * 2 of Anna's, whose fourth message and first mark were told twice; 8 + 2 of Boris' and Zoe's, and one
    // that says he is being written to; 7; 4 and the unknown one.
    let unknown = json!([{"kind": "message_dreamt_of", "deliveries": 1}]);
    let counted = json!([{"name": "shop", "received": 36, "accepted": 35, "duplicates": 2, "ignored": 1, "rejected": 0,
        "troubled": 0, "refusedSinceStart": 1, "foreignSinceStart": 1, "unknownKinds": unknown}]);
    assert_eq!(day.0.health().await, counted);

    assert_figures(&day.0.figures().await, &expected());
}

/// The day by hand, after `metrics.md`.
fn expected() -> Value {
    let mut expected = json!({
        // Outbound, by user and number: Anna 2 4 5 6, Boris 3, Gleb 5, Dina's that was refused, Egor 2 4, Fedor 2: 10.
        // VK reports no delivery. Accepted is all but Dina's: 9/10; Dina alone cannot be addressed: 9/10.
        "delivery": {"rate": null, "outbound": 10, "delivered": null, "failed": 1, "pending": null, "acceptanceRate": 0.9,
            "addressableRate": 0.9, "failedAfterDelivered": 0, "orphanStatuses": 0,
            "quality": quality("UNAVAILABLE", 0.0, &["UNAVAILABLE"])},
        // Read up to a mark: Anna 2 4 (09:03) and 5 (09:11), Gleb 5 (12:05): 4 of 10 sent. Of delivered: nobody knows.
        // Engaged, of 9 accepted: Anna 2 (she writes 09:00:20) 4 5 6 (she presses 09:21), Boris 3 (writes 10:10:10), Gleb 5
        // (reacts 12:06), Egor 2 (writes 13:00); not Egor 4 and Fedor 2: 7/9.
        "reads": {"ofSent": 0.4, "ofDelivered": null, "read": 4, "engagedRate": 7.0 / 9.0,
            "quality": quality("APPROXIMATE", 1.0, &[])},
        // Turns and the first answer of an administrator: Anna 09:00:00 to 09:02:20 140 s, 09:00:20 (after the bot, so a turn
        // of its own) 120 s; Boris 10:00:00 to 10:10:00 600 s, 10:10:10 none; Vera 11:00 none; Egor 13:00 to 13:05 300 s;
        // Fedor 14:00 none but the bot's. Sorted 120 140 300 600, places 0 to 3:
        // p50 at 1.5: 140 + 0.5 * 160 = 220; p90 at 2.7: 300 + 0.7 * 300 = 510; p95 at 2.85: 555; p99 at 2.97: 591;
        // mean 1160 / 4 = 290; within 300 s: 3/4. The three without an answer have closed since.
        "responseTime": {"p50Seconds": 220.0, "p90Seconds": 510.0, "p95Seconds": 555.0, "p99Seconds": 591.0,
            "meanSeconds": 290.0, "answered": 4, "unanswered": 3, "abandoned": 3, "withinTarget": 0.75,
            "quality": quality("EXACT", 1.0, &[])},
        // Open: Anna 09:00 to 09:30, as she was closed; the others until 24 hours after their last message, here until
        // midnight: Boris from 10:00, Vera 11:00, Egor 13:00 (the newsletter opens nothing), Fedor 14:00; Gleb never.
        // Peak: the last four, from 14:00. Mean: (0.5 + 14 + 13 + 11 + 10) / 24 = 48.5 / 24.
        "activeDialogs": {"distinct": 5, "peak": 4, "peakAt": "2035-05-01T14:00:00.000Z", "meanConcurrent": 48.5 / 24.0,
            "openNow": 4, "quality": quality("EXACT", 1.0, &[])},
        // s-17: 5, the later of 4 and 5; s-18: 2; s-19 unanswered. Satisfied 1/2; mean 3.5; brought to 0..1: (1 + 0.25) / 2.
        // Wilson, z² = 3.841458881: middle (0.5 + z²/4) / (1 + z²/2) = 0.5, half
        // z * sqrt(0.25/2 + z²/16) / (1 + z²/2) = 1.959964 * 0.604227755 / 2.920729441 = 0.405468795.
        "satisfaction": {"satisfiedShare": 0.5, "satisfiedLow": 0.5 - HALF, "satisfiedHigh": 0.5 + HALF, "meanScore": 3.5,
            "normalisedMean": 0.625, "rated": 2, "surveyed": 3, "responseRate": 2.0 / 3.0,
            "quality": quality("EXACT", 1.0, &["SMALL_SAMPLE"])},
        // Dialogs with a client message: Anna, Boris, Vera, Egor, Fedor. Anna's order 1500.05 and her 200 on the page, by her
        // link; Boris' form, worth nothing, his order of 700 cancelled; Zoe's order has no dialog. 2/5, 1700.05. No CRM ever
        // linked anybody, so all who have a contact are known.
        "conversion": {"rate": 0.4, "converted": 2, "dialogs": 5, "value": "1700.05", "currency": "RUB",
            "identityCoverage": 1.0, "quality": quality("EXACT", 1.0, &[])},
        // First replies: the bot's to Anna's first turn and Fedor's, administrators' to Anna's second, Boris' first, Egor's:
        // 2/5. Messages but the newsletter's: Anna 2 4 5 6, Boris 3, Egor 4, Fedor 2: 7; the bot's two and the trigger's: 3/7.
        // With a bot: Anna, who then got an administrator, and Fedor, who wrote no more: 1/2 each.
        "automation": {"automaticShare": 0.4, "automatic": 2, "manual": 3, "assisted": 0, "automaticMessageShare": 3.0 / 7.0,
            "containment": 0.5, "handoffRate": 0.5, "quality": quality("EXACT", 1.0, &[])},
        // Anna 09:00:00 to 09:10:00 600 s (the trigger's 09:20 extends nothing), Boris 10:00:00 to 10:10:10 610 s, Egor
        // 13:00 to 13:05 300 s (the newsletter begins nothing), Fedor 4 s; Vera one message. Sorted 4 300 600 610:
        // p50 at 1.5: 450; p90 at 2.7: 600 + 0.7 * 10 = 607; mean 1514 / 4 = 378.5.
        "sessions": {"p50Seconds": 450.0, "p90Seconds": 607.0, "meanSeconds": 378.5, "sessions": 4,
            "singleMessageSessions": 1, "quality": quality("EXACT", 1.0, &[])},
        // Anna 1 3, Boris 1 2 4, Vera 1, Egor 3, Fedor 1; Boris' second belongs to his first turn.
        "activity": {"messages": 8, "turns": 7, "quality": quality("EXACT", 1.0, &[])},
        // Reached: Anna, Boris, Gleb, Egor, Fedor. Left: Gleb, who came back, and Dina, seen only by the refusal: 2/5, net 1.
        // VK tells of no mute.
        "unsubscribes": {"rate": 0.4, "unsubscribed": 2, "netUnsubscribed": 1, "exposed": 5, "muted": null, "muteRate": null,
            "quality": quality("APPROXIMATE", 1.0, &["SEEN_BY_FAILURE"])},
    });
    for (_, family) in expected.as_object_mut().unwrap() {
        *family = json!({"total": family.take()});
    }
    // Three client messages of Boris between ten and eleven of the one Tuesday, in two turns; no other hour has more than two.
    expected["activity"]["peak"] = json!({"weekday": 2, "hour": 10, "occurrences": 1, "messages": 3, "perOccurrence": 3.0,
        "turns": 2, "turnsPerOccurrence": 2.0});
    expected
}

/// Half of the Wilson interval of 1 of 2 at 95 %.
const HALF: f64 = 0.405_468_795_360_8;
