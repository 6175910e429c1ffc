//! What a portal's calls name is asked for, once it can be, and never forgotten before.

use std::sync::Arc;
use std::time::Duration;

use rapport::ingest::connection::Connection;
use serde_json::{Value, json};

use super::fake_crm::{Asked, FakeCrm, Reply};
use super::{House, connection};

const FORM: &str = "application/x-www-form-urlencoded";

fn portal(crm: Option<&FakeCrm>) -> Arc<Connection> {
    let mut options = json!({"application_token": "a-token-of-tests"});
    if let Some(crm) = crm {
        options["rest_url"] = Value::from(format!("{}/rest/1/a-secret/", crm.url));
    }
    connection("bitrix24", &options)
}

fn call(event: &str, id: u32) -> String {
    format!("event={event}&data[FIELDS][ID]={id}&auth[application_token]=a-token-of-tests&auth[domain]=garden")
}

/// Every deal is won and has the contact of ten times its number, who has a phone.
fn answer(asked: &Asked) -> Reply {
    let id: u32 = serde_json::from_str::<Value>(&asked.body).unwrap()["id"].as_str().unwrap().parse().unwrap();
    let changed = "2035-03-01T11:59:00+00:00";
    let card = match asked.path_and_query.as_str() {
        "/rest/1/a-secret/crm.deal.get" => json!({"ID": id.to_string(), "STAGE_ID": "WON", "STAGE_SEMANTIC_ID": "S",
            "OPPORTUNITY": "100.00", "CURRENCY_ID": "EUR", "CONTACT_ID": (id * 10).to_string(), "DATE_MODIFY": changed}),
        "/rest/1/a-secret/crm.contact.get" => json!({"ID": id.to_string(), "DATE_MODIFY": changed,
            "PHONE": [{"VALUE": format!("+49 151 0000{id:04}")}]}),
        other => panic!("{other} was asked"),
    };
    Reply::Json(json!({"result": card}).to_string())
}

#[tokio::test]
pub async fn what_a_call_names_is_asked_for_and_its_answer_comes_in() {
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let portal = portal(Some(&crm));
    let received = house.receive(&portal, FORM, &call("ONCRMDEALUPDATE", 1)).await;
    assert_eq!((received.lookups, house.pending(&portal).await), (1, 1));
    let mut runner = house.runner(&portal).unwrap();
    assert_eq!(house.step(&mut runner).await, 500);
    // The deal named its contact.
    assert_eq!(house.pending(&portal).await, 1);
    house.turn_by(500);
    assert_eq!(house.step(&mut runner).await, 500);
    assert_eq!((house.step(&mut runner).await, house.pending(&portal).await), (5_000, 0));
    let asked = crm.take_asked();
    assert_eq!(asked.iter().map(|asked| asked.method.as_str()).collect::<Vec<_>>(), ["POST", "POST"]);
    assert_eq!(
        house.links().await,
        "bitrix24:garden:contact:10 = bitrix24:garden:deal:1\nbitrix24:garden:contact:10 = phone:+4915100000010\n"
    );
    // The call and two answers; a link, two facts of the deal, a link.
    assert_eq!(house.archived().await, "payloads: 3 accepted: 3 troubled: 0");
}

#[tokio::test]
async fn the_same_call_again_is_pending_again_and_its_answer_changes_nothing() {
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let portal = portal(Some(&crm));
    let mut runner = house.runner(&portal).unwrap();
    for _ in 0..2 {
        // Five calls in a row are one question.
        for _ in 0..5 {
            house.receive(&portal, FORM, &call("ONCRMDEALUPDATE", 1)).await;
            house.turn_by(10);
        }
        assert_eq!(house.pending(&portal).await, 1);
        house.step_until_it_waits(&mut runner, 500).await;
        assert_eq!((crm.take_asked().len(), house.pending(&portal).await), (2, 0));
        assert_eq!(house.links().await.lines().count(), 2);
    }
}

#[tokio::test]
async fn lookups_wait_for_the_address_over_a_restart_and_are_asked_for_when_it_comes() {
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let without = portal(None);
    for id in [1, 2, 1] {
        house.receive(&without, FORM, &call("ONCRMDEALADD", id)).await;
    }
    assert!(house.runner(&without).is_none());
    assert_eq!(house.pending(&without).await, 2);
    let house = House::over(house.store.clone(), house.now() + 60 * 86_400_000);
    let with = portal(Some(&crm));
    let mut runner = house.runner(&with).unwrap();
    house.step_until_it_waits(&mut runner, 500).await;
    assert_eq!((crm.take_asked().len(), house.pending(&with).await), (4, 0));
    assert_eq!(house.links().await.lines().count(), 4);
}

#[tokio::test]
async fn what_was_named_long_ago_is_not_asked_for_any_more() {
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let portal = portal(Some(&crm));
    house.receive(&portal, FORM, &call("ONCRMDEALADD", 1)).await;
    house.turn_by(90 * 86_400_000);
    assert_eq!(house.pending(&portal).await, 0);
    assert_eq!(house.step(&mut house.runner(&portal).unwrap()).await, 5_000);
    assert!(crm.take_asked().is_empty());
}

#[tokio::test]
async fn a_portal_that_fails_is_asked_again_later_and_nothing_is_lost() {
    let elsewhere = FakeCrm::start(answer).await;
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let portal = portal(Some(&crm));
    house.receive(&portal, FORM, &call("ONCRMDEALADD", 1)).await;
    let mut runner = house.runner(&portal).unwrap();
    let redirect = ("location", format!("{}/rest/1/a-secret/crm.deal.get", elsewhere.url));
    for (reply, wait) in [
        (Reply::With(429, ("retry-after", "600".to_owned())), 600_000),
        (Reply::Status(500, "no"), 10_000),
        (Reply::Status(200, "<html>garbage</html>"), 20_000),
        (Reply::With(302, redirect), 40_000),
        (Reply::Silence, 80_000),
        (Reply::With(503, ("retry-after", "Thu, 01 Mar 2035 13:00:00 GMT".to_owned())), 3_600_000 - 750_000),
        (Reply::Json(json!({"error": "expired_token"}).to_string()), 320_000),
    ] {
        crm.answer_next(reply.clone());
        // Short only where nothing comes: a busy machine is slow too.
        let is_silent = matches!(reply, Reply::Silence);
        runner.limit_time(if is_silent { Duration::from_millis(200) } else { Duration::from_secs(60) });
        assert_eq!(house.step(&mut runner).await, wait, "{reply:?}");
        assert_eq!((crm.take_asked().len(), house.pending(&portal).await), (1, 1), "{reply:?}");
        house.turn_by(wait);
    }
    house.step_until_it_waits(&mut runner, 500).await;
    assert_eq!((house.pending(&portal).await, elsewhere.take_asked().len()), (0, 0));
    // Only what was answered is archived.
    assert_eq!(house.archived().await, "payloads: 3 accepted: 3 troubled: 0");
}

#[tokio::test]
async fn how_asking_fares_is_what_the_connection_tells() {
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let portal = portal(Some(&crm));
    let state = || portal.health.counts().state(house.now()).name();
    let mut runner = house.runner(&portal).unwrap();
    house.receive(&portal, FORM, &call("ONCRMDEALADD", 1)).await;
    assert_eq!((house.step(&mut runner).await, state()), (500, "RECEIVING"));
    // The answer came in; who takes calls from outside notes those, not this test's house.
    assert_eq!((portal.health.counts().received, portal.health.counts().last_received_at), (1, Some(house.now())));
    crm.answer_next(Reply::Status(500, "no"));
    assert_eq!((house.step(&mut runner).await, state()), (5_000, "FAILING"));
    crm.answer_next(Reply::Status(400, r#"{"error":"","error_description":"Access denied"}"#));
    assert_eq!((house.step(&mut runner).await, state()), (500, "RECEIVING"));
    let waiting = house.ingest.waiting_lookups().await.unwrap();
    let told: Vec<_> = waiting.iter().map(|of| (of.tenant.as_str(), of.lookups, house.now() - of.since)).collect();
    assert_eq!(told, [("acme", 1, 0)]);
}

#[tokio::test]
async fn what_nobody_can_ever_ask_is_not_kept_for_it() {
    let house = House::new().await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("parcels.toml");
    let rules = "[[rules]]\nlookup = { template = \"parcel {id}\" }\n";
    let signature = "[signature]\nscheme = \"query\"\nparameter = \"key\"\n";
    std::fs::write(&file, format!("channel = \"POST\"\n{signature}{rules}")).unwrap();
    let mapping = connection("mapping", &json!({"mapping_file": file, "secret": "a-secret-of-these-tests"}));
    let received = house.receive(&mapping, "application/json", r#"{"id": "7"}"#).await;
    assert_eq!((received.lookups, house.pending(&mapping).await), (1, 0));
}

#[tokio::test]
async fn what_fails_does_not_keep_the_rest_from_being_asked() {
    let broken = |asked: &Asked| match asked.body.contains(r#""1""#) {
        true => Reply::Status(500, "this one never"),
        false => answer(asked),
    };
    let (house, crm) = (House::new().await, FakeCrm::start(broken).await);
    let portal = portal(Some(&crm));
    for id in [1, 2, 3] {
        house.receive(&portal, FORM, &call("ONCRMDEALADD", id)).await;
        house.turn_by(1);
    }
    let mut runner = house.runner(&portal).unwrap();
    house.step_until_it_waits(&mut runner, 5_000).await;
    assert_eq!(house.pending(&portal).await, 1);
    assert_eq!(house.links().await.lines().count(), 4);
}

#[tokio::test]
async fn what_the_portal_refuses_goes_behind_the_rest_and_slows_nobody() {
    let refused = 250;
    let denied = move |asked: &Asked| {
        let id: u32 = serde_json::from_str::<Value>(&asked.body).unwrap()["id"].as_str().unwrap().parse().unwrap();
        match id <= refused {
            true => Reply::Status(400, r#"{"error":"","error_description":"Access denied"}"#),
            false => answer(asked),
        }
    };
    let (house, crm) = (House::new().await, FakeCrm::start(denied).await);
    let portal = portal(Some(&crm));
    for id in 1..=refused + 1 {
        house.receive(&portal, FORM, &call("ONCRMDEALADD", id)).await;
        house.turn_by(1);
    }
    let mut runner = house.runner(&portal).unwrap();
    let step = async |runner: &mut _| {
        let wait = house.step(runner).await;
        house.turn_by(wait);
        wait
    };
    // Each is asked for once, at the portal's pace, and then the contact of the good one.
    for number in 0..refused + 2 {
        assert_eq!(step(&mut runner).await, 500, "{number}");
    }
    assert_eq!((crm.take_asked().len(), house.links().await.lines().count()), (252, 2));
    assert_eq!(step(&mut runner).await, 5_000);
    // A restart forgets nothing of it, and what is named later is asked for at once.
    let mut runner = house.runner(&portal).unwrap();
    house.receive(&portal, FORM, &call("ONCRMDEALADD", refused + 2)).await;
    assert_eq!((step(&mut runner).await, step(&mut runner).await, step(&mut runner).await), (500, 500, 5_000));
    assert_eq!((crm.take_asked().len(), house.links().await.lines().count()), (2, 4));
    // They are asked for again when they have rested.
    assert_eq!(house.pending(&portal).await, u64::from(refused));
    house.turn_by(3_600_000);
    assert_eq!((step(&mut runner).await, crm.take_asked().len()), (500, 1));
}

#[tokio::test]
async fn a_lookup_that_is_named_again_after_the_clock_was_stepped_back_is_asked_for() {
    let (house, crm) = (House::new().await, FakeCrm::start(answer).await);
    let portal = portal(Some(&crm));
    let mut runner = house.runner(&portal).unwrap();
    for _ in 0..3 {
        house.receive(&portal, FORM, &call("ONCRMDEALUPDATE", 1)).await;
        assert_eq!(house.pending(&portal).await, 1);
        house.step_until_it_waits(&mut runner, 500).await;
        assert_eq!((crm.take_asked().len(), house.pending(&portal).await), (2, 0));
        house.turn_by(-3_600_000);
    }
}

#[tokio::test]
async fn a_deal_that_is_gone_is_asked_for_once() {
    let gone = |_: &Asked| Reply::Status(400, r#"{"error":"","error_description":"Not found"}"#);
    let (house, crm) = (House::new().await, FakeCrm::start(gone).await);
    let portal = portal(Some(&crm));
    house.receive(&portal, FORM, &call("ONCRMDEALADD", 1)).await;
    house.step_until_it_waits(&mut house.runner(&portal).unwrap(), 500).await;
    assert_eq!((crm.take_asked().len(), house.pending(&portal).await), (1, 0));
}
