//! Tokens of an identity provider, through the whole API: its keys are served on this machine, rotated and taken away.

mod logs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::{Request, header};
use chrono_tz::Tz;
use rapport::api::Limits;
use rapport::app::build::{Policy, Service, build_router};
use rapport::auth::claims::{ClaimPaths, ClaimRules};
use rapport::auth::issuer::{Audience, KeySource, Others};
use rapport::auth::{Issuer, IssuerConfig, Role, Secret};
use rapport::ingest::connection::Connections;
use rapport::model::clock::{Clock, Millis};
use rapport::outbound::Address;
use serde_json::{Value, json};

use crate::http::{Answer, send};
use crate::test_keys::{SigningKey, key_set};
use crate::test_source::{Answer as SourceAnswer, TestSource};
use crate::world::{SECRET, TENANT, World, event};

const NOW: &str = "2026-11-20T12:00:00Z";
const MINUTE: i64 = 60_000;
const ISSUER: &str = "https://id.example.com/realms/acme";
const WHO: &str = "{ viewer { tenant role sub operator teams } }";

struct TurnedClock(AtomicI64);

impl Clock for TurnedClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// An API that accepts the tokens of one provider beside its own, and the provider.
struct House {
    world: World,
    clock: Arc<TurnedClock>,
    source: TestSource,
}

impl House {
    /// With the provider's keys, named `a`, `b` and so on.
    async fn new(keys: &[&SigningKey], tenant: Option<&str>) -> Self {
        let source = TestSource::start(SourceAnswer::Body(published(keys))).await;
        let world = World::at(NOW).await;
        let clock = Arc::new(TurnedClock(AtomicI64::new(world.now)));
        let roles = [("rapport-manager", Role::Manager), ("rapport-operator", Role::Operator)];
        let roles = roles.into_iter().chain([("rapport-service", Role::Service), ("rapport-lead", Role::Supervisor)]);
        let config = IssuerConfig {
            issuer: ISSUER.to_owned(),
            audience: Audience { name: "rapport".to_owned(), others: Others::Allowed },
            keys: KeySource::Url { url: Address::parse(&source.url()).unwrap(), ca_file: None },
            rules: ClaimRules {
                paths: ClaimPaths {
                    tenant: "org".into(),
                    role: ["realm_access", "roles"].into(),
                    operator: "employee_id".into(),
                    teams: "groups".into(),
                },
                tenant: tenant.map(str::to_owned),
                roles: Some(roles.map(|(name, role)| (name.to_owned(), role)).collect::<BTreeMap<_, _>>()),
            },
        };
        let issuer = Issuer::open(config, clock.clone()).unwrap();
        let service = Service {
            ingest: world.ingest.clone(),
            clock: clock.clone(),
            secret: Secret::new(SECRET).unwrap(),
            timezone: Tz::UTC,
            limits: Limits { catch_up_time: std::time::Duration::from_secs(600), ..Limits::default() }.into(),
            queries_at_once: 2,
            connections: Connections::default(),
            policy: Policy { issuers: vec![issuer], ..Policy::default() },
        };
        let world = World { router: build_router(service).unwrap(), ..world };
        Self { world, clock, source }
    }

    fn turn_by(&self, milliseconds: i64) {
        self.clock.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// A token as Keycloak makes it, with these claims beside the usual ones.
    fn token(&self, key: &SigningKey, name: &str, more: &Value) -> String {
        let now = self.clock.now() / 1_000;
        let mut claims = json!({
            "iss": ISSUER, "aud": ["rapport", "account"], "iat": now, "exp": now + 300, "jti": "5f4c", "typ": "Bearer",
            "azp": "dashboards", "acr": "1", "scope": "openid profile", "sid": "e4b1", "email_verified": true,
            "sub": "f:7c1:anna", "preferred_username": "anna", "realm_access": {"roles": ["offline_access", "rapport-manager"]},
            "resource_access": {"account": {"roles": ["manage-account"]}},
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        key.sign(&json!({"alg": key.algorithm(), "typ": "JWT", "kid": name}), &claims)
    }

    async fn ask(&self, token: &str, query: &str) -> Answer {
        let request = Request::post("/graphql")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({"query": query}).to_string()));
        send(self.world.router.clone(), request.unwrap()).await
    }

    /// The viewer that a token makes.
    async fn viewer(&self, token: &str) -> Value {
        let answer = self.ask(token, WHO).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["data"]["viewer"].clone()
    }

    fn tenant(&self) -> Value {
        json!({"org": TENANT})
    }
}

fn published(keys: &[&SigningKey]) -> String {
    let names = ["a", "b", "c"];
    key_set(&names.into_iter().zip(keys.iter().copied()).collect::<Vec<_>>())
}

fn all() -> Vec<&'static SigningKey> {
    SigningKey::all().iter().collect()
}

#[tokio::test]
async fn tokens_of_an_identity_provider_are_accepted_whatever_key_signed_them() {
    let house = House::new(&all(), None).await;
    for (name, key) in ["a", "b", "c"].into_iter().zip(SigningKey::all()) {
        let viewer = house.viewer(&house.token(key, name, &house.tenant())).await;
        let expected = json!({"tenant": TENANT, "role": "MANAGER", "sub": "f:7c1:anna", "operator": null, "teams": []});
        assert_eq!(viewer, expected, "{}", key.algorithm());
        let lead = json!({"org": TENANT, "groups": ["/north"], "realm_access": {"roles": ["rapport-lead", "rapport-operator"]},
            "employee_id": "anna"});
        let viewer = house.viewer(&house.token(key, name, &lead)).await;
        assert_eq!((&viewer["role"], &viewer["teams"]), (&json!("SUPERVISOR"), &json!(["/north"])));
        // Of the right kind, and not the one that is named.
        let other = ["b", "c", "a"][["a", "b", "c"].iter().position(|other| *other == name).unwrap()];
        house.ask(&house.token(key, other, &house.tenant()), WHO).await.refused(401, "UNAUTHENTICATED");
    }
    assert_eq!(house.source.asked(), 1);
    // Our own stay good.
    assert_eq!(house.viewer(&house.world.manager()).await["sub"], "tester");
}

#[tokio::test]
async fn what_a_provider_says_decides_what_is_seen() {
    let house = House::new(&all(), None).await;
    let key = &SigningKey::all()[1];
    let with = |roles: &str, more: Value| {
        let mut claims = json!({"org": TENANT, "realm_access": {"roles": [roles]}});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.token(key, "b", &claims)
    };
    let events = Value::from(vec![
        event("message.sent", "c1", "m1", NOW, &json!({"operator": "anna"})),
        event("message.sent", "c2", "m2", NOW, &json!({"operator": "boris"})),
    ]);
    let service = with("rapport-service", json!({}));
    let (status, receipt) = house.world.post_events(&service, None, events.to_string()).await;
    assert_eq!((status.as_u16(), &receipt["accepted"]), (200, &json!(2)), "{receipt}");
    let manager = with("rapport-manager", json!({}));
    let (status, _) = house.world.post_events(&manager, None, events.to_string()).await;
    assert_eq!(status, 403);
    let outbound = async |token: &str| {
        let query =
            r#"{ analytics(range: {from: "2026-11-20", to: "2026-11-21"}) { delivery { total { outbound } } } }"#;
        house.ask(token, query).await.json()["data"]["analytics"]["delivery"]["total"]["outbound"].clone()
    };
    assert_eq!(outbound(&manager).await, json!(2));
    assert_eq!(outbound(&with("rapport-operator", json!({"employee_id": "anna"}))).await, json!(1));
    assert_eq!(outbound(&with("rapport-operator", json!({"employee_id": "eve"}))).await, json!(0));
    assert_eq!(outbound(&with("rapport-manager", json!({"org": "other"}))).await, json!(0));
}

#[tokio::test]
async fn a_provider_of_one_company_is_refused_when_it_speaks_for_another() {
    let house = House::new(&all(), Some(TENANT)).await;
    let key = &SigningKey::all()[0];
    assert_eq!(house.viewer(&house.token(key, "a", &json!({}))).await["tenant"], TENANT);
    assert_eq!(house.viewer(&house.token(key, "a", &house.tenant())).await["tenant"], TENANT);
    let foreign = house.ask(&house.token(key, "a", &json!({"org": "other"})), WHO).await;
    let message = foreign.refused(401, "UNAUTHENTICATED");
    assert_eq!(message, "the token's tenant is not the one that its issuer may speak for");
}

#[tokio::test]
async fn a_key_that_was_rotated_out_while_serving_is_refused() {
    let (old, new) = (SigningKey::make_p256(), SigningKey::make_ed25519());
    let house = House::new(&[&old], None).await;
    let before = house.token(&old, "a", &house.tenant());
    house.viewer(&before).await;
    // Both for a time, as providers do; the new one is found at once.
    house.source.answer_with(SourceAnswer::Body(published(&[&old, &new])));
    house.turn_by(MINUTE);
    house.viewer(&house.token(&new, "b", &house.tenant())).await;
    house.viewer(&before).await;
    // Then the old one is gone. The next name that is not known brings the news.
    house.source.answer_with(SourceAnswer::Body(key_set(&[("b", &new)])));
    house.turn_by(MINUTE);
    house.ask(&house.token(&new, "c", &house.tenant()), WHO).await.refused(401, "UNAUTHENTICATED");
    house.ask(&before, WHO).await.refused(401, "UNAUTHENTICATED");
    house.viewer(&house.token(&new, "b", &house.tenant())).await;
    assert_eq!(house.source.asked(), 3);
}

#[tokio::test]
async fn while_a_provider_is_down_its_tokens_wait_and_others_do_not() {
    let house = House::new(&all(), None).await;
    house.source.answer_with(SourceAnswer::HangUp);
    let token = house.token(&SigningKey::all()[0], "a", &house.tenant());
    let answer = house.ask(&token, WHO).await;
    let message = answer.refused(503, "UNAVAILABLE");
    assert_eq!(message, "the keys of the token's issuer cannot be had at present: try again in 5 s");
    assert_eq!(answer.header(header::RETRY_AFTER), "5");
    let (status, body) = house.world.post_events(&token, None, "").await;
    assert_eq!((status.as_u16(), &body["errors"][0]["extensions"]["code"]), (503, &json!("UNAVAILABLE")));
    house.viewer(&house.world.manager()).await;
    house.source.answer_with(SourceAnswer::Body(published(&all())));
    house.turn_by(5_000);
    house.viewer(&token).await;
}

#[tokio::test]
async fn a_provider_that_stays_down_is_believed_for_a_day_and_no_longer() {
    let house = House::new(&all(), None).await;
    let key = &SigningKey::all()[2];
    house.viewer(&house.token(key, "c", &house.tenant())).await;
    house.source.answer_with(SourceAnswer::Head("503 Service Unavailable"));
    house.turn_by(24 * 60 * MINUTE - 1);
    house.viewer(&house.token(key, "c", &house.tenant())).await;
    house.turn_by(1);
    house.ask(&house.token(key, "c", &house.tenant()), WHO).await.refused(503, "UNAVAILABLE");
}

#[tokio::test]
async fn made_up_names_of_keys_make_no_storm_at_the_provider() {
    let house = House::new(&all(), None).await;
    let thief = SigningKey::make_p256();
    let other = TestSource::start(SourceAnswer::Body(key_set(&[("x", &thief)]))).await;
    house.viewer(&house.token(&SigningKey::all()[0], "a", &house.tenant())).await;
    house.turn_by(MINUTE);
    let claims = json!({"iss": ISSUER, "aud": "rapport", "sub": "eve", "org": TENANT});
    let asking = (0..100).map(|number| {
        let kid = format!("../{number}");
        let header =
            json!({"alg": "ES256", "kid": kid, "jku": other.url(), "x5u": other.url(), "jwk": thief.jwk(&kid)});
        let token = thief.sign(&header, &claims);
        async { house.ask(&{ token }, WHO).await.refused(401, "UNAUTHENTICATED") }
    });
    futures_util::future::join_all(asking).await;
    assert_eq!((house.source.asked(), other.asked()), (2, 0));
}
