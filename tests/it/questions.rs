//! Questions: scopes, filters, refusals.

use serde_json::{Value, json};

use crate::world::World;

pub const RANGE: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;

fn event(id: &str, kind: &str, chat: &str, at: &str) -> Value {
    json!({"id": id, "kind": kind, "at": at, "channel": "WHATSAPP", "account": "a", "chat": chat, "message": id})
}

fn with(mut event: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("an object") {
        event[name] = value.clone();
    }
    event
}

/// Two operators with a dialog each, and one client who nobody has answered.
pub async fn two_operators() -> World {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let anna = json!({"operator": "anna", "team": "north", "segments": ["vip"]});
    let bob = json!({"operator": "bob", "team": "south"});
    world
        .take(&[
            event("a1", "message.received", "x", "2026-03-10T09:00:00Z"),
            with(event("a2", "message.sent", "x", "2026-03-10T09:05:00Z"), &anna),
            event("b1", "message.received", "y", "2026-03-10T10:00:00Z"),
            event("b2", "message.received", "y", "2026-03-10T10:01:00Z"),
            with(event("b3", "message.sent", "y", "2026-03-10T10:05:00Z"), &bob),
            with(event("b4", "message.sent", "y", "2026-03-10T10:06:00Z"), &bob),
            event("n1", "message.received", "z", "2026-03-10T11:00:00Z"),
        ])
        .await;
    world
}

#[tokio::test]
async fn an_operator_sees_its_own_rows_only() {
    let world = two_operators().await;
    let query = format!(
        "{{ analytics({RANGE}) {{
            delivery {{ total {{ outbound }} by(dimensions: [OPERATOR]) {{ keys metrics {{ outbound }} }} }}
            reads {{ total {{ engagedRate }} by(dimensions: [TEAM]) {{ keys }} }}
            activity {{ total {{ messages turns }} by(dimensions: [OPERATOR]) {{ keys metrics {{ messages }} }} heatmap {{ messages }} }} }} }}"
    );
    let answer = world.ask(&world.operator("bob"), &query).await;
    let analytics = &answer["analytics"];
    assert_eq!(analytics["delivery"]["total"]["outbound"], 2);
    assert_eq!(analytics["delivery"]["by"], json!([{"keys": ["bob"], "metrics": {"outbound": 2}}]));
    assert_eq!(analytics["reads"]["by"], json!([{"keys": ["south"]}]));
    // The client's messages belong to who answered; nobody's are nobody's to see.
    assert_eq!(analytics["activity"]["total"], json!({"messages": 2, "turns": 1}));
    assert_eq!(analytics["activity"]["by"], json!([{"keys": ["bob"], "metrics": {"messages": 2}}]));

    let stranger = world.ask(&world.operator("nobody"), &query).await;
    assert_eq!(stranger["analytics"]["activity"]["total"], json!({"messages": 0, "turns": 0}));
    let manager = world.ask(&world.manager(), &query).await;
    assert_eq!(manager["analytics"]["activity"]["total"], json!({"messages": 4, "turns": 3}));
    assert_eq!(
        manager["analytics"]["activity"]["by"],
        json!([{"keys": [null], "metrics": {"messages": 1}}, {"keys": ["anna"], "metrics": {"messages": 1}}, {"keys": ["bob"], "metrics": {"messages": 2}}])
    );
}

#[tokio::test]
async fn no_filter_widens_the_scope() {
    let world = two_operators().await;
    for filter in [
        r#"{operators: ["anna"]}"#,
        r#"{not: {operators: ["bob"]}}"#,
        r#"{operators: ["anna", "' OR 1=1 --"]}"#,
        r#"{not: {channels: ["TELEGRAM"], operators: ["bob"]}, teams: ["north"]}"#,
    ] {
        let query = format!(
            "{{ analytics({RANGE}, filter: {filter}) {{ delivery {{ total {{ outbound }} }} activity {{ total {{ messages }} }} }} }}"
        );
        let answer = world.ask(&world.operator("bob"), &query).await;
        assert_eq!(answer["analytics"]["delivery"]["total"]["outbound"], 0, "{filter}");
        assert_eq!(answer["analytics"]["activity"]["total"]["messages"], 0, "{filter}");
    }
}

#[tokio::test]
async fn another_tenants_rows_do_not_exist() {
    let world = two_operators().await;
    let other = world.token_of("other", rapport::auth::Role::Manager, None, &[]);
    let query = format!(
        "{{ analytics({RANGE}) {{ delivery {{ total {{ outbound rate }} by(dimensions: [CHANNEL]) {{ keys }} }} activity {{ total {{ messages }} }} }} }}"
    );
    let answer = world.ask(&other, &query).await;
    assert_eq!(
        answer["analytics"],
        json!({"delivery": {"total": {"outbound": 0, "rate": null}, "by": []}, "activity": {"total": {"messages": 0}}})
    );
}

#[tokio::test]
async fn whole_and_parts_agree() {
    let world = two_operators().await;
    let answer = world
        .analytics(
            RANGE,
            "delivery { total { outbound } series(every: DAY) { metrics { outbound } } by(dimensions: [OPERATOR, SEGMENT]) { keys metrics { outbound } } compare(to: PREVIOUS_PERIOD) { outbound rate } }",
        )
        .await;
    let series = answer["delivery"]["series"].as_array().expect("a series");
    assert_eq!(series.len(), 31);
    assert_eq!(series.iter().map(|point| point["metrics"]["outbound"].as_u64().expect("a count")).sum::<u64>(), 3);
    assert_eq!(
        answer["delivery"]["by"],
        json!([{"keys": ["anna", "vip"], "metrics": {"outbound": 1}}, {"keys": ["bob", null], "metrics": {"outbound": 2}}])
    );
    assert_eq!(answer["delivery"]["compare"], json!({"outbound": 0, "rate": null}));
}

#[tokio::test]
async fn a_list_of_one_needs_no_brackets() {
    let world = two_operators().await;
    let filter = r#"filter: {operators: "bob", hours: 10, weekdays: 2, authors: OPERATOR}"#;
    let answer = world
        .analytics(&format!("{RANGE}, {filter}"), "delivery { total { outbound } by(dimensions: OPERATOR) { keys } }")
        .await;
    assert_eq!(answer["delivery"], json!({"total": {"outbound": 2}, "by": [{"keys": ["bob"]}]}));
}

#[tokio::test]
async fn an_account_that_never_told_a_status_cannot_tell() {
    let world = World::at("2026-04-20T00:00:00Z").await;
    let sent = |id: &str, account: &str| {
        with(event(id, "message.sent", "x", "2026-03-10T09:00:00Z"), &json!({"account": account}))
    };
    // An imported history, and an account with its webhook: the one is unknown, the other's silence is a failure.
    let mut events = vec![sent("i1", "import"), sent("i2", "import"), sent("w1", "live"), sent("w2", "live")];
    events.push(with(
        event("d", "message.delivered", "x", "2026-03-10T09:00:05Z"),
        &json!({"account": "live", "message": "w1"}),
    ));
    world.take(&events).await;
    let answer = world
        .analytics(
            RANGE,
            "delivery { total { rate failed pending quality { coverage warnings { code } } }
                        by(dimensions: [ACCOUNT]) { keys metrics { rate delivered failed quality { level } } } }",
        )
        .await;
    assert_eq!(
        answer["delivery"],
        json!({
            "total": {"rate": 0.5, "failed": 1, "pending": 0,
                "quality": {"coverage": 0.5, "warnings": [{"code": "PARTIAL_COVERAGE"}]}},
            "by": [
                {"keys": ["import"], "metrics": {"rate": null, "delivered": null, "failed": 0,
                    "quality": {"level": "UNAVAILABLE"}}},
                {"keys": ["live"], "metrics": {"rate": 0.5, "delivered": 1, "failed": 1, "quality": {"level": "EXACT"}}},
            ],
        })
    );
}

#[tokio::test]
async fn groups_are_sorted_and_cut_as_asked() {
    let world = two_operators().await;
    let by = |arguments: &str| {
        format!("delivery {{ by(dimensions: [OPERATOR] {arguments}) {{ keys metrics {{ outbound }} }} }}")
    };
    let first = |answer: Value| answer["delivery"]["by"][0]["keys"][0].clone();
    assert_eq!(first(world.analytics(RANGE, &by("")).await), "anna");
    assert_eq!(first(world.analytics(RANGE, &by("orderBy: {metric: outbound}")).await), "bob");
    assert_eq!(first(world.analytics(RANGE, &by("orderBy: {metric: outbound, direction: ASC}")).await), "anna");
    let cut = world.analytics(RANGE, &by("first: 1")).await;
    assert_eq!(cut["delivery"]["by"].as_array().expect("groups").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_its_reason() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let total = "delivery { total { rate } }";
    for (arguments, fields, code, message) in [
        (
            r#"range: {from: "2026-03-02", to: "2026-03-01"}"#,
            total,
            "INVALID_QUERY",
            "the range is empty: `from` must be before `to`",
        ),
        (
            r#"range: {from: "2020-01-01", to: "2026-01-01"}"#,
            total,
            "LIMIT_EXCEEDED",
            "the range is 2192 days long; the limit `rangeDays` is 731",
        ),
        (r#"range: {}"#, total, "INVALID_QUERY", "`range` takes either both `from` and `to`, or `last`"),
        (
            r#"range: {last: "P30D", to: "2026-03-01"}"#,
            total,
            "INVALID_QUERY",
            "`range` takes either both `from` and `to`, or `last`",
        ),
        (r#"range: {last: "a month"}"#, total, "INVALID_QUERY", "`last` is `a month`: give a duration such as `P30D`"),
        (
            r#"range: {last: "P1D"}, timezone: "Mars/Olympus""#,
            total,
            "INVALID_QUERY",
            "there is no time zone `Mars/Olympus`",
        ),
        (
            r#"range: {last: "P1D"}, filter: {channels: []}"#,
            total,
            "INVALID_QUERY",
            "the filter `channels` is an empty list",
        ),
        (
            r#"range: {last: "P1D"}, filter: {hours: [24]}"#,
            total,
            "INVALID_QUERY",
            "the filter `hours` has 24; it takes 0 to 23",
        ),
        (r#"range: {last: "P1D"}, filter: {hours: [4294967296]}"#, total, "INVALID_QUERY", "4294967296"),
        (
            r#"range: {last: "P1D"}"#,
            "reads(withinHours: 2147483648) { total { read } }",
            "INVALID_QUERY",
            "`withinHours` is 2147483648",
        ),
        (r#"range: {last: "P1D"}"#, "reads(withinHours: 0) { total { read } }", "INVALID_QUERY", "`withinHours` is 0"),
        (
            r#"range: {last: "P1D"}"#,
            "delivery { by(dimensions: [CHANNEL], first: 4294967297) { keys } }",
            "INVALID_QUERY",
            "`first` is 4294967297",
        ),
        (
            r#"range: {last: "P1D"}"#,
            "delivery { by(dimensions: []) { keys } }",
            "INVALID_QUERY",
            "`dimensions` is empty",
        ),
        (
            r#"range: {last: "P1D"}"#,
            "delivery { by(dimensions: [HOUR, HOUR]) { keys } }",
            "INVALID_QUERY",
            "the dimension HOUR is named twice",
        ),
        (
            r#"range: {last: "P1D"}"#,
            "delivery { by(dimensions: [HOUR, DAY, WEEK, MONTH, TEAM]) { keys } }",
            "LIMIT_EXCEEDED",
            "the limit `dimensions` is 4",
        ),
        (
            r#"range: {last: "P1D"}"#,
            "reads { by(dimensions: [FAILURE_REASON]) { metrics { engagedRate } } }",
            "INVALID_QUERY",
            "`engagedRate` cannot be divided by FAILURE_REASON",
        ),
        (r#"range: "P30D""#, total, "INVALID_QUERY", "`range` is \"P30D\"; it takes an input object"),
        (r#"range: [{last: "P1D"}]"#, total, "INVALID_QUERY", "it takes an input object"),
        (r#"range: {last: "P1D"}, filter: "x""#, total, "INVALID_QUERY", "`filter` is \"x\""),
        (r#"range: {last: "P1D"}, filter: {not: 1}"#, total, "INVALID_QUERY", "`not` is 1"),
        (r#"range: {from: "2200-01-01", to: "2200-02-01"}"#, total, "INVALID_QUERY", "the years 1900 to 2199"),
        (
            r#"range: {last: "P1D"}"#,
            "delivery { by(dimensions: [CHANNEL], orderBy: 5) { keys } }",
            "INVALID_QUERY",
            "`orderBy` is 5",
        ),
        (
            r#"range: {last: "P1D"}"#,
            "delivery { by(dimensions: [CHANNEL], first: 1001) { keys } }",
            "LIMIT_EXCEEDED",
            "the limit `groups` is 1000",
        ),
        (
            r#"range: {last: "P365D"}"#,
            "delivery { a: series(every: HOUR) { start } b: series(every: HOUR) { start } c: series(every: HOUR) { start } }",
            "LIMIT_EXCEEDED",
            "the limit `lines` is 20000",
        ),
        (
            r#"range: {last: "P700D"}"#,
            "delivery { series(every: HOUR) { metrics { rate } } }",
            "LIMIT_EXCEEDED",
            "the limit `seriesPoints` is 10000",
        ),
    ] {
        let answer = world.answer(&world.manager(), &format!("{{ analytics({arguments}) {{ {fields} }} }}")).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], code, "{arguments} {fields}: {answer}");
        let told = error["message"].as_str().unwrap_or_default();
        assert!(told.contains(message), "{arguments} {fields}: {told}");
    }
}

#[tokio::test]
async fn one_familys_error_leaves_the_others_their_answers() {
    let world = two_operators().await;
    let query = format!(
        "{{ analytics({RANGE}) {{ delivery {{ total {{ outbound }} }} reads(withinHours: 0) {{ total {{ read }} }} }} }}"
    );
    let answer = world.answer(&world.manager(), &query).await;
    assert_eq!(answer["data"]["analytics"], json!({"delivery": {"total": {"outbound": 3}}, "reads": null}));
    assert_eq!(answer["errors"][0]["path"], json!(["analytics", "reads"]));
}

#[tokio::test]
async fn a_service_sends_and_reads_nothing_and_a_manager_reads_and_sends_nothing() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let answer = world.answer(&world.service(), &format!("{{ analytics({RANGE}) {{ from }} }}")).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let (status, answer) = world.post_events(&world.manager(), None, "{}").await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["extensions"]["code"]), (403, &json!("FORBIDDEN")));
    let (status, answer) = world.post_events("not a token", None, "{}").await;
    assert_eq!((status.as_u16(), &answer["errors"][0]["extensions"]["code"]), (401, &json!("UNAUTHENTICATED")));
}

#[tokio::test]
async fn the_house_tells_who_asks_what_channels_know_and_which_limits_hold() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let answer = world
        .ask(&world.operator("anna"), "{ viewer { sub tenant role operator teams } channels { name note capabilities { signal level } } limits { name value unit } }")
        .await;
    assert_eq!(
        answer["viewer"],
        json!({"sub": "tester", "tenant": "acme", "role": "OPERATOR", "operator": "anna", "teams": []})
    );
    let telegram = answer["channels"]
        .as_array()
        .expect("channels")
        .iter()
        .find(|channel| channel["name"] == "TELEGRAM")
        .expect("known");
    assert!(
        telegram["capabilities"]
            .as_array()
            .expect("levels")
            .contains(&json!({"signal": "read", "level": "UNAVAILABLE"}))
    );
    let limits = answer["limits"].as_array().expect("limits");
    for name in [
        "depth",
        "complexity",
        "aliases",
        "tokens",
        "bodyBytes",
        "executionSeconds",
        "groups",
        "seriesPoints",
        "rangeDays",
    ] {
        assert!(limits.iter().any(|limit| limit["name"] == name && limit["value"].as_u64() > Some(0)), "{name}");
    }
}
