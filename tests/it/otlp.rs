//! Traces of a real process, as a receiver of OTLP gets them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rapport::auth::Role;
use serde_json::{Value, json};

use crate::process::{Server, run, token, told};
use crate::world::TENANT;

/// What must stand in no span: it is in tokens, texts, names, numbers, paths and headers below.
const SECRET: &str = "hush31415926";

/// A receiver: what it was sent, body by body.
struct Collector {
    address: SocketAddr,
    bodies: Receiver<Vec<u8>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, bodies) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if sender.send(take(stream.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { address, bodies }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came, of a process that has ended.
    fn all(&self) -> (Vec<u8>, Vec<Span>) {
        let bodies: Vec<Vec<u8>> = self.bodies.try_iter().collect();
        let requests = bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).collect();
        (bodies.concat(), spans)
    }
}

/// One question, answered with nothing to say.
fn take(stream: TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut head) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf"), "{head}");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    body
}

/// A request with headers of its own; the whole answer.
fn ask(server: &Server, (method, path): (&str, &str), headers: &[(&str, &str)], body: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn attribute(span: &Span, name: &str) -> Value {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Attribute::StringValue(text)) => json!(text),
        Some(Attribute::IntValue(number)) => json!(number),
        _ => Value::Null,
    }
}

fn only<'a>(spans: &'a [Span], what: &str, is_it: impl Fn(&Span) -> bool) -> &'a Span {
    let found: Vec<&Span> = spans.iter().filter(|span| is_it(span)).collect();
    assert_eq!(found.len(), 1, "{what}: {found:#?}");
    found[0]
}

fn below<'a>(spans: &'a [Span], parent: &Span, name: &str) -> Vec<&'a Span> {
    let is_below = |span: &&Span| span.parent_span_id == parent.span_id && span.trace_id == parent.trace_id;
    spans.iter().filter(is_below).filter(|span| span.name == name).collect()
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn start(data: &Path, variables: &[(&str, &str)]) -> Server {
    Server::start(&data.join("data"), variables)
}

fn received(id: &str) -> String {
    let event = json!({"id": id, "kind": "message.received", "at": "2026-02-01T09:00:00Z", "channel": "WHATSAPP",
        "account": SECRET, "chat": SECRET, "message": SECRET, "text": SECRET});
    event.to_string()
}

#[test]
fn a_question_is_followed_from_its_sender_to_the_engine_and_nothing_secret_goes_out() {
    let (directory, collector) = (tempfile::tempdir().unwrap(), Collector::start());
    let range = r#"analytics(range: {from: "2026-02-01", to: "2026-03-01"}) { activity { total { messages } } }"#;
    let manifest = directory.path().join("documents.json");
    std::fs::write(&manifest, json!({"one": format!("query Overview {{ {range} }}")}).to_string()).unwrap();
    let variables = [
        ("RAPPORT_OTLP_ENDPOINT", collector.endpoint()),
        ("RAPPORT_DOCUMENTS_FILE", manifest.to_str().unwrap().to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = start(directory.path(), &variables);

    let bearer = |role| format!("Bearer {}", token(role));
    let (service, manager) = (bearer(Role::Service), bearer(Role::Manager));
    let body = received(SECRET);
    let receipt = ask(&server, ("POST", "/v1/events"), &[("authorization", &service)], &body);
    assert!(receipt.contains("\"accepted\":1"), "{receipt}");
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let state = format!("x={SECRET}");
    let headers = [
        ("authorization", manager.as_str()),
        ("traceparent", &traceparent),
        ("tracestate", &state),
        ("baggage", &state),
    ];
    let answer = ask(&server, ("POST", "/graphql"), &headers, &json!({"documentId": "one"}).to_string());
    assert!(answer.contains("\"messages\":1"), "{answer}");
    let text = json!({"query": format!("query {SECRET} {{ {range} }}"), "operationName": SECRET}).to_string();
    ask(&server, ("POST", "/graphql"), &[("authorization", &manager), ("traceparent", SECRET)], &text);
    let wrong = format!("/webhooks/{SECRET}?secret={SECRET}");
    ask(&server, ("POST", &wrong), &[("authorization", &format!("Bearer {SECRET}"))], SECRET);
    ask(&server, ("GET", &format!("/{SECRET}")), &[], "");
    ask(&server, ("GET", "/health/live"), &[], "");
    assert!(server.stop());

    let (bytes, spans) = collector.all();
    let http =
        only(&spans, "the trusted question", |span| span.trace_id == hex(TRACE) && span.parent_span_id == hex(PARENT));
    assert_eq!(http.name, "POST /graphql");
    assert_eq!(
        (attribute(http, "http.route"), attribute(http, "http.response.status_code")),
        (json!("/graphql"), json!(200))
    );
    assert!(attribute(http, "request_id").as_str().is_some_and(|id| answer.contains(id)), "{http:#?}");
    let graphql = below(&spans, http, "graphql");
    assert_eq!(graphql.len(), 1);
    assert_eq!(attribute(graphql[0], "operation"), "Overview");
    assert!(attribute(graphql[0], "points").as_i64().is_some_and(|points| 0 < points));
    let statements = below(&spans, graphql[0], "engine");
    assert!(statements.iter().any(|span| attribute(span, "rows").as_i64().is_some_and(|rows| 0 < rows)), "{spans:#?}");
    assert!(statements.iter().all(|span| attribute(span, "kind").is_string()));

    let events = only(&spans, "the events", |span| span.name == "POST /v1/events");
    let ingest = below(&spans, events, "ingest");
    let counts = ["events", "accepted", "duplicates", "rejected"].map(|name| attribute(ingest[0], name));
    assert_eq!(counts, [1, 1, 0, 0].map(|count| json!(count)));
    let unnamed =
        only(&spans, "the other question", |span| span.name == "POST /graphql" && span.trace_id != hex(TRACE));
    assert_eq!(attribute(below(&spans, unnamed, "graphql")[0], "operation"), Value::Null);
    assert!(spans.iter().any(|span| span.name == "derive"), "what follows from the event is derived");
    assert!(!spans.iter().any(|span| span.name.contains("health")), "probes are not followed");

    let text = String::from_utf8_lossy(&bytes);
    for secret in [SECRET, TENANT, "SELECT", "Bearer", manager.split('.').nth(2).unwrap(), "2026-02-01"] {
        assert!(!text.contains(secret), "{secret} went out");
    }
}

#[test]
fn a_receiver_that_is_away_takes_nothing_from_requests_and_what_is_lost_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (endpoint, readers) = (format!("http://{away}"), "a token for metrics that is long enough");
    let variables = [("RAPPORT_OTLP_ENDPOINT", endpoint.as_str()), ("RAPPORT_METRICS_TOKEN", readers)];
    let server = start(directory.path(), &variables);
    for number in 0..20 {
        let (status, receipt) =
            server.send("POST", "/v1/events", &token(Role::Service), &received(&number.to_string()));
        assert_eq!((status, &receipt["accepted"]), (200, &json!(1)), "{receipt}");
    }
    let counted =
        |text: &str| text.lines().any(|line| line.starts_with("rapport_trace_spans_total{outcome=\"Failed\"}"));
    server.until("/metrics", readers, |_, text| text.as_str().is_some_and(counted));
    let began = Instant::now();
    assert!(server.stop());
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_receiver_that_says_nothing_does_not_keep_the_process_from_ending() {
    let directory = tempfile::tempdir().unwrap();
    // It is there, and takes nothing up.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let server = start(directory.path(), &[("RAPPORT_OTLP_ENDPOINT", &endpoint)]);
    assert_eq!(server.send("POST", "/v1/events", &token(Role::Service), &received("1")).0, 200);
    let began = Instant::now();
    assert!(server.stop());
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn nothing_is_followed_where_the_share_is_none_but_for_what_its_sender_follows() {
    let (directory, collector) = (tempfile::tempdir().unwrap(), Collector::start());
    let endpoint = collector.endpoint();
    let server = start(directory.path(), &[("RAPPORT_OTLP_ENDPOINT", &endpoint), ("RAPPORT_OTLP_SAMPLE", "0")]);
    let bearer = format!("Bearer {}", token(Role::Manager));
    let query = json!({"query": "{ limits { name } }"}).to_string();
    let followed = |flags: &str| format!("00-{TRACE}-{PARENT}-{flags}");
    for parent in [followed("01"), followed("00"), String::new()] {
        ask(&server, ("POST", "/graphql"), &[("authorization", &bearer), ("traceparent", &parent)], &query);
    }
    assert!(server.stop());
    let spans = collector.all().1;
    assert_eq!(spans.iter().filter(|span| span.name == "POST /graphql").count(), 1, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace_id == hex(TRACE)), "{spans:#?}");
}

#[test]
fn doctor_says_where_traces_go_without_their_path() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::process::command(&directory.path().join("data"), &["doctor"]);
    command.env("RAPPORT_OTLP_ENDPOINT", format!("http://localhost:4318/{SECRET}")).env("RAPPORT_OTLP_SAMPLE", "0.5");
    let text = told(&command.output().unwrap());
    assert!(text.contains("to http://localhost:4318/, 50 %") && !text.contains(SECRET), "{text}");
    let text = told(&run(&directory.path().join("data"), &["doctor"]));
    assert!(text.contains("none: RAPPORT_OTLP_ENDPOINT is not set"), "{text}");
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
