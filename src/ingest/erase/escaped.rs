//! The forms in which a name stands in JSON: who writes it may escape what is not ASCII, and slashes.
//!
//! Texts are looked through as they came, byte for byte, so each form is listed beside the name. It reads and writes
//! `erasing` alone.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};

use super::listed::Listed;
use super::report::wrong_column;
use crate::ingest::removal;
use crate::store::{Store, StoreError};

/// How a writer of JSON puts what is not ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    AsTheyAre,
    /// `\u0438`.
    Lower,
    /// `\u0418`, digits in upper case.
    Upper,
}

/// How it puts a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slashes {
    AsTheyAre,
    Escaped,
}

/// Lists the other forms of what texts can tell of the person.
///
/// # Errors
/// When the engine fails.
pub(super) async fn add(store: &dyn Store, listed: &Listed<'_>) -> Result<(), StoreError> {
    // It may be read from another copy than it was written to, and the next statement again.
    removal::same_everywhere(store, listed.tenant, "erasing").await?;
    let mut told = Vec::new();
    for batch in store.query(listed.part("SELECT name FROM erasing WHERE what = 'TOLD'")).await? {
        let names = batch.column(0).as_string_opt::<i32>().ok_or_else(wrong_column)?;
        told.extend(names.iter().flatten().flat_map(forms));
    }
    store.insert("erasing", rows(listed, &told)?, None).await?;
    removal::same_everywhere(store, listed.tenant, "erasing").await
}

fn rows(listed: &Listed<'_>, told: &[String]) -> Result<RecordBatch, StoreError> {
    let same = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; told.len()])) };
    let zeros = || -> ArrayRef { Arc::new(UInt64Array::from(vec![0; told.len()])) };
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(told));
    let columns = [
        ("tenant", same(listed.tenant)),
        ("erasure", same(listed.erasure)),
        ("what", same("TOLD")),
        ("name", names),
        ("key", zeros()),
        ("other", zeros()),
    ];
    RecordBatch::try_from_iter(columns)
        .map_err(|error| StoreError::WrongColumns { table: "erasing", reason: error.to_string() })
}

/// All forms but the name itself.
fn forms(name: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for letters in [Letters::AsTheyAre, Letters::Lower, Letters::Upper] {
        for slashes in [Slashes::AsTheyAre, Slashes::Escaped] {
            forms.insert(escaped(name, letters, slashes));
        }
    }
    forms.remove(name);
    forms
}

fn escaped(name: &str, letters: Letters, slashes: Slashes) -> String {
    let mut text = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '/' if slashes == Slashes::Escaped => text.push_str("\\/"),
            _ if letter.is_ascii() || letters == Letters::AsTheyAre => text.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // To write into a text never fails.
                    _ = match letters {
                        Letters::Upper => write!(text, "\\u{unit:04X}"),
                        Letters::Lower | Letters::AsTheyAre => write!(text, "\\u{unit:04x}"),
                    };
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_listed_in_every_form_that_writers_of_json_give_it() {
        let check = |name: &str, expect: &[&str]| {
            assert_eq!(forms(name).iter().map(String::as_str).collect::<Vec<_>>(), expect, "{name}");
        };
        check("whatsapp:4917", &[]);
        check("a/b", &["a\\/b"]);
        check("Ио", &["\\u0418\\u043E", "\\u0418\\u043e"]);
        check(
            "я/😀",
            &[
                "\\u044F/\\uD83D\\uDE00",
                "\\u044F\\/\\uD83D\\uDE00",
                "\\u044f/\\ud83d\\ude00",
                "\\u044f\\/\\ud83d\\ude00",
                "я\\/😀",
            ],
        );
        check("a\"b", &["a\\\"b"]);
    }
}
