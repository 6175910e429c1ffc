use hyper::HeaderMap;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a secret of the community";

fn open_with(options: &Value) -> Result<Arc<dyn Connector>, OptionError> {
    let accounts = Accounts::new(vec!["5001".to_owned()]).unwrap();
    open(&accounts, &mut Options::new(options.as_object().cloned().unwrap()))
}

fn connector() -> Arc<dyn Connector> {
    open_with(&json!({ "secret": SECRET, "confirmation": "7a3c91be" })).unwrap()
}

fn verify(body: &Value) -> Result<(), Refusal> {
    let (headers, body) = (HeaderMap::new(), body.to_string());
    let delivery =
        Delivery { headers: &headers, path_and_query: "/webhooks/vk", query: "", body: body.as_bytes(), now: 0 };
    connector().verify(&delivery)
}

fn read(body: &Value) -> Reading {
    let body = body.to_string();
    connector().read(&Payload { body: body.as_bytes(), content_type: "application/json", received_at: 0 })
}

#[test]
fn a_delivery_is_known_by_the_secret_in_its_body_and_by_its_community() {
    let body = |secret: Value, group: Value| json!({ "type": "message_new", "group_id": group, "secret": secret });
    assert_eq!(verify(&body(json!(SECRET), json!(5001))), Ok(()));
    let unsigned = Refusal::Unsigned { what: "`secret` in the body" };
    for missing in [json!(null), json!(""), json!([SECRET])] {
        assert_eq!(verify(&body(missing, json!(5001))), Err(unsigned.clone()));
    }
    for wrong in [json!("a secret of the communitY"), json!(&SECRET[1..]), json!(7)] {
        assert_eq!(verify(&body(wrong, json!(5001))), Err(Refusal::BadSignature { what: "`secret` in the body" }));
    }
    for (group, account) in [(json!(5002), "5002"), (json!(null), ""), (json!(-5001), "-5001")] {
        assert_eq!(verify(&body(json!(SECRET), group)), Err(Refusal::ForeignAccount { account: account.into() }));
    }
}

#[test]
fn the_address_is_confirmed_before_there_is_a_secret_but_only_for_the_community() {
    let confirm = json!({ "type": "confirmation", "group_id": 5001 });
    assert_eq!(verify(&confirm), Ok(()));
    assert_eq!(connector().handshake(confirm.to_string().as_bytes()).as_deref(), Some("7a3c91be"));
    assert!(verify(&json!({ "type": "confirmation", "group_id": 5002 })).is_err());
    assert!(verify(&json!({ "type": "confirmation", "group_id": 5001, "secret": "another" })).is_err());
    assert!(verify(&json!({ "type": ["confirmation"], "group_id": 5001 })).is_err());
    assert_eq!(connector().handshake(br#"{"type":"message_new","group_id":5001}"#), None);
}

#[test]
fn a_message_has_one_id_in_whatever_event_it_comes() {
    let message = json!({ "id": 9, "conversation_message_id": 31, "date": 1777633200, "peer_id": 7001, "from_id": -5001, "out": 1 });
    let body = |kind: &str, event: &str, object: &Value| {
        read(&json!({ "type": kind, "group_id": 5001, "event_id": event, "object": object })).events.remove(0).id
    };
    let id = body("message_reply", "e1", &message);
    assert_eq!(id, body("message_new", "e2", &json!({ "message": message, "client_info": {} })));
    assert_eq!(id, Some("VK 5001 message.sent 7001 31".into()));
}

#[test]
fn leaving_twice_is_told_twice_and_each_once() {
    let body = |event: &str| json!({ "type": "message_deny", "group_id": 5001, "event_id": event, "object": { "user_id": 7001 } });
    assert_eq!(read(&body("e1")), read(&body("e1")));
    assert_ne!(read(&body("e1")).events[0].id, read(&body("e2")).events[0].id);
}

#[test]
fn chats_of_several_people_and_other_communities_are_passed_over() {
    for peer in [2_000_000_001_i64, 2_100_000_000, -5002, 0] {
        for kind in ["message_new", "message_reply", "message_read", "message_event", "message_reaction_event"] {
            let object = json!({ "peer_id": peer, "from_id": 7001, "reacted_id": 7001, "conversation_message_id": 4, "cmid": 4 });
            let reading = read(&json!({ "type": kind, "group_id": 5001, "object": object }));
            assert_eq!((reading.events.len(), reading.ignored, reading.unreadable), (0, 1, None), "{kind} {peer}");
        }
    }
    let object = json!({ "peer_id": 200_000_000_007_i64, "conversation_message_id": 4 });
    assert_eq!(read(&json!({ "type": "message_new", "group_id": 5001, "object": object })).events.len(), 1);
}

#[test]
fn what_the_community_reads_and_reacts_to_is_not_the_clients() {
    for (kind, field) in [("message_read", "from_id"), ("message_reaction_event", "reacted_id")] {
        let object =
            json!({ "peer_id": 7001, field: -5001, "conversation_message_id": 4, "cmid": 4, "reaction_id": 1 });
        let reading = read(&json!({ "type": kind, "group_id": 5001, "object": object }));
        assert_eq!((reading.events.len(), reading.ignored), (0, 1), "{kind}");
    }
}

#[test]
fn numbers_that_no_number_holds_cost_nothing_else() {
    let big = u64::MAX;
    for kind in ["message_new", "market_order_new", "market_order_edit", "lead_forms_new", "message_read"] {
        let object = json!({ "peer_id": 7001, "user_id": 7001, "from_id": 7001, "date": big, "id": big, "lead_id": big,
            "conversation_message_id": big, "status": big, "total_price": { "amount": big, "currency": { "name": "RUB" } } });
        read(&json!({ "type": kind, "group_id": big, "event_id": big, "object": object }));
    }
}

#[test]
fn who_writes_through_the_api_is_configured() {
    let message = json!({ "conversation_message_id": 31, "peer_id": 7001, "out": 1 });
    let body = json!({ "type": "message_reply", "group_id": 5001, "object": message }).to_string();
    let author = |options: Value| {
        let payload = Payload { body: body.as_bytes(), content_type: "", received_at: 0 };
        open_with(&options).map(|connector| connector.read(&payload).events.remove(0).author)
    };
    let options = |author: &str| json!({ "secret": SECRET, "confirmation": "c", "api_author": author });
    assert_eq!(author(options("operator")).unwrap(), Some("OPERATOR".into()));
    assert_eq!(author(options("unknown")).unwrap(), Some("UNKNOWN".into()));
    for wrong in ["client", "anna"] {
        assert!(author(options(wrong)).unwrap_err().to_string().starts_with("`api_author`: "));
    }
}
