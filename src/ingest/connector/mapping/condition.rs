//! When a rule, or a value, applies: tests of the payload's values, all of which must hold.

use toml::Value;

use super::path::{Digits, Path, Scene};
use super::written::{MappingError, Place, Written, plain};

/// `{ path = "status", equals = "inbound" }`.
#[derive(Clone, Debug)]
pub struct Condition {
    path: Path,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Among(Vec<String>),
    /// A value that is not there is none of them.
    NotAmong(Vec<String>),
    /// Anything but null and the empty text.
    There,
    Missing,
}

impl Condition {
    fn parse(place: Place, value: Value) -> Result<Self, MappingError> {
        let mut written = Written::of(place, value)?;
        let path = read_path(&mut written)?;
        let tests = ["equals", "in", "not", "exists"];
        let given: Vec<&str> = tests.into_iter().filter(|test| written.has(test)).collect();
        let [test] = given.as_slice() else {
            return Err(written.place.wrong("needs exactly one of `equals`, `in`, `not` and `exists`"));
        };
        let test = match *test {
            "exists" => match written.flag("exists")? {
                true => Test::There,
                false => Test::Missing,
            },
            "not" => Test::NotAmong(texts(&mut written, "not")?),
            key => Test::Among(texts(&mut written, key)?),
        };
        written.finish()?;
        Ok(Self { path, test })
    }

    fn holds(&self, scene: &Scene<'_>) -> bool {
        let text = || self.path.text(scene, Digits::Any);
        match &self.test {
            Test::Among(texts) => text().is_some_and(|text| texts.iter().any(|known| *known == *text)),
            Test::NotAmong(texts) => !text().is_some_and(|text| texts.iter().any(|known| *known == *text)),
            Test::There => self.path.is_there(scene),
            Test::Missing => !self.path.is_there(scene),
        }
    }
}

/// The conditions under `when`: one, or a list of them.
///
/// # Errors
/// When one cannot be read.
pub fn parse_all(written: &mut Written) -> Result<Vec<Condition>, MappingError> {
    written.entries("when").into_iter().map(|(place, value)| Condition::parse(place, value)).collect()
}

/// Whether all of them hold.
pub fn hold(conditions: &[Condition], scene: &Scene<'_>) -> bool {
    conditions.iter().all(|condition| condition.holds(scene))
}

/// The path under `path`.
///
/// # Errors
/// When there is none.
pub fn read_path(written: &mut Written) -> Result<Path, MappingError> {
    let place = written.place.inside("path");
    Path::parse(&written.text("path")?).map_err(|reason| place.wrong(reason))
}

fn texts(written: &mut Written, key: &str) -> Result<Vec<String>, MappingError> {
    let text = |(place, value): (Place, Value)| {
        plain(&value).ok_or_else(|| place.wrong("must be a text, a whole number, true or false"))
    };
    let texts: Vec<String> = written.entries(key).into_iter().map(text).collect::<Result<_, _>>()?;
    match texts.is_empty() {
        false => Ok(texts),
        true => Err(written.place.inside(key).wrong("is an empty list")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_condition_compares_texts_numbers_and_flags() {
        let body = json!({ "a": "x", "n": 5, "on": true, "none": null, "empty": "", "o": {} });
        let check = |text: &str, expect: bool| {
            let table = Value::Table(toml::from_str(text).unwrap());
            let condition = Condition::parse(Place::default(), table).unwrap();
            assert_eq!(condition.holds(&Scene::of_body(&body)), expect, "{text}");
        };
        check("path = 'a'\nequals = 'x'", true);
        check("path = 'n'\nequals = 5", true);
        check("path = 'on'\nequals = true", true);
        check("path = 'on'\nequals = 'true'", true);
        check("path = 'a'\nin = ['y', 'x']", true);
        check("path = 'a'\nin = ['y']", false);
        check("path = 'a'\nnot = 'x'", false);
        check("path = 'missing'\nnot = ['x']", true);
        check("path = 'o'\nexists = true", true);
        for absent in ["none", "empty", "missing"] {
            check(&format!("path = '{absent}'\nexists = false"), true);
            check(&format!("path = '{absent}'\nequals = ''"), false);
        }
    }
}
