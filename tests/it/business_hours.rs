//! Business hours over HTTP: set, read back, replaced, refused.

mod boundaries;

use axum::body::Body;
use axum::http::Request;
use rapport::auth::Role;
use serde_json::{Value, json};

use crate::engine::shown;
use crate::world::{TENANT, World, instant};

const NOW: &str = "2026-03-20T00:00:00Z";
const FIELDS: &str =
    "validFrom setAt timezone inForce weekly { weekday from to } exceptions { date note intervals { from to } }";
const READ: &str = "{ businessHours { validFrom inForce timezone weekly { weekday from to } } }";

/// The mutation with these fields of its input, beside a zone and an interval.
fn set(more: &str) -> String {
    with_input(&format!(r#"timezone: "Europe/Berlin", weekly: [{{weekday: 1, from: "09:00", to: "18:00"}}], {more}"#))
}

fn with_input(input: &str) -> String {
    format!("mutation {{ setBusinessHours(input: {{ {input} }}) {{ {FIELDS} }} }}")
}

fn code_and_message(answer: &Value) -> (String, String) {
    let error = &answer["errors"][0];
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no error: {answer}")).to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}

#[tokio::test]
pub async fn what_is_set_is_read_back_by_everybody_who_reads() {
    let world = World::at(NOW).await;
    assert_eq!(world.ask(&world.manager(), READ).await["businessHours"], json!([]));
    let mutation =
        set(r#"exceptions: [{date: "2026-12-24", note: "Heiligabend", intervals: [{from: "09:00", to: "13:00"}]},
        {date: "2026-12-25"}]"#);
    let expect = json!({
        "validFrom": "2026-03-20T00:00:00.000Z",
        "setAt": "2026-03-20T00:00:00.000Z",
        "timezone": "Europe/Berlin",
        "inForce": true,
        "weekly": [{"weekday": 1, "from": "09:00", "to": "18:00"}],
        "exceptions": [
            {"date": "2026-12-24", "note": "Heiligabend", "intervals": [{"from": "09:00", "to": "13:00"}]},
            {"date": "2026-12-25", "note": null, "intervals": []},
        ],
    });
    assert_eq!(world.ask(&world.manager(), &mutation).await, json!({"setBusinessHours": expect}));
    let readers = [
        world.manager(),
        world.operator("anna"),
        world.token_of(TENANT, Role::Supervisor, None, &["north"]),
        world.token_of(TENANT, Role::Admin, None, &[]),
    ];
    for reader in readers {
        let answer = world.ask(&reader, &format!("{{ businessHours {{ {FIELDS} }} }}")).await;
        assert_eq!(answer, json!({"businessHours": [expect]}));
    }
    // Who set it is kept and shown to nobody.
    let rows = shown(&*world.store, "SELECT tenant, set_by, count() AS rows FROM business_hours GROUP BY ALL").await;
    assert_eq!(rows, "tenant: acme\nset_by: tester\nrows: 1\n\n");
}

#[tokio::test]
async fn the_mutation_of_the_readme_works_as_printed() {
    let readme = include_str!("../../README.md");
    let start = readme.find("mutation {").expect("the README has a mutation");
    let mutation = readme[start..].split("```").next().unwrap();
    let world = World::at(NOW).await;
    assert_eq!(world.ask(&world.manager(), mutation).await["setBusinessHours"]["inForce"], true);
    let query = readme.lines().find_map(|line| line.split('`').find(|part| part.starts_with("{ businessHours")));
    let read = world.ask(&world.manager(), query.expect("the README has the query")).await;
    assert_eq!(read["businessHours"][0]["exceptions"][1]["note"], "Christmas Day");
}

#[tokio::test]
pub async fn another_tenant_sees_and_changes_nothing_of_it() {
    let world = World::at(NOW).await;
    world.ask(&world.manager(), &set("")).await;
    let stranger = world.token_of("other", Role::Manager, None, &[]);
    assert_eq!(world.ask(&stranger, READ).await["businessHours"], json!([]));
    world.ask(&stranger, &with_input(r#"timezone: "UTC", weekly: {weekday: 7, from: "00:00", to: "24:00"}"#)).await;
    assert_eq!(world.ask(&stranger, READ).await["businessHours"][0]["timezone"], "UTC");
    let own = world.ask(&world.manager(), READ).await["businessHours"].clone();
    assert_eq!((own.as_array().map(Vec::len), &own[0]["timezone"]), (Some(1), &json!("Europe/Berlin")));
}

#[tokio::test]
async fn versions_follow_each_other_and_one_of_the_same_instant_is_replaced() {
    let world = World::at(NOW).await;
    let manager = world.manager();
    let version = |valid_from: &str, to: &str| {
        with_input(&format!(
            r#"validFrom: "{valid_from}", timezone: "Europe/Berlin", weekly: [{{weekday: 1, from: "09:00", to: "{to}"}}]"#
        ))
    };
    // A date is its first instant in the schedule's zone. All are set in the same millisecond of the test's clock.
    let mut in_force = Vec::new();
    for (valid_from, to) in [
        ("2026-04-01", "19:00"),
        ("2026-03-01", "17:00"),
        ("2026-03-01T00:00:00+01:00", "16:00"),
        ("2026-03-01", "18:00"),
    ] {
        let answer = world.ask(&manager, &version(valid_from, to)).await;
        in_force.push(answer["setBusinessHours"]["inForce"].as_bool().unwrap());
    }
    // The first one is in force as long as there is no other.
    assert_eq!(in_force, [true, true, true, true]);
    let answer = world
        .ask(
            &manager,
            "{ businessHours { validFrom inForce weekly { to } } first: businessHours(first: 1) { inForce } }",
        )
        .await;
    let expect = json!([
        {"validFrom": "2026-03-31T22:00:00.000Z", "inForce": false, "weekly": [{"to": "19:00"}]},
        {"validFrom": "2026-02-28T23:00:00.000Z", "inForce": true, "weekly": [{"to": "18:00"}]},
    ]);
    assert_eq!(answer, json!({"businessHours": expect, "first": [{"inForce": false}]}));
    // Without `validFrom` it holds from now on; what lies before keeps its version.
    let now = with_input(r#"timezone: "Europe/Berlin", weekly: [{weekday: 1, from: "09:00", to: "20:00"}]"#);
    let set = world.ask(&manager, &now).await["setBusinessHours"].clone();
    assert_eq!((&set["validFrom"], &set["inForce"]), (&json!("2026-03-20T00:00:00.000Z"), &json!(true)));
    // Said again it is the same version: nothing is added.
    assert_eq!(world.ask(&manager, &now).await["setBusinessHours"], set);
    assert_eq!(world.ask(&manager, READ).await["businessHours"].as_array().unwrap().len(), 3);
    let rows = shown(&*world.store, "SELECT count() AS rows FROM business_hours").await;
    assert_eq!(rows, "rows: 5\n\n");
}

#[tokio::test]
async fn several_mutations_of_one_request_run_one_after_the_other() {
    let world = World::at(NOW).await;
    let one = |alias: &str, to: &str| {
        format!(
            r#"{alias}: setBusinessHours(input: {{timezone: "UTC", weekly: [{{weekday: 1, from: "09:00", to: "{to}"}}]}}) {{ setAt }}"#
        )
    };
    let answer =
        world.ask(&world.manager(), &format!("mutation {{ {} {} }}", one("a", "10:00"), one("b", "11:00"))).await;
    assert_eq!(answer, json!({"a": {"setAt": "2026-03-20T00:00:00.000Z"}, "b": {"setAt": "2026-03-20T00:00:00.001Z"}}));
    let read = world.ask(&world.manager(), READ).await;
    assert_eq!(read["businessHours"].as_array().unwrap().len(), 1);
    assert_eq!(read["businessHours"][0]["weekly"][0]["to"], "11:00");
}

#[tokio::test]
async fn only_managers_and_admins_set_them() {
    let world = World::at(NOW).await;
    let forbidden =
        [world.operator("anna"), world.token_of(TENANT, Role::Supervisor, None, &["north"]), world.service()];
    for token in &forbidden {
        let answer = world.answer(token, &set("")).await;
        let (code, message) = code_and_message(&answer);
        assert!(
            code == "FORBIDDEN"
                && (message.contains("`setBusinessHours` is for the roles MANAGER and ADMIN")
                    || message.contains("reads nothing")),
            "{answer}"
        );
        assert_eq!(answer["data"], Value::Null);
    }
    let (code, message) = code_and_message(&world.answer(&world.service(), READ).await);
    assert!(code == "FORBIDDEN" && message.contains("reads nothing"), "{code} {message}");
    assert_eq!(world.ask(&world.manager(), READ).await["businessHours"], json!([]));
    world.ask(&world.token_of(TENANT, Role::Admin, None, &[]), &set("")).await;
}

#[tokio::test]
async fn a_get_changes_nothing() {
    let world = World::at(NOW).await;
    let query: String = url_encode(&set(""));
    let request = Request::get(format!("/graphql?query={query}"))
        .header("authorization", format!("Bearer {}", world.manager()))
        .header("accept", "application/json")
        .body(Body::empty())
        .unwrap();
    let (status, answer) = world.send(request).await;
    assert_eq!((status.as_u16(), code_and_message(&answer).0.as_str()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(world.ask(&world.manager(), READ).await["businessHours"], json!([]));
}

fn url_encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Posts the mutation with the input as a variable.
async fn answer_to_variable(world: &World, input: &Value) -> Value {
    let query = "mutation($input: BusinessHoursInput!) { setBusinessHours(input: $input) { validFrom } }";
    let request = Request::post("/graphql")
        .header("authorization", format!("Bearer {}", world.manager()))
        .header("content-type", "application/json")
        .body(Body::from(json!({"query": query, "variables": {"input": input}}).to_string()))
        .unwrap();
    world.send(request).await.1
}

#[tokio::test]
async fn bad_input_is_refused_with_what_is_wrong_and_where() {
    let world = World::at(NOW).await;
    let weekly = json!([{"weekday": 1, "from": "09:00", "to": "18:00"}]);
    let office = json!({"timezone": "Europe/Berlin", "weekly": weekly});
    let with = |name: &str, value: Value| {
        let mut input = office.clone();
        input[name] = value;
        input
    };
    let many = |count: usize| json!(vec![weekly[0].clone(); count]);
    let dates = |count: i64| -> Value {
        let day = |number| chrono::DateTime::from_timestamp(number * 86_400, 0).unwrap().format("%Y-%m-%d").to_string();
        (0..count).map(|number| json!({"date": day(number)})).collect()
    };
    let cases = [
        (with("timezone", json!("Berlin")), "INVALID_QUERY", "no time zone `Berlin`"),
        (with("timezone", json!(1)), "INVALID_QUERY", "timezone"),
        (with("timezone", Value::Null), "INVALID_QUERY", "timezone"),
        (json!({"weekly": weekly}), "INVALID_QUERY", "timezone"),
        (json!({"timezone": "UTC"}), "INVALID_QUERY", "weekly"),
        (json!("always"), "INVALID_QUERY", "`input` is \"always\"; it takes an input object"),
        (Value::Null, "INVALID_QUERY", "input"),
        (with("weekly", json!([])), "INVALID_QUERY", "never open"),
        (with("weekly", json!([3])), "INVALID_QUERY", "weekly"),
        (
            with("weekly", json!([{"weekday": 8, "from": "09:00", "to": "18:00"}])),
            "INVALID_QUERY",
            "`weekly[0].weekday` is 8",
        ),
        (
            with("weekly", json!([{"weekday": 4_294_967_297_i64, "from": "09:00", "to": "18:00"}])),
            "INVALID_QUERY",
            "weekday",
        ),
        (with("weekly", json!([{"weekday": 1.5, "from": "09:00", "to": "18:00"}])), "INVALID_QUERY", "weekday"),
        (with("weekly", json!([{"weekday": 1, "from": 9, "to": "18:00"}])), "INVALID_QUERY", "from"),
        (with("weekly", json!([{"weekday": 1, "to": "18:00"}])), "INVALID_QUERY", "from"),
        (
            with("weekly", json!([{"weekday": 1, "from": "9", "to": "18:00"}])),
            "INVALID_QUERY",
            "`weekly[0].from` is `9`: give a time of day as HH:MM",
        ),
        (with("weekly", json!([{"weekday": 1, "from": "09:00", "to": "18:00", "till": "x"}])), "INVALID_QUERY", "till"),
        (with("holidays", json!([])), "INVALID_QUERY", "holidays"),
        (with("exceptions", json!([{"date": "2026-02-30"}])), "INVALID_QUERY", "`exceptions[0].date` is `2026-02-30`"),
        (
            with("exceptions", json!([{"date": "2026-02-03"}, {"date": "2026-02-03"}])),
            "INVALID_QUERY",
            "`exceptions[1].date`",
        ),
        (
            with("exceptions", json!([{"date": "2026-02-03", "intervals": [{"from": "10:00", "to": "25:00"}]}])),
            "INVALID_QUERY",
            "`exceptions[0].intervals[0].to` is `25:00`",
        ),
        (with("exceptions", json!([{"date": "2026-02-03", "note": 7}])), "INVALID_QUERY", "note"),
        (
            with("exceptions", json!([{"date": "2026-02-03", "note": "x".repeat(201)}])),
            "LIMIT_EXCEEDED",
            "`businessHoursNoteCharacters`",
        ),
        (with("exceptions", dates(401)), "LIMIT_EXCEEDED", "`businessHoursExceptions` is 400"),
        (with("weekly", many(11)), "LIMIT_EXCEEDED", "weekday 1 has 11 intervals"),
        (with("validFrom", json!("soon")), "INVALID_QUERY", "`validFrom` is `soon`"),
        (with("validFrom", json!("2026-03-01T00:00:00")), "INVALID_QUERY", "no offset"),
        (with("validFrom", json!("1700-01-01")), "INVALID_QUERY", "1900"),
        (with("validFrom", json!(1_774_000_000)), "INVALID_QUERY", "validFrom"),
    ];
    for (input, expect_code, expect) in cases {
        let answer = answer_to_variable(&world, &input).await;
        let (code, message) = code_and_message(&answer);
        assert!(code == expect_code && message.contains(expect), "{input}\n{answer}");
    }
    // Nothing of all that was stored; the largest that fits is.
    assert_eq!(world.ask(&world.manager(), READ).await["businessHours"], json!([]));
    let mut largest = with("exceptions", dates(400));
    largest["weekly"] = many(10);
    let answer = answer_to_variable(&world, &largest).await;
    assert_eq!(answer["data"]["setBusinessHours"]["validFrom"], "2026-03-20T00:00:00.000Z", "{answer}");
    // The same as literals and as single values.
    for (input, expect) in [
        (r#"timezone: "UTC", weekly: [{weekday: 1, from: "09:00", to: "18:00"}], holiday: 1"#, "holiday"),
        (r#"timezone: "UTC", weekly: 5"#, "weekly"),
        (r#"timezone: UTC, weekly: {weekday: 1, from: "09:00", to: "18:00"}"#, "timezone"),
        (r#"timezone: "UTC", weekly: {weekday: 0, from: "09:00", to: "18:00"}"#, "`weekly[0].weekday` is 0"),
    ] {
        let (code, message) = code_and_message(&world.answer(&world.manager(), &with_input(input)).await);
        assert!(code == "INVALID_QUERY" && message.contains(expect), "{input}: {code} {message}");
    }
}

#[tokio::test]
async fn too_many_versions_are_refused_but_any_can_be_replaced() {
    use rapport::metrics::schedule::{Draft, Schedule, VERSIONS_MAX, Version, WeeklyHours, stored};
    use rapport::store::Store;
    let world = World::at(NOW).await;
    let row = |number: usize| {
        let weekly =
            vec![WeeklyHours { weekday: 1, from: "09:00".to_owned(), to: format!("{:02}:00", 10 + number % 2) }];
        let draft = Draft { timezone: "UTC".to_owned(), weekly, exceptions: Vec::new() };
        let schedule = Schedule::new(draft).unwrap();
        let valid_from = instant(NOW) - 1 - i64::try_from(number).unwrap();
        let version = Version { valid_from, set_at: 0, set_by: "tester".to_owned(), schedule };
        stored::row(TENANT, &version).unwrap()
    };
    let rows: Vec<_> = (0..VERSIONS_MAX).map(row).collect();
    let rows = arrow::compute::concat_batches(&rows[0].schema(), &rows).unwrap();
    world.store.insert(stored::TABLE, rows, None).await.unwrap();
    let (code, message) = code_and_message(&world.answer(&world.manager(), &set("")).await);
    assert_eq!(code, "LIMIT_EXCEEDED");
    assert!(message.contains("`businessHoursVersions` is 500"), "{message}");
    world.ask(&world.manager(), &set(r#"validFrom: "2026-03-19T23:59:59.999Z""#)).await;
    let answer = world.ask(&world.manager(), READ).await;
    assert_eq!(answer["businessHours"].as_array().unwrap().len(), VERSIONS_MAX);
    assert_eq!(answer["businessHours"][0]["timezone"], "Europe/Berlin");
}
