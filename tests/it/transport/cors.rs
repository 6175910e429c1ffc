//! Pages of other sites: closed, unless their origin is configured.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use rapport::api::audit::Log;
use rapport::api::http::cors::Origin;
use rapport::api::server::Network;

use crate::fixture_schema::{Stopped, app_in, token};
use crate::http::{Answer, send};

const OURS: &str = "https://dashboard.example";

fn open_to(origins: &[&str]) -> axum::Router {
    let origins = origins.iter().map(|origin| Origin::parse(origin).unwrap()).collect();
    app_in(Network { origins, ..Network::default() }, Log::off(), Stopped::default())
}

async fn preflight(router: axum::Router, origin: &str) -> Answer {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri("/graphql")
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
    send(router, request.body(Body::empty()).unwrap()).await
}

async fn post(router: axum::Router, origin: &str, token: &str) -> Answer {
    let request = Request::post("/graphql")
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    send(router, request.body(Body::from(r#"{"query": "{ one }"}"#)).unwrap()).await
}

fn of_cors(headers: &HeaderMap) -> Vec<String> {
    let mut names: Vec<_> =
        headers.keys().map(|name| name.as_str().to_owned()).filter(|name| name.starts_with("access-control")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_preflight_of_a_configured_origin_needs_no_token_and_says_nothing_else() {
    let answer = preflight(open_to(&["http://localhost:3000", OURS]), OURS).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
    assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), OURS);
    assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_METHODS), "GET,POST");
    assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_HEADERS), "authorization,content-type");
    assert_eq!(answer.header(header::ACCESS_CONTROL_MAX_AGE), "7200");
    assert_eq!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
    assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
}

#[tokio::test]
async fn a_configured_origin_can_read_answers_and_refusals() {
    for (token, status) in [(token(), 200), ("x".to_owned(), 401)] {
        let answer = post(open_to(&[OURS]), OURS, &token).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN), OURS);
        assert_eq!(answer.header(header::ACCESS_CONTROL_EXPOSE_HEADERS), "x-request-id,retry-after");
        assert_eq!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
    }
}

#[tokio::test]
async fn an_answer_to_one_origin_and_one_token_is_kept_for_no_other() {
    let answer = post(open_to(&[OURS]), OURS, &token()).await;
    assert_eq!(answer.header(header::CACHE_CONTROL), "private, no-store");
    let vary: Vec<_> = answer.headers.get_all(header::VARY).iter().map(|value| value.to_str().unwrap()).collect();
    let vary = vary.join(",").to_ascii_lowercase();
    assert!(vary.contains("origin") && vary.contains("authorization"), "{vary}");
}

#[tokio::test]
async fn a_foreign_origin_gets_no_leave() {
    for foreign in [
        "https://evil.example",
        "https://dashboard.example.evil.example",
        "http://dashboard.example",
        "https://dashboard.example:8443",
        "https://DASHBOARD.example",
        "null",
    ] {
        let answer = preflight(open_to(&[OURS]), foreign).await;
        assert_eq!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), None, "{foreign}");
        let answer = post(open_to(&[OURS]), foreign, &token()).await;
        assert_eq!(answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN), None, "{foreign}");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
}

#[tokio::test]
async fn without_configuration_a_page_of_another_site_gets_no_leave() {
    let answer = preflight(open_to(&[]), OURS).await;
    answer.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(of_cors(&answer.headers), Vec::<String>::new());
    let answer = post(open_to(&[]), OURS, &token()).await;
    assert_eq!(of_cors(&answer.headers), Vec::<String>::new());
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
}

#[tokio::test]
async fn a_script_in_an_address_or_a_header_does_not_reach_the_page() {
    let script = "%3Cscript%3Ealert(1)%3C/script%3E";
    let browser = Request::get(format!("/graphql?query={script}&operationName={script}"))
        .header(header::ACCEPT, "text/html")
        .header(header::USER_AGENT, "<script>alert(1)</script>")
        .header(header::REFERER, "https://evil.example/<script>");
    let answer = send(open_to(&[OURS]), browser.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert!(!answer.text.contains("alert(1)") && !answer.text.contains("<script"), "{}", answer.text);
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for allowed in ["script-src", "unsafe", "http:", "https:", "*"] {
        assert!(!policy.contains(allowed), "{policy}");
    }
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
}
