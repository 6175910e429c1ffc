//! SQL that cannot be injected into: text that only the programmer can write, plus bound values.
//!
//! Text is `&'static str`, so nothing that came from a user can be part of it. Values are typed and travel to
//! the engine apart from the text. Who is asked about one tenant is told with the statement, where the tenant is bound. This
//! module knows no table and no metric.

use std::fmt::Write;

/// A value that the engine receives as a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Float(f64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

/// Whose rows a statement is about: where tenants lie on several servers it says which of them get it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum About {
    /// Nobody has said it. A store of several shards refuses it.
    #[default]
    Unsaid,
    /// One tenant's.
    Tenant(String),
    /// What every shard has for itself: each gets the statement, and answers stand one after the other.
    Everyone,
    /// A change that reaches every shard by itself: one of them gets it.
    Cluster,
    /// Parts of the statement contradict each other. No store of several shards can run it.
    Several,
}

/// A statement or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
    about: About,
}

impl Sql {
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Appends text. It must not contain a question mark: `?` is where a value goes.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        debug_assert!(!text.contains('?'), "a placeholder without its value: {text}");
        self.text.push_str(text);
        self
    }

    /// Appends a generated name such as `m0`.
    pub fn name(&mut self, prefix: &'static str, number: usize) -> &mut Self {
        let _ = write!(self.text, "{prefix}{number}");
        self
    }

    /// Appends a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Appends a tenant as a parameter: the statement is about it.
    pub fn bind_tenant(&mut self, tenant: &str) -> &mut Self {
        self.note(&About::Tenant(tenant.to_owned()));
        self.bind(tenant)
    }

    /// Says that it is about one tenant, which it does not name.
    pub fn of_tenant(mut self, tenant: &str) -> Self {
        self.note(&About::Tenant(tenant.to_owned()));
        self
    }

    /// Says that every shard has its own part in it.
    pub fn of_everyone(mut self) -> Self {
        self.note(&About::Everyone);
        self
    }

    /// Says that it reaches every shard by itself.
    pub fn of_the_cluster(mut self) -> Self {
        self.note(&About::Cluster);
        self
    }

    fn note(&mut self, about: &About) {
        self.about = match (&self.about, about) {
            (known, About::Unsaid) => known.clone(),
            (About::Unsaid, said) => said.clone(),
            (known, said) if known == said => known.clone(),
            _ => About::Several,
        };
    }

    /// Appends an array of parameters: `[?, ?]`.
    pub fn bind_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        self.text.push('[');
        for (index, value) in values.into_iter().enumerate() {
            if 0 < index {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self.text.push(']');
        self
    }

    /// Appends a list of texts as one parameter, one a line, for lists that can be long: what an `IN` stands before.
    /// None may hold a line break.
    pub fn bind_lines(&mut self, texts: &[&str]) -> &mut Self {
        debug_assert!(texts.iter().all(|text| !text.contains('\n')), "a text with a line break is two of a list");
        self.text.push_str(r"(SELECT arrayJoin(splitByChar('\n', ");
        self.bind(texts.join("\n"));
        self.text.push_str(")))");
        self
    }

    /// Appends another statement's text and values; what that is about this is about too.
    pub fn append(&mut self, other: &Sql) -> &mut Self {
        self.text.push_str(&other.text);
        self.values.extend(other.values.iter().cloned());
        self.note(&other.about);
        self
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_out_of_the_text() {
        let mut sql = Sql::new("SELECT count() FROM t WHERE a = ");
        sql.bind("' OR 1=1 --").push(" AND b IN ").bind_list([1, 2]);
        assert_eq!(sql.text(), "SELECT count() FROM t WHERE a = ? AND b IN [?, ?]");
        assert_eq!(sql.values(), [Value::Text("' OR 1=1 --".into()), Value::Int(1), Value::Int(2)]);
    }

    #[test]
    fn a_long_list_is_one_value() {
        let mut sql = Sql::new("SELECT 1 WHERE id IN ");
        sql.bind_lines(&["a", "') --"]);
        assert_eq!(sql.text(), r"SELECT 1 WHERE id IN (SELECT arrayJoin(splitByChar('\n', ?)))");
        assert_eq!(sql.values(), [Value::Text("a\n') --".into())]);
    }

    #[test]
    fn a_statement_is_about_the_one_tenant_that_it_names() {
        let of = |tenant: &str| {
            let mut sql = Sql::new("tenant = ");
            sql.bind_tenant(tenant);
            sql
        };
        let mut sql = Sql::new("SELECT 1 WHERE ");
        assert_eq!(*sql.about(), About::Unsaid);
        sql.append(&of("acme")).push(" AND ").append(&of("acme")).append(&Sql::new(" AND true"));
        assert_eq!(*sql.about(), About::Tenant("acme".into()));
        sql.append(&of("other")).append(&of("acme"));
        assert_eq!(*sql.about(), About::Several);
        assert_eq!(*Sql::new("SELECT 1").of_everyone().of_tenant("acme").about(), About::Several);
    }
}
