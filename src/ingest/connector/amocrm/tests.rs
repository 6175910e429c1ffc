use hyper::HeaderMap;
use serde_json::json;

use super::*;

const SECRET: &str = "4f2c8d0a6b1e";

fn crm() -> Arc<dyn Connector> {
    let options = json!({ "path_secret": SECRET, "channel_secret": "c2b9d7e4a1f05836" });
    let mut options = Options::new(options.as_object().cloned().unwrap());
    let accounts = Accounts::new(vec!["31415926".to_owned(), "fc9a-11".to_owned()]).unwrap();
    let connector = open(&accounts, &mut options).unwrap();
    options.finish().unwrap();
    connector
}

fn verify(query: &str, signature: Option<&str>, body: &str) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("X-Signature", signature.parse().unwrap());
    }
    let path_and_query = format!("/webhooks/amo?{query}");
    crm().verify(&Delivery { headers: &headers, path_and_query: &path_and_query, query, body: body.as_bytes(), now: 0 })
}

const OURS: &str = "account[id]=31415926&account[subdomain]=acme&leads[delete][0][id]=7";

#[test]
fn the_secret_of_the_address_is_needed_once() {
    assert_eq!(verify(&format!("secret={SECRET}"), None, OURS), Ok(()));
    assert_eq!(verify(&format!("a=b&secret={SECRET}"), None, OURS), Ok(()));
    let missing = Err(Refusal::Unsigned { what: super::SECRET });
    let wrong = Err(Refusal::BadSignature { what: super::SECRET });
    assert_eq!(verify("", None, OURS), missing);
    assert_eq!(verify(&format!("Secret={SECRET}"), None, OURS), missing);
    for query in ["secret=", "secret=4f2c8d0a6b1", "secret=4F2C8D0A6B1E", &format!("secret={SECRET}&secret={SECRET}")] {
        assert_eq!(verify(query, None, OURS), wrong, "{query}");
    }
}

#[test]
fn a_payload_of_another_account_is_refused() {
    let query = format!("secret={SECRET}");
    let foreign = |body: &str, account: &str| {
        assert_eq!(verify(&query, None, body), Err(Refusal::ForeignAccount { account: account.to_owned() }), "{body}");
    };
    foreign("account[id]=27182818&account[subdomain]=other&leads[delete][0][id]=7", "27182818");
    foreign("account[subdomain]=other", "other");
    foreign("leads[delete][0][id]=7", "");
    foreign("{\"account\":{\"id\":3}}", "3");
    foreign("{", "");
    assert_eq!(verify(&query, None, r#"{"account":{"id":31415926}}"#), Ok(()));
}

#[test]
fn a_chats_webhook_is_known_by_its_signature() {
    // printf '%s' "$body" | openssl dgst -sha1 -hmac c2b9d7e4a1f05836
    let body = r#"{"account_id":"fc9a-11","time":1777633200,"message":{"id":"m"}}"#;
    let signature = "8eac0678dc0fa68a019651821b641d23b486acbc";
    assert_eq!(verify("", Some(signature), body), Ok(()));
    assert_eq!(verify("", Some(&signature.to_uppercase()), body), Ok(()));
    let wrong = Err(Refusal::BadSignature { what: "X-Signature" });
    assert_eq!(verify("", Some(signature), &body.replace('m', "n")), wrong);
    // The secret of the address does not stand for a signature that is there and wrong.
    assert_eq!(verify(&format!("secret={SECRET}"), Some("00"), OURS), wrong);
}

#[test]
fn the_same_told_by_a_form_and_by_json_is_the_same_fact() {
    let read = |body: &str| {
        crm().read(&Payload { body: body.as_bytes(), content_type: "", received_at: 1_777_636_800_000 }).deals
    };
    let form = read(
        "account[id]=31415926&leads[status][0][id]=7&leads[status][0][status_id]=142&leads[status][0][old_status_id]=5&leads[status][0][price]=900&leads[status][0][updated_at]=1777633200",
    );
    let json = read(
        r#"{"account":{"id":31415926},"leads":{"update":[{"id":7,"status_id":142,"old_status_id":5,"price":900,"updated_at":1777633200}]}}"#,
    );
    assert_eq!(form, json);
    assert_eq!((form.len(), form[0].stage, form[0].at), (1, Some(Stage::Won), 1_777_633_200_000));
}

/// What a payload tells of leads of account 31415926, as JSON.
fn leads(actions: &Value) -> Vec<DealFact> {
    let body = json!({ "account": { "id": 31_415_926 }, "leads": actions }).to_string();
    crm().read(&Payload { body: body.as_bytes(), content_type: "", received_at: 1_777_636_800_000 }).deals
}

fn moved(to: u64, from: u64) -> Value {
    json!({ "id": 7, "status_id": to, "old_status_id": from, "price": to, "updated_at": 1_777_633_200 })
}

#[test]
fn what_is_told_of_one_second_has_its_order() {
    let in_order = |actions: Value| -> Vec<String> {
        let mut facts = leads(&actions);
        facts.sort_by(|one, other| (one.rank, &one.id).cmp(&(other.rank, &other.id)));
        facts.into_iter().map(|fact| fact.amount.unwrap()).collect()
    };
    let added = json!({ "id": 7, "status_id": 58_840_350, "price": "0", "updated_at": 1_777_633_200 });
    assert_eq!(in_order(json!({ "status": [moved(142, 58_840_350)], "add": [added] })), ["0", "142"]);
    // By chains, however they are told; a circle goes as it is told.
    assert_eq!(in_order(json!({ "status": [moved(142, 9), moved(9, 143), moved(143, 5)] })), ["143", "9", "142"]);
    assert_eq!(in_order(json!({ "status": [moved(8, 5), moved(9, 8), moved(5, 9)] })), ["8", "9", "5"]);
    let priced = |price: u64| json!({ "id": 7, "status_id": 5, "price": price, "updated_at": 1_777_633_200 });
    assert_eq!(in_order(json!({ "update": [priced(900), priced(1000)] })), ["900", "1000"]);
}

#[test]
fn what_is_told_of_one_second_by_two_webhooks_has_its_order() {
    let rank = |action: &str, lead: Value| leads(&json!({ action: [lead] }))[0].rank;
    assert!(rank("add", moved(58_840_350, 0)) < rank("status", moved(142, 58_840_350)));
    // In doubt it is closed; one that came from a closed stage is later.
    assert!(rank("status", moved(58_840_351, 58_840_350)) < rank("status", moved(142, 58_840_350)));
    assert!(rank("status", moved(142, 58_840_350)) < rank("status", moved(58_840_350, 142)));
    assert!(rank("status", moved(142, 58_840_350)) < rank("status", moved(143, 142)));
}

#[test]
fn a_touch_of_a_won_lead_only_mentions_its_stage() {
    let is_transition = |action: &str, lead: Value| leads(&json!({ action: [lead] }))[0].is_transition;
    let won = json!({ "id": 7, "status_id": 142, "price": 900, "updated_at": 1_777_633_200 });
    for action in ["update", "responsible"] {
        assert!(!is_transition(action, won.clone()), "{action}");
        assert!(!is_transition(action, moved(142, 142)), "{action}");
        assert!(is_transition(action, moved(142, 5)), "{action}");
    }
    assert!(["add", "status"].into_iter().all(|action| is_transition(action, won.clone())));
    // The change and the mention of it are two facts: neither takes the other's place.
    assert_ne!(leads(&json!({ "update": [won] }))[0].id, leads(&json!({ "status": [won] }))[0].id);
}
