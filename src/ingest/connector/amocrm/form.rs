//! Forms with nested keys (`leads[status][0][id]=7`) as JSON: every level is an object, lists too, and every value a text.

use serde_json::{Map, Value};

/// Fields of one form: a hundred deals with a hundred fields of five values each.
const FIELDS_MAX: usize = 50_000;

/// Levels of one key; amoCRM has eight: `contacts[add][0][custom_fields][0][values][0][value]`.
const LEVELS_MAX: usize = 16;

/// The form as an object.
///
/// # Errors
/// Says what is too much of it.
pub fn parse(body: &[u8]) -> Result<Value, &'static str> {
    let mut root = Map::new();
    for (count, (key, value)) in form_urlencoded::parse(body).enumerate() {
        if FIELDS_MAX <= count {
            return Err("the form has more than 50,000 fields");
        }
        let levels = levels(&key);
        if LEVELS_MAX < levels.len() {
            return Err("a key of the form has more than 16 levels");
        }
        insert(&mut root, &levels, value.into_owned());
    }
    Ok(Value::Object(root))
}

/// `a`, `b`, `c` of `a[b][c]`. A key that is not written so is one level.
fn levels(key: &str) -> Vec<&str> {
    let split = || {
        let (name, rest) = key.split_once('[')?;
        let inner = rest.strip_suffix(']').filter(|_| !name.is_empty())?;
        let mut levels = vec![name];
        levels.extend(inner.split("]["));
        let is_plain = !levels.iter().any(|level| level.contains(['[', ']']));
        is_plain.then_some(levels)
    };
    split().unwrap_or_else(|| vec![key])
}

/// Puts a value in its place. What comes first stays, where a key is both a value and a level.
fn insert(object: &mut Map<String, Value>, levels: &[&str], value: String) {
    let Some((level, deeper)) = levels.split_first() else { return };
    // `a[]`: the next of a list.
    let name = if level.is_empty() { object.len().to_string() } else { (*level).to_owned() };
    if deeper.is_empty() {
        object.entry(name).or_insert(Value::String(value));
    } else if let Value::Object(inner) = object.entry(name).or_insert_with(|| Value::Object(Map::new())) {
        insert(inner, deeper, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(form: &str, expect: &Value) {
        assert_eq!(&parse(form.as_bytes()).unwrap(), expect, "{form}");
    }

    #[test]
    fn nested_keys_become_nested_objects() {
        check("a=1&b[c]=2&b[d][0][e]=3", &json!({"a": "1", "b": {"c": "2", "d": {"0": {"e": "3"}}}}));
        check("a%5Bb%5D%5B0%5D=x+y&a%5bb%5d%5b1%5d=%D1%8F", &json!({"a": {"b": {"0": "x y", "1": "я"}}}));
        check("a[]=1&a[]=2", &json!({"a": {"0": "1", "1": "2"}}));
    }

    #[test]
    fn odd_keys_are_plain_names() {
        check("a[b=1&[c]=2&=3&d]=4&e[f]g=5", &json!({"a[b": "1", "[c]": "2", "2": "3", "d]": "4", "e[f]g": "5"}));
        check("a[[b]]=1&%zz=2&%ff=3", &json!({"a[[b]]": "1", "%zz": "2", "\u{fffd}": "3"}));
    }

    #[test]
    fn what_is_told_twice_is_what_was_told_first() {
        check("a=1&a=2&a[b]=3&c[d]=4&c=5", &json!({"a": "1", "c": {"d": "4"}}));
    }

    #[test]
    fn a_form_has_an_end() {
        let deep = |levels: usize| format!("a{}=1", "[b]".repeat(levels - 1));
        assert!(parse(deep(16).as_bytes()).is_ok());
        assert_eq!(parse(deep(17).as_bytes()), Err("a key of the form has more than 16 levels"));
        assert_eq!(parse("a=1&".repeat(50_001).as_bytes()), Err("the form has more than 50,000 fields"));
    }
}
