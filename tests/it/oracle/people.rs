//! Who is who: names and chats that events say are one person's, put together pair by pair.

use std::collections::BTreeSet;

use super::events::Event;

/// A name of a contact, or a chat: the channel, the account, the chat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Contact(&'static str),
    Chat(&'static str, &'static str, &'static str),
}

/// Everything that events tell of persons, whenever they happen.
#[derive(Debug)]
pub struct People {
    /// The names of each person that has several.
    persons: Vec<BTreeSet<Name>>,
    /// Contacts of whom a link or a conversion tells.
    told: BTreeSet<Name>,
    /// Whether any contact was ever linked.
    links: bool,
}

impl People {
    pub fn of(events: &[Event]) -> Self {
        let mut people = Self { persons: Vec::new(), told: BTreeSet::new(), links: false };
        for event in events {
            let mut names: BTreeSet<Name> = event.identities.iter().copied().map(Name::Contact).collect();
            if !event.contact.is_empty() {
                names.insert(Name::Contact(event.contact));
            }
            let is_link = event.kind == "contact.linked";
            if is_link && !event.chat.is_empty() {
                names.insert(Name::Chat(event.channel, event.account, event.chat));
            }
            people.links |= is_link;
            if (is_link || event.kind.starts_with("conversion.")) && !event.contact.is_empty() {
                people.told.insert(Name::Contact(event.contact));
            }
            people.join(names);
        }
        people
    }

    fn join(&mut self, mut names: BTreeSet<Name>) {
        let (joined, apart): (Vec<_>, Vec<_>) = self.persons.drain(..).partition(|person| !person.is_disjoint(&names));
        names.extend(joined.into_iter().flatten());
        self.persons = apart;
        self.persons.push(names);
    }

    /// All names of whoever has this one.
    pub fn person(&self, name: &Name) -> BTreeSet<Name> {
        self.persons.iter().find(|person| person.contains(name)).cloned().unwrap_or_else(|| [name.clone()].into())
    }

    /// Whether the source of conversions knows one of these; where nobody is ever linked, whether there is a contact.
    pub fn knows(&self, names: &[Name]) -> bool {
        if !self.links {
            return names.iter().any(|name| matches!(name, Name::Contact(_)));
        }
        names.iter().any(|name| !self.person(name).is_disjoint(&self.told))
    }
}
