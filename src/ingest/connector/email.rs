//! Addresses as people write them, as identities. What could be two addresses, or none, gives nothing.

/// Characters of an address: an identity takes no more than 200 with its kind.
const CHARS_MAX: usize = 150;

/// An address as an identity; `None` where it is none.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (name, host) = text.split_once('@')?;
    let is_plain = !text.chars().any(|char| char.is_whitespace() || char.is_control() || ",;<>".contains(char));
    let is_address = !name.is_empty() && host.contains('.') && !host.contains('@') && text.chars().count() <= CHARS_MAX;
    (is_plain && is_address).then(|| format!("email:{}", text.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        assert_eq!(email(" Anna@Example.com ").as_deref(), Some("email:anna@example.com"));
        for wrong in ["", "anna", "@example.com", "a@b", "a@b.c, d@e.f", "a@b@c.d", "a b@c.d"] {
            assert_eq!(email(wrong), None, "{wrong}");
        }
    }
}
