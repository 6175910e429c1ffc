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

    /// Notes on the event what the payload of a link says: the identity `link:…` where it was made for one contact, else
    /// the source. Anything else would make one person of all who followed one advertisement.
    pub fn note(&self, event: &mut Event, payload: &str) {
        let own =
            self.prefix.as_deref().and_then(|prefix| payload.strip_prefix(prefix)).filter(|rest| !rest.is_empty());
        match own {
            Some(rest) => {
                let name = format!("link:{rest}");
                // Half a name would be the name of several.
                if name.chars().count() <= ID_CHARS_MAX && !name.chars().any(char::is_control) {
                    event.identities.get_or_insert_default().push(Scalar::Text(name));
                }
            }
            None if payload.is_empty() => {}
            // Cut rather than refused: a link must not cost the event.
            None => event.source = Some(Scalar::Text(payload.chars().take(TEXT_CHARS_MAX).collect())),
        }
    }
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
