//! Where a field's value comes from: a text that is always the same, a path, a template of several, or the first of these
//! that yields something.

use toml::Value;

use super::condition::{self, Condition};
use super::path::{self, Digits, Path, Scene};
use super::phone::Country;
use super::unit::Unit;
use super::written::{MappingError, Place, Written, plain};

/// What the value is for, which decides what may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Text,
    /// An amount or a score: floats are read.
    Number,
    Time,
    /// A list of texts.
    Texts,
    /// A list of `kind:value`.
    Identities,
}

/// The first alternative that yields something; for a list, all of them.
#[derive(Clone, Debug)]
pub struct Expression {
    alternatives: Vec<Alternative>,
    wanted: Wanted,
}

#[derive(Clone, Debug)]
struct Alternative {
    when: Vec<Condition>,
    source: Source,
    change: Change,
    otherwise: Option<String>,
}

#[derive(Clone, Debug)]
enum Source {
    Literal(String),
    Path(Path),
    Template(Vec<Part>),
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Path(Path),
}

/// What becomes of what was found.
#[derive(Clone, Debug)]
enum Change {
    None,
    Map(Vec<(String, String)>),
    Phone(Country),
    Time(Unit),
}

/// Values that one list takes of a payload: more than an event may have.
const LIST_MAX: usize = 64;

impl Expression {
    /// # Errors
    /// When it says nothing, or something that is not known.
    pub fn parse(place: &Place, value: Value, wanted: Wanted) -> Result<Self, MappingError> {
        let alternatives: Vec<Alternative> = match value {
            Value::Array(values) => {
                let numbered = (1..).zip(values);
                numbered
                    .map(|(number, value)| Alternative::parse(place.entry(number), value, wanted))
                    .collect::<Result<_, _>>()?
            }
            value => vec![Alternative::parse(place.clone(), value, wanted)?],
        };
        match alternatives.is_empty() {
            false => Ok(Self { alternatives, wanted }),
            true => Err(place.wrong("is an empty list")),
        }
    }

    /// The value for what the rule looks at.
    pub fn text(&self, scene: &Scene<'_>) -> Option<String> {
        self.alternatives.iter().find_map(|alternative| alternative.texts(scene, self.wanted, 1).pop())
    }

    /// The values of a list.
    pub fn texts(&self, scene: &Scene<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        for alternative in &self.alternatives {
            texts.extend(alternative.texts(scene, self.wanted, LIST_MAX.saturating_sub(texts.len())));
        }
        texts
    }

    /// The texts that it can yield whatever the payload says: literals and the values of maps.
    pub fn known(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().flat_map(|alternative| {
            let own = match (&alternative.source, &alternative.change) {
                (Source::Literal(text), _) => vec![text.as_str()],
                (_, Change::Map(map)) => map.iter().map(|(_, to)| to.as_str()).collect(),
                _ => Vec::new(),
            };
            own.into_iter().chain(alternative.otherwise.as_deref())
        })
    }

    /// Whether it can yield what only the payload knows.
    pub fn is_open(&self) -> bool {
        let is_fixed = |alternative: &Alternative| {
            matches!(alternative.source, Source::Literal(_)) || matches!(alternative.change, Change::Map(_))
        };
        !self.alternatives.iter().all(is_fixed)
    }

    /// Whether the account or the channel is asked for, which are not known yet where they are made.
    pub fn asks_for_sender(&self) -> bool {
        self.paths().any(Path::is_of_sender)
    }

    /// Whether something in the payload is asked for.
    pub fn asks_for_payload(&self) -> bool {
        self.paths().any(Path::is_of_payload)
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.alternatives.iter().flat_map(|alternative| match &alternative.source {
            Source::Literal(_) => Vec::new(),
            Source::Path(path) => vec![path],
            Source::Template(parts) => parts.iter().filter_map(Part::path).collect(),
        })
    }

    /// Whether the payload has anything where this looks, be it readable or not.
    pub fn is_said(&self, scene: &Scene<'_>) -> bool {
        self.paths().any(|path| path.is_there(scene))
    }

    /// What a payload said where [`Expression::text`] has no word for it: the value before any map.
    pub fn found(&self, scene: &Scene<'_>) -> Option<String> {
        self.alternatives.iter().find_map(|alternative| alternative.source.texts(scene, Digits::Any, 1).pop())
    }
}

impl Alternative {
    fn parse(place: Place, value: Value, wanted: Wanted) -> Result<Self, MappingError> {
        if let Some(text) = literal(&value) {
            return Self::parse_literal(&place, text, wanted);
        }
        let Value::Table(table) = value else {
            return Err(place.wrong("must be a text, a number, true or false, or a table with `path` or `template`"));
        };
        let mut written = Written::new(place, table);
        let when = condition::parse_all(&mut written)?;
        let given: Vec<&str> = ["path", "template", "literal"].into_iter().filter(|key| written.has(key)).collect();
        let source = match given.as_slice() {
            ["path"] => Source::Path(condition::read_path(&mut written)?),
            ["template"] => Source::Template(template(&mut written)?),
            ["literal"] => {
                let (place, value) = written.need("literal")?;
                Source::Literal(literal(&value).ok_or_else(|| place.wrong("must be a text or a number"))?)
            }
            _ => return Err(written.place.wrong("needs exactly one of `path`, `template` and `literal`")),
        };
        let change = change(&mut written, &source, wanted)?;
        let otherwise = written.text_if_given("otherwise")?;
        let alternative = Self { when, source, change, otherwise };
        alternative.check(&written.place, wanted)?;
        written.finish()?;
        Ok(alternative)
    }

    fn parse_literal(place: &Place, text: String, wanted: Wanted) -> Result<Self, MappingError> {
        if text.is_empty() {
            return Err(place.wrong("is empty"));
        }
        if wanted == Wanted::Time {
            return Err(place.wrong("must be a table with `path` and `unit`"));
        }
        let alternative =
            Self { when: Vec::new(), source: Source::Literal(text), change: Change::None, otherwise: None };
        alternative.check(place, wanted)?;
        Ok(alternative)
    }

    /// What would cost every event that uses it.
    fn check(&self, place: &Place, wanted: Wanted) -> Result<(), MappingError> {
        let is_many = matches!(&self.source, Source::Path(path) if path.is_of_many());
        if is_many && !matches!(wanted, Wanted::Texts | Wanted::Identities) {
            return Err(place
                .inside("path")
                .wrong("has a `*`, and this is not a list; give the place of one entry, such as 0"));
        }
        if wanted != Wanted::Identities || matches!(self.change, Change::Phone(_)) {
            return Ok(());
        }
        let begins = match &self.source {
            Source::Literal(text) => text.as_str(),
            Source::Template(parts) => match parts.first() {
                Some(Part::Text(text)) => text.as_str(),
                _ => "",
            },
            Source::Path(_) => "",
        };
        match begins.split_once(':').is_some_and(|(kind, _)| !kind.is_empty()) {
            true => Ok(()),
            false => Err(place.wrong("is no identity: give `phone`, or a `template` such as telegram:{chat_id}")),
        }
    }

    fn texts(&self, scene: &Scene<'_>, wanted: Wanted, most: usize) -> Vec<String> {
        if most == 0 || !condition::hold(&self.when, scene) {
            return Vec::new();
        }
        let digits = match wanted {
            Wanted::Number | Wanted::Time => Digits::Any,
            Wanted::Text | Wanted::Texts | Wanted::Identities => Digits::Whole,
        };
        let found = self.source.texts(scene, digits, most);
        let mut texts: Vec<String> = found.into_iter().filter_map(|text| self.change.of(text)).collect();
        if texts.is_empty() {
            texts.extend(self.otherwise.clone());
        }
        texts
    }
}

impl Part {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Text(_) => None,
            Self::Path(path) => Some(path),
        }
    }
}

impl Source {
    fn texts(&self, scene: &Scene<'_>, digits: Digits, most: usize) -> Vec<String> {
        match self {
            Self::Literal(text) => vec![text.clone()],
            Self::Template(parts) => fill(parts, scene).into_iter().collect(),
            Self::Path(path) if most == 1 || !path.is_of_payload() => {
                path.text(scene, digits).map(|text| text.into_owned()).into_iter().collect()
            }
            Self::Path(path) => {
                let mut texts = Vec::new();
                for value in path.find_all(scene, most) {
                    // A list needs no `*` where its entries are the values themselves.
                    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    let rest = most.saturating_sub(texts.len());
                    let found = values.iter().filter_map(|value| path::text(value, digits));
                    texts.extend(found.take(rest).map(|text| text.into_owned()));
                }
                texts
            }
        }
    }
}

impl Change {
    fn of(&self, text: String) -> Option<String> {
        match self {
            Self::None => Some(text),
            Self::Map(map) => map.iter().find(|(from, _)| *from == text).map(|(_, to)| to.clone()),
            Self::Phone(country) => country.identity(&text),
            // One that cannot be read stays what it is, so that normalising refuses it and says why.
            Self::Time(unit) => Some(unit.read(&text).map_or(text, |millis| millis.to_string())),
        }
    }
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::Float(number) => Some(number.to_string()),
        value => plain(value),
    }
}

fn change(written: &mut Written, source: &Source, wanted: Wanted) -> Result<Change, MappingError> {
    let is_literal = matches!(source, Source::Literal(_));
    if wanted == Wanted::Time && !is_literal {
        return Ok(Change::Time(Unit::take(written)?));
    }
    let map = written.take("map");
    let phone_place = written.place.inside("phone");
    let phone = written.text_if_given("phone")?;
    match (map, phone) {
        (None, None) => Ok(Change::None),
        (Some(_), Some(_)) => Err(phone_place.wrong("and `map` are both given: give one of them")),
        (Some((place, value)), None) => {
            let Value::Table(table) = value else {
                return Err(place.wrong("must be a table: what the payload says = what it means"));
            };
            let entry = |(from, to): (String, Value)| match plain(&to) {
                Some(to) if !to.is_empty() => Ok((from, to)),
                _ => Err(place.inside(&from).wrong("must be a text that is not empty")),
            };
            Ok(Change::Map(table.into_iter().map(entry).collect::<Result<_, _>>()?))
        }
        (None, Some(text)) => match (Country::parse(&text), wanted) {
            (Some(country), Wanted::Text | Wanted::Identities) => Ok(Change::Phone(country)),
            (Some(_), _) => Err(phone_place.wrong("is only for `contact` and `identities`")),
            (None, _) => {
                Err(phone_place.wrong(format!("is `{text}`; give international, or a country's code such as +7")))
            }
        },
    }
}

/// `telegram:{chat_id}`: texts, and paths in braces. There is no way to write a brace as text; nothing has needed one.
fn template(written: &mut Written) -> Result<Vec<Part>, MappingError> {
    let place = written.place.inside("template");
    let text = written.text("template")?;
    let mut parts = Vec::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((path, after)) = behind.split_once('}') else {
            return Err(place.wrong("has a `{` without its `}`"));
        };
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let path = Path::parse(path).map_err(|reason| place.wrong(reason))?;
        if path.is_of_many() {
            return Err(place.wrong("has a `*`; a template takes one value of each path"));
        }
        parts.push(Part::Path(path));
        rest = after;
    }
    if rest.contains('}') {
        return Err(place.wrong("has a `}` without its `{`"));
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// Nothing where a part is missing: half a name would be the name of somebody else.
fn fill(parts: &[Part], scene: &Scene<'_>) -> Option<String> {
    let mut filled = String::new();
    for part in parts {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Path(path) => filled.push_str(&path.text(scene, Digits::Whole)?),
        }
    }
    Some(filled)
}
