//! One dialog: the client writes, a bot and then an operator answer, it ends, and sometimes a sale or a rating follows.

use super::chance::Chance;
use super::company::{Company, Contact, Operator};
use super::outbound::{self, Sent};
use super::sink::Sink;
use crate::model::clock::Millis;
use crate::model::event::{Conversion, Event, Kind, Scalar, Survey};

const MINUTE_SECONDS: f64 = 60.0;
const DAY_SECONDS: f64 = 86_400.0;

/// Lets a dialog begin at `start`.
pub(super) fn play(start: Millis, contact: Contact, company: &Company, chance: &mut Chance, sink: &mut Sink) {
    let id = chance.happens(0.9).then(|| sink.dialog_id());
    let mut dialog = Dialog { at: start, id, contact, chance, sink };
    dialog.mark(Kind::DialogOpened, None);
    let source =
        dialog.chance.happens(0.15).then(|| *dialog.chance.pick(&["ad-search", "ad-social", "qr-shop", "site"]));
    dialog.client_writes(source);
    let has_bot = dialog.chance.happens(0.75);
    if has_bot {
        dialog.bot_answers();
        if dialog.chance.happens(0.35) {
            dialog.bot_finishes();
            return;
        }
        dialog.mark(Kind::DialogHandedOff, None);
    }
    // Some wait in vain.
    if dialog.chance.happens(0.08) {
        if dialog.chance.happens(0.6) {
            dialog.at += dialog.chance.delay_ms(8.0 * 3_600.0, 0.5);
            dialog.mark(Kind::DialogClosed, None);
        }
        return;
    }
    let (operator, free_at) = company.operator_for(dialog.at, dialog.chance);
    dialog.at = dialog.at.max(free_at);
    dialog.mark(Kind::DialogAssigned, Some(operator));
    dialog.talk(operator);
    dialog.end(operator);
}

struct Dialog<'a> {
    /// When the last thing happened.
    at: Millis,
    id: Option<String>,
    contact: Contact,
    chance: &'a mut Chance,
    sink: &'a mut Sink,
}

impl Dialog<'_> {
    fn event(&mut self, kind: Kind, at: Millis) -> Event {
        let mut event = self.sink.contact_event(kind, at, self.contact);
        event.dialog = self.id.as_deref().map(Scalar::from);
        event
    }

    /// Something about the dialog itself, where the source keeps dialogs.
    fn mark(&mut self, kind: Kind, operator: Option<&Operator>) {
        if self.id.is_none() {
            return;
        }
        let mut event = self.event(kind, self.at);
        event.operator = operator.map(|operator| operator.name.into());
        event.team = operator.map(|operator| operator.team.into());
        self.sink.put(event);
    }

    /// One to three messages in a row.
    fn client_writes(&mut self, source: Option<&'static str>) {
        let count = 1 + self.chance.weighted(&[0.6, 0.28, 0.12]);
        for _ in 0..count {
            self.at += self.chance.delay_ms(12.0, 0.7);
            let message = self.sink.message_id(self.at, self.contact);
            let mut event = self.event(Kind::MessageReceived, self.at);
            event.message = Some(message);
            event.message_kind = Some((*self.chance.pick(&["text", "text", "text", "text", "image", "voice"])).into());
            event.source = source.map(Scalar::from);
            event.segments = Some(self.contact.segments().into_iter().map(Scalar::from).collect());
            self.sink.put(event);
        }
    }

    fn write(&mut self, fill: impl Fn(&mut Event)) -> Sent {
        let dialog = self.id.clone();
        outbound::send(self.at, self.contact, self.chance, self.sink, |event| {
            event.dialog = dialog.as_deref().map(Scalar::from);
            event.message_kind = Some("text".into());
            fill(event);
        })
    }

    fn bot_answers(&mut self) {
        self.at += self.chance.delay_ms(1.5, 0.3);
        let sent = self.write(|event| {
            event.author = Some("BOT".into());
            event.scenario = Some("welcome".into());
        });
        outbound::mark_read(self.at, self.contact, &sent.message, self.chance, self.sink);
        if sent.reached && self.chance.happens(0.3) {
            self.at += self.chance.delay_ms(10.0, 0.6);
            let mut event = self.event(Kind::MessageButtonPressed, self.at);
            event.message = Some(sent.message);
            self.sink.put(event);
        }
    }

    /// The bot was enough.
    fn bot_finishes(&mut self) {
        for _ in 0..self.chance.below(3) {
            self.at += self.chance.delay_ms(25.0, 0.8);
            self.client_writes(None);
            self.bot_answers();
        }
        if self.chance.happens(0.85) {
            self.at += self.chance.delay_ms(10.0 * MINUTE_SECONDS, 0.5);
            self.mark(Kind::DialogClosed, None);
        }
        self.convert(0.05);
    }

    /// Turn after turn; the first answer takes longest.
    fn talk(&mut self, operator: &Operator) {
        let turns = 1 + self.chance.weighted(&[0.3, 0.3, 0.2, 0.12, 0.08]);
        for turn in 0..turns {
            let median_seconds = if turn == 0 { 140.0 } else { 70.0 };
            self.at += self.chance.delay_ms(median_seconds * operator.pace, 1.0);
            let sent = self.operator_writes(operator);
            if self.chance.happens(0.2) {
                self.at += self.chance.delay_ms(20.0, 0.5);
                self.operator_writes(operator);
            }
            outbound::mark_read(self.at, self.contact, &sent.message, self.chance, self.sink);
            if sent.reached && self.chance.happens(0.05) {
                let mut event = self.event(Kind::MessageReacted, self.at + 30_000);
                event.message = Some(sent.message);
                self.sink.put(event);
            }
            if turn + 1 < turns {
                self.at += self.chance.delay_ms(80.0, 1.1);
                self.client_writes(None);
            }
        }
    }

    fn operator_writes(&mut self, operator: &Operator) -> Sent {
        let is_assisted = self.chance.happens(0.15);
        if self.chance.happens(0.04) {
            // A private note: never sent, so it has no statuses.
            let message = format!("note-{}", self.at).into();
            let mut note = self.event(Kind::MessageSent, self.at);
            note.message = Some(message);
            note.message_kind = Some("note".into());
            note.operator = Some(operator.name.into());
            note.team = Some(operator.team.into());
            self.sink.put(note);
            self.at += self.chance.delay_ms(20.0, 0.5);
        }
        self.write(|event| {
            event.operator = Some(operator.name.into());
            event.team = Some(operator.team.into());
            event.author = Some("OPERATOR".into());
            event.assisted = is_assisted.then_some(true);
        })
    }

    fn end(&mut self, operator: &Operator) {
        if self.chance.happens(0.92) {
            self.at += self.chance.delay_ms(12.0 * MINUTE_SECONDS, 0.8);
            self.mark(Kind::DialogClosed, Some(operator));
            if self.chance.happens(0.6) {
                self.ask(operator);
            }
        }
        self.convert(0.16);
        if self.chance.happens(0.01) {
            let linked = self.event(Kind::ContactLinked, self.at);
            self.sink.put(linked);
        }
    }

    fn ask(&mut self, operator: &Operator) {
        let asked_at = self.at + 2_000;
        let mut sent = self.event(Kind::SurveySent, asked_at);
        let Some(Scalar::Text(id)) = sent.id.clone() else { return };
        let survey = |score: Option<i64>| Survey {
            id: Some(format!("s{id}").into()),
            score: score.map(Scalar::from),
            scale: Some(5.into()),
        };
        sent.survey = Some(survey(None));
        self.sink.put(sent);
        if !self.chance.happens(0.36) {
            return;
        }
        // Few change their mind.
        let ratings = if self.chance.happens(0.06) { 2 } else { 1 };
        let mut rated_at = asked_at;
        for _ in 0..ratings {
            rated_at += self.chance.delay_ms(8.0 * MINUTE_SECONDS, 1.5);
            let rest = 1.0 - operator.charm;
            let weights = [0.14 * rest, 0.09 * rest, 0.22 * rest, 0.55 * rest, operator.charm];
            let score = 1 + self.chance.weighted(&weights) as i64;
            let mut rated = self.event(Kind::SurveyRated, rated_at);
            rated.survey = Some(survey(Some(score)));
            self.sink.put(rated);
        }
    }

    fn convert(&mut self, share: f64) {
        if !self.chance.happens(share) {
            return;
        }
        let at = self.at + self.chance.delay_ms(0.2 * DAY_SECONDS, 1.6);
        let mut recorded = self.event(Kind::ConversionRecorded, at);
        let action = ["purchase", "registration", "form", "link_click"][self.chance.weighted(&[0.6, 0.15, 0.15, 0.1])];
        let is_purchase = action == "purchase";
        let conversion = Conversion {
            action: Some(action.into()),
            value: is_purchase.then(|| format!("{:.2}", self.chance.amount(64.0, 0.8)).into()),
            currency: is_purchase.then(|| "EUR".into()),
            order: recorded.id.clone(),
        };
        recorded.conversion = Some(conversion.clone());
        self.sink.put(recorded);
        if is_purchase && self.chance.happens(0.07) {
            let reverted_at = at + self.chance.delay_ms(2.0 * DAY_SECONDS, 0.6);
            let mut reverted = self.event(Kind::ConversionReverted, reverted_at);
            reverted.conversion = Some(conversion);
            self.sink.put(reverted);
        }
    }
}
