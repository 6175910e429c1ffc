//! HubSpot's signature, version 3: over the method, the address, the body and the time.

use aws_lc_rs::hmac::HMAC_SHA256;

use crate::ingest::connector::options::{Hidden, OptionError, Options};
use crate::ingest::connector::{Delivery, Refusal, signature};
use crate::model::clock::Millis;

const SIGNATURE: &str = "x-hubspot-signature-v3";
const TIMESTAMP: &str = "x-hubspot-request-timestamp";

/// Older ones are refused, as the documentation wants it: they could be repeated by somebody who saw one.
const AGE_MINUTES_MAX: i64 = 5;

/// How far the clocks of two healthy machines are apart.
const AHEAD_MS_MAX: Millis = 60_000;

const MINUTE_MS: Millis = 60_000;

/// Characters that the documentation wants decoded in the address before it is signed.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

/// Takes the option `public_url`.
///
/// # Errors
/// When it is no address.
pub fn address(options: &mut Options) -> Result<String, OptionError> {
    let url = options.text("public_url")?;
    let is_address =
        ["https://", "http://"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| rest.contains('/')));
    if !is_address || url.contains(['#', ' ']) {
        let reason = format!(
            "`{url}` is not the address that HubSpot calls, such as \"https://rapport.example.com/webhooks/deals\""
        );
        return Err(OptionError::Invalid { name: "public_url", reason });
    }
    Ok(url)
}

/// Whether HubSpot signed the delivery, for this address and just now.
///
/// # Errors
/// When it did not.
pub fn verify(secret: &Hidden, public_url: &str, delivery: &Delivery<'_>) -> Result<(), Refusal> {
    let given = signature::header(delivery, SIGNATURE)?;
    let timestamp = signature::header(delivery, TIMESTAMP)?;
    let signed_at: Millis = timestamp.parse().map_err(|_| Refusal::BadSignature { what: TIMESTAMP })?;
    let mut address = public_url.to_owned();
    // The query belongs to the address, unless it was configured with one.
    if !delivery.query.is_empty() && !address.contains('?') {
        address.push('?');
        address.push_str(delivery.query);
    }
    let is_signed = |address: &str| {
        let mut source = Vec::with_capacity(address.len() + delivery.body.len() + 32);
        [b"POST", address.as_bytes(), delivery.body, timestamp.as_bytes()]
            .iter()
            .for_each(|part| source.extend_from_slice(part));
        signature::is_hmac_base64(HMAC_SHA256, secret, &source, given)
    };
    // As the documentation wants it, and as it is: each proves that the secret is known.
    if !is_signed(&decoded(&address)) && !is_signed(&address) {
        return Err(Refusal::BadSignature { what: "X-HubSpot-Signature-v3" });
    }
    let age = delivery.now.saturating_sub(signed_at);
    match (-AHEAD_MS_MAX..=AGE_MINUTES_MAX * MINUTE_MS).contains(&age) {
        true => Ok(()),
        false => Err(Refusal::Stale { minutes: AGE_MINUTES_MAX }),
    }
}

fn decoded(address: &str) -> String {
    let mut decoded = address.to_owned();
    for (written, character) in DECODED {
        decoded = decoded.replace(written, character).replace(&written.to_ascii_lowercase(), character);
    }
    decoded
}
