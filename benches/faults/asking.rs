//! What the API answers about what was sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rapport::auth::Role;
use serde_json::{Value, json};

use super::child::token;
use super::client::{Client, Failure};
use super::ledger::Figures;
use super::traffic::{RANGE, TENANTS};

/// How long "still being counted in" may last before it is a fault.
const CATCH_UP_MAX: Duration = Duration::from_secs(120);

/// One answer to a query, and what it took to get it.
pub fn ask(client: &mut Client, tenant: usize, query: &str) -> Result<Value, Failure> {
    let body = json!({ "query": query }).to_string();
    let answer = client.post("/graphql", &token(TENANTS[tenant], Role::Manager), body.as_bytes())?;
    Ok(serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!({"errors": [{"status": answer.status}]})))
}

/// A small question, as a dashboard's tile asks it.
pub fn small_query() -> String {
    format!("{{ analytics(range: {RANGE}) {{ delivery {{ total {{ outbound failed }} }} }} }}")
}

/// The figures of a tenant when everything that was accepted is counted in, and how long that took.
pub fn figures(address: SocketAddr, tenant: usize) -> Result<(Figures, Duration), String> {
    let query = format!(
        "{{ analytics(range: {RANGE}) {{ activity {{ total {{ messages }} }} delivery {{ total {{ outbound delivered }}
         series(every: DAY) {{ start metrics {{ outbound }} }} }} }} }}"
    );
    let began = Instant::now();
    let mut client = Client::new(address);
    loop {
        let answer = ask(&mut client, tenant, &query).map_err(|failure| format!("a query failed: {failure:?}"))?;
        if answer.get("errors").is_some() {
            return Err(format!("a query was not answered: {}", answer["errors"]));
        }
        if answer["extensions"].get("stale").is_none_or(Value::is_null) {
            return Ok((read(&answer["data"]["analytics"]), began.elapsed()));
        }
        if CATCH_UP_MAX < began.elapsed() {
            return Err(format!("answers are still stale after {} s", CATCH_UP_MAX.as_secs()));
        }
    }
}

fn read(analytics: &Value) -> Figures {
    let number = |value: &Value| value.as_u64().unwrap_or(u64::MAX);
    let mut figures = Figures {
        inbound: number(&analytics["activity"]["total"]["messages"]),
        // Unknown while an account has told no status at all: nothing was delivered that anybody could know of.
        delivered: analytics["delivery"]["total"]["delivered"].as_u64().unwrap_or_default(),
        ..Figures::default()
    };
    for (day, bucket) in analytics["delivery"]["series"].as_array().into_iter().flatten().enumerate() {
        let outbound = number(&bucket["metrics"]["outbound"]);
        if 0 < outbound {
            figures.outbound.insert(day as u64, outbound);
        }
    }
    figures
}
