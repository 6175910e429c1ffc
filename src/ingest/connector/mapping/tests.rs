//! Mapping files that are wrong, and the ways in which deliveries are signed.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::ingest::connector::PLATFORMS;
use crate::ingest::connector::tests::NOW;

const SECRET: &str = "a secret of the tests";

/// A file that is in order; tests put something wrong before or behind it.
const SOUND: &str = "channel = 'X'\nsignature = { scheme = 'query', parameter = 'key' }\n";

const RULE: &str = "[[rules]]\nkind = 'message.received'\nid = [{ path = 'id' }]\n";

fn mapping(text: &str) -> Result<Mapping, MappingError> {
    let accounts = Accounts::new(vec!["shop".to_owned(), "branch".to_owned()]).unwrap();
    Mapping::parse(accounts, Hidden::new(SECRET), text.parse().unwrap())
}

fn mistake(text: &str) -> String {
    mapping(text).map(|_| "no mistake".to_owned()).unwrap_or_else(|error| error.to_string())
}

fn read(text: &str, body: &str) -> Reading {
    mapping(text).unwrap().read(&Payload { body: body.as_bytes(), content_type: "", received_at: NOW })
}

#[test]
fn a_mistake_says_in_which_rule_and_under_which_key_it_is() {
    let rule = |line: &str| mistake(&format!("{SOUND}{RULE}{RULE}{line}"));
    let file = |line: &str| mistake(&format!("{line}\n{SOUND}{RULE}"));
    let mistakes = [
        mistake("channel = 'X'"),
        mistake(SOUND),
        mistake(&SOUND.replace("scheme = 'query', ", "")),
        mistake(&SOUND.replace("query", "none")),
        mistake(&SOUND.replace("parameter", "header")),
        mistake(&format!("{}{RULE}", SOUND.replace("'X'", "'WHATS APP'"))),
        mistake(&format!("{}{RULE}", SOUND.replace("'X'", "{ path = '@account' }"))),
        file("colour = 'red'"),
        file("format = 'xml'"),
        file("account = { path = 'a//b' }"),
        file("handshake = { answer = 'ok' }"),
        file("kind_path = 5"),
        file("greeting = {}"),
        rule("fields.chta = { path = 'chat' }"),
        rule("fields.channel = 'X'"),
        rule("fields.attributes.text = { path = 'text' }"),
        rule("fields.failure.colour = 'red'"),
        rule("fields.failure.reason = { path = 'code' }"),
        rule("fields.author = 'ROBOT'"),
        rule("fields.at = 'now'"),
        rule("fields.at = { path = 'at' }"),
        rule("fields.at = { path = 'at', unit = 'second' }"),
        rule("fields.at = { path = 'at', unit = 'local', zone = 'Moscow' }"),
        rule("fields.chat = { path = 'chats/*' }"),
        rule("fields.chat = { path = '@tenant' }"),
        rule("fields.chat = { path = 'chat', mpa = {} }"),
        rule("fields.chat = { template = 'a{b' }"),
        rule("fields.chat = {}"),
        rule("fields.chat = []"),
        rule("fields.contact = { path = 'phone', phone = '+7' }"),
        rule("fields.identities = { path = 'phone' }"),
        rule("fields.identities = { template = '{phone}' }"),
        rule("when = { path = 'a' }"),
        rule("when = [{ path = 'a', equals = 1 }, { path = 'b', in = [] }]"),
        rule("ignore = true"),
        mistake(&format!("{SOUND}[[rules]]\nkind = 'message.recieved'\nid = [{{ path = 'id' }}]")),
        mistake(&format!("{SOUND}[[rules]]\nkind = 'message.read'\nid = ['always the same']")),
        mistake(&format!("{SOUND}[[rules]]\nkind = 'message.read'\nid = [{{ path = '@number' }}]")),
        mistake(&format!("{SOUND}[[rules]]\nkind = 'message.read'")),
        mistake(&format!("{SOUND}[[rules]]\nid = [{{ path = 'id' }}]")),
        mistake(&format!("{SOUND}[[rules]]\ndeal = {{ deal = 'x', stage = 'sold' }}\nid = [{{ path = 'id' }}]")),
        mistake(&format!("{SOUND}[[rules]]\neach = '@account'\nignore = true")),
    ];
    assert_snapshot!(mistakes.join("\n"), @r#"
    `signature`: is missing
    `rules`: is missing; write at least one [[rules]]
    `signature.scheme`: is missing; give hmac, header, query or body
    `signature.scheme`: is `none`; give one of hmac, header, query, body
    `signature.parameter`: is missing
    `channel`: can become `WHATS APP`; give at most 32 letters, digits, `_` and `-`
    `channel`: cannot be made of @account or @channel
    `colour`: is not known here
    `format`: is `xml`; give one of json, form
    `account.path`: `a//b` is no path; write keys with `/` between them, such as `contact/phone` or `/account/id`
    `handshake.when`: is missing
    `kind_path`: must be a path
    `greeting.parameter`: is missing
    rule 2: `fields.chta`: is no field of an event
    rule 2: `fields.channel`: is no field of an event; write it at the top of the file
    rule 2: `fields.attributes.text`: would keep what people wrote, which is never stored
    rule 2: `fields.failure.colour`: is no field of an event
    rule 2: `fields.failure.reason`: needs a `map` from what the payload says to RECIPIENT, OPT_OUT, POLICY, SENDER, TRANSIENT or UNKNOWN
    rule 2: `fields.author`: can become `ROBOT`; it must be CLIENT, OPERATOR, BOT, AUTOMATION, SYSTEM or UNKNOWN
    rule 2: `fields.at`: must be a table with `path` and `unit`
    rule 2: `fields.at.unit`: is missing; give seconds, millis, magnitude, rfc3339 or local
    rule 2: `fields.at.unit`: is `second`; give seconds, millis, magnitude, rfc3339 or local
    rule 2: `fields.at.zone`: is `Moscow`; give one such as Europe/Moscow
    rule 2: `fields.chat.path`: has a `*`, and this is not a list; give the place of one entry, such as 0
    rule 2: `fields.chat.path`: `@tenant` is none of @account, @channel and @number
    rule 2: `fields.chat.mpa`: is not known here
    rule 2: `fields.chat.template`: has a `{` without its `}`
    rule 2: `fields.chat`: needs exactly one of `path`, `template` and `literal`
    rule 2: `fields.chat`: is an empty list
    rule 2: `fields.contact.phone`: is `+7`; give international, or a country's two letters such as RU
    rule 2: `fields.identities`: is no identity: give `phone`, or a `template` such as telegram:{chat_id}
    rule 2: `fields.identities`: is no identity: give `phone`, or a `template` such as telegram:{chat_id}
    rule 2: `when`: needs exactly one of `equals`, `in`, `not` and `exists`
    rule 2: `when[2].in`: is an empty list
    rule 2: needs exactly one of `kind`, `deal`, `lookup` and `ignore`
    rule 1: `kind`: can become `message.recieved`; give a kind of event, such as message.received, or ignore
    rule 1: `id`: must hold the path of something that tells one event from another, such as its id
    rule 1: `id`: must hold the path of something that tells one event from another, such as its id
    rule 1: `id`: must hold the path of something that tells one event from another, such as its id
    rule 1: needs exactly one of `kind`, `deal`, `lookup` and `ignore`
    rule 1: `deal.stage`: can become `sold`; it must be open, won or lost
    rule 1: `each`: must be the path of a list
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let accounts = Accounts::new(vec!["shop".to_owned()]).unwrap();
    let open = |file: &str| {
        let values = json!({ "mapping_file": file, "secret": SECRET }).as_object().cloned().unwrap();
        open(&accounts, &mut Options::new(values)).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(open("mappings/none.toml"), "`mapping_file`: mappings/none.toml cannot be read");
    assert!(open("README.md").starts_with("`mapping_file`: README.md: is no TOML (line "));
    assert!(open("Cargo.toml").starts_with("`mapping_file`: Cargo.toml: `signature`: is missing"));
}

#[test]
fn every_mapping_that_is_shipped_is_in_order_and_has_payloads() {
    let accounts = Accounts::new(vec!["shop".to_owned()]).unwrap();
    for entry in fs::read_dir("mappings").unwrap() {
        let path = entry.unwrap().path();
        let values = json!({ "mapping_file": path.to_string_lossy(), "secret": SECRET }).as_object().cloned().unwrap();
        open(&accounts, &mut Options::new(values)).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(fs::exists(format!("tests/payloads/mapping-{name}/connection.json")).unwrap(), "{name}");
    }
    assert!(PLATFORMS.iter().any(|platform| platform.name == PLATFORM.name));
}

/// What verifying says to a delivery with these headers, query and body.
fn verify(signature: &str, headers: &[(&str, &str)], query: &str, body: &str) -> Result<(), Refusal> {
    let text = format!("channel = 'X'\naccount = {{ path = 'account' }}\n{RULE}\n[signature]\n{signature}");
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let delivery = Delivery { headers: &map, path_and_query: "", query, body: body.as_bytes(), now: NOW };
    mapping(&text).unwrap().verify(&delivery)
}

fn hmac_hex(algorithm: aws_lc_rs::hmac::Algorithm, text: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(algorithm, SECRET.as_bytes());
    aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_header_that_is_the_secret_proves_a_delivery() {
    let bearer = "scheme = 'header'\nheader = 'Authorization'\nprefix = 'Bearer '";
    let right = format!("Bearer {SECRET}");
    assert_eq!(verify(bearer, &[("authorization", &right)], "", "{}"), Ok(()));
    assert_eq!(
        verify(bearer, &[], "", "{}"),
        Err(Refusal::Unsigned { what: "the header that the mapping file names" })
    );
    for wrong in [SECRET, "Bearer ", "Bearer", "", "Bearer a secret of the test"] {
        assert!(matches!(verify(bearer, &[("authorization", wrong)], "", "{}"), Err(Refusal::BadSignature { .. })));
    }
    let twice = [("authorization", right.as_str()), ("authorization", "Bearer other")];
    assert!(verify(bearer, &twice, "", "{}").is_err());
}

#[test]
fn a_query_parameter_or_a_field_that_is_the_secret_proves_a_delivery() {
    let query = "scheme = 'query'\nparameter = 'key'";
    assert_eq!(verify(query, &[], "a=1&key=a+secret%20of+the+tests", "{}"), Ok(()));
    for wrong in ["", "key=", "key", "Key=a+secret+of+the+tests", "key=a+secret+of+the+tests&key=x"] {
        assert!(verify(query, &[], wrong, "{}").is_err(), "{wrong}");
    }
    let field = "scheme = 'body'\npath = 'auth/key'";
    assert_eq!(verify(field, &[], "", r#"{"auth":{"key":"a secret of the tests"}}"#), Ok(()));
    for wrong in ["", "{}", "null", r#"{"auth":{"key":true}}"#, r#"{"auth":{"key":["a secret of the tests"]}}"#] {
        assert!(verify(field, &[], "", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_hmac_proves_a_delivery_in_every_writing() {
    use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512};
    let body = r#"{"id":1}"#;
    let named = [("sha1", HMAC_SHA1_FOR_LEGACY_USE_ONLY), ("sha256", HMAC_SHA256), ("sha512", HMAC_SHA512)];
    for (name, algorithm) in named {
        let scheme = format!("scheme = 'hmac'\nheader = 'X-Sign'\nalgorithm = '{name}'\nprefix = 'v='");
        let tag = format!("v={}", hmac_hex(algorithm, body));
        assert_eq!(verify(&scheme, &[("x-sign", &tag)], "", body), Ok(()), "{name}");
        assert!(verify(&scheme, &[("x-sign", &tag)], "", "{\"id\":2}").is_err());
        assert!(verify(&scheme, &[("x-sign", &tag[2..])], "", body).is_err());
        assert!(verify(&scheme, &[], "", body).is_err());
    }
    use base64::Engine;
    let key = aws_lc_rs::hmac::Key::new(HMAC_SHA256, SECRET.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, body.as_bytes());
    let tag = base64::engine::general_purpose::STANDARD.encode(tag.as_ref());
    let scheme = "scheme = 'hmac'\nheader = 'X-Sign'\nencoding = 'base64'";
    assert_eq!(verify(scheme, &[("x-sign", &tag)], "", body), Ok(()));
}

#[test]
fn a_delivery_that_was_signed_long_ago_is_refused() {
    let scheme =
        "scheme = 'hmac'\nheader = 'X-Sign'\ntimestamp = { header = 'X-Time', unit = 'seconds', separator = '.' }";
    let check = |time: i64, signed: &str| {
        let tag = hmac_hex(aws_lc_rs::hmac::HMAC_SHA256, signed);
        verify(scheme, &[("x-sign", &tag), ("x-time", &time.to_string())], "", "{}")
    };
    let now = NOW / 1_000;
    assert_eq!(check(now, &format!("{now}.{{}}")), Ok(()));
    assert_eq!(check(now - 300, &format!("{}.{{}}", now - 300)), Ok(()));
    for far in [now - 301, now + 301, 0, i64::MAX, i64::MIN] {
        assert_eq!(check(far, &format!("{far}.{{}}")), Err(Refusal::Stale { minutes: 5 }), "{far}");
    }
    // The time belongs to what is signed: another one cannot be put beside an old signature.
    assert!(matches!(check(now, &format!("{}.{{}}", now - 600)), Err(Refusal::BadSignature { .. })));
    let tag = hmac_hex(aws_lc_rs::hmac::HMAC_SHA256, ".{}");
    assert!(verify(scheme, &[("x-sign", &tag)], "", "{}").is_err());
}

#[test]
fn a_payload_about_an_account_of_somebody_else_is_refused() {
    let query = "scheme = 'query'\nparameter = 'key'";
    let check = |body: &str| verify(query, &[], "key=a+secret+of+the+tests", body);
    assert_eq!(check(r#"{"account":"branch"}"#), Ok(()));
    assert_eq!(check("{}"), Ok(()));
    assert_eq!(check("no JSON"), Ok(()));
    assert_eq!(check(r#"{"account":null}"#), Ok(()));
    for (body, account) in [
        (r#"{"account":"other"}"#, "other"),
        (r#"{"account":1.5}"#, "1.5"),
        (r#"{"account":["branch"]}"#, "of no readable name"),
    ] {
        assert_eq!(check(body), Err(Refusal::ForeignAccount { account: account.to_owned() }), "{body}");
    }
}

#[test]
fn a_greeting_gives_back_only_what_can_be_no_markup() {
    let mapping = mapping(&format!("greeting = {{ parameter = 'challenge' }}\n{SOUND}{RULE}")).unwrap();
    assert_eq!(mapping.greet("challenge=a-B_9.1").unwrap(), "a-B_9.1");
    let long = format!("challenge={}", "a".repeat(201));
    for wrong in ["", "challenge=", "challenge=%3Cb%3E", "challenge=a&challenge=b", "challenge=a+b", &long] {
        assert!(matches!(mapping.greet(wrong), Err(Refusal::NotAGreeting { .. })), "{wrong}");
    }
}

#[test]
fn a_handshake_is_answered_only_where_its_condition_holds() {
    let text = format!("handshake = {{ when = {{ path = 'test', equals = true }}, answer = 'ok' }}\n{SOUND}{RULE}");
    let mapping = mapping(&text).unwrap();
    assert_eq!(mapping.handshake(br#"{"test":true}"#).as_deref(), Some("ok"));
    for other in [&b"{}"[..], b"", br#"{"test":false}"#, br#"[{"test":true}]"#] {
        assert_eq!(mapping.handshake(other), None);
    }
}

#[test]
fn the_first_rule_that_matches_is_the_last_unless_it_says_otherwise() {
    let first = "[[rules]]\nwhen = { path = 'a', exists = true }\nkind = 'message.received'\nid = [{ path = 'id' }]\n";
    let second = "[[rules]]\nkind = 'message.read'\nid = [{ path = 'id' }]\n";
    let kinds = |text: &str, body: &str| -> Vec<_> {
        let events = read(&format!("{SOUND}{text}"), body).events;
        events.into_iter().map(|event| serde_json::to_value(event.kind).unwrap().as_str().unwrap().to_owned()).collect()
    };
    let both = r#"{"id":1,"a":1}"#;
    assert_eq!(kinds(&format!("{first}{second}"), both), ["message.received"]);
    assert_eq!(kinds(&format!("{first}continue = true\n{second}"), both), ["message.received", "message.read"]);
    assert_eq!(kinds(&format!("{first}{second}"), r#"{"id":1}"#), ["message.read"]);
}

#[test]
fn a_payload_of_more_things_than_anybody_sends_is_read_in_part() {
    let rule =
        "[[rules]]\neach = 'l/*/l'\nkind = 'message.received'\nid = [{ path = 'id' }]\nfields.chat = { path = '/big' }";
    let list = vec![json!({ "l": vec![json!({ "id": 1 }); 100] }); 100];
    let body = json!({ "big": "x".repeat(100_000), "l": list }).to_string();
    let reading = read(&format!("{SOUND}{rule}"), &body);
    assert_eq!(reading.events.len(), ITEMS_MAX);
    assert_eq!(reading.unreadable.as_deref(), Some("the payload tells more than 5000 things"));
}

#[test]
fn a_list_is_one_thing_without_its_brackets_and_nothing_when_it_is_empty() {
    let rule = "kind_path = 'what'\n[[rules]]\neach = 'l'\nkind = 'message.received'\nid = [{ path = 'id' }]";
    let text = format!("{SOUND}{rule}");
    assert_eq!(read(&text, r#"{"l":{"id":1}}"#).events.len(), 1);
    assert_eq!(read(&text, r#"{"l":[]}"#), Reading::default());
    assert_eq!(read(&text, r#"{"what":"else"}"#).unknown, ["else"]);
    assert_eq!(read(&text, r#"{"l":"x"}"#).unknown, ["without a name"]);
}

#[test]
fn a_form_is_read_by_the_same_paths_as_json() {
    let rule = "[[rules]]\nkind = 'message.received'\nid = [{ path = 'message/id' }]\nfields.chat = { path = 'chat' }";
    let text = format!("format = 'form'\n{SOUND}{rule}");
    let form = read(&text, "message[id]=7&chat=c&chat=d");
    assert_eq!(form, read(&format!("{SOUND}{rule}"), r#"{"message":{"id":"7"},"chat":"c"}"#));
    assert_eq!(form.events.len(), 1);
    assert_eq!(read(&text, "").unreadable.as_deref(), Some("the body is no form"));
}
