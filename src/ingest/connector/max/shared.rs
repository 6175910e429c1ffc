//! The card that a client shares by a button: its phone number, where MAX vouches for it.

use aws_lc_rs::hmac::HMAC_SHA256;
use serde_json::Value;

use super::Max;
use crate::ingest::connector::json;
use crate::ingest::connector::signature::is_hmac_hex;
use crate::ingest::normalise;
use crate::model::event::Scalar;

/// The sender's own number as an identity.
///
/// Anybody can attach anybody's card. `hash` is the HMAC-SHA256 of `vcf_info` with the bot's token, and only the button that
/// asks for one's own number makes it; without the token nothing is proved, so there is no identity.
pub fn phone(bot: &Max, message: &Value, sender: Option<&str>) -> Option<Scalar> {
    let token = bot.access_token.as_ref()?;
    // Those of the message itself: one that is passed on brings the card of somebody else, with its hash.
    let is_card = |attachment: &&Value| json::text(attachment, "/type").as_deref() == Some("contact");
    for attachment in json::list(message, "/body/attachments").iter().filter(is_card) {
        let (Some(card), Some(hash)) =
            (json::text(attachment, "/payload/vcf_info"), json::text(attachment, "/payload/hash"))
        else {
            continue;
        };
        let owner = json::text(attachment, "/payload/max_info/user_id");
        if owner.is_some() && owner.as_deref() != sender {
            continue;
        }
        // The documents print the card with its line breaks written out as `\r\n`; it is signed with real ones.
        let card = card.replace("\\r\\n", "\r\n");
        if is_hmac_hex(HMAC_SHA256, token, card.as_bytes(), &hash) {
            return number(&card).and_then(normalise::phone).map(Scalar::Text);
        }
    }
    None
}

/// The first telephone number of a vCard: `TEL;TYPE=cell:79161234567`.
fn number(card: &str) -> Option<&str> {
    card.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let property = name.split(';').next()?;
        property.trim().eq_ignore_ascii_case("TEL").then(|| value.trim().trim_end_matches(';'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_card_is_found() {
        let card =
            "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:TEL 5\r\nTEL;TYPE=cell:79161234567;\r\nTEL:79160000000\r\nEND:VCARD\r\n";
        assert_eq!(number(card), Some("79161234567"));
        assert_eq!(number("tel:+7 916 123"), Some("+7 916 123"));
        assert_eq!(number("BEGIN:VCARD\r\nFN:A\r\nEND:VCARD"), None);
    }
}
