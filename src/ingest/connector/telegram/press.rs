//! Buttons under messages: that one was pressed, and what rating it stands for.

use serde_json::Value;

use super::{Place, Telegram, place};
use crate::ingest::connector::{Reading, json, payload};
use crate::model::event::{Author, Kind, Scalar};

/// A pressed button. Telegram does not say when: it is dated at its arrival, for the date in it is that of the message.
pub fn read(bot: &Telegram, query: &Value, reading: &mut Reading) {
    let Some(press) = json::text(query, "/id") else {
        return reading.note_unreadable("`callback_query` has no `id`");
    };
    // A message that was sent by way of an inline query is not known here.
    let Some(message) = query.get("message").filter(|message| message.is_object()) else { return reading.ignore() };
    let (dialog, id) = match (place(message), json::text(message, "/message_id")) {
        (Place::Dialog(dialog), Some(id)) => (dialog, id),
        (Place::Elsewhere, _) => return reading.ignore(),
        (Place::Unnamed, _) | (_, None) => {
            return reading.note_unreadable("the message of `callback_query` is not named");
        }
    };
    let user = json::text(query, "/from/id").unwrap_or_else(|| dialog.client.clone());
    if user != dialog.client {
        // In the chats of a business connection its owner sees the buttons too.
        return reading.ignore();
    }
    let mut pressed = bot.event(Kind::MessageButtonPressed, &[&press]);
    dialog.put_on(&mut pressed);
    pressed.author = Some(Author::Client.as_str().into());
    pressed.message = Some(Scalar::Text(id));
    reading.events.push(pressed);

    let data = json::text(query, "/data").unwrap_or_default();
    if let Some(survey) = payload::rating(&data) {
        let mut rated = bot.event(Kind::SurveyRated, &[&press]);
        rated.survey = Some(survey);
        dialog.put_on(&mut rated);
        reading.events.push(rated);
    }
}
