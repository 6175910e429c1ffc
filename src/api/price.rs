//! What a request costs, in points, known before anything of it runs.
//!
//! A point is one statement over up to 31 days: each part of a family (`total`, `series`, `by`, `compare`, …) is a statement for
//! each kind of rows that its metrics count, a table one for each of its families, a page of records or their count one. The
//! price is that of the document: statements that are shared or asked twice cost what is written, so that the same
//! document always costs the same.

use std::collections::HashSet;
use std::convert::Infallible;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};

use super::limits::Limits;
use crate::metrics::catalogue::{FAMILIES, Family};
use crate::metrics::period;
use crate::model::TimeRange;
use crate::model::clock::{DAY_MS, Millis};

/// The days of a point.
const DAYS: usize = 31;

/// Root fields that ask the engine nothing, or one small thing.
const FREE: [&str; 4] = ["viewer", "limits", "businessHours", "__typename"];

/// The points of an operation; at least one.
pub fn price(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    limits: &Limits,
    now: Millis,
) -> usize {
    let pricing = Pricing { document, operation, variables, limits, now };
    let fields = pricing.fields(&operation.selection_set.node);
    let points: usize = match operation.ty {
        OperationType::Mutation => fields.iter().map(|field| change(field)).sum(),
        OperationType::Query | OperationType::Subscription => fields.iter().map(|field| pricing.root(field)).sum(),
    };
    points.max(1)
}

/// What a change costs: most write one row, to submit lines again reads and writes up to 500.
fn change(field: &Field) -> usize {
    if matches!(name(field), "resubmitRejected" | "eraseContact") { 20 } else { 1 }
}

/// One request's pricing. Fragments are followed as often as they are named: `document::cost` has bounded that before.
struct Pricing<'a> {
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    limits: &'a Limits,
    now: Millis,
}

impl<'a> Pricing<'a> {
    fn root(&self, field: &'a Field) -> usize {
        match name(field) {
            "analytics" => {
                let families = self.fields(&field.selection_set.node);
                let points: usize = families.iter().map(|family| self.family(family)).sum();
                points.saturating_mul(self.months(field))
            }
            "table" => self.table(field).saturating_mul(self.months(field)),
            "operators" | "teams" | "segments" | "campaigns" | "scenarios" => 2 * self.months(field),
            // Counts, unknown kinds, and orphans.
            "connections" => 3,
            "dialog" => 1 + self.records(field),
            // A page of lines, their count, and the texts wherever they are asked for.
            "rejectedEvents" => 2 + self.texts(field),
            name if FREE.contains(&name) => 0,
            // The schema and its documentation, which are long, and a field that nobody has priced yet.
            _ => 1,
        }
    }

    fn family(&self, field: &'a Field) -> usize {
        let Some(family): Option<&'static Family> = FAMILIES.into_iter().find(|family| family.name == name(field))
        else {
            return 0;
        };
        let part = |part: &&'a Field| match name(part) {
            "total" | "compare" => {
                kinds_of_rows(family, &self.fields(&part.selection_set.node)) + self.around(family, part, 1)
            }
            "series" | "by" => {
                let lines = self.fields(&part.selection_set.node).into_iter().filter(|line| name(line) == "metrics");
                let sorted = self.sorts_by_other_rows(family, part);
                let points = |line: &'a Field| {
                    let fields = self.fields(&line.selection_set.node);
                    kinds_of_rows(family, &fields) + self.around(family, line, self.limits.pages)
                };
                lines.map(points).sum::<usize>().max(1) + sorted
            }
            // The operator's teams, in both directions of messages, and the team.
            "standing" => 3,
            "__typename" => 0,
            _ => 1,
        };
        self.fields(&field.selection_set.node).iter().map(part).sum()
    }

    /// The records behind numbers on so many lines, and what `explain` asks of the engine: how much each statement reads.
    fn around(&self, family: &'static Family, metrics: &'a Field, lines: usize) -> usize {
        let fields = self.fields(&metrics.selection_set.node);
        let points = |field: &&'a Field| match name(field) {
            "behind" => self.records(field).saturating_mul(lines),
            "explain" => {
                let estimates = self.fields(&field.selection_set.node).iter().any(|field| {
                    let inner = self.fields(&field.selection_set.node);
                    name(field) == "rowsRead" || inner.iter().any(|field| name(field) == "rowsRead")
                });
                // All lines have the same statements, and each is estimated once.
                if estimates { kinds_of_rows(family, &fields) } else { 0 }
            }
            _ => 0,
        };
        fields.iter().map(points).sum()
    }

    /// One more statement where groups are sorted by what their own rows do not tell.
    fn sorts_by_other_rows(&self, family: &'static Family, part: &'a Field) -> usize {
        let Value::Object(order) = self.argument(part, "orderBy") else { return 0 };
        let metric = match order.get("metric") {
            Some(Value::Enum(name)) => family.metric(name),
            Some(Value::String(name)) => family.metric(name),
            _ => None,
        };
        usize::from(metric.is_some_and(|metric| !std::ptr::eq(metric.fact, family.fact)))
    }

    /// The connections below a field, a statement for the page and one for the count.
    fn records(&self, field: &'a Field) -> usize {
        let statements = |connection: &'a Field| {
            let fields = self.fields(&connection.selection_set.node);
            let counts = fields.iter().any(|field| name(field) == "totalCount");
            let pages = fields.iter().any(|field| matches!(name(field), "nodes" | "edges" | "pageInfo"));
            match name(connection) {
                "cycles" => 1,
                _ => usize::from(counts) + usize::from(pages),
            }
        };
        self.fields(&field.selection_set.node).into_iter().map(statements).sum()
    }

    /// How often the texts of rejected events are asked for.
    fn texts(&self, field: &'a Field) -> usize {
        let inner = self.fields(&field.selection_set.node);
        let texts = |field: &'a Field| match name(field) {
            "raw" => 1,
            "nodes" | "edges" | "node" => self.texts(field),
            _ => 0,
        };
        inner.into_iter().map(texts).sum()
    }

    fn table(&self, field: &'a Field) -> usize {
        let names = match self.argument(field, "metrics") {
            Value::List(names) => names,
            single => vec![single],
        };
        let families: HashSet<String> = names
            .iter()
            .filter_map(|name| match name {
                Value::Enum(name) => Some(name.as_str()),
                Value::String(name) => Some(name.as_str()),
                _ => None,
            })
            .filter_map(|name| Some(name.split_once('_')?.0.to_owned()))
            .collect();
        // Its rows, and its totals with the quality of the columns.
        let fields = self.fields(&field.selection_set.node);
        let rows = fields.iter().any(|field| matches!(name(field), "rows" | "rowCount"));
        let totals = fields.iter().any(|field| matches!(name(field), "totals" | "columns"));
        families.len().max(1) * (usize::from(rows) + usize::from(totals))
    }

    /// How many times 31 days the field's range has, begun ones whole. What cannot be read here costs the longest range:
    /// it is refused later, or the zone of the question makes it a range after all.
    fn months(&self, field: &'a Field) -> usize {
        let range = match self.argument(field, "range") {
            Value::Object(range) => self.range(&range),
            _ => None,
        };
        // Whole days: the hour more that a change of clocks makes is none.
        let days = range.map_or(TimeRange::LONGEST_DAYS, |range| (range.to() - range.from()) / DAY_MS).max(1);
        usize::try_from(days).unwrap_or(usize::MAX).div_ceil(DAYS)
    }

    fn range(&self, range: &IndexMap<Name, Value>) -> Option<TimeRange> {
        let text = |name: &str| match range.get(name) {
            Some(Value::String(text)) => Some(text.as_str()),
            _ => None,
        };
        // Another zone makes a range a day longer at most.
        let zone = chrono_tz::UTC;
        match (text("from"), text("to"), text("last")) {
            (Some(from), Some(to), None) => period::between(from, to, zone).ok(),
            (None, None, Some(last)) => period::last(last, zone, self.now).ok(),
            _ => None,
        }
    }

    fn argument(&self, field: &'a Field, name: &str) -> Value {
        let value = field.get_argument(name).map(|value| value.node.clone());
        value.and_then(|value| value.into_const_with(|name| self.variable(name)).ok()).unwrap_or(Value::Null)
    }

    #[expect(clippy::needless_pass_by_value, reason = "as the library asks for it")]
    fn variable(&self, name: Name) -> Result<Value, Infallible> {
        if let Some(given) = self.variables.get(&name) {
            return Ok(given.clone());
        }
        let mut definitions = self.operation.variable_definitions.iter();
        let definition = definitions.find(|definition| definition.node.name.node == name);
        let default = definition.and_then(|definition| definition.node.default_value.as_ref());
        Ok(default.map_or(Value::Null, |value| value.node.clone()))
    }

    /// The fields of a selection that will run, through fragments.
    fn fields(&self, set: &'a SelectionSet) -> Vec<&'a Field> {
        let mut fields = Vec::new();
        for selection in &set.items {
            let (directives, inner) = match &selection.node {
                Selection::Field(field) => {
                    if self.runs(&field.node.directives) {
                        fields.push(&field.node);
                    }
                    continue;
                }
                Selection::InlineFragment(inline) => (&inline.node.directives, Some(&inline.node.selection_set)),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    (&spread.node.directives, fragment.map(|fragment| &fragment.node.selection_set))
                }
            };
            if let Some(inner) = inner.filter(|_| self.runs(directives)) {
                fields.extend(self.fields(&inner.node));
            }
        }
        fields
    }

    fn runs(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive.node.get_argument("if").map(|value| value.node.clone());
            let condition = condition.and_then(|value| value.into_const_with(|name| self.variable(name)).ok());
            match directive.node.name.node.as_str() {
                "skip" => condition != Some(Value::Boolean(true)),
                "include" => condition != Some(Value::Boolean(false)),
                _ => true,
            }
        })
    }
}

/// How many statements bring these metrics: one for each kind of rows, and the family's own.
fn kinds_of_rows(family: &Family, fields: &[&Field]) -> usize {
    let metrics = fields.iter().filter_map(|field| family.metric(name(field)));
    let facts: HashSet<&str> = metrics.map(|metric| metric.fact.name).chain([family.fact.name]).collect();
    facts.len()
}

fn name(field: &Field) -> &str {
    field.name.node.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::api::document::{operation, parse};

    const NOW: Millis = 1_790_000_000_000;

    fn price_of(query: &str, variables: Json) -> usize {
        let limits = Limits::default();
        let document = parse(query, &limits).unwrap().document;
        let operation = operation::select(&document, None).unwrap();
        price(&document, operation, &Variables::from_json(variables), &limits, NOW)
    }

    fn check(query: &str, points: usize) {
        assert_eq!(price_of(query, json!({})), points, "{query}");
    }

    #[test]
    fn every_part_of_a_family_is_a_statement_for_each_kind_of_rows() {
        let month = r#"range: {last: "P30D"}"#;
        check("{ viewer { sub } limits { name } __typename }", 1);
        check(&format!("{{ analytics({month}) {{ delivery {{ total {{ rate failed quality {{ level }} }} }} }} }}"), 1);
        // `engagedRate` counts other rows than the family's own.
        check(&format!("{{ analytics({month}) {{ reads {{ total {{ read engagedRate }} }} }} }}"), 2);
        check(
            &format!(
                "{{ analytics({month}) {{ delivery {{ total {{ rate }} compare(to: PREVIOUS_PERIOD) {{ rate }}
                 series(every: DAY) {{ metrics {{ rate }} }} by(dimensions: [CHANNEL]) {{ keys metrics {{ rate }} }} }} }} }}"
            ),
            4,
        );
        check(&format!("{{ analytics({month}) {{ activity {{ heatmap {{ messages }} peak {{ hour }} }} }} }}"), 2);
        check(&format!("{{ operators({month}) {{ value }} }}"), 2);
        check("mutation { a: setBusinessHours b: setBusinessHours }", 2);
        check("mutation { resubmitRejected { accepted } }", 20);
        check("{ rejectedEvents { totalCount nodes { raw } } }", 3);
        check("{ rejectedEvents { totalCount nodes { id } } }", 2);
        check("{ rejectedEvents { nodes { raw again: raw } edges { node { raw } } } }", 5);
    }

    #[test]
    fn a_longer_range_costs_more_however_it_is_written() {
        let query = "query Q($range: RangeInput = {last: \"P366D\"}) { analytics(range: $range) { delivery { total { rate } } } }";
        for (range, points) in [
            (json!({"last": "P31D"}), 1),
            (json!({"last": "P32D"}), 2),
            (json!({"last": "P731D"}), 24),
            (json!({"from": "2026-01-01", "to": "2026-02-01"}), 1),
            (json!({"from": "2026-01-01", "to": "2026-02-02"}), 2),
            (json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:01Z"}), 1),
            // Refused later, or of this length in another zone.
            (json!({"last": "yesterday"}), 24),
            (json!("P731D"), 24),
            (json!({"from": "2024-11-22", "to": "2026-11-23T05:00:00Z"}), 24),
        ] {
            assert_eq!(price_of(query, json!({"range": range})), points, "{range}");
        }
        assert_eq!(price_of(query, json!({})), 12);
    }

    #[test]
    fn fragments_and_directives_neither_hide_nor_add() {
        let query = "query Q($no: Boolean = false) { ...Root }
            fragment Root on Query { a: analytics(range: {last: \"P1D\"}) { ...Part ... on Analytics { ...Part } }
                b: analytics(range: {last: \"P1D\"}) @include(if: $no) { ...Part } }
            fragment Part on Analytics { delivery { total { rate } } reads @skip(if: true) { total { read } } }";
        assert_eq!(price_of(query, json!({})), 2);
        assert_eq!(price_of(query, json!({"no": true})), 3);
    }

    #[test]
    fn a_table_costs_its_families_and_records_their_pages_and_counts() {
        let month = r#"range: {last: "P30D"}"#;
        let metrics = "metrics: [delivery_rate, delivery_failed, activity_messages]";
        check(&format!("{{ table({month}, {metrics}) {{ rows {{ values }} }} }}"), 2);
        check(&format!("{{ table({month}, {metrics}) {{ rows {{ values }} totals rowCount }} }}"), 4);
        let behind = "behind(of: failed) { messages { totalCount nodes { at } } dialogs { nodes { id } } }";
        check(&format!("{{ analytics({month}) {{ delivery {{ total {{ failed {behind} }} }} }} }}"), 4);
        // Under each step of a series: as many as may be asked for.
        let series =
            format!("{{ analytics({month}) {{ delivery {{ series(every: DAY) {{ metrics {{ {behind} }} }} }} }} }}");
        check(&series, 1 + 3 * Limits::default().pages);
        check("{ dialog(id: 1) { channel cycles { openedAt } timeline { totalCount nodes { at } } } }", 4);
    }
}
