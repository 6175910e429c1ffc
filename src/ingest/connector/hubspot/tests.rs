use hyper::HeaderMap;
use serde_json::json;

use super::*;

const SECRET: &str = "7d1f0c2b-58aa-4e61-9f0d-3c1b2a4e5f60";
const URL: &str = "https://rapport.example.com/webhooks/deals";

/// 2026-05-01T12:00:00Z.
const NOW: i64 = 1_777_636_800_000;

fn connector(more: &Value) -> Result<Arc<dyn Connector>, OptionError> {
    let mut written = json!({ "client_secret": SECRET, "public_url": URL });
    for (name, value) in more.as_object().unwrap() {
        written[name] = value.clone();
    }
    let mut options = Options::new(written.as_object().cloned().unwrap());
    let connector = open(&Accounts::new(vec!["8812".to_owned()]).unwrap(), &mut options)?;
    options.finish()?;
    Ok(connector)
}

fn verify(query: &str, signature: &str, timestamp: &str, body: &str, now: i64) -> Result<(), Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert("X-HubSpot-Signature-v3", signature.parse().unwrap());
    headers.insert("X-HubSpot-Request-Timestamp", timestamp.parse().unwrap());
    let path_and_query = format!("/webhooks/deals?{query}");
    let delivery = Delivery { headers: &headers, path_and_query: &path_and_query, query, body: body.as_bytes(), now };
    connector(&json!({})).unwrap().verify(&delivery)
}

const BODY: &str = r#"[{"eventId":1,"portalId":8812,"subscriptionType":"deal.creation","objectId":7}]"#;
const TIMESTAMP: &str = "1777636799000";

/// printf '%s' "POST$URL$BODY$TIMESTAMP" | openssl dgst -sha256 -hmac $SECRET -binary | base64
const SIGNATURE: &str = "ZaH0T96O/0AoV9zxbnYbx9TTYwU40wYKH+tyXPpza90=";

#[test]
fn a_delivery_is_known_by_its_signature() {
    assert_eq!(verify("", SIGNATURE, TIMESTAMP, BODY, NOW), Ok(()));
    let wrong = Err(Refusal::BadSignature { what: "X-HubSpot-Signature-v3" });
    assert_eq!(verify("", SIGNATURE, TIMESTAMP, &BODY.replace('7', "8"), NOW), wrong);
    assert_eq!(verify("", SIGNATURE, "1777636799001", BODY, NOW), wrong);
    assert_eq!(verify("a=b", SIGNATURE, TIMESTAMP, BODY, NOW), wrong);
    for other in ["x", "", &SIGNATURE.to_lowercase()] {
        assert_eq!(verify("", other, TIMESTAMP, BODY, NOW), wrong, "{other}");
    }
    let unreadable = Err(Refusal::BadSignature { what: "x-hubspot-request-timestamp" });
    assert_eq!(verify("", SIGNATURE, "yesterday", BODY, NOW), unreadable);
}

#[test]
fn the_address_is_signed_with_its_query_some_characters_decoded() {
    // Signed over …/deals?team=a@b,c and over …/deals?team=a%40b%2Cc.
    for signature in ["pp7MP+nj+mrpuw/QQ4HAqQ7PMcrC0Lpvd/x8Cg8gaN0=", "W3SFKEcB/tT+UW0W0NHzSstbwYBlKQRHIgBZSo7iw0I="] {
        assert_eq!(verify("team=a%40b%2Cc", signature, TIMESTAMP, BODY, NOW), Ok(()), "{signature}");
    }
}

#[test]
fn an_old_delivery_and_one_of_the_future_are_stale() {
    let signed_at: i64 = TIMESTAMP.parse().unwrap();
    let stale = Err(Refusal::Stale { minutes: 5 });
    assert_eq!(verify("", SIGNATURE, TIMESTAMP, BODY, signed_at + 300_000), Ok(()));
    assert_eq!(verify("", SIGNATURE, TIMESTAMP, BODY, signed_at + 300_001), stale);
    assert_eq!(verify("", SIGNATURE, TIMESTAMP, BODY, signed_at - 60_000), Ok(()));
    assert_eq!(verify("", SIGNATURE, TIMESTAMP, BODY, signed_at - 60_001), stale);
}

#[test]
fn every_event_of_a_delivery_must_be_of_the_portal() {
    let foreign = r#"[{"portalId":8812},{"portalId":4711}]"#;
    let refused = Err(Refusal::ForeignAccount { account: "4711".to_owned() });
    assert_eq!(verify("", "RSWmYmkfcSqbxI9b/sYvVziLibV6R961P2Dj8Qlen3k=", TIMESTAMP, foreign, NOW), refused);
    let nameless = r#"[{"portalId":8812},{}]"#;
    let refused = Err(Refusal::ForeignAccount { account: String::new() });
    assert_eq!(verify("", "9yTFoVufpny2chx48xDBa80dL2nsJRZ7fFkyuGtVPGk=", TIMESTAMP, nameless, NOW), refused);
}

fn read(options: &Value, events: &Value) -> Reading {
    let body = events.to_string();
    let payload = Payload { body: body.as_bytes(), content_type: "application/json", received_at: NOW };
    connector(options).unwrap().read(&payload)
}

#[test]
fn a_change_that_is_told_again_is_the_same_fact() {
    let change = |event: i64, attempt: i64, name: &str, value: &str| {
        json!([{"eventId": event, "attemptNumber": attempt, "portalId": 8812, "occurredAt": NOW, "objectId": 7,
            "subscriptionType": "deal.propertyChange", "propertyName": name, "propertyValue": value}])
    };
    let ids = |events: &Value| read(&json!({}), events).deals.into_iter().map(|fact| fact.id).collect::<Vec<_>>();
    let first = ids(&change(1, 0, "amount", "5"));
    assert_eq!(first, ["hubspot 8812 deal 7 amount 1777636800000 5"]);
    assert_eq!(ids(&change(2, 3, "amount", "5")), first);
    for other in [change(1, 0, "amount", "6"), change(1, 0, "dealstage", "5")] {
        assert_ne!(ids(&other), first);
    }
}

#[test]
fn deals_that_become_a_new_one_are_all_gone() {
    let merge = |into: Value| {
        let event = json!([{"portalId": 8812, "occurredAt": NOW, "subscriptionType": "deal.merge",
            "primaryObjectId": 7, "mergedObjectIds": [8], "newObjectId": into}]);
        let reading = read(&json!({}), &event);
        // HubSpot is never asked.
        assert_eq!(reading.lookups, [""; 0]);
        let gone = reading.deals.into_iter().filter(|fact| fact.stage == Some(Stage::Deleted));
        gone.map(|fact| fact.deal).collect::<Vec<_>>()
    };
    assert_eq!(merge(json!(9)), ["hubspot:8812:deal:8", "hubspot:8812:deal:7"]);
    for stays in [json!(7), Value::Null] {
        assert_eq!(merge(stays), ["hubspot:8812:deal:8"]);
    }
}

#[test]
fn a_portal_of_several_pipelines_is_asked_for_its_own_word() {
    let change = |name: &str, value: &str| {
        json!([{"portalId": 8812, "occurredAt": NOW, "objectId": 7, "subscriptionType": "deal.propertyChange",
            "propertyName": name, "propertyValue": value}])
    };
    let stages = |options: &Value, name: &str, value: &str| {
        read(options, &change(name, value)).deals.first().map(|fact| fact.stage.unwrap())
    };
    let by_property = json!({ "won_by": "hs_is_closed_won" });
    assert_eq!(stages(&json!({}), "dealstage", "closedwon"), Some(Stage::Won));
    assert_eq!(stages(&json!({}), "dealstage", "1047"), Some(Stage::Open));
    assert_eq!(stages(&json!({ "won_stages": [1047] }), "dealstage", "1047"), Some(Stage::Won));
    assert_eq!(stages(&json!({}), "hs_is_closed_won", "true"), None);
    assert_eq!(stages(&by_property, "hs_is_closed_won", "true"), Some(Stage::Won));
    assert_eq!(stages(&by_property, "hs_is_closed_won", "false"), Some(Stage::Open));
    assert_eq!(stages(&by_property, "dealstage", "closedwon"), None);
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    let refused = |more| connector(&more).unwrap_err().to_string();
    assert_eq!(refused(json!({ "won_by": "amount" })), "`won_by`: give \"dealstage\" or \"hs_is_closed_won\"");
    assert_eq!(
        refused(json!({ "won_by": "hs_is_closed_won", "won_stages": ["1047"] })),
        "`won_by`: with \"hs_is_closed_won\" the stages say nothing: leave out `won_stages` and `lost_stages`"
    );
    assert_eq!(
        refused(json!({ "public_url": "rapport.example.com" })),
        "`public_url`: `rapport.example.com` is not the address that HubSpot calls, such as \"https://rapport.example.com/webhooks/deals\""
    );
}
