//! A statement as a server takes it: each value a parameter with a name and a type, apart from the text.

use clickhouse::query::Query;

use crate::sql::{Sql, Value};

/// Bytes of a text in one parameter. A server takes 128 KiB for one by default (`http_max_field_value_size`), and a text whose
/// every character is escaped is twice as long; longer texts, such as lists of ids, are put together again by the server.
const TEXT_BYTES: usize = 32 * 1024;

/// The text with a place for each parameter, and what goes there.
pub(super) struct Parameterised {
    text: String,
    values: Vec<Parameter>,
}

enum Parameter {
    Text(String),
    Int(i64),
    Float(f64),
}

impl Parameterised {
    pub fn of(statement: &Sql) -> Self {
        let mut made = Self { text: String::with_capacity(statement.text().len()), values: Vec::new() };
        let mut values = statement.values().iter();
        for (index, part) in statement.text().split('?').enumerate() {
            if 0 < index {
                match values.next() {
                    Some(value) => made.take(value),
                    // `Sql` has a value for each; without one the server says what is wrong.
                    None => made.text.push('?'),
                }
            }
            made.text.push_str(part);
        }
        made
    }

    fn take(&mut self, value: &Value) {
        match value {
            Value::Int(number) => self.put("Int64", Parameter::Int(*number)),
            Value::Float(number) => self.put("Float64", Parameter::Float(*number)),
            Value::Text(text) if text.len() <= TEXT_BYTES => self.put("String", Parameter::Text(text.clone())),
            Value::Text(text) => {
                self.text.push_str("concat(");
                for (index, piece) in pieces(text).enumerate() {
                    self.text.push_str(if index == 0 { "" } else { ", " });
                    self.put("String", Parameter::Text(piece.to_owned()));
                }
                self.text.push(')');
            }
        }
    }

    fn put(&mut self, kind: &str, value: Parameter) {
        self.text.push_str(&format!("{{p{}:{kind}}}", self.values.len()));
        self.values.push(value);
    }

    /// The request for it, values beside the text.
    pub fn ask(&self, client: &clickhouse::Client) -> Query {
        let mut query = client.query_raw(&self.text);
        for (index, value) in self.values.iter().enumerate() {
            let name = format!("p{index}");
            query = match value {
                Parameter::Text(text) => query.param(&name, text),
                Parameter::Int(number) => query.param(&name, number),
                Parameter::Float(number) => query.param(&name, number),
            };
        }
        query
    }
}

/// A text in pieces that are not too long, cut between characters.
fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (piece, rest) = text.split_at(text.floor_char_boundary(TEXT_BYTES));
        text = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_a_name_and_a_type() {
        let mut sql = Sql::new("SELECT ");
        sql.bind("it's").push(", ").bind(-1).push(", ").bind(0.5).push(", ").bind_list(["a", "b"]);
        let made = Parameterised::of(&sql);
        assert_eq!(made.text, "SELECT {p0:String}, {p1:Int64}, {p2:Float64}, [{p3:String}, {p4:String}]");
        assert_eq!(made.values.len(), 5);
    }

    #[test]
    fn a_text_too_long_for_one_parameter_is_put_together_again() {
        let long = "я".repeat(TEXT_BYTES);
        let mut sql = Sql::new("SELECT length(");
        sql.bind(long.as_str()).push(")");
        let made = Parameterised::of(&sql);
        assert_eq!(made.text, "SELECT length(concat({p0:String}, {p1:String}))");
        let texts = made.values.iter().map(|value| match value {
            Parameter::Text(text) => text.as_str(),
            _ => "",
        });
        assert_eq!(texts.collect::<String>(), long);
    }
}
