//! The log of the process: what never stands in it, and that nothing in it can be forged.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request, header};
use rapport::api::audit::Log;
use rapport::api::server::Network;
use rapport::app::config::LOG_FILTER;
use rapport::app::logging::{LogFormat, subscriber};
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;

use crate::fixture_schema::{Stopped, app_in, token};
use crate::http::{Answer, send};

/// A log that is kept in memory.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// Takes everything that is logged on this thread, down to the least, until the guard is dropped.
    pub fn listen(&self, format: LogFormat) -> DefaultGuard {
        self.listen_to(format, "trace")
    }

    /// The same with the filter of somebody.
    fn listen_to(&self, format: LogFormat, filter: &str) -> DefaultGuard {
        let writer = self.clone();
        tracing::subscriber::set_default(subscriber(format, filter, move || writer.clone()))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged meanwhile.
async fn logged(format: LogFormat, requests: Vec<Request<Body>>) -> (String, Vec<Answer>) {
    logged_by(format, "trace", requests).await
}

async fn logged_by(format: LogFormat, filter: &str, requests: Vec<Request<Body>>) -> (String, Vec<Answer>) {
    let memory = Memory::default();
    let guard = memory.listen_to(format, filter);
    let router = app_in(Network::default(), Log::off(), Stopped::default());
    let mut answers = Vec::new();
    for request in requests {
        answers.push(send(router.clone(), request).await);
    }
    drop(guard);
    (memory.text(), answers)
}

fn post(body: &Value) -> Request<Body> {
    let request = crate::http::request(Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn a_token_is_never_logged_wherever_it_was_put() {
    let token = token();
    let requests = vec![
        post(&json!({"query": "{ one leaking panicking }"})),
        Request::get(format!("/graphql?query=%7Bone%7D&token={token}")).body(Body::empty()).unwrap(),
        Request::get("/graphql").header(header::COOKIE, format!("token={token}")).body(Body::empty()).unwrap(),
        Request::get("/graphql").header(header::AUTHORIZATION, format!("Basic {token}")).body(Body::empty()).unwrap(),
        Request::get("/graphql").header(header::AUTHORIZATION, format!("Bearer {token}x")).body(Body::empty()).unwrap(),
        Request::get(format!("/{token}")).body(Body::empty()).unwrap(),
    ];
    let (text, answers) = logged(LogFormat::Text, requests).await;
    assert!(text.contains("a request failed inside"), "{text}");
    let signature = token.rsplit('.').next().unwrap();
    assert!(!text.contains(signature), "{text}");
    assert!(answers.iter().all(|answer| !answer.text.contains(signature)));
}

#[tokio::test]
async fn what_failed_inside_is_in_the_log_once_and_not_in_the_answer() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let (text, answers) = logged(format, vec![post(&json!({"query": "{ leaking }"}))]).await;
        assert_eq!(text.matches("hunter2").count(), 1, "{text}");
        assert!(!answers[0].text.contains("hunter2"), "{}", answers[0].text);
        let id = answers[0].header("x-request-id").to_owned();
        assert!(text.contains(&id) && answers[0].text.contains(&id), "{text}");
    }
}

#[tokio::test]
async fn a_client_cannot_write_a_line_into_the_log() {
    let forgery = "x\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{2028}";
    let requests = || {
        vec![
            post(&json!({"query": "{ leaking }", "operationName": forgery})),
            post(&json!({"query": format!("query {forgery} {{ leaking }}")})),
            Request::get("/%0d%0aforged?%0aforged=%1b")
                .header(header::USER_AGENT, "x\u{9}y")
                .body(Body::empty())
                .unwrap(),
            post(&json!({"query": "{ leaking }"})),
        ]
    };
    for format in [LogFormat::Text, LogFormat::Json] {
        let (text, _) = logged(format, requests()).await;
        assert!(text.lines().all(|line| !line.starts_with("2026-01-01T00:00:00Z")), "{text}");
        assert!(!text.replace('\n', "").chars().any(char::is_control), "{text:?}");
        assert!(text.contains("a request failed inside"), "{text}");
    }
}

#[tokio::test]
async fn a_request_has_a_line_of_access_only_where_it_is_asked_for_and_nothing_of_its_own_stands_in_it() {
    const SECRET: &str = "hush-31415926";
    let requests = || {
        let path = format!("/webhooks/{SECRET}?secret={SECRET}");
        let method = Method::from_bytes(SECRET.as_bytes()).unwrap();
        vec![
            post(&json!({"query": format!("query {} {{ one }}", SECRET.replace('-', "_")), "operationName": SECRET})),
            post(&json!({"query": "{ one }"})),
            Request::get(path)
                .header("traceparent", SECRET)
                .header("x-request-id", SECRET)
                .body(Body::empty())
                .unwrap(),
            Request::builder().method(method).uri("/graphql").body(Body::empty()).unwrap(),
        ]
    };
    for format in [LogFormat::Text, LogFormat::Json] {
        let (text, answers) = logged_by(format, "rapport::access=info", requests()).await;
        assert_eq!(text.lines().count(), answers.len(), "{text}");
        for (line, answer) in text.lines().zip(&answers) {
            assert!(
                line.contains(answer.header("x-request-id")) && line.contains("/graphql") || line.contains("other")
            );
            assert!(line.contains(&answer.status.as_u16().to_string()), "{line}");
        }
        assert!(text.contains("_OTHER"), "{text}");
        assert!(!text.contains("31415926") && !text.contains(&token()), "{text}");
        let (text, _) = logged_by(format, LOG_FILTER, requests()).await;
        assert_eq!(text, "");
    }
}

#[tokio::test]
async fn the_log_shows_no_spans_whatever_it_is_told_to_show() {
    for filter in ["trace", "rapport=trace", "rapport::trace=trace"] {
        let (text, _) = logged_by(LogFormat::Json, filter, vec![post(&json!({"query": "{ leaking }"}))]).await;
        assert!(!text.contains("\"spans\"") && !text.contains("\"span\""), "{filter}: {text}");
    }
}
