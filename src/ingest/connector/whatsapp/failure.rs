//! What Meta's error codes say of a message: codes alone, because their titles change.

use crate::model::event::FailureReason;

/// The group of a code. Codes that can mean anything, and new ones, are `UNKNOWN`.
pub fn reason(code: i64) -> FailureReason {
    use FailureReason::{OptOut, Policy, Recipient, Sender, Transient, Unknown};
    match code {
        // The client stopped marketing messages.
        131050 => OptOut,
        // Undeliverable for one of many reasons; no figure of who left counts it.
        131026 => Recipient,
        // The sender itself as recipient, or one that is not on the list of a test number.
        131021 | 131030 => Recipient,
        // The window of 24 hours, the limit of marketing to one client, experiments, countries, forbidden words and
        // templates that Meta paused or disabled.
        368 | 130472 | 130497 | 131047 | 131049 | 132007 | 132015 | 132016 | 132068 => Policy,
        // Limits, spam limits and outages.
        1 | 2 | 4 | 80007 | 130429 | 131000 | 131016 | 131048 | 131056 | 131057 | 132069 | 133004 | 133016 => Transient,
        // Tokens and rights; wrong requests and media; locked, unpaid or unregistered accounts; missing templates.
        0 | 3 | 10 | 33 | 100 | 190 | 200..=299 => Sender,
        131005 | 131008 | 131009 | 131031 | 131037 | 131042 | 131045 | 131051 | 131052 | 131053 => Sender,
        132000 | 132001 | 132005 | 132012 | 133000 | 133005 | 133006 | 133008..=133010 | 133015 | 134011 => Sender,
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_belongs_to_its_group() {
        let check = |codes: &[i64], expect: FailureReason| {
            for code in codes {
                assert_eq!(reason(*code), expect, "{code}");
            }
        };
        check(&[131050], FailureReason::OptOut);
        check(&[131026], FailureReason::Recipient);
        check(&[131047, 131049, 130472, 130497, 132015, 132016], FailureReason::Policy);
        check(&[131048, 131056, 130429], FailureReason::Transient);
        check(&[131031, 131042, 132001, 190], FailureReason::Sender);
        check(&[0x7fff_ffff_ffff_ffff, -1, 135000, 199_999], FailureReason::Unknown);
    }
}
