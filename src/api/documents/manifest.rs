//! The manifest of trusted documents as tools write it: which text belongs to which id.
//!
//! Only parses: whether a text is GraphQL that can be run is for [`super::trusted`] to say. No file is read here.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

/// The mark of Apollo's manifests, and the one version of them that there is.
const APOLLO_FORMAT: &str = "apollo-persisted-query-manifest";
const APOLLO_VERSION: u64 = 1;

/// Documents by their ids, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    // Invariant: 1 to `DOCUMENTS_MAX`, ids unique and printable.
    documents: Vec<ManifestDocument>,
}

/// One document, not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestDocument {
    pub id: String,
    /// The name that the manifest gives it, if its format has names.
    pub name: Option<String>,
    pub text: String,
}

/// An operation in Apollo's format. Its `type` is left to the text, which is what runs.
#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    name: String,
    body: String,
}

impl Manifest {
    /// Ten thousand documents of a page each. The file is read whole.
    pub const BYTES_MAX: usize = 16 * 1024 * 1024;

    /// A large application has some hundreds.
    pub const DOCUMENTS_MAX: usize = 10_000;

    /// Four times a SHA-256 in hexadecimal digits.
    pub const ID_CHARACTERS_MAX: usize = 256;

    /// Reads an object of texts by id (Relay, graphql-codegen) or Apollo's list of operations.
    ///
    /// # Errors
    /// When it is neither, too large, or an id is given twice.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if Self::BYTES_MAX < json.len() {
            return Err(ManifestError::TooLarge);
        }
        let Members(members) =
            serde_json::from_slice(json).map_err(|error| ManifestError::Form { reason: error.to_string() })?;
        // A document could have the id `operations`, but its text would be no list.
        let is_apollo = members.iter().any(|(key, value)| key == "operations" && value.is_array());
        let documents = if is_apollo { apollo_documents(members)? } else { plain_documents(members)? };
        let mut ids = HashSet::new();
        for document in &documents {
            let id = &document.id;
            if id.is_empty() || Self::ID_CHARACTERS_MAX < id.chars().count() || id.chars().any(char::is_control) {
                return Err(ManifestError::Id { id: id.chars().take(40).collect() });
            }
            if !ids.insert(id) {
                return Err(ManifestError::Twice { id: id.clone() });
            }
        }
        match documents.len() {
            0 => Err(ManifestError::Empty),
            count if Self::DOCUMENTS_MAX < count => Err(ManifestError::TooMany { count }),
            _ => Ok(Self { documents }),
        }
    }

    pub fn documents(&self) -> &[ManifestDocument] {
        &self.documents
    }
}

fn plain_documents(members: Vec<(String, Value)>) -> Result<Vec<ManifestDocument>, ManifestError> {
    let document = |(id, value)| match value {
        Value::String(text) => Ok(ManifestDocument { id, name: None, text }),
        _ => Err(ManifestError::NoText { id }),
    };
    members.into_iter().map(document).collect()
}

fn apollo_documents(members: Vec<(String, Value)>) -> Result<Vec<ManifestDocument>, ManifestError> {
    let (mut format, mut version, mut operations) = (Value::Null, Value::Null, Value::Null);
    for (key, value) in members {
        match key.as_str() {
            "format" => format = value,
            "version" => version = value,
            "operations" => operations = value,
            _ => {}
        }
    }
    if format.as_str() != Some(APOLLO_FORMAT) || version.as_u64() != Some(APOLLO_VERSION) {
        return Err(ManifestError::UnknownFormat { format: format.to_string(), version: version.to_string() });
    }
    let Value::Array(operations) = operations else { return Err(ManifestError::Empty) };
    let mut documents = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        let operation = ApolloOperation::deserialize(operation);
        let ApolloOperation { id, name, body } =
            operation.map_err(|error| ManifestError::Operation { number: index + 1, reason: error.to_string() })?;
        documents.push(ManifestDocument { id, name: Some(name), text: body });
    }
    Ok(documents)
}

/// The members of an object, those of the same name too: in a map the last would win in silence.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of texts by id, or Apollo's manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// What is wrong with a manifest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("it is larger than {} bytes", Manifest::BYTES_MAX)]
    TooLarge,
    #[error("it is not JSON of a known form: {reason}")]
    Form { reason: String },
    #[error(
        "its `format` is {format} and its `version` {version}: known is {APOLLO_FORMAT:?} in version {APOLLO_VERSION}"
    )]
    UnknownFormat { format: String, version: String },
    #[error("its operation number {number} cannot be read: {reason}")]
    Operation { number: usize, reason: String },
    #[error("the document {id:?} has no text: give a string")]
    NoText { id: String },
    #[error(
        "the id {id:?} is empty, longer than {} characters, or has control characters",
        Manifest::ID_CHARACTERS_MAX
    )]
    Id { id: String },
    #[error("the id {id:?} is given twice")]
    Twice { id: String },
    #[error("it has no documents")]
    Empty,
    #[error("it has {count} documents: the most are {}", Manifest::DOCUMENTS_MAX)]
    TooMany { count: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(id: &str, name: Option<&str>, text: &str) -> ManifestDocument {
        ManifestDocument { id: id.to_owned(), name: name.map(str::to_owned), text: text.to_owned() }
    }

    fn refused(json: &str, expect: &str) {
        let error = Manifest::parse(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expect), "{json:.80}: {error}");
    }

    #[test]
    fn an_object_of_texts_is_read_in_its_order() {
        let manifest = Manifest::parse(br#"{"b": "{ one }", "operations": "{ two }", "a": ""}"#).unwrap();
        let expected =
            [document("b", None, "{ one }"), document("operations", None, "{ two }"), document("a", None, "")];
        assert_eq!(manifest.documents(), expected);
    }

    #[test]
    fn apollos_manifest_is_read() {
        let manifest = Manifest::parse(
            br#"{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
                {"id": "x", "name": "One", "type": "query", "body": "query One { one }", "clientName": null}]}"#,
        );
        assert_eq!(manifest.unwrap().documents(), [document("x", Some("One"), "query One { one }")]);
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_reason() {
        refused("", "not JSON");
        refused("[]", "an object of texts by id");
        refused("{}", "no documents");
        refused(r#"{"a": "{ one }"} x"#, "not JSON");
        refused(r#"{"a": {"text": "{ one }"}}"#, "\"a\" has no text");
        refused(r#"{"a": "{ one }", "a": "{ two }"}"#, "\"a\" is given twice");
        refused(r#"{"": "{ one }"}"#, "empty");
        refused(r#"{"a\u0000b": "{ one }"}"#, r#""a\0b" is empty, longer than 256 characters, or has control"#);
        refused(&format!(r#"{{"{}": "{{ one }}"}}"#, "i".repeat(257)), "longer than 256 characters");
        refused(r#"{"format": "other", "version": 1, "operations": []}"#, "`format` is \"other\"");
        let apollo = |version: &str, operations: &str| {
            format!(
                r#"{{"format": "apollo-persisted-query-manifest", "version": {version}, "operations": [{operations}]}}"#
            )
        };
        refused(&apollo("2", ""), "`version` 2");
        refused(&apollo("1", ""), "no documents");
        refused(&apollo("1", r#"{"id": "x", "name": "X"}"#), "number 1 cannot be read: missing field `body`");
        let twice = r#"{"id": "x", "name": "X", "body": "{ one }"}"#;
        refused(&apollo("1", &format!("{twice}, {twice}")), "\"x\" is given twice");
    }

    #[test]
    fn a_manifest_has_a_largest_size_and_a_largest_count() {
        let many = |count: usize| {
            let members: Vec<String> = (0..count).map(|at| format!(r#""{at}": "{{ one }}""#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(Manifest::parse(many(10_000).as_bytes()).is_ok());
        refused(&many(10_001), "it has 10001 documents: the most are 10000");
        let large = vec![b' '; Manifest::BYTES_MAX + 1];
        assert_eq!(Manifest::parse(&large), Err(ManifestError::TooLarge));
    }
}
