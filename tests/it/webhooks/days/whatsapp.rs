//! A day of one WhatsApp number: a broadcast, an advertisement that leads to a sale in HubSpot, a bot, a client without a
//! number, and all that Meta does to whoever counts.

use aws_lc_rs::hmac;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::bots::{Day, assert_figures, at, connection, hmac_hex, unsettled};

const NUMBER: &str = "104512239811";
const APP_SECRET: &str = "an-invented-app-secret";
const CLIENT_SECRET: &str = "7d1f0c2b-58aa-4e61-9f0d-3c1b2a4e5f60";
const HUBSPOT_URL: &str = "https://rapport.example.com/webhooks/deals";

/// Clients: Ada comes by an advertisement and buys, Ben asks the bot, Cleo is never answered, Dora wants no marketing, Ed
/// shows no number, Fay is not to be reached.
const ADA: &str = "4915112345601";
const BEN: &str = "4915112345602";
const CLEO: &str = "4915112345603";
const DORA: &str = "4915112345604";
const ED: &str = "DE.7712";
const FAY: &str = "4915112345606";

/// A time of the day as Meta writes it.
fn in_seconds(time: &str) -> i64 {
    at(time) / 1_000
}

fn body(field: &str, lists: &[(&str, Value)]) -> String {
    let mut value = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4930555010", "phone_number_id": NUMBER}});
    for (name, list) in lists {
        value[*name] = list.clone();
    }
    let entry = json!({"id": "208811700455", "changes": [{"field": field, "value": value}]});
    json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string()
}

async fn post(day: &Day, body: &str) {
    let signature = format!("sha256={}", hmac_hex(APP_SECRET, body));
    assert_eq!(day.deliver("chats", &[("x-hub-signature-256", &signature)], body).await, StatusCode::OK, "{body}");
}

async fn messages(day: &Day, list: &[Value]) {
    post(day, &body("messages", &[("messages", Value::from(list.to_vec()))])).await;
}

async fn statuses(day: &Day, list: &[Value]) {
    post(day, &body("messages", &[("statuses", Value::from(list.to_vec()))])).await;
}

fn wrote(from: &str, id: &str, time: &str) -> Value {
    json!({"from": from, "id": id, "timestamp": in_seconds(time).to_string(), "type": "text", "text": {"body": "Hello"}})
}

fn pressed(from: &str, id: &str, time: &str, on: &str, button: &str) -> Value {
    json!({"from": from, "id": id, "timestamp": in_seconds(time).to_string(), "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": button, "title": "Good"}},
        "context": {"from": "4930555010", "id": on}})
}

fn status(to: &str, id: &str, name: &str, time: &str) -> Value {
    json!({"id": id, "status": name, "timestamp": in_seconds(time).to_string(), "recipient_id": to})
}

fn failed(to: &str, id: &str, time: &str, code: u32) -> Value {
    let mut status = status(to, id, "failed", time);
    status["errors"] = json!([{"code": code, "title": "t"}]);
    status
}

/// A report of a send that Meta took; of whom it went to, Meta's answer says enough.
fn taken(to: &str, id: &str, time: &str, more: Value) -> Value {
    let mut report = more;
    report["at"] = at(time).into();
    report["answer"] = json!({"messaging_product": "whatsapp", "contacts": [{"input": format!("+{to}"), "wa_id": to}],
        "messages": [{"id": id}]});
    report
}

fn event(id: &str, kind: &str, chat: &str, time: &str, more: Value) -> Value {
    let mut event = more;
    for (name, value) in [("id", id), ("kind", kind), ("channel", "WHATSAPP"), ("account", NUMBER), ("chat", chat)] {
        event[name] = value.into();
    }
    event["at"] = at(time).into();
    event
}

async fn hubspot(day: &Day, time: &str, events: &[Value]) {
    let body = Value::from(events.to_vec()).to_string();
    let timestamp = at(time).to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    let signed = hmac::sign(&key, format!("POST{HUBSPOT_URL}{body}{timestamp}").as_bytes());
    let headers = [("x-hubspot-signature-v3", STANDARD.encode(signed)), ("x-hubspot-request-timestamp", timestamp)];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(day.deliver("deals", &headers, &body).await, StatusCode::OK, "{body}");
}

fn deal(deal: u32, time: &str, name: &str, value: &str) -> Value {
    json!({"portalId": 8812, "subscriptionType": "deal.propertyChange", "objectId": deal, "propertyName": name,
        "propertyValue": value, "occurredAt": at(time)})
}

fn joined(deal: u32, contact: u32, phone: &str, time: &str) -> [Value; 2] {
    [
        json!({"portalId": 8812, "subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT",
            "fromObjectId": deal, "toObjectId": contact, "associationRemoved": false, "occurredAt": at(time)}),
        json!({"portalId": 8812, "subscriptionType": "contact.propertyChange", "objectId": contact,
            "propertyName": "phone", "propertyValue": phone, "occurredAt": at(time)}),
    ]
}

/// A broadcast, and what became of it.
async fn early(day: &mut Day) {
    let may = json!({"author": "AUTOMATION", "campaign": "may"});
    // Of what was sent yesterday, when nobody told us yet: an orphan.
    statuses(day.at("07:00:00"), &[status(FAY, "wamid.OLD", "read", "06:59:58")]).await;
    // M2 is delivered before anybody has told that it was sent.
    statuses(day.at("08:00:05"), &[status(DORA, "wamid.M2", "delivered", "08:00:04")]).await;
    let sends = [
        taken(ADA, "wamid.M1", "08:00:00", may.clone()),
        taken(DORA, "wamid.M2", "08:00:00", may.clone()),
        taken(FAY, "wamid.M3", "08:00:00", may),
    ];
    day.at("08:00:06").report("chats", &sends).await;
    let became = [
        status(ADA, "wamid.M1", "sent", "08:00:01"),
        status(ADA, "wamid.M1", "delivered", "08:00:03"),
        // Undeliverable, for whatever reason: nobody has left.
        failed(FAY, "wamid.M3", "08:00:07", 131026),
    ];
    statuses(day.at("08:00:10"), &became).await;
    let stop = json!([{"wa_id": DORA, "category": "marketing_messages", "value": "stop", "timestamp": in_seconds("08:30:00")}]);
    post(day.at("08:30:01"), &body("user_preferences", &[("user_preferences", stop)])).await;
    // An anomaly: delivered and then failed.
    statuses(day.at("08:40:00"), &[failed(DORA, "wamid.M2", "08:39:58", 131000)]).await;
    statuses(day.at("08:59:01"), &[status(ADA, "wamid.M1", "read", "08:59:00")]).await;
}

/// Ada's dialog, and beside it Ben's and Cleo's.
async fn morning(day: &mut Day) {
    let mut first = wrote(ADA, "wamid.A1", "09:00:00");
    first["referral"] = json!({"source_id": "120330017", "source_type": "ad", "ctwa_clid": "ARAkLkA8rmlF"});
    messages(day.at("09:00:01"), std::slice::from_ref(&first)).await;
    // Again word for word, and again beside what is new.
    messages(day.at("09:00:19"), std::slice::from_ref(&first)).await;
    messages(day.at("09:00:21"), &[first, wrote(ADA, "wamid.A2", "09:00:20")]).await;
    let welcome = taken(ADA, "wamid.A3", "09:00:21", json!({"author": "BOT", "scenario": "welcome"}));
    day.at("09:00:22").report("chats", &[welcome]).await;
    let by_anna = |more: Value| {
        let mut report = more;
        (report["operator"], report["team"]) = ("anna".into(), "north".into());
        report
    };
    day.at("09:04:01").report("chats", &[taken(ADA, "wamid.A4", "09:04:00", by_anna(json!({})))]).await;
    let became = [
        status(ADA, "wamid.A3", "sent", "09:00:21"),
        status(ADA, "wamid.A3", "delivered", "09:00:23"),
        status(ADA, "wamid.A3", "read", "09:00:40"),
        // Read, so delivered, though nobody says so.
        status(ADA, "wamid.A4", "read", "09:06:00"),
    ];
    statuses(day.at("09:06:01"), &became).await;
    messages(day.at("09:10:01"), &[wrote(ADA, "wamid.A5", "09:10:00")]).await;
    // Not reported: Meta hands back who wrote it.
    let mut sent = status(ADA, "wamid.A6", "sent", "09:11:30");
    sent["biz_opaque_callback_data"] = r#"{"operator":"anna","team":"north"}"#.into();
    statuses(day.at("09:11:33"), &[sent, status(ADA, "wamid.A6", "delivered", "09:11:32")]).await;

    let survey = taken(ADA, "wamid.A7", "10:00:00", json!({"author": "AUTOMATION", "scenario": "survey"}));
    day.at("10:00:00").report("chats", &[survey]).await;
    day.tell(&[event("q-1", "survey.sent", ADA, "10:00:00", json!({"survey": {"id": "s-1"}}))]).await;
    let became = [status(ADA, "wamid.A7", "delivered", "10:00:02"), status(ADA, "wamid.A7", "read", "10:01:50")];
    statuses(day.at("10:01:51"), &became).await;
    messages(day.at("10:02:01"), &[pressed(ADA, "wamid.A8", "10:02:00", "wamid.A7", "rate:s-1:5/5")]).await;
    let thanks = taken(ADA, "wamid.A9", "10:02:01", json!({"author": "BOT", "scenario": "survey"}));
    day.at("10:02:02").report("chats", &[thanks]).await;
    // Another mind, and of what will come nobody knows: a status that Meta has not documented.
    messages(day.at("10:03:01"), &[pressed(ADA, "wamid.A10", "10:03:00", "wamid.A7", "rate:s-1:4/5")]).await;
    statuses(day.at("10:04:00"), &[status(ADA, "wamid.A9", "beamed", "10:03:59")]).await;
    day.at("10:05:00").tell(&[event("x-1", "dialog.closed", ADA, "10:05:00", json!({}))]).await;

    messages(day.at("11:00:01"), &[wrote(BEN, "wamid.B1", "11:00:00")]).await;
    let mut sent = status(BEN, "wamid.B2", "sent", "11:00:02");
    sent["biz_opaque_callback_data"] = r#"{"author":"BOT","scenario":"hours"}"#.into();
    statuses(day.at("11:00:11"), &[status(BEN, "wamid.B2", "read", "11:00:10"), sent]).await;
    let liked = json!({"from": BEN, "id": "wamid.B3", "timestamp": in_seconds("11:01:00").to_string(), "type": "reaction",
        "reaction": {"message_id": "wamid.B2", "emoji": "👍"}});
    messages(day.at("11:01:01"), &[liked]).await;
    messages(day.at("11:05:01"), &[wrote(CLEO, "wamid.C1", "11:05:00")]).await;
    let told = [
        event("g-1", "dialog.assigned", CLEO, "11:06:00", json!({"operator": "boris", "team": "south"})),
        event("q-2", "survey.sent", BEN, "11:09:00", json!({"survey": {"id": "s-2"}})),
        event("x-2", "dialog.closed", BEN, "11:10:00", json!({})),
        event("x-3", "dialog.closed", CLEO, "11:40:00", json!({})),
    ];
    day.at("11:40:00").tell(&told).await;
}

/// Ed, refused sends, the sale, Ada again, and what comes late.
async fn afternoon(day: &mut Day) {
    let of_ed = json!([{"profile": {"name": "Ed", "username": "ed"}, "user_id": ED}]);
    let wrote_ed = |id: &str, time: &str| json!([{"from_user_id": ED, "id": id, "timestamp": in_seconds(time).to_string(), "type": "image", "image": {"id": "1"}}]);
    let first = [("contacts", of_ed.clone()), ("messages", wrote_ed("wamid.E1", "14:00:00"))];
    post(day.at("14:00:01"), &body("messages", &first)).await;
    // Somebody answers in the Business app; Meta does not say who.
    let echo = json!([{"from": "4930555010", "to_user_id": ED, "id": "wamid.E2", "type": "text",
        "timestamp": in_seconds("14:02:00").to_string(), "text": {"body": "Thank you"}}]);
    post(day.at("14:02:01"), &body("smb_message_echoes", &[("message_echoes", echo)])).await;
    let second = [("contacts", of_ed), ("messages", wrote_ed("wamid.E3", "15:30:00"))];
    post(day.at("15:30:01"), &body("messages", &second)).await;

    // Dora gets marketing all the same and Meta refuses it later; what anna writes to Fay it refuses at once.
    let evening = taken(DORA, "wamid.N1", "16:00:00", json!({"author": "AUTOMATION", "campaign": "evening"}));
    let refused = json!({"id": "send-91", "answer": {"error": {"code": 131047, "message": "m"}}, "at": at("16:05:00"),
        "chat": FAY, "contact": format!("whatsapp:{FAY}"), "operator": "anna", "team": "north"});
    day.at("16:05:01").report("chats", &[evening, refused]).await;
    statuses(day.at("16:05:02"), &[failed(DORA, "wamid.N1", "16:00:02", 131050)]).await;

    // The amount stands before the sale and is told after it, the sale is told twice, and another deal is lost.
    let [join, phone] = joined(7, 301, "+49 151 12345601", "17:00:01");
    let sale = deal(7, "17:00:00", "dealstage", "closedwon");
    hubspot(day.at("17:00:02"), "17:00:02", &[sale.clone(), phone, join]).await;
    hubspot(day.at("17:00:03"), "17:00:03", &[sale, deal(7, "16:59:00", "amount", "1250.50")]).await;
    let [join, phone] = joined(8, 302, "0151 12345602", "17:30:00");
    hubspot(day.at("17:30:01"), "17:30:01", &[join, phone, deal(8, "17:30:00", "dealstage", "closedlost")]).await;

    messages(day.at("18:00:01"), &[wrote(ADA, "wamid.A11", "18:00:00")]).await;
    let draft = json!({"operator": "anna", "team": "north", "assisted": true});
    day.at("18:00:31").report("chats", &[taken(ADA, "wamid.A12", "18:00:30", draft)]).await;
    statuses(day.at("18:00:33"), &[status(ADA, "wamid.A12", "delivered", "18:00:32")]).await;
    // Eight hours late.
    statuses(day.at("19:00:00"), &[status(BEN, "wamid.B2", "delivered", "11:00:03")]).await;

    // Not Meta, and Meta about somebody else's number.
    let body = body("messages", &[("messages", json!([wrote(ADA, "wamid.A13", "19:10:00")]))]);
    let wrong = format!("sha256={}", hmac_hex("another secret", &body));
    let status = day.at("19:10:01").deliver("chats", &[("x-hub-signature-256", &wrong)], &body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let foreign = body.replace(NUMBER, "104512239999");
    let signature = format!("sha256={}", hmac_hex(APP_SECRET, &foreign));
    let status = day.deliver("chats", &[("x-hub-signature-256", &signature)], &foreign).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_day_of_whatsapp_comes_to_the_numbers_that_were_computed_by_hand() {
    let options = json!({"app_secret": APP_SECRET, "verify_token": "an-invented-verify-token"});
    let crm = json!({"client_secret": CLIENT_SECRET, "public_url": HUBSPOT_URL, "currency": "EUR", "country": "DE"});
    let mut day =
        Day::begin([connection("whatsapp", "chats", NUMBER, &options), connection("hubspot", "deals", "8812", &crm)])
            .await;
    early(&mut day).await;
    morning(&mut day).await;
    afternoon(&mut day).await;

    let told = day.at("20:00:00").figures_within(120).await;
    let expected = json!({
        // Outbound, 13: M1 M2 M3 A3 A4 A6 A7 A9 A12 B2 E2 N1 and what was refused at once (R).
        // Delivered, 8: M1 M2 A3 A4 (it was read) A6 A7 A12 B2. Failed, 3: M3 N1 R. Pending, 2: A9 E2. 8 + 3 + 2 = 13.
        // Accepted: all but R. Not to be addressed: M3 (RECIPIENT), N1 (OPT_OUT); R is POLICY. Orphan: OLD.
        "delivery": {"total": {
            "rate": 8.0 / 13.0, "outbound": 13, "delivered": 8, "failed": 3, "pending": 2, "acceptanceRate": 12.0 / 13.0,
            "addressableRate": 11.0 / 13.0, "failedAfterDelivered": 1, "orphanStatuses": 1,
            "quality": unsettled("EXACT", &["ORPHAN_STATUSES"])}},
        // Read, 5: M1 A3 A4 A7 B2. Engaged, of 12 accepted: M1 A3 A4 (09:10) A6 (10:02) A7 A9 (10:03) B2 (reaction 11:01)
        // E2 (15:30); not M2 M3 N1 A12.
        "reads": {"total": {
            "ofSent": 5.0 / 13.0, "ofDelivered": 5.0 / 8.0, "read": 5, "engagedRate": 8.0 / 12.0,
            "quality": unsettled("LOWER_BOUND", &["ORPHAN_STATUSES"])}},
        // Turns, 9: Ada 09:00:00 → anna 09:04:00 = 240 s, 09:10:00 → 09:11:30 = 90 s, 10:02:00 and 10:03:00 (what she
        // pressed are messages) never; 18:00:00 → 18:00:30 = 30 s. Ben 11:00:00 never (the bot stops no clock). Cleo never.
        // Ed 14:00:00 → 14:02:00 = 120 s, 15:30:00 not yet.
        // 30 90 120 240: p50 = (90 + 120)/2; p90 at 2.7: 120 + 0.7 · 120; p95 at 2.85: 120 + 0.85 · 120; p99 at 2.97:
        // 120 + 0.97 · 120; mean 480/4. Within 120 s: 3 of 4.
        // Unanswered: 10:02, 10:03, Ben, Cleo, Ed 15:30; all but the last are in dialogs that closed.
        "responseTime": {"total": {
            "p50Seconds": 105.0, "p90Seconds": 204.0, "p95Seconds": 222.0, "p99Seconds": 236.4, "meanSeconds": 120.0,
            "answered": 4, "unanswered": 5, "abandoned": 4, "withinTarget": 0.75, "quality": unsettled("EXACT", &[])}},
        // Dialogs in which a client wrote: Ada's, Ben's, Cleo's, Ed's. Open, until 20:00:
        // Ada 09:00:00 to 10:05:00 = 3900 s and 18:00:00 on = 7200 s; Ben 11:00:00 to 11:10:00 = 600 s;
        // Cleo 11:05:00 to 11:40:00 = 2100 s; Ed 14:00:00 on = 21600 s. 35400 s of 72000 s.
        // Two at once: Ben and Cleo from 11:05, Ada and Ed from 18:00; now Ada and Ed.
        "activeDialogs": {"total": {
            "distinct": 4, "peak": 2, "peakAt": "2035-05-01T11:05:00.000Z", "meanConcurrent": 35_400.0 / 72_000.0,
            "openNow": 2, "quality": unsettled("EXACT", &[])}},
        // Asked: Ada (5, then 4: the last counts) and Ben. (4 - 1)/(5 - 1) = 0.75.
        // Wilson of 1 of 1: (1 + z²/2 - z²/2)/(1 + z²) = 1/(1 + z²) to 1.
        "satisfaction": {"total": {
            "satisfiedShare": 1.0, "satisfiedLow": 1.0 / (1.0 + 1.959964 * 1.959964), "satisfiedHigh": 1.0, "meanScore": 4.0, "normalisedMean": 0.75,
            "rated": 1, "surveyed": 2, "responseRate": 0.5, "quality": unsettled("EXACT", &["SMALL_SAMPLE"])}},
        // Cycles, 5: Ada's two, Ben's, Cleo's, Ed's. Sold at 17:00 to Ada, found by her phone: after her first cycle
        // began, before her second. HubSpot knows Ada (both cycles) and Ben.
        "conversion": {"total": {
            "rate": 0.2, "converted": 1, "dialogs": 5, "value": "1250.5", "currency": "EUR", "identityCoverage": 3.0 / 5.0,
            "quality": unsettled("LOWER_BOUND", &[])}},
        // First replies: bot A3, anna A6, bot A9 (to 10:02), bot B2, somebody E2, anna A12 (a draft); of 10:03, Cleo and
        // 15:30 none.
        // Messages but for broadcasts, 9: A3 A7 A9 B2 automatic, A4 A6 A12 E2 R not.
        // A bot wrote in Ada's first cycle, where anna followed, and in Ben's, which is not silent for 72 h yet.
        "automation": {"total": {
            "automaticShare": 0.5, "automatic": 3, "manual": 3, "assisted": 1, "automaticMessageShare": 4.0 / 9.0,
            "containment": 0.0, "handoffRate": 0.5, "quality": unsettled("EXACT", &[])}},
        // Ada 09:00:00 to 09:11:30 = 690 s; 10:02:00 to 10:03:00 = 60 s (the survey is automation and begins none);
        // 18:00:00 to 18:00:30 = 30 s. Ben 11:00:00 to 11:00:02 = 2 s. Ed 14:00:00 to 14:02:00 = 120 s, and alone 15:30.
        // Cleo alone.
        // 2 30 60 120 690: p50 60; p90 at 3.6: 120 + 0.6 · 570; mean 902/5.
        "sessions": {"total": {
            "p50Seconds": 60.0, "p90Seconds": 462.0, "meanSeconds": 180.4, "sessions": 5, "singleMessageSessions": 2,
            "quality": unsettled("EXACT", &[])}},
        // 09 h: A1 A2 A5, which begin two turns. 10 h: A8 A10. 11 h: B1 C1. 14 h: E1. 15 h: E3. 18 h: A11.
        "activity": {
            "total": {"messages": 10, "turns": 9, "quality": unsettled("EXACT", &[])},
            "peak": {"weekday": 2, "hour": 9, "occurrences": 1, "messages": 3, "perOccurrence": 3.0, "turns": 2,
                "turnsPerOccurrence": 2.0}},
        // Reached: Ada, Ben, Dora, Ed, and Fay, whose message was accepted before it failed. Dora stopped marketing; that
        // a message to her failed for it later is no second departure, and 131026 is none at all.
        "unsubscribes": {"total": {
            "rate": 0.2, "unsubscribed": 1, "netUnsubscribed": 1, "exposed": 5, "muted": null, "muteRate": null,
            "quality": unsettled("EXACT", &[])}},
    });
    assert_figures(&told, &expected);

    // Of the chats, 6 + 14 + 7 deliveries. New events 8 + 22 + 7; twice the first message of Ada again. Of the deals two
    // links, a sale without an amount; that sale void and one with the amount in its place; two links.
    let expected = json!([
        {"name": "chats", "received": 27, "accepted": 37, "duplicates": 2, "rejected": 0, "ignored": 0, "troubled": 0,
            "refusedSinceStart": 1, "foreignSinceStart": 1, "unknownKinds": [{"kind": "statuses.beamed", "deliveries": 1}]},
        {"name": "deals", "received": 3, "accepted": 7, "duplicates": 0, "rejected": 0, "ignored": 0, "troubled": 0,
            "refusedSinceStart": 0, "foreignSinceStart": 0, "unknownKinds": []},
    ]);
    assert_eq!(day.health().await, expected);

    // Four days later: A9 and E2 had no status for 72 hours and count as failed; Ben's dialog has been silent for as long.
    let later = day.at("108:00:00").figures_within(120).await;
    let of = |family: &str, metric: &str| later[family]["total"][metric].clone();
    assert_eq!([of("delivery", "failed"), of("delivery", "pending")], [json!(5), json!(0)]);
    assert_eq!([of("automation", "containment"), of("conversion", "converted")], [json!(0.5), json!(1)]);
}
