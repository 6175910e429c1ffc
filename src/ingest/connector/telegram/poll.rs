//! Polls as questions for a rating: which option a client chose.

use serde_json::Value;

use super::{Telegram, person};
use crate::ingest::connector::options::{OptionError, Options};
use crate::ingest::connector::{Reading, json};
use crate::model::event::{Kind, Scalar, Survey};

/// How the options of the company's polls are ratings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    points: i64,
    first: First,
}

/// What the first option of a poll stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Worst,
    Best,
}

impl Scale {
    /// Takes the options `poll_scale` and `poll_first`; both or neither.
    ///
    /// # Errors
    /// When one is missing or none that ratings have.
    pub fn from_options(options: &mut Options) -> Result<Option<Self>, OptionError> {
        let points = options.text_if_given("poll_scale")?;
        let first = options.text_if_given("poll_first")?;
        let (points, first) = match (points, first) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(OptionError::Missing { name: "poll_first" }),
            (None, Some(_)) => return Err(OptionError::Missing { name: "poll_scale" }),
            (Some(points), Some(first)) => (points, first),
        };
        let points = match points.as_str() {
            "2" => 2,
            "3" => 3,
            "5" => 5,
            "10" => 10,
            _ => {
                let reason = format!("{points:?} is none of 2, 3, 5 and 10");
                return Err(OptionError::Invalid { name: "poll_scale", reason });
            }
        };
        let first = match first.as_str() {
            "worst" => First::Worst,
            "best" => First::Best,
            _ => {
                let reason = format!("{first:?} is neither `worst` nor `best`");
                return Err(OptionError::Invalid { name: "poll_first", reason });
            }
        };
        Ok(Some(Self { points, first }))
    }

    /// The score of an option, counted from 0; `None` where the scale has no such point.
    fn score(self, option: i64) -> Option<i64> {
        if !(0..self.points).contains(&option) {
            return None;
        }
        Some(match self.first {
            First::Worst => option + 1,
            First::Best => self.points - option,
        })
    }
}

/// An answer to a poll. It names neither chat nor time: it is dated at its arrival, and belongs to the chat of the one who
/// answered, where such a question is asked.
pub fn read(bot: &Telegram, answer: &Value, number: &str, reading: &mut Reading) {
    let Some(scale) = bot.scale else { return reading.ignore() };
    let (Some(poll), options) = (json::text(answer, "/poll_id"), json::list(answer, "/option_ids")) else {
        return reading.note_unreadable("`poll_answer` names no poll");
    };
    // In the name of a channel, or by a bot: no client.
    let Some(user) = json::text(answer, "/user/id").filter(|_| !json::is_true(answer, "/user/is_bot")) else {
        return reading.ignore();
    };
    // None: the answer was taken back. Several: the poll asks for something else than a rating.
    let [option] = options else { return reading.ignore() };
    let Some(score) = option.as_i64().and_then(|option| scale.score(option)) else { return reading.ignore() };
    // With the update's number: who changes an answer and changes it back has rated three times.
    let mut event = bot.event(Kind::SurveyRated, &[&poll, &user, &score.to_string(), number]);
    event.chat = Some(Scalar::Text(user.clone()));
    event.contact = Some(Scalar::Text(person(&user)));
    event.survey = Some(Survey {
        id: Some(Scalar::Text(format!("poll:{poll}:{user}"))),
        score: Some(score.into()),
        scale: Some(scale.points.into()),
    });
    reading.events.push(event);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scale(values: &Value) -> Result<Option<Scale>, String> {
        let mut options = Options::new(values.as_object().cloned().unwrap());
        Scale::from_options(&mut options).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_option_is_the_worst_or_the_best_as_configured() {
        let worst = scale(&json!({ "poll_scale": 5, "poll_first": "worst" })).unwrap().unwrap();
        let best = scale(&json!({ "poll_scale": "5", "poll_first": "best" })).unwrap().unwrap();
        assert_eq!((worst.score(0), worst.score(4)), (Some(1), Some(5)));
        assert_eq!((best.score(0), best.score(4)), (Some(5), Some(1)));
        assert_eq!((worst.score(5), best.score(-1), best.score(i64::MAX)), (None, None, None));
    }

    #[test]
    fn half_a_scale_is_a_mistake() {
        assert_eq!(scale(&json!({})), Ok(None));
        assert_eq!(scale(&json!({ "poll_scale": 5 })), Err("`poll_first` is missing".to_owned()));
        assert_eq!(scale(&json!({ "poll_first": "best" })), Err("`poll_scale` is missing".to_owned()));
        let odd = scale(&json!({ "poll_scale": 7, "poll_first": "best" }));
        assert_eq!(odd, Err("`poll_scale`: \"7\" is none of 2, 3, 5 and 10".to_owned()));
        let unclear = scale(&json!({ "poll_scale": 5, "poll_first": "good" }));
        assert_eq!(unclear, Err("`poll_first`: \"good\" is neither `worst` nor `best`".to_owned()));
    }
}
