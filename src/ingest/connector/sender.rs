//! Events of one account on one channel, with ids that are the same whenever the same thing is told again.

use sha2::{Digest, Sha256};

use crate::ingest::normalise::ID_CHARS_MAX;
use crate::model::event::{Event, Kind, Scalar};
use crate::model::hex;

/// Whose events a connector makes.
#[derive(Clone, Debug)]
pub struct Sender {
    /// As in an event's `channel`.
    pub channel: &'static str,
}

impl Sender {
    /// An event of the account. `parts` tell it from all others of its kind and account: the platform's own ids.
    pub fn event(&self, kind: Kind, account: &str, parts: &[&str]) -> Event {
        let mut all = vec![self.channel, account, kind.as_str()];
        all.extend(parts);
        Event {
            id: Some(Scalar::Text(event_id(&all))),
            kind: Some(Scalar::Text(kind.as_str().to_owned())),
            channel: Some(Scalar::Text(self.channel.to_owned())),
            account: Some(Scalar::Text(account.to_owned())),
            ..Event::default()
        }
    }
}

/// An id made of parts: readable where it can be, a hash where it would be too long or two lists of parts would give one id.
pub fn event_id(parts: &[&str]) -> String {
    let joined = parts.join(" ");
    let is_plain = parts.iter().all(|part| !part.contains(|char: char| char == ' ' || char.is_control()));
    if is_plain && joined.len() <= ID_CHARS_MAX {
        return joined;
    }
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists hash the same text.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_parts_give_different_ids() {
        assert_eq!(event_id(&["a", "b"]), "a b");
        assert_ne!(event_id(&["a b", "c"]), event_id(&["a", "b c"]));
        assert_eq!(event_id(&["a b", "c"]).len(), 64);
        assert_eq!(event_id(&[&"x".repeat(300)]).len(), 64);
        assert_eq!(event_id(&["line\nbreak"]).len(), 64);
    }
}
