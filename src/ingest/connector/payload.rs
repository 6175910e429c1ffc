//! What companies put into links and buttons, and platforms hand back: where a contact came from, who it is, how it rates.

use super::options::{OptionError, Options};
use crate::ingest::normalise::{ID_CHARS_MAX, TEXT_CHARS_MAX};
use crate::model::event::{Event, Scalar, Survey};

/// How the payloads of links by which contacts come are understood.
#[derive(Clone, Debug, Default)]
pub struct EntryLinks {
    /// What payloads begin with that were made for one contact alone.
    prefix: Option<String>,
}

impl EntryLinks {
    /// Takes the option `link_prefix`.
    ///
    /// # Errors
    /// When it is no text.
    pub fn from_options(options: &mut Options) -> Result<Self, OptionError> {
        Ok(Self { prefix: options.text_if_given("link_prefix")? })
    }

    /// Takes the option `link_prefix` where links can only put text into a message. A prefix of letters alone would find
    /// "codes" in ordinary words.
    ///
    /// # Errors
    /// When it is no text, or cannot begin a code.
    pub fn in_texts(options: &mut Options) -> Result<Self, OptionError> {
        let links = Self::from_options(options)?;
        let is_usable = |prefix: &String| is_code(prefix) && !prefix.bytes().all(|byte| byte.is_ascii_alphabetic());
        match &links.prefix {
            Some(prefix) if !is_usable(prefix) => Err(OptionError::Invalid {
                name: "link_prefix",
                reason: format!(
                    "`{prefix}` must be letters, digits, `-` and `_`, and not letters alone, as in `c_`: codes are looked for \
                     in the texts of messages"
                ),
            }),
            _ => Ok(links),
        }
    }

    /// The identity of a code that a link put into a text, and nothing else of the text: a word that begins with the prefix,
    /// without what stands around it.
    pub fn find(&self, text: &str) -> Option<String> {
        let prefix = self.prefix.as_deref()?;
        let is_around = |char: char| !(char.is_ascii_alphanumeric() || char == '-' || char == '_');
        let words = text.split_whitespace().map(|word| word.trim_matches(is_around));
        let mut codes = words.filter(|word| is_code(word)).filter_map(|word| word.strip_prefix(prefix));
        codes.find_map(identity)
    }

    /// Notes on the event what the payload of a link says: the identity `link:…` where it was made for one contact, else
    /// the source. Anything else would make one person of all who followed one advertisement.
    pub fn note(&self, event: &mut Event, payload: &str) {
        let own =
            self.prefix.as_deref().and_then(|prefix| payload.strip_prefix(prefix)).filter(|rest| !rest.is_empty());
        match own {
            Some(rest) => {
                if let Some(name) = identity(rest) {
                    event.identities.get_or_insert_default().push(Scalar::Text(name));
                }
            }
            None if payload.is_empty() => {}
            // Cut rather than refused: a link must not cost the event.
            None => event.source = Some(Scalar::Text(payload.chars().take(TEXT_CHARS_MAX).collect())),
        }
    }
}

/// The name of the one contact that a code was made for; `None` where it is none. Half a name would be the name of several.
fn identity(code: &str) -> Option<String> {
    let name = format!("link:{code}");
    let is_name = !code.is_empty() && name.chars().count() <= ID_CHARS_MAX && !name.chars().any(char::is_control);
    is_name.then_some(name)
}

fn is_code(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A rating that a button hands back: `rate:{survey}:{score}/{scale}`, such as `rate:s-17:4/5`. `None`: another payload.
///
/// Whose event it becomes must be told by the press and not by the score: who changes its mind and back again rates three
/// times, and the last counts.
pub fn rating(payload: &str) -> Option<Survey> {
    let (survey, rated) = payload.strip_prefix("rate:")?.rsplit_once(':')?;
    let (score, scale) = rated.split_once('/')?;
    let (score, scale): (i64, i64) = (score.parse().ok()?, scale.parse().ok()?);
    let survey = (!survey.is_empty()).then(|| Scalar::from(survey))?;
    Some(Survey { id: Some(survey), score: Some(score.into()), scale: Some(scale.into()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_link_that_was_made_for_one_contact_names_it() {
        let links = |prefix: &str| {
            let values = json!({ "link_prefix": prefix }).as_object().cloned().unwrap();
            EntryLinks::from_options(&mut Options::new(values)).unwrap()
        };
        let note = |links: &EntryLinks, payload: &str| {
            let mut event = Event::default();
            links.note(&mut event, payload);
            (event.source, event.identities)
        };
        assert_eq!(note(&links("c_"), "c_8f3a"), (None, Some(vec!["link:8f3a".into()])));
        assert_eq!(note(&links("c_"), "spring"), (Some("spring".into()), None));
        assert_eq!(note(&links("c_"), "c_"), (Some("c_".into()), None));
        assert_eq!(note(&EntryLinks::default(), "c_8f3a"), (Some("c_8f3a".into()), None));
        assert_eq!(note(&EntryLinks::default(), ""), (None, None));
    }

    fn in_texts(prefix: &str) -> Result<EntryLinks, OptionError> {
        let values = json!({ "link_prefix": prefix }).as_object().cloned().unwrap();
        EntryLinks::in_texts(&mut Options::new(values))
    }

    #[test]
    fn a_code_of_a_link_is_found_wherever_it_stands_and_nothing_else_is_taken() {
        let links = in_texts("c_").unwrap();
        for text in ["c_8f3a", "Hello! (c_8f3a)", "I come for #c_8f3a, thank you", "c_ c_8f3a c_other"] {
            assert_eq!(links.find(text).as_deref(), Some("link:8f3a"), "{text}");
        }
        for text in ["", "c_", "abc_8f3a", "c_8f/3a", "C_8f3a", "c _8f3a", &format!("c_{}", "x".repeat(196))] {
            assert_eq!(links.find(text), None, "{text}");
        }
        assert_eq!(EntryLinks::default().find("c_8f3a"), None);
    }

    #[test]
    fn a_prefix_of_letters_alone_would_find_codes_in_words() {
        assert!(in_texts("c_").is_ok());
        assert!(in_texts("code").is_err());
        assert!(in_texts("c:").is_err());
        assert!(EntryLinks::in_texts(&mut Options::default()).is_ok());
    }

    #[test]
    fn a_rating_is_read_from_a_buttons_payload() {
        let read = rating;
        let survey = Survey { id: Some("s:1".into()), score: Some(4.into()), scale: Some(5.into()) };
        assert_eq!(read("rate:s:1:4/5"), Some(survey));
        for other in ["", "rate:", "rate:s", "rate:s:4", "rate::4/5", "rate:s:x/5", "order:1"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
