//! Places that are slow, huge, rude or elsewhere: real sockets on this machine.

use super::*;
use crate::outbound::test_source::{Answer as Told, TestSource};

async fn ask_of(source: &TestSource, bounds: Bounds) -> Result<Answer, OutboundError> {
    let target = Target::new(Address::parse(&source.url()).unwrap(), None, bounds).unwrap();
    target.ask(Question::get("/orders?limit=100")).await
}

const BOUNDS: Bounds = Bounds { time_max: Duration::from_secs(30), body_bytes_max: 1_000 };

#[tokio::test]
async fn every_status_is_an_answer_and_a_redirect_is_not_followed() {
    let elsewhere = TestSource::start(Told::Body("{}".to_owned())).await;
    let source = TestSource::start(Told::Body("{\"a\":1}".to_owned())).await;
    let answer = ask_of(&source, BOUNDS).await.unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.retry_after), (StatusCode::OK, &b"{\"a\":1}"[..], None));
    source.answer_with(Told::Head("429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0"));
    let answer = ask_of(&source, BOUNDS).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.retry_after), (429, Some(RetryAfter::Wait(7_000))));
    let head = format!("302 Found\r\nlocation: {}\r\ncontent-length: 0", elsewhere.url());
    source.answer_with(Told::Head(Box::leak(head.into_boxed_str())));
    assert_eq!(ask_of(&source, BOUNDS).await.unwrap().status, StatusCode::FOUND);
    assert_eq!((source.asked(), elsewhere.asked()), (3, 0));
}

#[tokio::test]
async fn what_is_slow_huge_or_no_http_is_given_up() {
    let source = TestSource::start(Told::Silence).await;
    let hasty = Bounds { time_max: Duration::from_millis(50), ..BOUNDS };
    assert!(matches!(ask_of(&source, hasty).await, Err(OutboundError::TooSlow { .. })));
    source.answer_with(Told::Endless);
    assert!(matches!(ask_of(&source, BOUNDS).await, Err(OutboundError::TooLarge { limit: 1_000 })));
    source.answer_with(Told::Head("200 OK\r\ncontent-length: 1001"));
    assert!(matches!(ask_of(&source, BOUNDS).await, Err(OutboundError::TooLarge { limit: 1_000 })));
    for rude in [Told::HangUp, Told::Head("not http")] {
        source.answer_with(rude);
        assert!(matches!(ask_of(&source, BOUNDS).await, Err(OutboundError::Http(_))));
    }
    let target = Target::new(Address::parse(&source.url()).unwrap(), None, BOUNDS).unwrap();
    source.stop().await;
    assert!(matches!(target.ask(Question::get("/")).await, Err(OutboundError::Connect(_))));
    assert!(matches!(target.ask(Question::get("no path")).await, Err(OutboundError::Connect(_))));
}

#[test]
fn a_question_does_not_show_its_path() {
    let question = Question::post_json("/rest/1/s3cret/crm.deal.get", "{\"id\":17}");
    assert_eq!(format!("{question:?}"), "Question { method: POST, .. }");
}
