//! Who is who: names and chats that events say are one person's, put together pair by pair.

use std::collections::{BTreeMap, BTreeSet};

use super::events::{Event, id};

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

/// Two names that an event puts together.
type Pair = (Name, Name);

impl People {
    pub fn of(events: &[Event]) -> Self {
        let mut people = Self { persons: Vec::new(), told: BTreeSet::new(), links: false };
        // When each pair was told of first, and by the least of the events that did.
        let mut pairs: BTreeMap<Pair, (i64, String)> = BTreeMap::new();
        for (index, event) in events.iter().enumerate() {
            let mut names: Vec<Name> = Vec::new();
            if !event.contact.is_empty() {
                names.push(Name::Contact(event.contact));
            }
            names.extend(event.identities.iter().copied().map(Name::Contact));
            let is_link = event.kind == "contact.linked";
            if is_link && !event.chat.is_empty() {
                names.push(Name::Chat(event.channel, event.account, event.chat));
            }
            people.links |= is_link;
            if (is_link || event.kind.starts_with("conversion.")) && !event.contact.is_empty() {
                people.told.insert(Name::Contact(event.contact));
            }
            for other in names.iter().skip(1).filter(|other| **other != names[0]) {
                let told = pairs.entry((names[0].clone(), other.clone())).or_insert((event.at, id(index)));
                *told = (told.0.min(event.at), told.1.clone().min(id(index)));
            }
        }
        for (one, other) in pairs.keys() {
            if is_first(one, other, &pairs) && is_first(other, one, &pairs) {
                people.join([one.clone(), other.clone()].into());
            }
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

/// A deal can have several people, who are not one for that: it joins only the one that was told of first.
fn is_first(deal: &Name, other: &Name, pairs: &BTreeMap<Pair, (i64, String)>) -> bool {
    let is_deal = |name: &Name| matches!(name, Name::Contact(name) if name.contains(":deal:"));
    if !is_deal(deal) {
        return true;
    }
    let mut found: BTreeMap<&Name, (i64, String)> = BTreeMap::new();
    for ((one, two), told) in pairs {
        let neighbour = match (one == deal, two == deal) {
            (true, _) => two,
            (_, true) => one,
            _ => continue,
        };
        // Deals that were put together do not take the place of whom they are of.
        if is_deal(neighbour) {
            continue;
        }
        let known = found.entry(neighbour).or_insert_with(|| told.clone());
        *known = (known.0.min(told.0), known.1.clone().min(told.1.clone()));
    }
    let text = |name: &Name| match name {
        Name::Contact(name) => *name,
        Name::Chat(..) => "",
    };
    found.iter().min_by_key(|(name, told)| ((*told).clone(), text(name))).is_none_or(|(name, _)| *name == other)
}
