//! Who may read what: the matrix of roles and everything that the schema lets one ask, made from the schema itself.

mod hidden;
pub mod matrix;
mod paths;

use rapport::auth::Role;
use serde_json::{Value, json};

use crate::drill::history;
use crate::world::{TENANT, World};

/// A tenant with something of everything, also a dialog with a conversion that everybody has a part in.
async fn busy_world() -> World {
    let world = World::at("2026-03-13T12:00:00Z").await;
    world.take(&history::events(600)).await;
    let event = |kind: &str, message: &str, minute: u32, more: Value| {
        crate::world::event(kind, "shared", message, &format!("2026-03-12T10:{minute:02}:00Z"), &more)
    };
    let anna = json!({"operator": "anna", "team": "north", "contact": "shared"});
    let value = json!({"contact": "shared", "conversion": {"action": "purchase", "value": "99.5", "currency": "EUR"}});
    let mut conversion = event("conversion.recorded", "", 9, value);
    conversion.as_object_mut().unwrap().remove("message");
    world
        .take(&[
            event("message.received", "1", 1, json!({"contact": "shared"})),
            event("message.sent", "2", 2, anna),
            event("message.received", "3", 5, json!({"contact": "shared"})),
            event("message.sent", "4", 7, json!({"operator": "bob", "team": "north", "contact": "shared"})),
            conversion,
        ])
        .await;
    world
}

fn token(world: &World, role: Role) -> String {
    world.token_of(TENANT, role, Some("anna"), &["north"])
}

/// The codes of an answer's errors, with the path of each.
fn refusals(answer: &Value) -> Vec<(String, Vec<String>)> {
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    let read = |error: Value| {
        let path = error["path"].as_array().cloned().unwrap_or_default();
        let path = path.iter().map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
        (error["extensions"]["code"].as_str().unwrap_or("none").to_owned(), path)
    };
    errors.into_iter().map(read).collect()
}
