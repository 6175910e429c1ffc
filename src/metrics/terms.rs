//! What a question itself brings to the meaning of a row: the present time and the arguments of families.

use std::sync::Arc;

use crate::model::clock::{DAY_MS, Millis};

use super::schedule::Boundaries;

/// More bins than a chart can show.
pub const BOUNDS_MAX: usize = 50;

/// More than anybody tells apart.
pub const ACTIONS_MAX: usize = 50;

/// What the query itself brings to the meaning of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The present instant, once for the whole request, in milliseconds since the epoch.
    pub now: Millis,
    /// Only reads so many hours after sending count. `None`: all.
    pub read_within_hours: Option<i32>,
    pub response: ResponseTerms,
    /// The longest silence within a session.
    pub inactivity_minutes: i32,
    pub conversion: ConversionTerms,
    /// Ascending bounds of a histogram's bins; `None`: those of the family.
    pub bounds: Option<Vec<f64>>,
}

/// What counts as a response, and how long it took.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseTerms {
    pub kind: ResponseKind,
    /// Whether a bot's message answers.
    pub bot_stops: bool,
    /// `None`: nothing is in time or late.
    pub target_seconds: Option<i32>,
    /// When seconds count; `None`: always.
    pub open: Option<Arc<Boundaries>>,
}

/// Which turns are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    First,
    Next,
    All,
}

/// To whom conversions are credited, and which count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionTerms {
    pub window_days: i32,
    pub attribution: Attribution,
    /// Names of the actions that count, in lower case; empty: all.
    pub actions: Vec<String>,
}

/// Which of several dialogs a conversion is credited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribution {
    LastTouch,
    FirstTouch,
    /// To all in equal parts.
    Linear,
}

impl Terms {
    /// What holds when a question brings nothing of its own.
    pub fn at(now: Millis) -> Self {
        Self {
            now,
            read_within_hours: None,
            response: ResponseTerms { kind: ResponseKind::All, bot_stops: false, target_seconds: None, open: None },
            inactivity_minutes: 30,
            conversion: ConversionTerms { window_days: 7, attribution: Attribution::LastTouch, actions: Vec::new() },
            bounds: None,
        }
    }

    pub fn inactivity_ms(&self) -> i64 {
        i64::from(self.inactivity_minutes) * 60_000
    }

    pub fn window_ms(&self) -> i64 {
        i64::from(self.conversion.window_days) * DAY_MS
    }
}
