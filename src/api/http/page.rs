//! The page for people: what this is and how to ask. No script, nothing from elsewhere, nothing of a tenant.

use std::fmt::Write;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::accept::Media;
use crate::api::{errors::Code, limits::Limits, server::HttpState};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// The page, written once when the server starts.
#[derive(Clone, Debug)]
pub struct Page {
    html: String,
    policy: String,
}

impl Page {
    /// Without `sdl` the page does not show the schema.
    pub fn new(sdl: Option<&str>, limits: &Limits) -> Self {
        let sdl = sdl.unwrap_or("The schema is not shown: this server does not tell it to everybody.");
        // The schema comes last: a description in it could hold a mark of the template.
        let html = TEMPLATE
            .replace("{{style}}", STYLE)
            .replace("{{codes}}", &code_rows())
            .replace("{{limits}}", &limit_rows(limits))
            .replace("{{schema}}", &escape(sdl));
        let style_hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Self { html, policy }
    }
}

/// The page as an answer.
pub fn response(state: &HttpState) -> Response {
    let headers =
        [(header::CONTENT_TYPE, Media::Html.content_type()), (header::CONTENT_SECURITY_POLICY, &state.page.policy)];
    (StatusCode::OK, headers, state.page.html.clone()).into_response()
}

fn code_rows() -> String {
    let mut rows = String::new();
    for code in Code::ALL {
        let (text, status) = (code.text(), code.status().as_u16());
        let documentation = escape(code.documentation());
        // Writing to a string cannot fail.
        let _ = writeln!(rows, "<tr><td><code>{text}</code></td><td>{status}</td><td>{documentation}</td></tr>");
    }
    rows
}

fn limit_rows(limits: &Limits) -> String {
    let mut rows = String::new();
    for row in limits.rows() {
        let _ = writeln!(rows, "<tr><td><code>{}</code></td><td>{} {}</td></tr>", row.name, row.value, row.unit);
    }
    rows
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
