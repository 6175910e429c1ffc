//! A day of one Viber bot: a link made for one client that leads to an order in RetailCRM, a broadcast that makes two leave,
//! reads that are told once for all, and statuses from two devices.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::bots::{Day, assert_figures, at, connection, hmac_hex, unsettled};

const BOT: &str = "lilac-bot";
const TOKEN: &str = "4a1f-invented-token";
const SHOP: &str = "lilac-garden";
const PATH_SECRET: &str = "not-a-real-secret";

/// Clients: Una comes by a link of her own and buys, Vik asks the bot and then people, Wim blocks and comes back, Xia had
/// left before, Yan has only the bot.
const UNA: &str = "uA1b2C3d4E5f6G7h8I9j0==";
const VIK: &str = "vA1b2C3d4E5f6G7h8I9j0==";
const WIM: &str = "wA1b2C3d4E5f6G7h8I9j0==";
const XIA: &str = "xA1b2C3d4E5f6G7h8I9j0==";
const YAN: &str = "yA1b2C3d4E5f6G7h8I9j0==";

/// A message's token: beyond what a float can tell from its neighbours.
fn token(number: u64) -> u64 {
    5_741_311_803_571_721_000 + number
}

async fn post(day: &Day, callback: &Value) {
    let body = callback.to_string();
    let signature = hmac_hex(TOKEN, &body);
    let status = day.deliver("bot", &[("x-viber-content-signature", &signature)], &body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

fn wrote(user: &str, number: u64, time: &str, message: &Value) -> Value {
    json!({"event": "message", "timestamp": at(time), "chat_hostname": "SN-CHAT-03_", "message_token": token(number),
        "sender": {"id": user, "name": "A name", "language": "es", "country": "ES", "api_version": 10},
        "message": message, "silent": false})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// A callback that names its user alone.
fn told(event: &str, user: &str, number: u64, time: &str) -> Value {
    json!({"event": event, "timestamp": at(time), "chat_hostname": "SN", "message_token": token(number), "user_id": user})
}

/// A callback that shows its user.
fn came(event: &str, user: &str, number: u64, time: &str) -> Value {
    json!({"event": event, "timestamp": at(time), "chat_hostname": "SN", "message_token": token(number),
        "user": {"id": user, "name": "A name", "language": "es", "country": "ES", "api_version": 10}})
}

/// A report of a send that Viber took. Its answer does not say to whom; that is all that is told of the client.
fn taken(user: &str, number: u64, time: &str, more: Value) -> Value {
    let mut report = more;
    report["at"] = at(time).into();
    report["chat"] = user.into();
    report["answer"] =
        json!({"status": 0, "status_message": "ok", "message_token": token(number), "billing_status": 1});
    report
}

fn bot() -> Value {
    json!({"author": "BOT", "scenario": "hello"})
}

fn event(id: &str, kind: &str, chat: &str, time: &str, more: Value) -> Value {
    let mut event = more;
    for (name, value) in [("id", id), ("kind", kind), ("channel", "VIBER"), ("account", BOT), ("chat", chat)] {
        event[name] = value.into();
    }
    event["at"] = at(time).into();
    event
}

/// What a trigger of the shop says; times are those of Madrid, two hours ahead.
async fn trigger(day: &Day, call: &Value) {
    let name = format!("orders?secret={PATH_SECRET}");
    assert_eq!(day.deliver(&name, &[], &call.to_string()).await, StatusCode::OK, "{call}");
}

/// Una comes, is served and rates.
async fn of_una(day: &mut Day) {
    // The check of the address tells nothing.
    post(day.at("07:59:00"), &json!({"event": "webhook", "timestamp": at("07:59:00"), "message_token": token(1)}))
        .await;
    let mut start = came("conversation_started", UNA, 2, "08:00:00");
    (start["type"], start["context"], start["subscribed"]) = ("open".into(), "c_8f3a".into(), false.into());
    post(day.at("08:00:01"), &start).await;
    let first = wrote(UNA, 101, "08:00:10", &text("Hello"));
    post(day.at("08:00:11"), &first).await;
    day.at("08:00:13").report("bot", &[taken(UNA, 201, "08:00:12", bot())]).await;
    post(day.at("08:00:15"), &told("delivered", UNA, 201, "08:00:14")).await;
    // Word for word, and then written otherwise.
    post(day, &first).await;
    let mut again = first;
    (again["silent"], again["chat_hostname"]) = (true.into(), "SN-CHAT-04_".into());
    post(day.at("08:02:00"), &again).await;
    let by_olga = json!({"operator": "olga", "team": "west"});
    day.at("08:05:11").report("bot", &[taken(UNA, 202, "08:05:10", by_olga.clone())]).await;
    post(day.at("08:05:13"), &told("delivered", UNA, 202, "08:05:12")).await;
    // Told of the last; the one before it was read too.
    post(day.at("08:06:01"), &told("seen", UNA, 202, "08:06:00")).await;
    post(day.at("08:10:01"), &wrote(UNA, 102, "08:10:00", &text("And the price?"))).await;
    let mut draft = by_olga;
    draft["assisted"] = true.into();
    day.at("08:10:41").report("bot", &[taken(UNA, 203, "08:10:40", draft)]).await;
    // Another device gets it later and is told first.
    post(day.at("09:15:01"), &told("delivered", UNA, 203, "09:15:00")).await;
    post(day, &told("delivered", UNA, 203, "08:10:42")).await;

    let survey = event("q-1", "survey.sent", UNA, "09:00:00", json!({"survey": {"id": "s-17"}}));
    day.at("09:15:02").tell(&[survey]).await;
    day.report("bot", &[taken(UNA, 204, "09:00:00", bot())]).await;
    post(day, &told("delivered", UNA, 204, "09:00:02")).await;
    post(day, &told("seen", UNA, 204, "09:00:50")).await;
    post(day, &wrote(UNA, 103, "09:01:00", &text("rate:s-17:4/5"))).await;
    let tracked = json!({"type": "text", "text": " 2 ", "tracking_data": r#"{"survey":"s-17","scale":5}"#});
    post(day, &wrote(UNA, 104, "09:02:00", &tracked)).await;
    day.at("09:30:00").tell(&[event("x-1", "dialog.closed", UNA, "09:30:00", json!({}))]).await;
}

/// A broadcast, and what became of it.
async fn of_broadcast(day: &mut Day) {
    let spring = || json!({"author": "AUTOMATION", "campaign": "spring"});
    post(day.at("09:31:00"), &came("subscribed", VIK, 3, "08:30:00")).await;
    // Delivered before anybody has told that it was sent.
    post(day, &told("delivered", WIM, 302, "08:31:04")).await;
    let refused = json!({"id": "send-17", "answer": {"status": 6, "status_message": "receiverNotSubscribed"},
        "at": at("08:31:00"), "chat": XIA, "author": "AUTOMATION", "campaign": "spring"});
    let sends = [taken(VIK, 301, "08:31:00", spring()), taken(WIM, 302, "08:31:00", spring()), refused];
    day.report("bot", &sends).await;
    post(day, &told("delivered", VIK, 301, "08:31:05")).await;
    post(day, &told("unsubscribed", WIM, 4, "08:40:00")).await;
    post(day, &told("seen", VIK, 301, "08:45:00")).await;
}

/// Vik and Yan.
async fn of_noon(day: &mut Day) {
    post(day.at("12:00:01"), &wrote(VIK, 105, "12:00:00", &text("Hello"))).await;
    day.at("12:00:04").report("bot", &[taken(VIK, 205, "12:00:03", bot())]).await;
    let assigned = event("g-1", "dialog.assigned", VIK, "12:19:00", json!({"operator": "petr", "team": "east"}));
    day.at("12:19:00").tell(&[assigned]).await;
    post(
        day.at("12:20:01"),
        &wrote(VIK, 106, "12:20:00", &json!({"type": "picture", "media": "https://example.org/p"})),
    )
    .await;
    let by_petr = json!({"operator": "petr", "team": "east"});
    day.at("12:22:01").report("bot", &[taken(VIK, 206, "12:22:00", by_petr.clone())]).await;
    day.at("12:23:01").report("bot", &[taken(VIK, 207, "12:23:00", by_petr)]).await;
    let mut failed = told("failed", VIK, 207, "12:23:02");
    failed["desc"] = "no suitable device".into();
    post(day.at("12:23:03"), &failed).await;
    let survey = event("q-2", "survey.sent", VIK, "12:30:00", json!({"survey": {"id": "s-18"}}));
    day.at("12:30:00").tell(&[survey]).await;
    post(day.at("12:40:01"), &wrote(YAN, 107, "12:40:00", &text("Are you open?"))).await;
    day.at("12:40:03").report("bot", &[taken(YAN, 208, "12:40:02", bot())]).await;
    post(day.at("12:40:04"), &told("delivered", YAN, 208, "12:40:03")).await;
}

/// Orders, Una again, and what comes late.
async fn of_evening(day: &mut Day) {
    let order = |order: u32, status: &str, total: &str, at: &str| {
        json!({"order": order, "status": status, "total": total, "customer": 12, "at": format!("2035-05-01 {at}"),
            "account": SHOP})
    };
    trigger(day.at("15:00:01"), &order(7, "complete", "99.50", "17:00:00")).await;
    // Whose link it was only the company knows, and says so late.
    let link = json!({"id": "l-1", "kind": "contact.linked", "at": at("15:10:00"), "channel": "RETAILCRM",
        "account": SHOP, "contact": format!("retailcrm:{SHOP}:contact:12"), "identities": ["link:8f3a"]});
    day.at("15:10:00").tell(&[link]).await;
    post(day.at("18:00:01"), &wrote(UNA, 108, "18:00:00", &text("One more, please"))).await;
    trigger(day.at("18:30:01"), &order(8, "complete", "20.25", "20:30:00")).await;
    trigger(day.at("18:30:09"), &order(8, "complete", "20.25", "20:30:00")).await;
    post(day.at("19:00:01"), &came("subscribed", WIM, 5, "19:00:00")).await;
    trigger(day.at("19:30:01"), &order(8, "cancel-other", "20.25", "21:30:00")).await;
    post(day.at("19:40:00"), &told("teleported", UNA, 6, "19:40:00")).await;
    // Eight hours late.
    post(day.at("19:50:00"), &told("delivered", VIK, 205, "12:00:05")).await;
    // Neither Viber nor the shop.
    let body = wrote(UNA, 109, "19:55:00", &text("Hello")).to_string();
    let wrong = hmac_hex("another token", &body);
    let status = day.at("19:55:00").deliver("bot", &[("x-viber-content-signature", &wrong)], &body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(day.deliver("orders?secret=another", &[], "{}").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_day_of_viber_comes_to_the_numbers_that_were_computed_by_hand() {
    let options = json!({"auth_token": TOKEN, "link_prefix": "c_"});
    let shop = json!({"path_secret": PATH_SECRET, "time_zone": "Europe/Madrid", "currency": "EUR"});
    let connections = [connection("viber", "bot", BOT, &options), connection("retailcrm", "orders", SHOP, &shop)];
    let mut day = Day::begin(connections).await;
    of_una(&mut day).await;
    of_broadcast(&mut day).await;
    of_noon(&mut day).await;
    of_evening(&mut day).await;

    let expected = json!({
        // Outbound, 11: 201 202 203 204 (Una), 301 302 and the one refused (R), 205 206 207 (Vik), 208 (Yan).
        // Delivered, 8: 201 to 204, 301, 302, 205, 208. Failed, 2: R (6, OPT_OUT), 207 (RECIPIENT). Pending: 206.
        // 8 + 2 + 1 = 11. Accepted: all but R. Not to be addressed: R, 207.
        "delivery": {"total": {
            "rate": 8.0 / 11.0, "outbound": 11, "delivered": 8, "failed": 2, "pending": 1, "acceptanceRate": 10.0 / 11.0,
            "addressableRate": 9.0 / 11.0, "failedAfterDelivered": 0, "orphanStatuses": 0,
            "quality": unsettled("EXACT", &[])}},
        // Read, 5: 202 and with it 201; 204 and with it 203, which was delivered at 08:10:42, before 09:00:50; 301.
        // 205 was delivered after that. Engaged, of 10 accepted: 201 202 (08:10) 203 204 (09:01) 301 (12:00) 205 (12:20);
        // not 302 206 207 208.
        "reads": {"total": {
            "ofSent": 5.0 / 11.0, "ofDelivered": 5.0 / 8.0, "read": 5, "engagedRate": 6.0 / 10.0,
            "quality": unsettled("APPROXIMATE", &[])}},
        // Turns, 7: Una 08:00:10 → olga 08:05:10 = 300 s, 08:10:00 → 08:10:40 = 40 s, 09:01:00 (with 09:02:00) never,
        // 18:00:00 not yet. Vik 12:00:00 → petr 12:22:00 = 1320 s (the bot stops no clock), 12:20:00 → 12:22:00 = 120 s.
        // Yan 12:40:00 not yet.
        // 40 120 300 1320: p50 = (120 + 300)/2; p90 at 2.7: 300 + 0.7 · 1020; p95 at 2.85: 300 + 0.85 · 1020; p99 at 2.97:
        // 300 + 0.97 · 1020; mean 1780/4. Within 300 s: 3 of 4. Only the dialog of 09:01 has closed.
        "responseTime": {"total": {
            "p50Seconds": 210.0, "p90Seconds": 1014.0, "p95Seconds": 1167.0, "p99Seconds": 1289.4, "meanSeconds": 445.0,
            "answered": 4, "unanswered": 3, "abandoned": 1, "withinTarget": 0.75, "quality": unsettled("EXACT", &[])}},
        // Dialogs in which a client wrote: Una's, Vik's, Yan's. Open, until 20:00: Una 08:00:10 to 09:30:00 = 5390 s and
        // 18:00:00 on = 7200 s; Vik 12:00:00 on (a broadcast opens none) = 28800 s; Yan 12:40:00 on = 26400 s.
        // 67790 s of 72000 s. Three at once from 18:00 on.
        "activeDialogs": {"total": {
            "distinct": 3, "peak": 3, "peakAt": "2035-05-01T18:00:00.000Z", "meanConcurrent": 67_790.0 / 72_000.0,
            "openNow": 3, "quality": unsettled("EXACT", &[])}},
        // Asked: Una (4, then 2: the last counts) and Vik. (2 - 1)/(5 - 1) = 0.25.
        // Wilson of 0 of 1: 0 to (z²/2 + z²/2)/(1 + z²), z = 1.959964.
        "satisfaction": {"total": {
            "satisfiedShare": 0.0, "satisfiedLow": 0.0, "satisfiedHigh": 3.841_458_881_296 / 4.841_458_881_296,
            "meanScore": 2.0, "normalisedMean": 0.25, "rated": 1, "surveyed": 2, "responseRate": 0.5,
            "quality": unsettled("EXACT", &["SMALL_SAMPLE"])}},
        // Cycles, 4: Una's two, Vik's, Yan's. Una is customer 12 by the link: order 7, of 17:00 in Madrid, is of 15:00 and
        // so of her first cycle; order 8 of 18:30, of her second, is taken back at 19:30. The shop knows Una alone.
        "conversion": {"total": {
            "rate": 0.25, "converted": 1, "dialogs": 4, "value": "99.5", "currency": "EUR", "identityCoverage": 0.5,
            "quality": unsettled("LOWER_BOUND", &[])}},
        // First replies: bot 201, olga 203, bot 205, petr 206, bot 208; of 09:01 and 18:00 none.
        // Messages but for broadcasts, 8: 201 204 205 208 the bot's, 202 203 206 207 not.
        // The bot wrote in three cycles: Una's first and Vik's, where people followed, and Yan's, which is open.
        "automation": {"total": {
            "automaticShare": 0.6, "automatic": 3, "manual": 2, "assisted": 1, "automaticMessageShare": 0.5,
            "containment": 0.0, "handoffRate": 2.0 / 3.0, "quality": unsettled("EXACT", &[])}},
        // Una 08:00:10 to 08:10:40 = 630 s; 09:00:00 (the bot's question) to 09:02:00 = 120 s; alone 18:00. Vik 12:00:00 to
        // 12:23:00 = 1380 s. Yan 12:40:00 to 12:40:02 = 2 s.
        // 2 120 630 1380: p50 = (120 + 630)/2; p90 at 2.7: 630 + 0.7 · 750; mean 2132/4.
        "sessions": {"total": {
            "p50Seconds": 375.0, "p90Seconds": 1155.0, "meanSeconds": 533.0, "sessions": 4, "singleMessageSessions": 1,
            "quality": unsettled("EXACT", &[])}},
        // 08 h: 2 of Una. 09 h: 2 of Una. 12 h: 2 of Vik, 1 of Yan, each a turn. 18 h: 1 of Una.
        "activity": {
            "total": {"messages": 8, "turns": 7, "quality": unsettled("EXACT", &[])},
            "peak": {"weekday": 2, "hour": 12, "occurrences": 1, "messages": 3, "perOccurrence": 3.0, "turns": 3,
                "turnsPerOccurrence": 3.0}},
        // Reached: Una, Vik, Wim, Yan. Left: Wim, who is back, and Xia, of whom only a refused send tells.
        "unsubscribes": {"total": {
            "rate": 0.5, "unsubscribed": 2, "netUnsubscribed": 1, "exposed": 4, "muted": null, "muteRate": null,
            "quality": unsettled("APPROXIMATE", &["SEEN_BY_FAILURE"])}},
    });
    assert_figures(&day.at("20:00:00").figures_within(300).await, &expected);

    // Of the bot, 14 + 5 + 5 + 4 deliveries, the check of the address not among them. New events 16 + 6 + 5 + 3; twice Una's
    // first message again. Of the shop a link and a sale, twice; what is told again of order 8 is its link, twice, and the
    // sale taken back.
    let expected = json!([
        {"name": "bot", "received": 28, "accepted": 30, "duplicates": 2, "rejected": 0, "ignored": 0, "troubled": 0,
            "refusedSinceStart": 1, "foreignSinceStart": 0, "unknownKinds": [{"kind": "teleported", "deliveries": 1}]},
        {"name": "orders", "received": 4, "accepted": 5, "duplicates": 2, "rejected": 0, "ignored": 0, "troubled": 0,
            "refusedSinceStart": 1, "foreignSinceStart": 0, "unknownKinds": []},
    ]);
    assert_eq!(day.health().await, expected);

    // Four days later: 206 had no status for 72 hours and counts as failed; Yan's dialog has closed and stayed silent.
    let later = day.at("109:00:00").figures_within(300).await;
    let of = |family: &str, metric: &str| later[family]["total"][metric].clone();
    assert_eq!([of("delivery", "failed"), of("delivery", "pending")], [json!(3), json!(0)]);
    assert_eq!([of("automation", "automatic"), of("conversion", "converted")], [json!(3), json!(1)]);
    assert_figures(&of("automation", "containment"), &json!(1.0 / 3.0));
}
