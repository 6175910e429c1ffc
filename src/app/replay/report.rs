//! What a replay changes, told: as a table for people, or as one JSON object.

use std::fmt::Write;

use chrono::{DateTime, NaiveTime};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::ingest::replay::differences::{Example, FieldDifference};
use crate::ingest::replay::shown as instant;
use crate::metrics::answer::Number;
use crate::model::TimeRange;
use crate::model::clock::Millis;

use super::Shown;
use super::figures::Figure;

/// Characters of a field's value that a line shows.
const VALUE_CHARS_MAX: usize = 60;

/// The report as text.
pub fn text(shown: &Shown) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_text(&mut text, shown);
    text
}

fn write_text(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let Shown { stretch, extent, tally, differences, range, figures } = shown;
    writeln!(
        text,
        "Replay of `{}` (tenant {}), {} to {}",
        stretch.connection,
        stretch.tenant,
        instant(stretch.since),
        instant(stretch.until)
    )?;
    writeln!(
        text,
        "  {} payloads read again, {} of them not or not wholly readable",
        tally.payloads, tally.unreadable
    )?;
    for (kind, payloads) in &tally.unknown {
        writeln!(text, "  unknown kind {}, in {payloads} payloads", kind.escape_debug())?;
    }
    if 0 < tally.rejected {
        writeln!(text, "  {} events rejected, because for example", tally.rejected)?;
        for reason in &tally.reasons {
            writeln!(text, "    {reason}")?;
        }
    }
    if 0 < extent.unarchived {
        writeln!(text, "  {} events whose payloads are not archived stay as they are", extent.unarchived)?;
    }
    writeln!(text, "\nEvents")?;
    let heads = ["kind", "added", "changed", "gone"].map(str::to_owned);
    let rows = differences
        .kinds
        .iter()
        .map(|kind| [kind.kind.clone(), kind.added.to_string(), kind.changed.to_string(), kind.gone.to_string()]);
    if !differences.kinds.is_empty() {
        write_table(text, &std::iter::once(heads).chain(rows).collect::<Vec<_>>())?;
    }
    for log in &differences.other_logs {
        writeln!(text, "  the table {log} differs")?;
    }
    writeln!(text, "  {} unchanged", differences.unchanged)?;
    for example in &differences.examples {
        write_example(text, example)?;
    }
    match range {
        Some((range, zone)) if !figures.is_empty() => {
            writeln!(text, "\nMetrics, {}", days(*range, *zone))?;
            let heads = ["", "before", "after"].map(str::to_owned);
            let rows = figures.iter().filter(|figure| !repeats_its_total(figure, figures));
            let rows = rows.map(|figure| [called(figure), value(&figure.before), value(&figure.after)]);
            write_table(text, &std::iter::once(heads).chain(rows).collect::<Vec<_>>())
        }
        Some((range, zone)) => writeln!(text, "\nNo metric changes, in all or by channel, {}.", days(*range, *zone)),
        None => writeln!(text, "\nNo metric changes."),
    }
}

/// The last line: what was done, or what to do.
pub fn ending(shown: &Shown, publish: bool) -> String {
    match (shown.is_empty(), publish) {
        (true, _) => "\nNothing to publish: everything stands as it would be read now.\n".to_owned(),
        (false, true) => "\nPublished.\n".to_owned(),
        (false, false) => "\nNothing was changed. To publish this, give the same options and --publish.\n".to_owned(),
    }
}

/// The report as an object.
pub fn json(shown: &Shown, published: bool) -> Value {
    let Shown { stretch, extent, tally, differences, range, figures } = shown;
    let kinds = differences
        .kinds
        .iter()
        .map(|kind| json!({ "kind": kind.kind, "added": kind.added, "changed": kind.changed, "gone": kind.gone }));
    let examples = differences.examples.iter().map(|example| {
        let field =
            |field: &FieldDifference| (field.name.clone(), json!({ "before": field.before, "after": field.after }));
        let fields: Map<String, Value> = example.fields.iter().map(field).collect();
        json!({ "change": example.change.name(), "kind": example.kind, "id": example.id, "fields": fields })
    });
    let figures = figures.iter().map(|figure| {
        let number = |number: &Option<Number>| number.as_ref().map_or(Value::Null, json_number);
        json!({
            "metric": figure.name, "channel": figure.channel,
            "before": number(&figure.before), "after": number(&figure.after),
        })
    });
    json!({
        "connection": stretch.connection,
        "tenant": stretch.tenant,
        "since": instant(stretch.since),
        "until": instant(stretch.until),
        "payloads": {
            "read": tally.payloads, "unreadable": tally.unreadable, "unknownKinds": tally.unknown,
            "rejectedEvents": tally.rejected, "reasons": tally.reasons,
        },
        "events": {
            "unchanged": differences.unchanged, "unarchived": extent.unarchived, "kinds": kinds.collect::<Vec<_>>(),
            "examples": examples.collect::<Vec<_>>(), "otherTables": differences.other_logs,
        },
        "metrics": {
            "range": range.map(|(range, zone)| {
                json!({ "from": instant(range.from()), "to": instant(range.to()), "timezone": zone.name() })
            }),
            "changed": figures.collect::<Vec<_>>(),
        },
        "published": published,
    })
}

fn write_example(text: &mut String, example: &Example) -> std::fmt::Result {
    writeln!(text, "  {} {} {}", example.change.name(), example.kind, example.id.escape_debug())?;
    for field in &example.fields {
        let shown = |value: &Option<Value>| match value {
            None => "–".to_owned(),
            Some(Value::String(text)) => shorten(text),
            Some(other) => shorten(&other.to_string()),
        };
        writeln!(text, "    {}: {} → {}", field.name, shown(&field.before), shown(&field.after))?;
    }
    Ok(())
}

/// The start of a value, with what could move a terminal's cursor or turn its text written as its number.
fn shorten(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars().take(VALUE_CHARS_MAX) {
        match char {
            '"' | '\'' | '\\' => shown.push(char),
            _ => shown.extend(char.escape_debug()),
        }
    }
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The first column to the left, numbers to the right.
fn write_table<const N: usize>(text: &mut String, rows: &[[String; N]]) -> std::fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let mut line = "  ".to_owned();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            match index {
                0 => write!(line, "{cell:<width$}")?,
                _ => write!(line, "  {cell:>width$}")?,
            }
        }
        writeln!(text, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Whether a channel only says again what the line of all channels says.
fn repeats_its_total(figure: &Figure, figures: &[Figure]) -> bool {
    let is_total = |other: &&Figure| other.channel.is_none() && other.name == figure.name;
    let total = figures.iter().find(is_total).filter(|_| figure.channel.is_some());
    total.is_some_and(|total| total.before == figure.before && total.after == figure.after)
}

fn called(figure: &Figure) -> String {
    match &figure.channel {
        Some(channel) => format!("  {} {}", figure.name, channel.escape_debug()),
        None => figure.name.clone(),
    }
}

fn value(number: &Option<Number>) -> String {
    match number {
        None => "–".to_owned(),
        Some(Number::Count(count)) => count.to_string(),
        Some(Number::Real(real)) => format!("{real:.4}"),
        Some(Number::Instant(at)) => instant(*at),
        Some(Number::Text(text)) => shorten(text),
    }
}

fn json_number(number: &Number) -> Value {
    match number {
        Number::Count(count) => json!(count),
        Number::Real(real) => json!(real),
        Number::Instant(at) => json!(instant(*at)),
        Number::Text(text) => json!(text),
    }
}

/// Whole days as dates, the last one included as people say it; anything else as instants.
fn days(range: TimeRange, zone: Tz) -> String {
    let local = |at: Millis| DateTime::from_timestamp_millis(at).unwrap_or_default().with_timezone(&zone).naive_local();
    let (from, to) = (local(range.from()), local(range.to()));
    match from.time() == NaiveTime::MIN && to.time() == NaiveTime::MIN {
        true => {
            let last = to.date().pred_opt().unwrap_or(to.date());
            if last == from.date() {
                return format!("{last} ({})", zone.name());
            }
            format!("{} to {last} ({})", from.date(), zone.name())
        }
        false => format!("{} to {}", instant(range.from()), instant(range.to())),
    }
}
