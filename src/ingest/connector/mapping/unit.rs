//! How a payload writes instants, and what they are as an event's `at`.

use chrono::DateTime;
use chrono_tz::Tz;

use super::written::{MappingError, Written};
use crate::ingest::file::local_time;
use crate::model::clock::Millis;

#[derive(Clone, Debug)]
pub enum Unit {
    Seconds,
    Millis,
    /// Seconds below 100,000,000,000 (the year 5138), else milliseconds.
    Magnitude,
    /// With an offset; in the zone, if there is one, where a text has none.
    Rfc3339 {
        zone: Option<Tz>,
    },
    /// Without an offset, in this zone.
    Local {
        zone: Tz,
        format: Option<String>,
    },
}

/// Above it a number counts as milliseconds.
const SECONDS_MAX: f64 = 1e11;

impl Unit {
    /// Takes `unit`, with `zone` and `format` where the unit has them.
    ///
    /// # Errors
    /// When there is none, or it is none of the known.
    pub fn take(written: &mut Written) -> Result<Self, MappingError> {
        let place = written.place.inside("unit");
        let Some(name) = written.text_if_given("unit")? else {
            return Err(place.wrong("is missing; give seconds, millis, magnitude, rfc3339 or local"));
        };
        match name.as_str() {
            "seconds" => Ok(Self::Seconds),
            "millis" => Ok(Self::Millis),
            "magnitude" => Ok(Self::Magnitude),
            "rfc3339" => Ok(Self::Rfc3339 { zone: zone(written)? }),
            "local" => {
                let missing = written.place.inside("zone").wrong("is missing; give one such as Europe/Moscow");
                Ok(Self::Local { zone: zone(written)?.ok_or(missing)?, format: written.text_if_given("format")? })
            }
            _ => Err(place.wrong(format!("is `{name}`; give seconds, millis, magnitude, rfc3339 or local"))),
        }
    }

    /// The instant; `None` where the text is none in this unit.
    pub fn read(&self, text: &str) -> Option<Millis> {
        match self {
            Self::Seconds => from_seconds(text),
            Self::Millis => text.trim().parse().ok(),
            Self::Magnitude if text.trim().parse::<f64>().ok()?.abs() < SECONDS_MAX => from_seconds(text),
            Self::Magnitude => text.trim().parse().ok(),
            Self::Rfc3339 { zone } => match (DateTime::parse_from_rfc3339(text.trim()), zone) {
                (Ok(instant), _) => Some(instant.timestamp_millis()),
                (Err(_), Some(zone)) => local_time::read(text, *zone, None),
                (Err(_), None) => None,
            },
            Self::Local { zone, format } => local_time::read(text, *zone, format.as_deref()),
        }
    }
}

fn zone(written: &mut Written) -> Result<Option<Tz>, MappingError> {
    let place = written.place.inside("zone");
    let Some(name) = written.text_if_given("zone")? else { return Ok(None) };
    let zone = name.parse().map_err(|_| place.wrong(format!("is `{name}`; give one such as Europe/Moscow")))?;
    Ok(Some(zone))
}

/// Whole seconds, or with a fraction: a float holds today's milliseconds exactly enough to round to them.
fn from_seconds(text: &str) -> Option<Millis> {
    if let Ok(seconds) = text.trim().parse::<i64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let seconds = text.trim().parse::<f64>().ok()?;
    seconds.is_finite().then(|| (seconds * 1_000.0).round() as Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_the_same_in_every_unit() {
        let expect = Some(1_777_633_200_250);
        let local = Unit::Local { zone: "Europe/Moscow".parse().unwrap(), format: None };
        assert_eq!(Unit::Seconds.read("1777633200.25"), expect);
        assert_eq!(Unit::Millis.read("1777633200250"), expect);
        assert_eq!(Unit::Magnitude.read("1777633200.25"), expect);
        assert_eq!(Unit::Magnitude.read("1777633200250"), expect);
        let utc = Unit::Rfc3339 { zone: Some(Tz::UTC) };
        assert_eq!(utc.read("2026-05-01T14:00:00.25+03:00"), expect);
        assert_eq!(utc.read("2026-05-01T11:00:00.250"), expect);
        assert_eq!(Unit::Rfc3339 { zone: None }.read("2026-05-01T11:00:00.250"), None);
        assert_eq!(local.read("2026-05-01 14:00:00.25"), expect);
        for far in ["+262142-12-31 23:59:59.999", "-262143-01-01 00:00:00", "9999-12-31 23:59:59"] {
            // Whatever it is, it is no panic.
            let _ = local.read(far);
        }
        assert_eq!(Unit::Seconds.read("1777633200"), Some(1_777_633_200_000));
        assert_eq!(Unit::Seconds.read("9223372036854775807"), Some(i64::MAX));
        for unit in [Unit::Seconds, Unit::Millis, Unit::Magnitude, utc, local] {
            for none in ["", "soon", "NaN", "2026-05-01"] {
                assert_eq!(unit.read(none), None, "{unit:?} {none}");
            }
        }
    }
}
