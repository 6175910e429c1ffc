//! Every metric of the catalogue on the real engine: a new metric needs no new test here.

use chrono_tz::Tz;
use rapport::metrics::answer::{self, Number};
use rapport::metrics::calendar::Calendar;
use rapport::metrics::catalogue::{Dimension, FAMILIES, Unit, facts};
use rapport::metrics::filter::Filter;
use rapport::metrics::query::{Grouping, MetricQuery, Question};
use rapport::metrics::statement::Statement;
use rapport::metrics::terms::Terms;
use rapport::model::{Granularity, Role, Scope, Sight, TimeRange};
use rapport::store::Store;

use crate::engine;

fn question(family: &'static rapport::metrics::catalogue::Family, sight: Sight) -> Question {
    // Over the Berlin change of clocks, so that every expression that knows offsets is made.
    let range = TimeRange::new(1_774_500_000_000, 1_775_000_000_000).unwrap();
    Question {
        family,
        calendar: Calendar::new(range, Tz::Europe__Berlin),
        filter: Filter::default(),
        scope: Scope::granted("acme".to_owned(), Role::Manager, sight),
        terms: Terms { read_within_hours: Some(24), ..Terms::at(1_775_000_000_000) },
        histogram: true,
    }
}

#[tokio::test]
async fn every_metric_answers_nothing_with_its_empty_value() {
    let store = engine::store().await;
    for family in FAMILIES {
        for sight in
            [Sight::Everything, Sight::Operators(vec!["anna".to_owned()]), Sight::Teams(vec!["north".to_owned()])]
        {
            let question = question(family, sight);
            for metric in family.metrics {
                let queries = MetricQuery::plan(&question, &[metric], &Grouping::Total, 100).unwrap();
                let mut parts = Vec::new();
                for query in &queries {
                    let statement = Statement::alone(query);
                    let batches = store.query(statement.sql(100)).await.unwrap();
                    parts.push(statement.read(&batches, 100).remove(0).unwrap().into());
                }
                let lines = answer::merge(&question, &Grouping::Total, &queries, &parts).unwrap();
                let expect = match metric.unit() {
                    Unit::Count | Unit::Distinct => Some(Number::Count(0)),
                    _ if metric.name == "meanConcurrent" => Some(Number::Real(0.0)),
                    _ => None,
                };
                assert_eq!(lines[0].metrics.value(metric.name), expect.as_ref(), "{}.{}", family.name, metric.name);
            }
        }
    }
}

#[tokio::test]
async fn every_dimension_and_every_step_is_understood_by_the_engine() {
    let store = engine::store().await;
    for family in FAMILIES {
        let question = question(family, Sight::Everything);
        let steps = [Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month].map(Grouping::Every);
        // Several at once: the engine takes longer to understand a statement than to run it here.
        let dimensions = family.dimensions().chunks(4).map(|dimensions| Grouping::By(dimensions.to_vec()));
        for grouping in dimensions.chain(steps) {
            let metrics: Vec<_> = family
                .metrics
                .iter()
                .filter(|metric| match &grouping {
                    Grouping::By(dimensions) => dimensions.iter().all(|dimension| metric.divides_by(*dimension)),
                    _ => true,
                })
                .collect();
            for query in MetricQuery::plan(&question, &metrics, &grouping, 1_000).unwrap() {
                let answer = store.query(Statement::alone(&query).sql(100)).await;
                assert!(answer.is_ok(), "{} {grouping:?}: {answer:?}", family.name);
            }
        }
    }
}

#[tokio::test]
async fn a_fact_cannot_be_read_without_its_scope() {
    let store = engine::store().await;
    for fact in facts::FACTS {
        let mut sql = rapport::sql::Sql::new("SELECT count() FROM ");
        sql.push(fact.view.trim_end_matches('('));
        assert!(store.query(sql).await.is_err(), "{}", fact.name);
    }
}

#[test]
fn the_statement_of_every_family_is_the_reviewed_one() {
    let mut text = String::new();
    for family in FAMILIES {
        let metrics: Vec<_> = family.metrics.iter().collect();
        for query in MetricQuery::plan(
            &question(family, Sight::Everything),
            &metrics,
            &Grouping::By(vec![Dimension::Channel]),
            100,
        )
        .unwrap()
        {
            let sql = Statement::alone(&query).sql(100);
            text.push_str(&format!(
                "-- {} of {}\n{}\n-- {:?}\n\n",
                query.fact().name,
                family.name,
                sql.text(),
                sql.values()
            ));
        }
    }
    insta::assert_snapshot!(text);
}
