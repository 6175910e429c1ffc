//! `explain`: what was asked as it was understood, and the statements, which answer the same again.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, UInt64Type};
use rapport::auth::Role;
use rapport::sql::Sql;
use rapport::store::Store;
use serde_json::{Value, json};

use crate::table::lively;
use crate::world::{TENANT, World};

const RANGE: &str = r#"range: {from: "2026-03-01", to: "2026-04-01"}"#;
const STATEMENTS: &str = "statementCount rowsRead statements { sql parameters { type value } rowsRead }";

/// Runs a statement as it was told: its text, and the values where the question marks are.
async fn run(world: &World, statement: &Value) -> RecordBatch {
    let text: &'static str = statement["sql"].as_str().unwrap().to_owned().leak();
    let mut parts = text.split('?');
    let mut sql = Sql::new(parts.next().unwrap());
    let parameters = statement["parameters"].as_array().unwrap();
    for (part, parameter) in parts.zip(parameters) {
        let value = parameter["value"].as_str().unwrap();
        match parameter["type"].as_str().unwrap() {
            "String" => sql.bind(value),
            "Int64" => sql.bind(value.parse::<i64>().unwrap()),
            "Float64" => sql.bind(value.parse::<f64>().unwrap()),
            other => panic!("{other}"),
        }
        .push(part);
    }
    assert_eq!((sql.text(), sql.values().len()), (text, parameters.len()));
    world.store.query(sql).await.unwrap().remove(0)
}

#[tokio::test]
async fn the_statements_run_again_give_the_same_numbers() {
    let world = lively().await;
    let fields =
        format!("responseTime {{ total {{ p50Seconds answered histogram {{ count }} explain {{ {STATEMENTS} }} }} }}");
    let answer = world.analytics(&format!("{RANGE}, filter: {{not: {{operators: \"anna\"}}}}"), &fields).await;
    let total = &answer["responseTime"]["total"];
    let explain = &total["explain"];
    assert_eq!(explain["statementCount"], 1);
    let statement = &explain["statements"][0];
    let batch = run(&world, statement).await;
    let seconds = batch.column_by_name("c0").unwrap().as_primitive::<Float64Type>().value(0);
    let answered = batch.column_by_name("c1").unwrap().as_primitive::<UInt64Type>().value(0);
    // 120 s, 60 s and 600 s without anna's.
    assert_eq!((seconds, answered), (120.0, 3));
    assert_eq!((&total["p50Seconds"], &total["answered"]), (&json!(seconds), &json!(answered)));
    assert!(statement["parameters"].as_array().unwrap().contains(&json!({"type": "String", "value": "anna"})));
    assert!(0 < explain["rowsRead"].as_u64().unwrap());
    assert_eq!(explain["rowsRead"], statement["rowsRead"]);
}

#[tokio::test]
async fn what_was_asked_is_told_as_it_was_understood() {
    let world = lively().await;
    let arguments = r#"range: {from: "2026-03-01", to: "2026-04-01"}, timezone: "Europe/Berlin",
        filter: {channels: ["whatsapp"], hours: [9, 10], not: {teams: ["night"]}}"#;
    let fields = "metrics { fullName definition unit } from to timezone localFrom localTo filter { list values isNot }
        arguments { name value } step { start } group { key }";
    let answer = world
        .analytics(
            arguments,
            &format!("responseTime(kind: FIRST, targetSeconds: 60) {{ total {{ answered explain {{ {fields} }} }} }}"),
        )
        .await;
    assert_eq!(
        answer["responseTime"]["total"]["explain"],
        json!({
            "metrics": [{"fullName": "responseTime.answered", "definition": "Turns that were answered.", "unit": "COUNT"}],
            "from": "2026-02-28T23:00:00.000Z",
            "to": "2026-03-31T22:00:00.000Z",
            "timezone": "Europe/Berlin",
            "localFrom": "2026-03-01T00:00:00.000+01:00",
            "localTo": "2026-04-01T00:00:00.000+02:00",
            "filter": [
                {"list": "channels", "values": ["WHATSAPP"], "isNot": false},
                {"list": "hours", "values": ["9", "10"], "isNot": false},
                {"list": "teams", "values": ["night"], "isNot": true},
            ],
            "arguments": [
                {"name": "kind", "value": "FIRST"},
                {"name": "businessHours", "value": "false"},
                {"name": "botStopsClock", "value": "false"},
                {"name": "targetSeconds", "value": "60"},
                {"name": "bounds", "value": null},
            ],
            "step": null,
            "group": null,
        })
    );
}

#[tokio::test]
async fn steps_groups_and_comparisons_say_which_they_are() {
    let world = lively().await;
    let fields = format!(
        "delivery {{
            series(every: MONTH) {{ metrics {{ outbound explain {{ step {{ every start end }} group {{ key }} statementCount }} }} }}
            by(dimensions: [CHANNEL, TEAM], first: 1, orderBy: {{metric: outbound}}) {{
                metrics {{ outbound explain {{ step {{ start }} group {{ dimension key }} {STATEMENTS} }} }} }}
            compare(to: PREVIOUS_PERIOD) {{ outbound explain {{ from to {STATEMENTS} }} }} }}
         reads {{ total {{ read engagedRate explain {{ statementCount rowsRead statements {{ rowsRead }} }} }} }}"
    );
    let answer = world.analytics(RANGE, &fields).await;
    let step = &answer["delivery"]["series"][0]["metrics"]["explain"];
    assert_eq!(
        step["step"],
        json!({"every": "MONTH", "start": "2026-03-01T00:00:00.000Z", "end": "2026-04-01T00:00:00.000Z"})
    );
    assert_eq!((&step["group"], &step["statementCount"]), (&Value::Null, &json!(1)));

    let group = &answer["delivery"]["by"][0]["metrics"];
    assert_eq!(
        group["explain"]["group"],
        json!([{"dimension": "CHANNEL", "key": "TELEGRAM"}, {"dimension": "TEAM", "key": "south"}])
    );
    assert_eq!(group["explain"]["step"], Value::Null);
    let batch = run(&world, &group["explain"]["statements"][0]).await;
    assert_eq!(batch.num_rows(), 4, "the statement is that of all groups");

    let compared = &answer["delivery"]["compare"]["explain"];
    assert_eq!(compared["from"], "2026-01-29T00:00:00.000Z");
    let batch = run(&world, &compared["statements"][0]).await;
    assert_eq!(batch.column_by_name("c0").unwrap().as_primitive::<UInt64Type>().value(0), 0);

    let reads = &answer["reads"]["total"]["explain"];
    assert_eq!(reads["statementCount"], 2);
    let sum: u64 = reads["statements"].as_array().unwrap().iter().map(|told| told["rowsRead"].as_u64().unwrap()).sum();
    assert_eq!(reads["rowsRead"], sum);
}

#[tokio::test]
async fn estimates_run_when_they_are_selected_and_once() {
    let world = lively().await;
    let query = |fields: &str| {
        format!(
            "{{ analytics({RANGE}) {{ delivery {{ a: total {{ rate explain {{ {fields} }} }} b: total {{ rate explain {{ {fields} }} }} }} }} }}"
        )
    };
    assert_eq!(world.statements(&query("statementCount statements { sql }")).await, 1);
    assert_eq!(world.statements(&query("rowsRead statements { rowsRead }")).await, 2);
}

#[tokio::test]
async fn who_is_no_manager_gets_no_sql() {
    let world = lively().await;
    let supervisor = world.token_of(TENANT, Role::Supervisor, None, &["north"]);
    let query = format!(
        "{{ analytics({RANGE}) {{ delivery {{ total {{ outbound explain {{ metrics {{ fullName }} timezone {STATEMENTS} }} }} }} }} }}"
    );
    for token in [world.operator("anna"), supervisor] {
        let answer = world.answer(&token, &query).await;
        let codes: Vec<&Value> =
            answer["errors"].as_array().unwrap().iter().map(|error| &error["extensions"]["code"]).collect();
        assert_eq!(codes, ["FORBIDDEN", "FORBIDDEN"]);
        assert_eq!(
            answer["data"]["analytics"]["delivery"]["total"]["explain"],
            json!({"metrics": [{"fullName": "delivery.outbound"}], "timezone": "UTC", "statementCount": 1,
                "rowsRead": null, "statements": null})
        );
    }
    let admin = world.token_of(TENANT, Role::Admin, None, &[]);
    let answer = world.ask(&admin, &query).await;
    assert!(answer["analytics"]["delivery"]["total"]["explain"]["statements"][0]["sql"].is_string());
}

#[tokio::test]
async fn explanations_are_limited_and_leave_the_numbers() {
    let world = lively().await;
    let query = format!(
        "{{ analytics({RANGE}) {{ delivery {{ series(every: DAY) {{ metrics {{ outbound explain {{ timezone }} }} }} }} }} }}"
    );
    let answer = world.answer(&world.manager(), &query).await;
    let error = &answer["errors"][0];
    assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED");
    assert!(error["message"].as_str().unwrap().starts_with("the limit `explanations` is 20, and the request has"));
    let points = answer["data"]["analytics"]["delivery"]["series"].as_array().unwrap();
    assert_eq!(points.iter().filter(|point| !point["metrics"]["explain"].is_null()).count(), 20);
    assert_eq!(points.iter().map(|point| point["metrics"]["outbound"].as_u64().unwrap()).sum::<u64>(), 5);
}

#[tokio::test]
async fn business_hours_reach_tables_and_are_told() {
    let world = lively().await;
    let hours = r#"mutation { setBusinessHours(input: {timezone: "UTC", weekly: [{weekday: 1, from: "09:02", to: "18:00"}]}) { inForce } }"#;
    world.ask(&world.manager(), hours).await;
    let question = format!("{RANGE}, filter: {{operators: \"anna\"}}");
    // On Monday 2 March anna answers at 09:05 what came at 09:00: 3 minutes of it are open.
    let query = format!(
        "{{ table({question}, metrics: responseTime_p50Seconds, arguments: {{responseTime: {{businessHours: true}}}}) {{ totals rows {{ values }} }} }}"
    );
    assert_eq!(
        world.ask(&world.manager(), &query).await["table"],
        json!({"totals": [180.0], "rows": [{"values": [180.0]}]})
    );
    let fields = format!(
        "responseTime(businessHours: true) {{ total {{ p50Seconds explain {{ arguments {{ name value }} {STATEMENTS} }} }} }}"
    );
    let total = world.analytics(&question, &fields).await["responseTime"]["total"].clone();
    assert_eq!(total["p50Seconds"], 180.0);
    assert_eq!(total["explain"]["arguments"][1], json!({"name": "businessHours", "value": "true"}));
    let batch = run(&world, &total["explain"]["statements"][0]).await;
    assert_eq!(batch.column_by_name("c0").unwrap().as_primitive::<Float64Type>().value(0), 180.0);
}
