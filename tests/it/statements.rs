//! How many statements a request costs the engine, however much it asks.

use rapport::metrics::catalogue::FAMILIES;

use crate::questions::{RANGE, two_operators};
use crate::world::World;

#[tokio::test]
async fn ten_families_in_three_parts_are_a_bounded_number_of_statements() {
    let world = World::at("2026-03-20T00:00:00Z").await;
    let mut fields = String::new();
    for family in FAMILIES {
        let of: Vec<&str> = family.metrics.iter().map(|metric| metric.name).collect();
        let of = of.join(" ");
        let parts = format!(
            "total {{ {of} }} series(every: DAY) {{ metrics {{ {of} }} }} by(dimensions: [CHANNEL]) {{ metrics {{ {of} }} }}"
        );
        fields.push_str(&format!("{} {{ {parts} }} ", family.name));
    }
    let query = format!(r#"{{ analytics(range: {{from: "2026-03-01", to: "2026-04-01"}}) {{ {fields} }} }}"#);
    // delivery 1, reads 2, responseTime 1, activeDialogs 3 (open dialogs by steps are apart), satisfaction 1,
    // conversion 1, automation 3, sessions 1, activity 1, unsubscribes 1.
    assert_eq!(world.statements(&query).await, 15);
}

#[tokio::test]
async fn one_statement_for_each_fact_and_range() {
    let world = two_operators().await;
    for (fields, statements) in [
        ("delivery { total { rate } }", 1),
        (
            "delivery { total { rate outbound delivered failed pending acceptanceRate addressableRate quality { level } } }",
            1,
        ),
        // Aliases and fragments of the same part are one statement.
        ("delivery { a: total { rate } b: total { outbound } ... on Delivery { c: total { failed } } }", 1),
        ("delivery { total @skip(if: true) { rate } series(every: DAY) { metrics { rate } } }", 1),
        (
            "delivery { total { rate } series(every: DAY) { metrics { rate outbound } } by(dimensions: [CHANNEL]) { metrics { failed } } }",
            1,
        ),
        (
            "delivery { by(dimensions: [DAY, CHANNEL], orderBy: {metric: failed}) { metrics { rate } }
                        turned: by(dimensions: CHANNEL) { metrics { rate } } total { rate } }",
            1,
        ),
        // A contact can have several segments, so its rows are divided apart.
        ("delivery { total { rate } by(dimensions: [SEGMENT]) { metrics { rate } } }", 2),
        ("delivery { total { rate } compare(to: PREVIOUS_WEEK) { rate } }", 2),
        // Reactions are another fact than states.
        ("reads { total { ofSent ofDelivered read engagedRate } }", 2),
        ("activity { total { messages turns } }", 1),
        ("activity { heatmap { messages turns perOccurrence } peak { hour } }", 1),
        ("delivery { __typename }", 0),
    ] {
        assert_eq!(world.statements(&format!("{{ analytics({RANGE}) {{ {fields} }} }}")).await, statements, "{fields}");
    }
}
