//! Whose calls are taken, how the portal is asked, and what its answers mean.

use std::path::Path;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;
use crate::ingest::connector::errands::{Errand, Verdict};
use crate::ingest::connector::tests::{NOW, open as open_in};
use crate::outbound::Answer;

fn connector() -> Arc<dyn Connector> {
    open_in(&BITRIX24, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads/bitrix24"))
}

fn verify(body: &str) -> Result<(), Refusal> {
    let headers = HeaderMap::new();
    let path_and_query = "/webhooks/crm";
    connector().verify(&Delivery { headers: &headers, path_and_query, query: "", body: body.as_bytes(), now: NOW })
}

#[test]
fn only_the_portal_with_its_token_may_call() {
    let call = |token: &str, member: &str, domain: &str| {
        verify(&format!(
            "event=ONCRMDEALADD&data[FIELDS][ID]=1&auth[application_token]={token}&auth[member_id]={member}&auth[domain]={domain}"
        ))
    };
    let (token, member, domain) = ("tok-4f1b7c2e9a", "0c1d2e3f4a5b60718293a4b5c6d7e8f9", "lilac-garden.bitrix24.com");
    assert_eq!(call(token, member, domain), Ok(()));
    assert_eq!(call(token, member, "renamed.example.com"), Ok(()));
    assert_eq!(call(token, "", domain), Ok(()));
    let foreign = |account: &str| Err(Refusal::ForeignAccount { account: account.to_owned() });
    assert_eq!(call(token, "another", "another.example.com"), foreign("another"));
    assert_eq!(call(token, "", ""), foreign(""));
    let what = "auth[application_token]";
    assert_eq!(call("", member, domain), Err(Refusal::Unsigned { what }));
    assert_eq!(call("tok-4f1b7c2e9b", member, domain), Err(Refusal::BadSignature { what }));
    assert_eq!(verify("{}"), Err(Refusal::Unsigned { what }));
}

#[test]
fn an_answer_that_nobody_asked_for_is_refused_even_with_the_token() {
    let auth = json!({"application_token": "tok-4f1b7c2e9a", "domain": "lilac-garden.bitrix24.com"});
    let mut body = json!({"event": "ONCRMDEALADD", "auth": auth});
    assert_eq!(verify(&body.to_string()), Ok(()));
    body["rapport"] = json!("bitrix24");
    assert_eq!(verify(&body.to_string()), Err(Refusal::BadSignature { what: "auth[application_token]" }));
}

#[test]
fn what_is_wrong_with_the_address_is_told_without_it() {
    let told = |url: &str| {
        let values = json!({"application_token": "tok-4f1b7c2e9a", "rest_url": url}).as_object().cloned().unwrap();
        let accounts = Accounts::new(vec!["a".to_owned()]).unwrap();
        open(&accounts, &mut Options::new(values)).unwrap_err().to_string()
    };
    for url in [
        "http://crm.example.com/rest/1/s3cret/",
        "https://a:s3cret@x.example.com/rest/",
        "rest/1/s3cret",
        "ftp://s3cret/x",
    ] {
        let error = told(url);
        assert!(error.contains("rest_url") && !error.contains("s3cret"), "{error}");
    }
    assert!(told("https://crm.example.com/?s3cret").contains("incoming webhook"));
    assert!(!format!("{:?}", connector()).contains("not-a-real-secret"));
}

#[test]
fn deals_and_contacts_are_asked_for_and_nothing_else() {
    let errands = connector().errands().unwrap();
    let ask = |lookup: &str| errands.ask(&Errand::LookUp { lookup: lookup.to_owned() });
    let deal = ask("deal 17").unwrap();
    assert_eq!((deal.method, deal.id.as_str()), ("crm.deal.get", "17"));
    assert_eq!(deal.question.path_and_query, "/rest/7/not-a-real-secret/crm.deal.get");
    assert_eq!(deal.question.body, r#"{"id":"17"}"#);
    assert_eq!(ask("contact 5").unwrap().method, "crm.contact.get");
    for other in ["deal", "deal x", "deal 1/../x", "lead 1", "", "deal 1 2"] {
        assert!(ask(other).is_none(), "{other}");
    }
    assert_eq!(errands.place().address.to_string(), "https://lilac-garden.bitrix24.com/");
}

#[test]
fn an_answer_is_told_gone_or_for_later() {
    let errands = connector().errands().unwrap();
    let judge = |status: u16, body: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) };
        errands.judge(&Errand::LookUp { lookup: "deal 17".to_owned() }, &answer)
    };
    let is_later = |verdict: Verdict| matches!(verdict, Verdict::Later { .. });
    assert_eq!(judge(200, r#"{"result":{"ID":"17"}}"#), Verdict::Told);
    assert_eq!(judge(400, r#"{"error":"","error_description":"Not found"}"#), Verdict::Told);
    assert_eq!(judge(400, r#"{"error":"NOT_FOUND","error_description":"No such deal"}"#), Verdict::Told);
    let is_refused = |verdict: Verdict| matches!(verdict, Verdict::Refused { .. });
    let denied = r#"{"error":"","error_description":"Access denied"}"#;
    for status in [400, 404, 409, 422] {
        assert!(is_refused(judge(status, denied)), "{status}");
        assert!(is_later(judge(status, "<html>")), "{status}");
    }
    for status in [401, 402, 403, 408, 429, 500, 503] {
        assert!(is_later(judge(status, denied)), "{status}");
    }
    assert!(is_later(judge(404, r#"{"error":"ERROR_METHOD_NOT_FOUND","error_description":"Method not found!"}"#)));
    assert!(is_later(judge(503, r#"{"error":"QUERY_LIMIT_EXCEEDED"}"#)));
    assert!(is_later(judge(401, r#"{"error":"INVALID_CREDENTIALS"}"#)));
    assert!(is_later(judge(302, r#"{"result":{"ID":"17"}}"#)));
    for garbage in ["", "<html>", "{}", r#"{"result":true}"#, "[]"] {
        assert!(is_later(judge(200, garbage)), "{garbage}");
    }
}
