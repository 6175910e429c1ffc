//! What a platform's event says beside what happened: names of the contact, where it came from. Connectors take it from
//! what clients and their links write, so what breaks a rule is left out or cut instead of costing the event.
//!
//! Only for events of connectors: who sends events itself is told of its mistakes.

use super::{IDENTITIES_MAX, TEXT_CHARS_MAX, identity};
use crate::model::event::{Event, Scalar};

/// Leaves out identities that are none, and cuts labels to what an event takes.
pub fn trim(event: &mut Event) {
    if let Some(names) = &mut event.identities {
        names.retain(|name| identity::read(Some(vec![name.clone()])).is_ok());
        names.truncate(IDENTITIES_MAX);
        if names.is_empty() {
            event.identities = None;
        }
    }
    for label in [&mut event.source, &mut event.campaign, &mut event.scenario, &mut event.template] {
        if let Some(Scalar::Text(text)) = label {
            let clean: String = text.chars().filter(|char| !char.is_control()).take(TEXT_CHARS_MAX).collect();
            *label = (!clean.trim().is_empty()).then_some(Scalar::Text(clean));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_writes_into_a_link_never_costs_the_event() {
        let long = "x".repeat(300);
        let mut event = Event {
            identities: Some(vec![
                "link: ".into(),
                "phone:8912".into(),
                "link:8f3a".into(),
                format!("link:{long}").into(),
            ]),
            source: Some("spring\0\n".into()),
            campaign: Some(long.into()),
            template: Some(" ".into()),
            ..Event::default()
        };
        trim(&mut event);
        assert_eq!(event.identities, Some(vec!["link:8f3a".into()]));
        assert_eq!(event.source, Some("spring".into()));
        assert_eq!(event.campaign, Some("x".repeat(TEXT_CHARS_MAX).into()));
        assert_eq!(event.template, None);
        let mut none = Event { identities: Some(vec!["link:\u{7}".into()]), ..Event::default() };
        trim(&mut none);
        assert_eq!(none.identities, None);
    }
}
