//! What a document asks for, by the names in it: root fields, and of `analytics` its families.
//!
//! Names only, no arguments, and each fragment once: a document is as long as its names, however often it repeats them.

use std::collections::HashSet;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};

/// The root field whose own fields are told too.
const ANALYTICS: &str = "analytics";

/// The name of the operation that runs: the one that was asked for, else that of the only one.
pub fn operation_name<'a>(document: &'a ExecutableDocument, asked: Option<&'a str>) -> Option<&'a str> {
    match &document.operations {
        DocumentOperations::Multiple(operations) if asked.is_none() => {
            operations.keys().next().map(|name| name.as_str())
        }
        _ => asked,
    }
}

/// `["analytics.delivery", "dialog"]`, each once, in the order of the document.
pub fn fields(document: &ExecutableDocument, operation: &OperationDefinition) -> Vec<String> {
    let mut found = Vec::new();
    let mut roots = Names { document, seen: HashSet::new() };
    roots.visit(&operation.selection_set.node, &mut |name, inside| {
        if name != ANALYTICS || inside.items.is_empty() {
            found.push(name.to_owned());
            return;
        }
        let mut families = Names { document, seen: HashSet::new() };
        families.visit(inside, &mut |family, _| found.push(format!("{name}.{family}")));
    });
    let mut told = HashSet::new();
    found.retain(|field| told.insert(field.clone()));
    found
}

/// A walk over one level of fields.
struct Names<'a> {
    document: &'a ExecutableDocument,
    seen: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn visit(&mut self, selection: &'a SelectionSet, tell: &mut dyn FnMut(&'a str, &'a SelectionSet)) {
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => tell(field.node.name.node.as_str(), &field.node.selection_set.node),
                Selection::InlineFragment(fragment) => self.visit(&fragment.node.selection_set.node, tell),
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let fragment = self.document.fragments.get(name).filter(|_| self.seen.insert(name));
                    if let Some(fragment) = fragment {
                        self.visit(&fragment.node.selection_set.node, tell);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expect: &[&str]) {
        let document = async_graphql::parser::parse_query(source).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        assert_eq!(fields(&document, &operation.node), expect, "{source}");
    }

    #[test]
    fn root_fields_and_families_are_told_through_fragments_and_aliases() {
        check("{ viewer a: viewer dialog(id: 1) { id } }", &["viewer", "dialog"]);
        check("{ analytics { delivery { x } ... { r: reads { x } } } }", &["analytics.delivery", "analytics.reads"]);
        check(
            "{ ...A ... on Query { limits } } fragment A on Query { analytics { ...B } } fragment B on X { sessions ...B }",
            &["analytics.sessions", "limits"],
        );
        check("mutation { setBusinessHours }", &["setBusinessHours"]);
    }
}
