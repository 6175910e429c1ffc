//! The receipt of a batch: what was accepted, what was known already, and what was rejected and why.

use std::fmt;

use serde::{Serialize, Serializer};

/// The answer to a batch of events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Events that are stored now and were not before.
    pub accepted: u64,
    /// Events whose id was known already, or came twice; they changed nothing.
    pub duplicates: u64,
    /// The first of the rejected items; at most [`REJECTED_LISTED_MAX`].
    pub rejected: Vec<Rejection>,
    /// How many were rejected in all.
    pub rejected_total: u64,
    /// `"queued": true` where they are in the queue. Which of them the store knows already is found out later.
    #[serde(rename = "queued", skip_serializing_if = "Place::is_store")]
    pub place: Place,
}

/// Where what was accepted is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    #[default]
    Store,
    Queued,
}

impl Place {
    fn is_store(&self) -> bool {
        *self == Self::Store
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self == Self::Queued)
    }
}

/// One item that was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The line of the text, the position in the array, or the row of the file; the first is 1.
    pub line: u64,
    /// The event's id, where it could be read.
    pub id: Option<String>,
    pub reason: String,
    /// The reason's name for programs, which is kept with the line.
    #[serde(skip)]
    pub code: &'static str,
}

/// Rejections that a receipt lists: enough to find the pattern, small enough for an answer (about 200 KB).
pub const REJECTED_LISTED_MAX: usize = 1_000;

impl Receipt {
    pub(super) fn reject(&mut self, rejection: Rejection) {
        self.rejected_total += 1;
        if self.rejected.len() < REJECTED_LISTED_MAX {
            self.rejected.push(rejection);
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accepted {}, duplicates {}, rejected {}", self.accepted, self.duplicates, self.rejected_total)?;
        for rejection in &self.rejected {
            write!(f, "\n  line {}", rejection.line)?;
            if let Some(id) = &rejection.id {
                write!(f, " (id {})", id.escape_debug())?;
            }
            write!(f, ": {}", rejection.reason)?;
        }
        let unlisted = self.rejected_total - self.rejected.len() as u64;
        if 0 < unlisted {
            write!(f, "\n  and {unlisted} more")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_lists_a_thousand_rejections_and_counts_the_rest() {
        let mut receipt = Receipt { accepted: 5, ..Receipt::default() };
        for line in 1..=1_500 {
            receipt.reject(Rejection { line, id: None, reason: "`id` is missing".to_owned(), code: "MISSING" });
        }
        assert_eq!((receipt.rejected.len(), receipt.rejected_total), (1_000, 1_500));
        let text = receipt.to_string();
        assert!(text.starts_with("accepted 5, duplicates 0, rejected 1500\n  line 1: `id` is missing\n"));
        assert!(text.ends_with("\n  and 500 more"));
    }

    #[test]
    fn the_answer_has_the_names_of_the_contract() {
        let mut receipt = Receipt { accepted: 1, duplicates: 2, ..Receipt::default() };
        receipt.reject(Rejection { line: 3, id: Some("a".to_owned()), reason: "no".to_owned(), code: "MISSING" });
        let json = serde_json::to_string(&receipt).unwrap();
        let expect =
            r#"{"accepted":1,"duplicates":2,"rejected":[{"line":3,"id":"a","reason":"no"}],"rejectedTotal":1}"#;
        assert_eq!(json, expect);
        let json = serde_json::to_string(&Receipt { place: Place::Queued, ..receipt }).unwrap();
        assert_eq!(json, expect.replace("1}", "1,\"queued\":true}"));
    }
}
