//! `metricDefinitions`: the schema and the definitions name the same metrics, and say of each who reads it.

use rapport::auth::Role;
use serde_json::{Value, json};

use crate::world::{TENANT, World};

const ALL: &str = "{ metricDefinitions { name family fullName metric definition unit isAdditive numerator denominator
    cohort population settleHours dimensions filters arguments { name type definition } histogramBounds readers
    channels { channel level } } }";

async fn definition(world: &World, full_name: &str) -> Value {
    let answer = world.ask(&world.manager(), ALL).await;
    let definitions = answer["metricDefinitions"].as_array().unwrap();
    definitions.iter().find(|definition| definition["fullName"] == full_name).expect(full_name).clone()
}

#[tokio::test]
async fn every_metric_of_the_schema_is_defined_and_every_definition_is_in_the_schema() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let answer = world.ask(&world.operator("anna"), ALL).await;
    let mut defined: Vec<String> = Vec::new();
    for definition in answer["metricDefinitions"].as_array().unwrap() {
        defined.push(definition["fullName"].as_str().unwrap().to_owned());
        for text in ["definition", "numerator", "cohort", "population"] {
            assert!(!definition[text].as_str().unwrap().is_empty(), "{definition}");
        }
        assert_eq!(definition["channels"].as_array().unwrap().len(), 6);
    }

    let query = r#"{ __type(name: "Analytics") { fields { name type { name } } } }"#;
    let families = world.ask(&world.manager(), query).await;
    let mut in_schema = Vec::new();
    for family in families["__type"]["fields"].as_array().unwrap() {
        let Some(type_name) = family["type"]["name"].as_str() else { continue };
        let query = format!(r#"{{ __type(name: "{type_name}Metrics") {{ fields {{ name type {{ kind }} }} }} }}"#);
        let metrics = world.ask(&world.manager(), &query).await;
        for metric in metrics["__type"]["fields"].as_array().unwrap() {
            // Numbers are nullable scalars; what explains them is something else.
            if metric["type"]["kind"] == "SCALAR" {
                in_schema.push(format!("{}.{}", family["name"].as_str().unwrap(), metric["name"].as_str().unwrap()));
            }
        }
    }
    // The schema sorts its fields.
    defined.sort();
    in_schema.sort();
    assert_eq!(defined, in_schema);

    let names = world.ask(&world.manager(), r#"{ __type(name: "MetricName") { enumValues { name } } }"#).await;
    assert_eq!(names["__type"]["enumValues"].as_array().unwrap().len(), defined.len());
}

#[tokio::test]
async fn a_definition_tells_what_the_catalogue_knows() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let value = definition(&world, "conversion.value").await;
    assert_eq!(value["readers"], json!(["MANAGER", "ADMIN"]));
    assert_eq!((&value["unit"], &value["settleHours"]), (&json!("MONEY"), &json!(168)));
    assert_eq!(value["metric"], "conversion_value");

    let seconds = definition(&world, "responseTime.p50Seconds").await;
    assert_eq!(seconds["readers"], json!(["OPERATOR", "SUPERVISOR", "MANAGER", "ADMIN"]));
    assert_eq!(
        (&seconds["unit"], &seconds["isAdditive"], &seconds["denominator"]),
        (&json!("SECONDS"), &json!(false), &Value::Null)
    );
    assert_eq!(seconds["histogramBounds"], json!([60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0]));
    let arguments = seconds["arguments"].as_array().unwrap();
    assert_eq!((&arguments[0]["name"], &arguments[0]["type"]), (&json!("kind"), &json!("ResponseKind")));
    assert_eq!(arguments[4]["type"], "[Float!]");

    let rate = definition(&world, "delivery.rate").await;
    assert_eq!(rate["denominator"], "outbound messages accepted, sent or failed, on channels that report delivery");
    assert!(rate["channels"].as_array().unwrap().contains(&json!({"channel": "TELEGRAM", "level": "UNAVAILABLE"})));
    assert_eq!(definition(&world, "delivery.outbound").await["isAdditive"], true);

    // What two facts must answer has what both have.
    let peak = definition(&world, "activeDialogs.peak").await;
    assert_eq!(
        peak["dimensions"],
        json!(["CHANNEL", "ACCOUNT", "OPERATOR", "TEAM", "SEGMENT", "CAMPAIGN", "SCENARIO", "SOURCE"])
    );
    assert_eq!(
        peak["filters"],
        json!(["channels", "accounts", "operators", "teams", "segments", "campaigns", "scenarios", "contacts"])
    );
    let converted = definition(&world, "conversion.converted").await;
    assert!(converted["dimensions"].as_array().unwrap().contains(&json!("CONVERSION_KIND")));
    assert!(
        !definition(&world, "conversion.rate").await["dimensions"]
            .as_array()
            .unwrap()
            .contains(&json!("CONVERSION_KIND"))
    );
}

#[tokio::test]
async fn families_narrow_the_list_and_unknown_ones_are_named() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let query = |families: &str| format!("{{ metricDefinitions(families: {families}) {{ fullName }} }}");
    let one = world.ask(&world.manager(), &query(r#""activity""#)).await;
    assert_eq!(one["metricDefinitions"], json!([{"fullName": "activity.messages"}, {"fullName": "activity.turns"}]));
    let answer = world.answer(&world.manager(), &query(r#"["activity", "weather"]"#)).await;
    assert_eq!(
        answer["errors"][0]["message"],
        "there is no family `weather`; there are delivery, reads, responseTime, activeDialogs, satisfaction, conversion, \
         automation, sessions, activity, unsubscribes"
    );
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INVALID_QUERY");
    let service = world.token_of(TENANT, Role::Service, None, &[]);
    let answer = world.answer(&service, &query(r#""activity""#)).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
}
