//! Sources that are down, slow, huge or rotated: real sockets on this machine, and a clock that the tests turn.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::auth::test_keys::{SigningKey, key_set};
use crate::model::clock::Millis;
use crate::outbound::test_source::{Answer, TestSource};
use crate::outbound::{Address, OutboundError};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

#[derive(Default)]
struct TurnedClock(AtomicI64);

impl TurnedClock {
    fn turn_to(&self, at: Millis) {
        self.0.store(at, Ordering::Relaxed);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// A source and what was made of it.
struct Case {
    source: TestSource,
    clock: Arc<TurnedClock>,
    keys: Arc<RemoteKeys>,
}

impl Case {
    async fn new(answer: Answer) -> Self {
        Self::with_time(answer, Duration::from_secs(60)).await
    }

    async fn with_time(answer: Answer, time_max: Duration) -> Self {
        let source = TestSource::start(answer).await;
        let mut asked = Source::new(Address::parse(&source.url()).unwrap(), None).unwrap();
        asked.target.bounds.time_max = time_max;
        let clock = Arc::new(TurnedClock::default());
        let keys = Arc::new(RemoteKeys::new("https://id.example.com".to_owned(), asked, clock.clone()));
        Self { source, clock, keys }
    }

    async fn ask(&self, name: &str) -> Result<(), AuthError> {
        self.keys.key(Some(name)).await.map(|_| ())
    }

    /// The fetch that runs beside has ended.
    async fn until_settled(&self) {
        let mut ended = self.keys.ended.subscribe();
        while self.keys.lock().is_fetching() {
            ended.changed().await.unwrap();
        }
    }
}

/// A key set of keys of these names.
fn keys_named(names: &[&str]) -> Answer {
    let key = &SigningKey::all()[1];
    Answer::Body(key_set(&names.iter().map(|name| (*name, key)).collect::<Vec<_>>()))
}

fn unavailable(retry_after_seconds: u32) -> Result<(), AuthError> {
    Err(AuthError::KeysUnavailable { retry_after_seconds })
}

#[tokio::test]
async fn keys_are_fetched_once_and_then_kept() {
    let case = Case::new(keys_named(&["a"])).await;
    assert_eq!(case.source.asked(), 0);
    for _ in 0..3 {
        assert_eq!(case.ask("a").await, Ok(()));
        assert_eq!(case.keys.key(None).await.map(|_| ()), Ok(()));
    }
    assert_eq!(case.source.asked(), 1);
}

#[tokio::test]
async fn requests_that_come_together_share_one_fetch() {
    let case = Case::new(keys_named(&["a"])).await;
    case.source.hold();
    let asking = join_all((0..50).map(|_| case.ask("a")));
    let releasing = async {
        case.source.until_asked(1).await;
        case.source.release();
    };
    let (answers, ()) = tokio::join!(asking, releasing);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(case.source.asked(), 1);
}

#[tokio::test]
async fn a_fetch_outlives_the_request_that_began_it() {
    let case = Case::new(keys_named(&["a"])).await;
    case.source.hold();
    tokio::select! {
        _ = case.ask("a") => panic!("nothing was answered yet"),
        () = case.source.until_asked(1) => {}
    }
    case.source.release();
    assert_eq!(case.ask("a").await, Ok(()));
    assert_eq!(case.source.asked(), 1);
}

#[tokio::test]
async fn made_up_names_cost_the_source_one_question_a_minute() {
    let case = Case::new(keys_named(&["a"])).await;
    assert_eq!(case.ask("a").await, Ok(()));
    for second in 1..=180 {
        case.clock.turn_to(second * 1_000);
        assert_eq!(case.ask(&format!("made up {second}")).await, Err(AuthError::UnknownKey));
        assert_eq!(case.keys.key(None).await.map(|_| ()), Ok(()));
    }
    assert_eq!(case.source.asked(), 1 + 3);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_an_old_one_is_refused_from_then_on() {
    let case = Case::new(keys_named(&["old"])).await;
    assert_eq!(case.ask("old").await, Ok(()));
    case.source.answer_with(keys_named(&["new"]));
    case.clock.turn_to(MINUTE);
    assert_eq!(case.ask("old").await, Ok(()), "nobody has asked yet");
    assert_eq!(case.ask("new").await, Ok(()));
    assert_eq!(case.ask("old").await, Err(AuthError::UnknownKey));
    assert_eq!(case.source.asked(), 2);
}

#[tokio::test]
async fn after_an_hour_keys_are_fetched_again_while_requests_go_on() {
    let case = Case::new(keys_named(&["old"])).await;
    assert_eq!(case.ask("old").await, Ok(()));
    case.source.answer_with(keys_named(&["new"]));
    case.source.hold();
    case.clock.turn_to(HOUR);
    assert_eq!(case.ask("old").await, Ok(()), "the source has not answered yet");
    case.source.release();
    case.until_settled().await;
    assert_eq!(case.ask("old").await, Err(AuthError::UnknownKey));
    assert_eq!(case.source.asked(), 2);
}

#[tokio::test]
async fn after_a_quiet_night_a_withdrawn_key_is_refused_at_once() {
    let case = Case::new(keys_named(&["old"])).await;
    assert_eq!(case.ask("old").await, Ok(()));
    case.source.answer_with(keys_named(&["new"]));
    case.clock.turn_to(10 * HOUR);
    assert_eq!(case.ask("old").await, Err(AuthError::UnknownKey));
}

#[tokio::test]
async fn old_keys_are_kept_for_a_day_while_the_source_is_down_and_then_none() {
    let case = Case::new(keys_named(&["a"])).await;
    assert_eq!(case.ask("a").await, Ok(()));
    case.source.answer_with(Answer::HangUp);
    for minute in (60..24 * 60).step_by(5) {
        case.clock.turn_to(minute * MINUTE);
        assert_eq!(case.ask("a").await, Ok(()), "minute {minute}");
        case.until_settled().await;
    }
    // Every quarter of an hour, and a few more at the beginning.
    assert!(case.source.asked() <= 100, "{}", case.source.asked());
    case.clock.turn_to(24 * HOUR);
    assert!(matches!(case.ask("a").await, Err(AuthError::KeysUnavailable { .. })));
    assert!(matches!(case.ask("b").await, Err(AuthError::KeysUnavailable { .. })));
    case.source.answer_with(keys_named(&["a"]));
    case.clock.turn_to(24 * HOUR + 15 * MINUTE);
    assert_eq!(case.ask("a").await, Ok(()));
}

#[tokio::test]
async fn a_source_that_fails_is_left_alone_for_longer_each_time() {
    let case = Case::new(Answer::HangUp).await;
    assert_eq!(case.ask("a").await, unavailable(5));
    assert_eq!(case.ask("a").await, unavailable(5));
    case.clock.turn_to(4_000);
    assert_eq!(case.ask("a").await, unavailable(1));
    assert_eq!(case.source.asked(), 1);
    case.clock.turn_to(5_000);
    assert_eq!(case.ask("a").await, unavailable(10));
    assert_eq!(case.source.asked(), 2);
    case.source.answer_with(keys_named(&["a"]));
    assert_eq!(case.ask("a").await, unavailable(10));
    case.clock.turn_to(15_000);
    assert_eq!(case.ask("a").await, Ok(()));
}

#[tokio::test]
async fn a_source_that_nobody_listens_at_is_unavailable() {
    let case = Case::new(keys_named(&["a"])).await;
    let Case { source, keys, .. } = case;
    source.stop().await;
    assert_eq!(keys.key(Some("a")).await.map(|_| ()), unavailable(5));
}

#[tokio::test]
async fn a_slow_source_is_given_up() {
    let case = Case::with_time(Answer::Silence, Duration::from_millis(50)).await;
    assert_eq!(case.ask("a").await, unavailable(5));
    assert!(matches!(case.keys.source().fetch().await, Err(FetchError::Outbound(OutboundError::TooSlow { .. }))));
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let case = Case::new(Answer::Endless).await;
    assert!(matches!(case.keys.source().fetch().await, Err(FetchError::Set(super::super::jwks::SetError::TooLarge))));
    case.source.answer_with(Answer::Head("200 OK\r\ncontent-length: 100000000"));
    assert!(matches!(case.keys.source().fetch().await, Err(FetchError::Set(super::super::jwks::SetError::TooLarge))));
    assert_eq!(case.ask("a").await, unavailable(5));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = TestSource::start(keys_named(&["a"])).await;
    let head: &'static str = Box::leak(format!("302 Found\r\nlocation: {}", elsewhere.url()).into_boxed_str());
    let case = Case::new(Answer::Head(head)).await;
    assert_eq!(case.ask("a").await, unavailable(5));
    assert_eq!((case.source.asked(), elsewhere.asked()), (1, 0));
}

#[tokio::test]
async fn what_is_no_key_set_changes_nothing() {
    let case = Case::new(keys_named(&["a"])).await;
    assert_eq!(case.ask("a").await, Ok(()));
    for (round, answer) in (1..).zip([
        Answer::Head("500 Internal Server Error"),
        Answer::Head("204 No Content"),
        Answer::Head("not http"),
        Answer::Body("<html>".to_owned()),
        Answer::Body("{}".to_owned()),
        // A source that has lost its keys.
        keys_named(&[]),
        Answer::Body(json!({"keys": vec![json!({"kty": "oct"}); 101]}).to_string()),
    ]) {
        case.source.answer_with(answer);
        // Later than any pause.
        case.clock.turn_to(round * 20 * MINUTE);
        // Nobody knows whether `b` is a new key.
        assert!(matches!(case.ask("b").await, Err(AuthError::KeysUnavailable { .. })));
        assert_eq!(case.ask("a").await, Ok(()));
        case.until_settled().await;
    }
    assert_eq!(case.source.asked(), 8);
}

#[tokio::test]
async fn keys_of_a_source_that_cannot_be_used_cost_only_themselves() {
    let mut document = json!({"keys": [SigningKey::all()[2].jwk("good")]});
    document["keys"].as_array_mut().unwrap().push(json!({"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}));
    let case = Case::new(Answer::Body(document.to_string())).await;
    assert_eq!(case.ask("good").await, Ok(()));
    assert_eq!(case.ask("shared").await, Err(AuthError::UnknownKey));
}
