//! What comes of conversations: random ratings and conversions, few of a kind.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
pub struct Survey {
    pub id: &'static str,
    /// `None` where the client is only asked.
    pub rating: Option<Rating>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rating {
    pub score: f64,
    pub scale: i32,
}

impl Survey {
    /// Only who rates has a rating.
    pub fn of(self, kind: &str) -> Self {
        Self { rating: self.rating.filter(|_| kind == "survey.rated"), ..self }
    }

    pub fn json(self) -> Value {
        match self.rating {
            Some(rating) => json!({"id": self.id, "score": rating.score, "scale": rating.scale}),
            None => json!({"id": self.id}),
        }
    }
}

pub fn survey() -> impl Strategy<Value = Survey> {
    let scale = prop_oneof![4 => Just(5), 1 => select(&[2, 3, 10][..])];
    (select(&["s1", "s2", "s3", "s4"][..]), scale, 0_i32..10, any::<bool>()).prop_map(|(id, scale, point, half)| {
        // Halves are allowed, and floats hold them exactly.
        let score = f64::from(point % scale + 1);
        let score = if half && score < f64::from(scale) && point < 4 { score + 0.5 } else { score };
        Survey { id, rating: Some(Rating { score, scale }) }
    })
}

#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    pub action: &'static str,
    /// As it is written, in a currency.
    pub value: Option<(&'static str, &'static str)>,
    pub order: &'static str,
}

impl Conversion {
    /// In ten-thousandths of the unit.
    pub fn amount(&self) -> Option<i128> {
        let (text, _) = self.value?;
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        Some(format!("{whole}{part:0<4}").parse().unwrap())
    }

    pub fn json(self) -> Value {
        let mut json = json!({"action": self.action});
        if !self.order.is_empty() {
            json["order"] = self.order.into();
        }
        if let Some((value, currency)) = self.value {
            json["value"] = value.into();
            json["currency"] = currency.into();
        }
        json
    }
}

/// Each divides by every number up to ten with four decimals, so that nobody need round a linear share.
const VALUES: &[&str] = &["25.2", "5.04", "1008", "0.252", "12.6000", "0"];

pub fn conversion() -> impl Strategy<Value = Conversion> {
    let action = prop_oneof![3 => Just("purchase"), 1 => Just("form")];
    // An order is in one currency; what a refund in another one means is nobody's matter here.
    let order = prop_oneof![
        3 => Just(("o1", "EUR")),
        1 => Just(("o2", "USD")),
        2 => Just(("", "EUR")),
    ];
    (action, order, prop::option::weighted(0.7, select(VALUES))).prop_map(|(action, (order, currency), value)| {
        Conversion { action, order, value: value.map(|value| (value, currency)) }
    })
}
