//! How many records there are is the number that they stand behind.

use rapport::metrics::catalogue::facts::FACTS;
use rapport::metrics::catalogue::{Dimension, FAMILIES, Family, Measure, Metric, RecordKind, Unit};
use serde_json::Value;

use super::{at, history};
use crate::world::World;

const RANGE: &str = r#"range: {from: "2026-03-04T05:00:00Z", to: "2026-03-12"}, timezone: "Europe/Berlin""#;

/// What a number counts: records of its fact, or what several of them make one of.
fn counted(metric: &Metric) -> Option<RecordKind> {
    let record = metric.fact.record.map(|record| record.kind);
    match metric.measure {
        Measure::Count { .. } | Measure::Share { .. } => Some(record.unwrap_or(RecordKind::Dialogs)),
        Measure::Distinct { .. } | Measure::DistinctShare { .. } => match record {
            Some(RecordKind::Contacts) => record,
            _ => Some(RecordKind::Dialogs),
        },
        Measure::Aggregate { unit: Unit::Distinct, .. } if metric.name != "peak" => match record {
            Some(RecordKind::Contacts) => record,
            _ => Some(RecordKind::Dialogs),
        },
        _ => None,
    }
}

/// The fields that ask for a metric and for how many stand behind it.
fn fields(metrics: &[&'static Metric]) -> String {
    let mut fields = String::new();
    for metric in metrics {
        let Some(kind) = counted(metric) else { continue };
        let (name, kind) = (metric.name, kind.name());
        fields.push_str(&format!("{name} above_{name}: behind(of: {name}) {{ {kind} {{ totalCount }} }} "));
        if metric.unit() == Unit::Share {
            fields.push_str(&format!(
                "below_{name}: behind(of: {name}, part: DENOMINATOR) {{ {kind} {{ totalCount }} }} "
            ));
        }
    }
    fields
}

/// Compares every metric of a metrics object with what stands behind it; returns how many numbers were above zero.
fn check(metrics: &[&'static Metric], told: &Value, place: &str) -> usize {
    let mut seen = 0;
    for metric in metrics {
        let Some(kind) = counted(metric) else { continue };
        let count = |part: &str| told[format!("{part}_{}", metric.name)][kind.name()]["totalCount"].as_u64();
        let total = count("above").unwrap();
        let place = format!("{place}: {} with {total} of {:?}", metric.name, count("below"));
        match (&told[metric.name], metric.measure) {
            (Value::Null, _) => {}
            (number, Measure::Share { .. } | Measure::DistinctShare { .. }) => {
                // The engine divides by other means, in the last digit.
                let share = total as f64 / count("below").unwrap() as f64;
                assert!((number.as_f64().unwrap() - share).abs() < 1e-12, "{place}: {number}");
            }
            (number, _) => assert_eq!(number.as_u64(), Some(total), "{place}"),
        }
        seen += usize::from(0 < total);
    }
    seen
}

async fn check_family(world: &World, family: &'static Family) {
    let ask = async |parts: String| -> Value {
        world.analytics(RANGE, &format!("{} {{ {parts} }}", family.name)).await[family.name].clone()
    };
    let all: Vec<&'static Metric> = family.metrics.iter().collect();
    let answer = ask(format!("total {{ {0} }} series(every: WEEK) {{ start metrics {{ {0} }} }}", fields(&all))).await;
    let seen = check(&all, &answer["total"], &format!("{} total", family.name));
    assert!(0 < seen, "nothing was seen of {}", family.name);
    for step in answer["series"].as_array().unwrap() {
        check(&all, &step["metrics"], &format!("{} from {}", family.name, step["start"]));
    }
    let mut groups = 0;
    for dimensions in
        [&[Dimension::Operator, Dimension::Segment][..], &[Dimension::FailureReason], &[Dimension::ConversionKind]]
    {
        if !dimensions.iter().all(|dimension| family.dimensions().contains(dimension)) {
            continue;
        }
        let divides = |metric: &Metric| dimensions.iter().all(|dimension| metric.divides_by(*dimension));
        let divisible: Vec<_> = all.iter().copied().filter(|metric| divides(metric)).collect();
        let names: Vec<&str> = dimensions.iter().map(|dimension| dimension.name()).collect();
        let answer = ask(format!(
            "by(dimensions: [{}], first: 1) {{ keys metrics {{ {} }} }}",
            names.join(", "),
            fields(&divisible)
        ))
        .await;
        for group in answer["by"].as_array().unwrap() {
            groups += check(&divisible, &group["metrics"], &format!("{} of {}", family.name, group["keys"]));
        }
    }
    assert!(0 < groups, "no group of {} has anything", family.name);
}

#[tokio::test]
async fn behind_every_number_stand_as_many_records_as_it_counts() {
    let world = World::at("2026-03-13T12:00:00Z").await;
    world.take(&history::events(600)).await;
    let world = at(&world, "2026-03-13T12:00:00Z");
    for family in FAMILIES {
        check_family(&world, family).await;
    }
}

#[tokio::test]
async fn every_column_of_every_record_is_told() {
    let world = World::at("2026-03-13T12:00:00Z").await;
    world.take(&history::events(600)).await;
    let world = at(&world, "2026-03-13T12:00:00Z");
    for fact in FACTS {
        let (family, metric) = FAMILIES
            .into_iter()
            .flat_map(|family| family.metrics.iter().map(move |metric| (family, metric)))
            .find(|(_, metric)| std::ptr::eq(metric.fact, fact))
            .unwrap();
        for record in fact.records() {
            let columns: Vec<&str> = record.columns().map(|column| column.name).collect();
            let fields = format!(
                "{} {{ total {{ behind(of: {}, part: DENOMINATOR) {{ {} {{ nodes {{ {} }} }} }} }} }}",
                family.name,
                metric.name,
                record.kind.name(),
                columns.join(" ")
            );
            let answer = world.analytics(RANGE, &fields).await;
            let nodes = &answer[family.name]["total"]["behind"][record.kind.name()]["nodes"];
            assert!(!nodes.as_array().unwrap().is_empty(), "{fields}");
            for column in record.columns().filter(|column| column.kind.is_never_null()) {
                assert!(!nodes[0][column.name].is_null(), "{} of {fields}", column.name);
            }
        }
    }
}
