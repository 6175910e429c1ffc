//! Random arguments of families, and how they are written in GraphQL.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// What a family is asked with; `None` leaves the argument out.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    pub within_hours: Option<i64>,
    pub kind: Option<&'static str>,
    pub business_hours: Option<bool>,
    pub bot_stops_clock: Option<bool>,
    pub target_seconds: Option<i64>,
    pub inactivity_minutes: Option<i64>,
    pub window_days: Option<i64>,
    pub attribution: Option<&'static str>,
    pub actions: Option<Vec<&'static str>>,
    pub bounds: Option<Vec<f64>>,
}

const SECONDS: &[f64] = &[0.0, 0.001, 1.0, 20.0, 900.5, 1800.0, 3600.0, 5400.0, 10_799.999, 21_600.0, 86_400.0];
const SCORES: &[f64] = &[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0, 9.0, 10.0, 12.0];

pub fn arguments(family: &'static str) -> BoxedStrategy<Arguments> {
    let or = prop::option::of::<BoxedStrategy<i64>>;
    let bounds = |values: &'static [f64]| prop::option::of(subsequence(values, 1..=values.len()));
    match family {
        "reads" => or(select(&[1, 6, 24, 72][..]).boxed())
            .prop_map(|within_hours| Arguments { within_hours, ..Arguments::default() })
            .boxed(),
        "responseTime" => {
            let kind = prop::option::of(select(&["FIRST", "NEXT", "ALL"][..]));
            let target = or(select(&[1, 20, 1799, 1800, 3600, 5400, 21_600, 86_400][..]).boxed());
            let stops = prop::option::of(any::<bool>());
            let business = any::<bool>().prop_map(Some);
            (kind, stops, target, business, bounds(SECONDS))
                .prop_map(|(kind, bot_stops_clock, target_seconds, business_hours, bounds)| Arguments {
                    kind,
                    bot_stops_clock,
                    target_seconds,
                    business_hours,
                    bounds,
                    ..Arguments::default()
                })
                .boxed()
        }
        "sessions" => (or(select(&[1, 2, 29, 30, 31, 60, 61, 90, 239, 240][..]).boxed()), bounds(SECONDS))
            .prop_map(|(inactivity_minutes, bounds)| Arguments { inactivity_minutes, bounds, ..Arguments::default() })
            .boxed(),
        "satisfaction" => bounds(SCORES).prop_map(|bounds| Arguments { bounds, ..Arguments::default() }).boxed(),
        "conversion" => {
            let window = or(prop_oneof![3 => 1_i64..=8, 1 => 1_i64..=90].boxed());
            let attribution = prop::option::of(select(&["LAST_TOUCH", "FIRST_TOUCH", "LINEAR", "LINEAR"][..]));
            let actions = prop::option::of(subsequence(&["purchase", "form"][..], 1..=2));
            (window, attribution, actions)
                .prop_map(|(window_days, attribution, actions)| Arguments {
                    window_days,
                    attribution,
                    actions,
                    ..Arguments::default()
                })
                .boxed()
        }
        _ => Just(Arguments::default()).boxed(),
    }
}

impl Arguments {
    /// In brackets, or nothing.
    pub fn written(&self) -> String {
        let mut written = Vec::new();
        let mut number = |name: &str, value: Option<i64>| {
            written.extend(value.map(|value| format!("{name}: {value}")));
        };
        number("withinHours", self.within_hours);
        number("targetSeconds", self.target_seconds);
        number("inactivityMinutes", self.inactivity_minutes);
        number("windowDays", self.window_days);
        written.extend(self.kind.map(|kind| format!("kind: {kind}")));
        written.extend(self.attribution.map(|attribution| format!("attribution: {attribution}")));
        written.extend(self.business_hours.map(|asked| format!("businessHours: {asked}")));
        written.extend(self.bot_stops_clock.map(|stops| format!("botStopsClock: {stops}")));
        written.extend(self.actions.as_ref().map(|actions| format!("actions: {actions:?}")));
        written.extend(self.bounds.as_ref().map(|bounds| format!("bounds: {bounds:?}")));
        if written.is_empty() { String::new() } else { format!("({})", written.join(", ")) }
    }
}
