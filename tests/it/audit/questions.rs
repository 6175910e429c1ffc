//! What was looked for, and what became of events: through the real schema and the real engine.

use rapport::auth::Role;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Memory, in_memory};
use crate::world::{TENANT, World, event};

const NOW: &str = "2026-03-20T00:00:00Z";

struct Recorded {
    world: World,
    memory: Memory,
}

impl Recorded {
    async fn new() -> Self {
        let world = World::at(NOW).await;
        let memory = in_memory(world.now);
        Self { world: world.recorded(memory.log.clone()), memory }
    }

    async fn line(&mut self) -> Value {
        self.memory.lines.recv().await.unwrap()
    }

    async fn asked(&mut self, query: &str) -> Value {
        self.world.answer(&self.world.manager(), query).await;
        self.line().await
    }
}

#[tokio::test]
async fn what_was_looked_for_is_recorded() {
    let mut recorded = Recorded::new().await;
    let line = recorded
        .asked(
            r#"query Board { analytics(range: {from: "2026-03-01", to: "2026-03-08"}, timezone: "Europe/Berlin",
                filter: {channels: ["whatsapp"], operators: ["anna", "' OR 1=1 --"], hours: [9, 10], not: {teams: ["night"]}}) {
                delivery { total { rate } } reads { total { ofSent } } }
              teams(range: {last: "P1D"}) { value } }"#,
        )
        .await;
    assert_eq!(line["fields"], json!(["analytics.delivery", "analytics.reads", "teams"]));
    assert_eq!(
        line["questions"],
        json!([
            {"from": "2026-02-28T23:00:00.000Z", "to": "2026-03-07T23:00:00.000Z", "timezone": "Europe/Berlin",
             "filter": {"channels": ["WHATSAPP"], "hours": ["9", "10"], "operators": ["anna", "' OR 1=1 --"]},
             "not": {"teams": ["night"]}},
            {"from": "2026-03-19T00:00:00.000Z", "to": NOW.replace('Z', ".000Z"), "timezone": "UTC", "filter": {}, "not": {}},
        ])
    );
    assert_eq!((&line["operation"], &line["outcome"]), (&json!("Board"), &json!("OK")));
}

#[tokio::test]
async fn who_is_looked_for_is_counted_and_not_named() {
    let mut recorded = Recorded::new().await;
    let operators: Vec<String> = (0..23).map(|at| format!("o{at}")).collect();
    let line = recorded
        .asked(&format!(
            r#"{{ analytics(range: {{last: "P1D"}}, filter: {{contacts: ["+4917012345", "c-2"], operators: {},
                not: {{contacts: ["+4917099999"]}}}}) {{ activity {{ total {{ messages }} }} }}
              operators(range: {{last: "P1D"}}, search: "Jane Doe") {{ value }} }}"#,
            json!(operators)
        ))
        .await;
    let asked = &line["questions"][0];
    assert_eq!((&asked["filter"]["contacts"], &asked["not"]["contacts"]), (&json!(2), &json!(1)));
    let mut kept: Vec<String> = operators[..20].to_vec();
    let digest: String =
        Sha256::digest(operators.join("\n").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    kept.push(format!("…+3 sha256:{digest}"));
    assert_eq!(asked["filter"]["operators"], json!(kept));
    assert_eq!(line["searches"], 1);
    for name in ["4917", "c-2", "Jane", "jane"] {
        assert!(!line.to_string().contains(name), "{line}");
    }
}

#[tokio::test]
async fn dialogs_and_records_that_were_opened_are_recorded_also_when_there_are_none() {
    let mut recorded = Recorded::new().await;
    recorded.world.take(&[event("message.received", "c", "m", "2026-03-19T10:00:00Z", &json!({}))]).await;
    recorded.line().await;
    let line = recorded
        .asked(
            r#"{ a: dialog(id: "nobody's") { channel } b: dialog(id: 7) { channel }
              analytics(range: {last: "P1D"}) { activity { total { behind(of: messages) {
                messages { nodes { at } } dialogs { totalCount } } } } } }"#,
        )
        .await;
    assert_eq!((&line["dialogs"], &line["outcome"]), (&json!(["nobody's", "7"]), &json!("OK")), "{line}");
    let mut records: Vec<_> = line["records"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    records.sort_unstable();
    assert_eq!(records, ["dialogs", "messages"]);
}

#[tokio::test]
async fn an_operator_and_the_teams_of_a_supervisor_are_recorded() {
    let mut recorded = Recorded::new().await;
    recorded.world.answer(&recorded.world.operator("anna"), "{ viewer { role } }").await;
    let line = recorded.line().await;
    assert_eq!(
        (&line["role"], &line["operator"], &line["tenant"]),
        (&json!("OPERATOR"), &json!("anna"), &json!(TENANT))
    );
    let supervisor = recorded.world.token_of("other", Role::Supervisor, None, &["north", "south"]);
    recorded.world.answer(&supervisor, "{ viewer { role } }").await;
    let line = recorded.line().await;
    assert_eq!((&line["tenant"], &line["teams"]), (&json!("other"), &json!(["north", "south"])));
}

#[tokio::test]
async fn events_are_recorded_by_what_became_of_them() {
    let mut recorded = Recorded::new().await;
    let text = "an event's text that nobody may keep";
    let sent = event("message.received", "c", "m", "2026-03-19T10:00:00Z", &json!({"text": text}));
    let body = json!([sent, sent, {"id": "x", "kind": "nonsense"}]);
    let (status, receipt) = recorded.world.post_events(&recorded.world.service(), None, body.to_string()).await;
    assert_eq!(status, 200, "{receipt}");
    let line = recorded.line().await;
    assert_eq!(
        (&line["accepted"], &line["duplicates"], &line["rejected"]),
        (&json!(1), &json!(1), &json!(1)),
        "{line}"
    );
    assert_eq!(
        (&line["route"], &line["role"], &line["outcome"]),
        (&json!("/v1/events"), &json!("SERVICE"), &json!("OK"))
    );
    assert!(!line.to_string().contains("nobody may keep"), "{line}");

    recorded.world.post_events(&recorded.world.manager(), None, body.to_string()).await;
    let line = recorded.line().await;
    assert_eq!((&line["outcome"], &line["status"], &line["sub"]), (&json!("FORBIDDEN"), &json!(403), &json!("tester")));
    recorded.world.post_events("nonsense", None, body.to_string()).await;
    let line = recorded.line().await;
    assert_eq!(
        (&line["outcome"], &line["reason"], &line["sub"]),
        (&json!("UNAUTHENTICATED"), &json!("MALFORMED"), &Value::Null)
    );
}
