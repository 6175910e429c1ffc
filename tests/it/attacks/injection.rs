//! Values that try to be something else (S cases).

use serde_json::{Value, json};

use crate::world::{World, event};

const MARCH: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

/// Words that mean something to somebody: SQL, shells, patterns, terminals, alphabets.
fn words() -> Vec<String> {
    let mut words: Vec<String> = [
        "' OR 1=1 --",
        "\\",
        "\\' OR 1=1 --",
        "'); DROP TABLE events; --",
        "\u{0}",
        "\u{2019} OR \u{2019}1\u{2019}=\u{2019}1",
        "%",
        "_",
        "%%%%%%%%%%%%%%%%",
        "(a+)+$",
        "[",
        "?",
        "{x:String}",
        "x'] OR map['",
        "\u{1b}[31m\r\nforged",
        "=HYPERLINK(\"http://example.org\")",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "привет",
    ]
    .map(str::to_owned)
    .into();
    words.push("a".repeat(256));
    words
}

/// Those that an id can have: ingestion refuses control characters, and more than 200 characters.
fn sent() -> Vec<String> {
    let can_be = |word: &String| !word.chars().any(char::is_control) && word.chars().count() <= 200;
    words().into_iter().filter(can_be).collect()
}

/// One message of each word, as its campaign and its operator.
async fn world_of_words() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let events: Vec<Value> = sent()
        .iter()
        .enumerate()
        .map(|(index, word)| {
            let who = json!({"operator": word, "campaign": word, "team": word, "contact": word, "segments": [word]});
            event("message.sent", &format!("chat {index}"), "1", "2026-03-10T10:00:00Z", &who)
        })
        .collect();
    world.take(&events).await;
    world
}

#[tokio::test]
async fn a_filters_value_is_a_value_and_nothing_else() {
    let world = world_of_words().await;
    let every = sent().len();
    for word in words() {
        let literal = json!(word).to_string();
        for list in ["operators", "teams", "campaigns", "segments", "contacts"] {
            let count = async |filter: String| {
                let answer =
                    world.analytics(&format!("{MARCH}, filter: {{{filter}}}"), "delivery { total { outbound } }").await;
                answer["delivery"]["total"]["outbound"].clone()
            };
            let kept = u64::from(sent().contains(&word));
            assert_eq!(count(format!("{list}: [{literal}]")).await, kept, "{list} {word:?}");
            assert_eq!(
                count(format!("not: {{{list}: [{literal}]}}")).await,
                every as u64 - kept,
                "not {list} {word:?}"
            );
        }
        // A picker's search takes a part of a name as it is.
        let search = format!("{{ campaigns({MARCH}, search: {literal}, first: 500) {{ value }} }}");
        let answer = world.ask(&world.manager(), &search).await;
        let values: Vec<&str> =
            answer["campaigns"].as_array().unwrap().iter().map(|value| value["value"].as_str().unwrap()).collect();
        assert!(values.iter().all(|value| value.to_lowercase().contains(&word.to_lowercase())), "{word:?} {values:?}");
    }
}

#[tokio::test]
async fn a_token_may_name_anybody_and_sees_its_own_rows() {
    let world = world_of_words().await;
    for word in sent() {
        let query = format!(
            "{{ analytics({MARCH}) {{ delivery {{ by(dimensions: [OPERATOR]) {{ keys metrics {{ outbound }} }} }} }} }}"
        );
        let answer = world.ask(&world.operator(&word), &query).await;
        assert_eq!(
            answer["analytics"]["delivery"]["by"],
            json!([{"keys": [word], "metrics": {"outbound": 1}}]),
            "{word:?}"
        );
    }
}

#[tokio::test]
async fn names_of_the_schema_are_names_of_the_schema() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    for (part, code) in [
        ("delivery { by(dimensions: [CHANNEL_OR_1]) { keys } }", "INVALID_QUERY"),
        (r#"delivery { by(dimensions: ["CHANNEL, sleep(3)"]) { keys } }"#, "INVALID_QUERY"),
        ("delivery { by(dimensions: [CHANNEL], orderBy: {metric: rate_desc}) { keys } }", "INVALID_QUERY"),
        (r#"delivery { by(dimensions: [CHANNEL], orderBy: {metric: "rate DESC; --"}) { keys } }"#, "INVALID_QUERY"),
        (r#"delivery { total { behind(of: "outbound'") { metric } } }"#, "INVALID_QUERY"),
    ] {
        let answer = world.answer(&world.manager(), &format!("{{ analytics({MARCH}) {{ {part} }} }}")).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{part}\n{answer}");
    }
}

#[tokio::test]
async fn a_time_zone_is_one_that_there_is() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let long = "Europe/".repeat(1_500);
    for zone in ["Europe/Moscow') , (select 1", "../../etc/passwd", "Mars/Olympus", "", "europe/berlin\u{0}", &long] {
        let query = format!("{{ analytics({MARCH}, timezone: {}) {{ from }} }}", json!(zone));
        let answer = world.answer(&world.manager(), &query).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY", "{zone:.40}\n{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().len() < 400, "{answer}");
    }
}

#[tokio::test]
async fn a_value_that_is_too_long_is_refused_by_name() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    for (part, limit) in [
        (
            format!("analytics({MARCH}, filter: {{operators: [{:?}]}}) {{ from }}", "a".repeat(257)),
            "filterValueCharacters",
        ),
        (format!("campaigns({MARCH}, search: {:?}) {{ value }}", "%".repeat(257)), "filterValueCharacters"),
        (
            format!("analytics({MARCH}, filter: {{contacts: [{:?}]}}) {{ from }}", "é".repeat(60_000)),
            "filterValueCharacters",
        ),
    ] {
        let answer = world.answer(&world.manager(), &format!("{{ {part} }}")).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains(limit), "{answer}");
    }
}
