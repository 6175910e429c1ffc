//! Who a client is: by its number, by Meta's id of it for one business, or by both.
//!
//! A client that shows a user name hides its number; then only Meta's id is left. Both become names of one contact
//! whenever they come together.

use serde_json::Value;

use super::json;
use crate::ingest::normalise;
use crate::model::event::{Event, Scalar};

/// A client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Digits only.
    pub wa_id: Option<String>,
    /// Business-scoped, such as `DE.1234`.
    pub user_id: Option<String>,
    /// The same for a group of businesses.
    pub parent_user_id: Option<String>,
}

/// Where an object names a client.
pub struct Fields {
    pub number: &'static str,
    pub user_id: &'static str,
    /// Meta's own examples write it in several ways.
    pub parent_user_ids: &'static [&'static str],
}

impl Person {
    /// Who the object names, completed by the entry about the same client in the list beside it.
    pub fn of(object: &Value, fields: &Fields, contacts: &[Value]) -> Self {
        let mut person = Self::default();
        let parent = fields.parent_user_ids.iter().find_map(|pointer| json::text(object, pointer));
        person.complete(json::text(object, fields.number), json::text(object, fields.user_id), parent);
        let is_same = |known: &Option<String>, told: Option<String>| known.is_some() && *known == told;
        let entry = match contacts {
            // Who alone is named is meant where the object names nobody.
            [only] if person == Self::default() => Some(only),
            several => several.iter().find(|contact| {
                is_same(&person.wa_id, json::text(contact, "/wa_id"))
                    || is_same(&person.user_id, json::text(contact, "/user_id"))
            }),
        };
        if let Some(entry) = entry {
            let parent = json::text(entry, "/parent_user_id");
            person.complete(json::text(entry, "/wa_id"), json::text(entry, "/user_id"), parent);
        }
        person
    }

    fn complete(&mut self, number: Option<String>, user_id: Option<String>, parent_user_id: Option<String>) {
        // What stands where a number is expected can be the business-scoped id.
        let (wa_id, instead) = match number {
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => (Some(number), None),
            other => (None, other),
        };
        let fill = |field: &mut Option<String>, value: Option<String>| {
            if field.is_none() {
                *field = value;
            }
        };
        fill(&mut self.wa_id, wa_id);
        fill(&mut self.user_id, user_id.or(instead));
        fill(&mut self.parent_user_id, parent_user_id);
    }

    /// The chat with this client alone.
    pub fn chat(&self) -> Option<&str> {
        self.wa_id.as_deref().or(self.user_id.as_deref()).or(self.parent_user_id.as_deref())
    }

    /// All names, the best first; none when nobody is named.
    pub fn names(&self) -> Vec<String> {
        let ids = [&self.wa_id, &self.user_id, &self.parent_user_id];
        let mut names: Vec<String> = ids.into_iter().flatten().map(|id| format!("whatsapp:{id}")).collect();
        names.extend(self.wa_id.as_deref().and_then(normalise::phone));
        names.dedup();
        names
    }

    /// Says on the event who its contact is.
    pub fn write(&self, event: &mut Event) {
        let mut names = self.names().into_iter();
        event.contact = names.next().map(Scalar::Text);
        for name in names {
            add_identity(event, name);
        }
    }
}

/// Another name of the event's contact.
pub fn add_identity(event: &mut Event, name: String) {
    let name = Scalar::Text(name);
    if event.contact.as_ref() != Some(&name) {
        let identities = event.identities.get_or_insert_default();
        if !identities.contains(&name) {
            identities.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FROM: Fields =
        Fields { number: "/from", user_id: "/from_user_id", parent_user_ids: &["/from_parent_user_id"] };

    #[test]
    fn a_client_is_known_by_all_names_that_stand_together() {
        let contacts = [
            json!({ "wa_id": "491510001", "user_id": "DE.1", "parent_user_id": "DE.ENT.1" }),
            json!({ "wa_id": "491510002", "user_id": "DE.2" }),
        ];
        let names = |object: Value| Person::of(&object, &FROM, &contacts).names();
        let first = ["whatsapp:491510001", "whatsapp:DE.1", "whatsapp:DE.ENT.1", "phone:+491510001"];
        assert_eq!(names(json!({ "from": "491510001" })), first);
        assert_eq!(names(json!({ "from_user_id": "DE.1" })), first);
        assert_eq!(names(json!({ "from": "DE.2" })), ["whatsapp:491510002", "whatsapp:DE.2", "phone:+491510002"]);
        assert_eq!(names(json!({ "from": "491510003" })), ["whatsapp:491510003", "phone:+491510003"]);
        assert_eq!(names(json!({})), [""; 0]);
    }
}
