//! The protocol, through the router without sockets where that is enough: statuses, codes, limits, headers.

mod connections;
mod errors;
mod introspection;
mod limits;
mod persisted;
mod rates;
mod requests;
mod trusted;

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use rapport::api::Limits;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture_schema::{Stopped, app, token};

const GRAPHQL: &str = "application/graphql-response+json";

/// An answer, read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body but for its cost: what is left of a minute's points is another number each time.
    pub fn json(&self) -> Value {
        let mut body = self.json_with_cost();
        if let Some(extensions) = body.get_mut("extensions").and_then(Value::as_object_mut) {
            extensions.remove("cost");
            if extensions.is_empty() {
                body.as_object_mut().unwrap().remove("extensions");
            }
        }
        body
    }

    pub fn json_with_cost(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts a refusal: this status and code, and no `data`. Gives the message.
    pub fn refused(&self, status: u16, code: &str) -> String {
        let body = self.json();
        assert_eq!((self.status.as_u16(), &body["errors"][0]["extensions"]["code"]), (status, &json!(code)), "{body}");
        assert!(body.get("data").is_none(), "{body}");
        body["errors"][0]["message"].as_str().unwrap().to_owned()
    }
}

pub async fn send(router: axum::Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, text }
}

/// A request with a token that accepts the newer media type.
pub fn request(method: Method, uri: &str) -> axum::http::request::Builder {
    request_with(&token(), method, uri)
}

pub fn request_with(token: &str, method: Method, uri: &str) -> axum::http::request::Builder {
    let bearer = format!("Bearer {token}");
    Request::builder().method(method).uri(uri).header(header::AUTHORIZATION, bearer).header(header::ACCEPT, GRAPHQL)
}

/// Posts GraphQL parameters with this token.
pub async fn post_with(router: &axum::Router, token: &str, parameters: &Value) -> Answer {
    let request = request_with(token, Method::POST, "/graphql").header(header::CONTENT_TYPE, "application/json");
    send(router.clone(), request.body(Body::from(parameters.to_string())).unwrap()).await
}

pub async fn ask_with(limits: Limits, parameters: Value) -> Answer {
    post_with(&app(limits, Stopped::default()), &token(), &parameters).await
}

pub async fn ask(query: &str) -> Answer {
    ask_with(Limits::default(), json!({"query": query})).await
}
