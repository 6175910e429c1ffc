//! One event of HubSpot: what changed, and how. Each kind comes in two forms, of its object (`deal.creation`) and generic
//! (`object.creation` with the type of the object as a number).

use serde_json::Value;

use crate::ingest::connector::deals::checked_id;
use crate::ingest::connector::json::{list, number, text};
use crate::model::clock::Millis;

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub object: Object,
    pub id: String,
    pub at: Millis,
    pub change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    Contact,
    Deal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A property has this value now; empty where it has none.
    Property {
        name: String,
        value: String,
    },
    Deletion,
    Restore,
    /// Others became part of it; `into` is what HubSpot made of them all, where that is another one.
    Merge {
        merged: Vec<String>,
        into: Option<String>,
    },
    /// A contact was joined to a deal.
    Joined {
        deal: String,
    },
}

/// Why nothing is read of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    Unknown {
        kind: String,
    },
    /// Known, and of no use.
    Ignored,
    Broken {
        reason: String,
    },
}

/// Objects that no figure needs.
const OTHERS: [&str; 5] = ["company", "conversation", "line_item", "product", "ticket"];

/// Changes of contacts and deals that no figure needs.
const OTHER_CHANGES: [&str; 2] = ["creation", "privacyDeletion"];

/// An event of a contact or a deal.
pub fn read(event: &Value, received_at: Millis) -> Result<Subject, Unread> {
    let kind = text(event, "/subscriptionType").ok_or_else(|| broken("an event has no subscriptionType"))?;
    let unknown = || Unread::Unknown { kind: kind.clone() };
    let (named, change) = kind.split_once('.').ok_or_else(unknown)?;
    let at = number(event, "/occurredAt").filter(|at| 0 < *at).unwrap_or(received_at);
    if OTHERS.contains(&named) {
        return Err(Unread::Ignored);
    }
    if change == "associationChange" && matches!(named, "contact" | "deal" | "object") {
        return joined(event, at);
    }
    let object = match named {
        "contact" => Object::Contact,
        "deal" => Object::Deal,
        "object" => generic(event, "/objectTypeId")?.ok_or(Unread::Ignored)?,
        _ => return Err(unknown()),
    };
    if OTHER_CHANGES.contains(&change) {
        return Err(Unread::Ignored);
    }
    if change == "merge" {
        let id = id(event, "/primaryObjectId").or_else(|_| id(event, "/objectId"))?;
        let ids = list(event, "/mergedObjectIds").iter().filter_map(|merged| text(merged, "")).filter_map(checked_id);
        let merged = ids.filter(|merged| *merged != id).collect();
        let into = text(event, "/newObjectId").and_then(checked_id).filter(|made| *made != id);
        return Ok(Subject { object, id, at, change: Change::Merge { merged, into } });
    }
    let change = match change {
        "propertyChange" => {
            let name = text(event, "/propertyName").ok_or_else(|| broken("a propertyChange has no propertyName"))?;
            Change::Property { name, value: value(event.get("propertyValue")) }
        }
        "deletion" => Change::Deletion,
        "restore" => Change::Restore,
        _ => return Err(unknown()),
    };
    Ok(Subject { object, id: id(event, "/objectId")?, at, change })
}

/// A link between a contact and a deal, whichever end tells it.
fn joined(event: &Value, at: Millis) -> Result<Subject, Unread> {
    // There is no event by which two names stop being one person's.
    if event.get("associationRemoved").is_some_and(|removed| value(Some(removed)) == "true") {
        return Err(Unread::Ignored);
    }
    let (from, to) = ends(event)?;
    let (contact, deal) = match (from, to) {
        (Some(Object::Contact), Some(Object::Deal)) => ("/fromObjectId", "/toObjectId"),
        (Some(Object::Deal), Some(Object::Contact)) => ("/toObjectId", "/fromObjectId"),
        _ => return Err(Unread::Ignored),
    };
    let (contact, deal) = (id(event, contact)?, id(event, deal)?);
    Ok(Subject { object: Object::Contact, id: contact, at, change: Change::Joined { deal } })
}

/// What is at the two ends: by a name (`DEAL_TO_CONTACT`) or by the types of both; `None` where it is something else.
fn ends(event: &Value) -> Result<(Option<Object>, Option<Object>), Unread> {
    let named = |name: &str| match name {
        "CONTACT" => Some(Object::Contact),
        "DEAL" => Some(Object::Deal),
        _ => None,
    };
    match text(event, "/associationType").as_deref().and_then(|name| name.split_once("_TO_")) {
        Some((from, to)) => Ok((named(from), named(to))),
        None => Ok((generic(event, "/fromObjectTypeId")?, generic(event, "/toObjectTypeId")?)),
    }
}

/// The object of a type's number; `None` where it is neither a contact nor a deal.
fn generic(event: &Value, pointer: &str) -> Result<Option<Object>, Unread> {
    let number = text(event, pointer).ok_or_else(|| broken("an event does not say which type its object has"))?;
    Ok(match number.as_str() {
        "0-1" => Some(Object::Contact),
        "0-3" => Some(Object::Deal),
        _ => None,
    })
}

fn id(event: &Value, pointer: &str) -> Result<String, Unread> {
    text(event, pointer).and_then(checked_id).ok_or_else(|| broken(&format!("an event has no {}", &pointer[1..])))
}

/// The value as text. HubSpot writes texts; a number or a truth value means the same.
fn value(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(is_true)) => is_true.to_string(),
        _ => String::new(),
    }
}

fn broken(reason: &str) -> Unread {
    Unread::Broken { reason: reason.to_owned() }
}
