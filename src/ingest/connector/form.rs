//! Payloads that come as a form or as JSON, read alike: `data[FIELDS][ID]=17` is `{"data": {"FIELDS": {"ID": "17"}}}`.
//!
//! Of a form every level is an object, lists too, and every value a text. Forms are read before it is known who sent them,
//! so what one can cost is bounded; it knows no platform and never panics.

use serde_json::{Map, Value};

use super::json;

/// Bytes of one form: sixteen times what a delivery may have unless it is configured otherwise.
const BYTES_MAX: usize = 64 << 20;

/// Fields of one form: a hundred deals with a hundred fields of five values each.
const FIELDS_MAX: usize = 50_000;

/// Levels of one key; amoCRM has eight: `contacts[add][0][custom_fields][0][values][0][value]`.
const LEVELS_MAX: usize = 16;

/// Objects that the fields of one form may lie in. One costs a few hundred bytes of memory and three of the form (`[a]`), so
/// without a limit a small form would be a large tree.
const OBJECTS_MAX: usize = 100_000;

/// The payload, whether it is a form or JSON: no form begins with a brace. The content type is not asked, so that what is
/// verified is what is read.
///
/// # Errors
/// Says why it is neither.
pub fn document(body: &[u8]) -> Result<Value, String> {
    match body.trim_ascii_start().first() {
        Some(b'{' | b'[' | b'"') => json::parse(body).map_err(|error| format!("the payload is no JSON: {error}")),
        _ => parse(body).map_err(str::to_owned),
    }
}

/// The form as an object.
///
/// # Errors
/// Says what is too much of it.
pub fn parse(body: &[u8]) -> Result<Value, &'static str> {
    if BYTES_MAX < body.len() {
        return Err("the form has more than 64 MiB");
    }
    if std::str::from_utf8(body).is_err() {
        return Err("the payload is neither a form nor JSON");
    }
    let mut root = Map::new();
    let mut objects_left = OBJECTS_MAX;
    for (count, (key, value)) in form_urlencoded::parse(body).enumerate() {
        if FIELDS_MAX <= count {
            return Err("the form has more than 50,000 fields");
        }
        let levels = levels(&key);
        if LEVELS_MAX < levels.len() {
            return Err("a key of the form has more than 16 levels");
        }
        insert(&mut root, &levels, value.into_owned(), &mut objects_left)
            .ok_or("the form has more than 100,000 levels")?;
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

/// Puts a value in its place. What comes first stays, where a key comes twice or is both a value and a level. `None`: it needs
/// more objects than are left.
fn insert(object: &mut Map<String, Value>, levels: &[&str], value: String, objects_left: &mut usize) -> Option<()> {
    let Some((level, deeper)) = levels.split_first() else { return Some(()) };
    // `a[]`: the next of a list.
    let name = if level.is_empty() { object.len().to_string() } else { (*level).to_owned() };
    if deeper.is_empty() {
        object.entry(name).or_insert(Value::String(value));
        return Some(());
    }
    if !object.contains_key(&name) {
        *objects_left = objects_left.checked_sub(1)?;
    }
    match object.entry(name).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(inner) => insert(inner, deeper, value, objects_left),
        _ => Some(()),
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
        // 15 objects a field.
        let bushes =
            |count: usize| (0..count).map(|at| deep(16).replacen('a', &format!("a{at}"), 1)).collect::<Vec<_>>();
        assert!(parse(bushes(6_666).join("&").as_bytes()).is_ok());
        assert_eq!(parse(bushes(6_667).join("&").as_bytes()), Err("the form has more than 100,000 levels"));
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let json = json!({"event": "X", "data": {"FIELDS": {"ID": "17"}}, "auth": {"domain": ""}});
        assert_eq!(document(b"event=X&data%5BFIELDS%5D[ID]=17&auth[domain]="), Ok(json.clone()));
        assert_eq!(document(format!(" {json}").as_bytes()), Ok(json));
        assert_eq!(document(b""), Ok(json!({})));
        for neither in [&b"\xff"[..], b"{", b" [1", b"\"a"] {
            assert!(document(neither).is_err(), "{neither:?}");
        }
    }
}
