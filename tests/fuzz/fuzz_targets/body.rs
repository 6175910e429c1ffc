//! Any bytes as the body of `POST /graphql` and `POST /v1/events`, with a valid token.
//!
//! Four bytes choose the route with the role, and three headers; the rest is the body.
#![no_main]

use axum::http::{Request, header};
use libfuzzer_sys::fuzz_target;
use rapport::model::Role;
use rapport_fuzz::{choose, send};

const ROUTES: [(&str, Role); 7] = [
    ("/graphql", Role::Manager),
    ("/v1/events", Role::Service),
    ("/graphql", Role::Operator),
    ("/graphql", Role::Supervisor),
    ("/graphql", Role::Admin),
    ("/graphql", Role::Service),
    ("/v1/events", Role::Manager),
];
const MEDIA: [&str; 6] = [
    "application/json",
    "application/json; charset=utf-8",
    "application/x-ndjson",
    "text/plain",
    "",
    "application/json; charset=utf-16",
];
const ACCEPTED: [&str; 5] =
    ["application/graphql-response+json", "application/json", "*/*", "text/html", "application/json;q=0, */*;q=nan"];
const ENCODINGS: [&str; 5] = ["identity", "gzip", "zstd", "br", ""];

fuzz_target!(|input: &[u8]| {
    let [route, media, accepted, encoding, body @ ..] = input else { return };
    let (path, role) = choose(&ROUTES, *route);
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, choose(&MEDIA, *media))
        .header(header::ACCEPT, choose(&ACCEPTED, *accepted))
        .header(header::CONTENT_ENCODING, choose(&ENCODINGS, *encoding));
    send(role, request, body.to_vec());
});
