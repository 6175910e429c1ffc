//! Who is who: contacts under several names, told early or late, through HTTP, exactly.

mod crowds;

use arrow::array::RecordBatch;
use rapport::auth::Role;
use rapport::sql::Sql;
use rapport::store::Store;
use rapport::store::migrations::MIGRATIONS;
use serde_json::{Value, json};

use crate::dialogs::MARCH;
use crate::webhooks::days::bots::connection;
use crate::webhooks::letters::deliver;
use crate::world::World;

const PHONE: &str = "phone:+4915100000007";
const CONTACT: &str = "hubspot:1:contact:5";
const DEAL: &str = "hubspot:1:deal:7";

/// A client's first message of a chat on the 10th of March; without a contact where that is empty.
fn wrote(chat: &str, contact: &str) -> Value {
    said("message.received", chat, contact, "2026-03-10T10:00:00Z")
}

fn said(kind: &str, chat: &str, contact: &str, at: &str) -> Value {
    let mut event = json!({"id": format!("{kind} {chat} {at}"), "kind": kind, "at": at, "channel": "TELEGRAM", "account": "bot",
        "chat": chat, "message": at, "contact": contact});
    if contact.is_empty() {
        event.as_object_mut().unwrap().remove("contact");
    }
    event
}

fn bought(contact: &str, order: &str, value: &str) -> Value {
    json!({"id": format!("sale {order}"), "kind": "conversion.recorded", "at": "2026-03-11T10:00:00Z", "channel": "HUBSPOT",
        "account": "1", "contact": contact,
        "conversion": {"action": "purchase", "value": value, "currency": "EUR", "order": order}})
}

/// Told long after all else: links have no time.
fn linked(contact: &str, identities: &[&str]) -> Value {
    json!({"id": format!("link {contact} {identities:?}"), "kind": "contact.linked", "at": "2026-03-25T10:00:00Z",
        "channel": "HUBSPOT", "account": "1", "contact": contact, "identities": identities})
}

/// Converted dialogs, all dialogs, value, `identityCoverage`.
async fn conversion(world: &World) -> Value {
    let fields = "conversion { total { converted dialogs value identityCoverage } }";
    let total = world.analytics(MARCH, fields).await["conversion"]["total"].clone();
    json!([total["converted"], total["dialogs"], total["value"], total["identityCoverage"]])
}

async fn exposed(world: &World) -> Value {
    world.analytics(MARCH, "unsubscribes { total { exposed } }").await["unsubscribes"]["total"]["exposed"].clone()
}

#[tokio::test]
pub async fn a_late_link_changes_yesterdays_answer() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    world.take(&[wrote("7", "telegram:7"), bought(DEAL, "o1", "90")]).await;
    // Nobody was ever linked: the contact is known, and nothing says whose the deal is.
    assert_eq!(conversion(&world).await, json!([0, 1, null, 1.0]));
    // Deal, contact of the CRM, phone: one person, whom no dialog has.
    world.take(&[linked(CONTACT, &[DEAL, PHONE])]).await;
    assert_eq!(conversion(&world).await, json!([0, 1, null, 0.0]));
    // The messenger's contact shares the phone: contact, phone, CRM, deal.
    world.take(&[linked("telegram:7", &[PHONE])]).await;
    assert_eq!(conversion(&world).await, json!([1, 1, "90", 1.0]));
}

#[tokio::test]
async fn contacts_that_share_a_phone_are_one_person_and_count_once() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let sent = |chat: &str, contact: &str| said("message.sent", chat, contact, "2026-03-10T11:00:00Z");
    world.take(&[wrote("1", "c1"), sent("1", "c1"), sent("2", "c2"), sent("3", "c3"), bought("c2", "o1", "10")]).await;
    assert_eq!((exposed(&world).await, conversion(&world).await), (json!(3), json!([0, 1, null, 1.0])));
    // An ordinary message says what the phone is; so does the other contact's, in names of one event without a contact.
    let mut more = said("message.received", "1", "c1", "2026-03-10T12:00:00Z");
    more["identities"] = json!(["phone:+49 151 00000007"]);
    let mut nameless = said("message.clicked", "2", "", "2026-03-10T12:00:00Z");
    nameless["identities"] = json!([PHONE, "site:visitor-2"]);
    world.take(&[more, nameless]).await;
    assert_eq!(exposed(&world).await, 3);
    let mut visitor = said("message.clicked", "2", "c2", "2026-03-10T12:30:00Z");
    visitor["identities"] = json!(["site:visitor-2"]);
    world.take(&[visitor]).await;
    // c1 and c2 are one, c3 another; c2's purchase was led to by the dialog of c1.
    assert_eq!((exposed(&world).await, conversion(&world).await), (json!(2), json!([1, 1, "10", 1.0])));
    // The record has one of the names that its rows have, and no other.
    let keys =
        "unsubscribes { total { behind(of: exposed) { contacts { totalCount nodes { key contact records } } } } }";
    let contacts = world.analytics(MARCH, keys).await["unsubscribes"]["total"]["behind"]["contacts"].clone();
    let c3 = json!({"key": "c3", "contact": "c3", "records": 1});
    let both = json!({"key": "c1", "contact": "c2", "records": 2});
    assert_eq!(contacts["totalCount"], 2);
    assert!([json!([c3, both]), json!([both, c3])].contains(&contacts["nodes"]), "{contacts}");
}

#[tokio::test]
async fn whom_the_crm_does_not_know_stays_in_the_denominator() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    // Of five dialogs: one linked, one with a conversion of its own, one linked by its chat, one unknown, one without a contact.
    let mut chat = linked(CONTACT, &[]);
    (chat["channel"], chat["account"], chat["chat"]) = ("TELEGRAM".into(), "bot".into(), "3".into());
    world
        .take(&[
            wrote("1", "telegram:1"),
            wrote("2", "telegram:2"),
            wrote("3", ""),
            wrote("4", "telegram:4"),
            wrote("5", ""),
            linked("hubspot:1:contact:1", &["telegram:1"]),
            bought("telegram:2", "o2", "5"),
            bought(CONTACT, "o3", "7"),
            chat,
        ])
        .await;
    // 5 + 7 from two of five; three of five are known.
    assert_eq!(conversion(&world).await, json!([2, 5, "12", 0.6]));
    let parts = "conversion { by(dimensions: [ACCOUNT]) { keys metrics { rate identityCoverage } }
                 total { quality { level } } }";
    let answer = world.analytics(MARCH, parts).await["conversion"].clone();
    assert_eq!(answer["by"], json!([{"keys": ["bot"], "metrics": {"rate": 0.4, "identityCoverage": 0.6}}]));
    assert_eq!(answer["total"]["quality"]["level"], "LOWER_BOUND");
}

#[tokio::test]
async fn what_a_messenger_or_its_aggregator_links_does_not_say_whom_the_company_knows() {
    let options = json!({ "mapping_file": "mappings/jivo.toml", "secret": "hush-7f3c9a" });
    let crm = json!({ "path_secret": "hush-7f3c9a", "time_zone": "Europe/Madrid" });
    let connections =
        [connection("mapping", "jivo", "2853", &options), connection("retailcrm", "crm", "lilac-garden", &crm)];
    let world = World::at("2026-03-30T00:00:00Z").await.connected(connections);
    world.take(&[wrote("1", "telegram:1"), wrote("2", "retailcrm:lilac-garden:contact:12"), wrote("3", "")]).await;
    let updated = include_str!("../payloads/mapping-jivo/chat_updated.json");
    assert_eq!(deliver(&world, "jivo?key=hush-7f3c9a", &[], updated).await.0, 200);
    // A JIVO link is there, and all that have a contact still count.
    let links = "SELECT id FROM events WHERE kind = 'contact.linked' AND connection = 'jivo'";
    assert_eq!(world.store.query(Sql::new(links)).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    assert_eq!(conversion(&world).await, json!([0, 3, null, 2.0 / 3.0]));
    let ordered = r#"{"order":7,"status":"new","customer":"12","at":"2026-03-10 09:00:00"}"#;
    assert_eq!(deliver(&world, "crm?secret=hush-7f3c9a", &[], ordered).await.0, 200);
    assert_eq!(conversion(&world).await, json!([0, 3, null, 1.0 / 3.0]));
    // What arrived before is judged alike, and what a company sends itself counts whatever channel it has.
    let mut own = linked("telegram:1", &[]);
    own["channel"] = "JIVO".into();
    world.take(&[own]).await;
    let past = MIGRATIONS.iter().find(|migration| migration.name == "0059_linked_contacts_past.sql").unwrap();
    for _ in 0..2 {
        assert_eq!(conversion(&world).await, json!([0, 3, null, 2.0 / 3.0]));
        let told = "SELECT DISTINCT name_key FROM linked_contacts";
        assert_eq!(
            world.store.query(Sql::new(told)).await.unwrap().iter().map(RecordBatch::num_rows).sum::<usize>(),
            2
        );
        world.store.execute(Sql::new("TRUNCATE TABLE linked_contacts")).await.unwrap();
        world.store.execute(Sql::new(past.text)).await.unwrap();
    }
}

#[tokio::test]
async fn a_chat_that_is_linked_afterwards_brings_its_dialogs_with_it() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    world.take(&[wrote("1", ""), wrote("2", "telegram:2"), bought(DEAL, "o1", "90"), linked(CONTACT, &[DEAL])]).await;
    assert_eq!(conversion(&world).await, json!([0, 2, null, 0.0]));
    let in_chat = |chat: &str| {
        let mut link = linked(CONTACT, &[]);
        (link["channel"], link["account"], link["chat"]) = ("TELEGRAM".into(), "bot".into(), chat.into());
        link["id"] = format!("link chat {chat}").into();
        link
    };
    // Another account's chat of the same name is another chat.
    let mut elsewhere = in_chat("1");
    (elsewhere["account"], elsewhere["id"]) = ("other bot".into(), "elsewhere".into());
    world.take(&[elsewhere]).await;
    assert_eq!(conversion(&world).await, json!([0, 2, null, 0.0]));
    world.take(&[in_chat("1")]).await;
    assert_eq!(conversion(&world).await, json!([1, 2, "90", 0.5]));
    // A chat whose messages name a contact of their own: the purchase is still one, for the later of two dialogs.
    world.take(&[in_chat("2")]).await;
    assert_eq!(conversion(&world).await, json!([1, 2, "90", 1.0]));
    // The dialog shows what it led to.
    let query = format!(
        r#"{{ analytics({MARCH}) {{ conversion {{ total {{ behind(of: converted) {{ dialogs {{ nodes {{ id }} }} }} }} }} }} }}"#
    );
    let answer = world.ask(&world.manager(), &query).await;
    let id = answer["analytics"]["conversion"]["total"]["behind"]["dialogs"]["nodes"][0]["id"].clone();
    let query = format!("{{ dialog(id: {id}) {{ timeline(first: 50) {{ nodes {{ kind }} }} }} }}");
    let answer = world.ask(&world.manager(), &query).await;
    let happened = answer["dialog"]["timeline"]["nodes"].to_string();
    assert!(happened.contains("CONVERTED"), "{answer}");
}

#[tokio::test]
async fn a_refund_takes_back_what_another_name_bought() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    world.take(&[wrote("7", "telegram:7"), bought(DEAL, "o1", "90"), bought("telegram:7", "o2", "10")]).await;
    world.take(&[linked("telegram:7", &[DEAL])]).await;
    // 90 + 10.
    assert_eq!(conversion(&world).await, json!([1, 1, "100", 1.0]));
    let mut refund = bought(CONTACT, "o1", "90");
    (refund["kind"], refund["id"]) = ("conversion.reverted".into(), "refund".into());
    refund["at"] = "2026-03-12T10:00:00Z".into();
    world.take(&[refund]).await;
    assert_eq!(conversion(&world).await, json!([1, 1, "10", 1.0]));
}

#[tokio::test]
async fn two_contacts_of_one_deal_stay_two_people() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let sent = |chat: &str, contact: &str| said("message.sent", chat, contact, "2026-03-10T11:00:00Z");
    let joined = |contact: &str, at: &str| {
        let mut link = linked(contact, &[DEAL]);
        link["at"] = at.into();
        link
    };
    let (first, second) = ("hubspot:1:contact:1", "hubspot:1:contact:2");
    world
        .take(&[
            wrote("1", "telegram:1"),
            wrote("2", "telegram:2"),
            sent("1", "telegram:1"),
            sent("2", "telegram:2"),
            linked(first, &["telegram:1"]),
            linked(second, &["telegram:2"]),
            bought(DEAL, "o1", "90"),
            // What arrives first was told second: the deal is the second contact's, as far as is known.
            joined(second, "2026-03-11T09:00:02Z"),
        ])
        .await;
    let credited = async |world: &World| {
        let query = format!(
            "{{ analytics({MARCH}) {{ conversion {{ total {{ behind(of: converted) {{ dialogs {{ nodes {{ contact }} }} }} }} }} }} }}"
        );
        let answer = world.ask(&world.manager(), &query).await;
        answer["analytics"]["conversion"]["total"]["behind"]["dialogs"]["nodes"].clone()
    };
    assert_eq!(credited(&world).await, json!([{"contact": "telegram:2"}]));
    // The deal was the first contact's before: it goes over whole, and nobody else with it. Two dialogs of two people.
    world.take(&[joined(first, "2026-03-11T09:00:01Z")]).await;
    assert_eq!(credited(&world).await, json!([{"contact": "telegram:1"}]));
    assert_eq!((exposed(&world).await, conversion(&world).await), (json!(2), json!([1, 2, "90", 1.0])));
    // Told again, and by one event that names both: still two.
    let mut both = linked(DEAL, &[second, first]);
    both["at"] = "2026-03-11T09:00:03Z".into();
    world.take(&[joined(second, "2026-03-11T09:00:02Z"), both]).await;
    assert_eq!(credited(&world).await, json!([{"contact": "telegram:1"}]));
    assert_eq!((exposed(&world).await, conversion(&world).await), (json!(2), json!([1, 2, "90", 1.0])));
    // Another deal of one of them joins its own contact alone; what truly makes them one does.
    let mut other = linked(second, &["hubspot:1:deal:8"]);
    other["at"] = "2026-03-12T09:00:00Z".into();
    world.take(&[other, bought("hubspot:1:deal:8", "o2", "10")]).await;
    assert_eq!((exposed(&world).await, conversion(&world).await), (json!(2), json!([2, 2, "100", 1.0])));
    world.take(&[linked(first, &[second])]).await;
    assert_eq!(exposed(&world).await, 1);
}

#[tokio::test]
pub async fn names_of_one_tenant_join_nothing_of_another() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let history = [wrote("7", "telegram:7"), bought(DEAL, "o1", "90")];
    world.take(&history).await;
    // The other tenant has the same chat, contact, deal and purchase, and knows whose they are.
    let other = world.token_of("other", Role::Service, None, &[]);
    let mut theirs = history.to_vec();
    theirs.extend([linked(CONTACT, &[DEAL, PHONE]), linked("telegram:7", &[PHONE])]);
    let (status, receipt) = world.post_events(&other, None, Value::from(theirs).to_string()).await;
    assert!(status.is_success() && receipt["accepted"] == 4, "{receipt}");
    assert_eq!(conversion(&world).await, json!([0, 1, null, 1.0]));
    let manager = world.token_of("other", Role::Manager, None, &[]);
    let query = format!("{{ analytics({MARCH}) {{ conversion {{ total {{ converted value }} }} }} }}");
    let answer = world.ask(&manager, &query).await;
    assert_eq!(answer["analytics"]["conversion"]["total"], json!({"converted": 1, "value": "90"}));
}

#[tokio::test]
async fn an_operator_sees_no_name_that_own_rows_do_not_have() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let by = |operator: &str, chat: &str, contact: &str| {
        let mut event = said("message.sent", chat, contact, "2026-03-10T11:00:00Z");
        event["operator"] = operator.into();
        event
    };
    world.take(&[by("anna", "7", "telegram:7"), by("bob", "8", "a secret name"), linked("telegram:7", &[PHONE])]).await;
    world.take(&[linked("a secret name", &[PHONE, "email:anna@example.com"])]).await;
    let query = format!(
        "{{ analytics({MARCH}) {{ unsubscribes {{ total {{ exposed behind(of: exposed) {{ contacts {{ nodes {{ key contact }} }} }} }} }} }} }}"
    );
    let answer = world.ask(&world.operator("anna"), &query).await;
    let total = answer["analytics"]["unsubscribes"]["total"].clone();
    let own = json!({"contacts": {"nodes": [{"key": "telegram:7", "contact": "telegram:7"}]}});
    assert_eq!(total, json!({"exposed": 1, "behind": own}));
}

#[tokio::test]
async fn deals_that_were_put_together_stay_their_contacts() {
    let world = World::at("2026-03-30T00:00:00Z").await;
    let joined = "hubspot:1:deal:9";
    // The merge is told before the new deal's contact is.
    world.take(&[wrote("7", CONTACT), linked(CONTACT, &[DEAL]), linked(DEAL, &[joined])]).await;
    let mut later = linked(CONTACT, &[joined]);
    (later["id"], later["at"]) = ("later".into(), "2026-03-26T00:00:00Z".into());
    world.take(&[later, bought(joined, "o9", "300")]).await;
    assert_eq!(conversion(&world).await, json!([1, 1, "300", 1.0]));
}
