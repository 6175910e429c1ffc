//! Depth, complexity and the other sizes of a parsed document.

use std::collections::HashMap;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

use super::super::{
    errors::{ApiError, Code},
    limits::{Limits, check_limit},
};
use super::Subject;

/// Refuses a document that is too large in any of its sizes, and says what it asks about.
///
/// Every operation counts, not only the one asked for, because the library validates them all.
pub fn check(document: &ExecutableDocument, limits: &Limits) -> Result<Subject, ApiError> {
    let mut fragments = Fragments { document, chain_max: limits.nesting, chain: 0, measured: HashMap::new() };
    // Fragments that nothing uses are measured too: a cycle among them must not reach the library.
    // In order of their names: how long a chain is found to be depends on where it is entered, and the same document must
    // always be refused for the same reason.
    let mut names: Vec<_> = document.fragments.keys().collect();
    names.sort();
    for name in names {
        fragments.measure(name)?;
    }
    let mut whole = Cost::default();
    for (_, operation) in document.operations.iter() {
        let mut cost = fragments.selection_set(&operation.node.selection_set.node)?;
        cost.directives = cost.directives.saturating_add(operation.node.directives.len());
        check_limit("rootFields", limits.root_fields, cost.fields_here)?;
        whole = whole.beside(cost);
    }
    check_limit("depth", limits.depth, whole.depth)?;
    check_limit("introspectionDepth", limits.introspection_depth, whole.introspection_depth)?;
    check_limit("introspectionLists", limits.introspection_lists, whole.introspection_lists)?;
    check_limit("complexity", limits.complexity, whole.complexity)?;
    check_limit("aliases", limits.aliases, whole.aliases)?;
    check_limit("directives", limits.directives, whole.directives)?;
    // Whatever stands under `__schema` or `__type` has a depth of its own.
    Ok(if whole.introspection_depth == 0 { Subject::Figures } else { Subject::Schema })
}

/// The sizes of a selection, everything under it included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    /// Fields at its top, through fragments.
    fields_here: usize,
    depth: usize,
    introspection_depth: usize,
    /// Multiplying lists under `__schema` or `__type`.
    introspection_lists: usize,
    /// The same, if this turns out to stand under `__schema` or `__type`.
    lists: usize,
    complexity: usize,
    aliases: usize,
    directives: usize,
}

impl Cost {
    /// Two selections in the same place.
    fn beside(self, other: Self) -> Self {
        Self {
            fields_here: self.fields_here.saturating_add(other.fields_here),
            depth: self.depth.max(other.depth),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            introspection_lists: self.introspection_lists.max(other.introspection_lists),
            lists: self.lists.max(other.lists),
            complexity: self.complexity.saturating_add(other.complexity),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
        }
    }

    /// This selection under a field.
    fn under(self, field: &Field) -> Self {
        let name = field.name.node.as_str();
        let multiplies = matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
        let mut cost = Self {
            fields_here: 1,
            depth: self.depth.saturating_add(1),
            lists: self.lists.saturating_add(usize::from(multiplies)),
            complexity: self.complexity.saturating_add(1),
            aliases: self.aliases.saturating_add(usize::from(field.alias.is_some())),
            directives: self.directives.saturating_add(field.directives.len()),
            ..self
        };
        // Introspection is deep by nature and costs no query, so it has its own measures.
        if matches!(name, "__schema" | "__type") {
            cost.introspection_depth = cost.depth;
            cost.introspection_lists = cost.lists;
            cost.depth = 1;
            cost.lists = 0;
        }
        cost
    }
}

/// Each fragment measured once.
struct Fragments<'a> {
    document: &'a ExecutableDocument,
    /// How many fragments may lead on to each other, and how many do at present.
    chain_max: usize,
    chain: usize,
    /// `None` while a fragment is being measured: meeting it again then is a cycle.
    measured: HashMap<&'a str, Option<Cost>>,
}

impl<'a> Fragments<'a> {
    // The recursion is bounded: selections by the lexer, which counts brackets, and fragments by their chain.
    fn measure(&mut self, name: &str) -> Result<Cost, ApiError> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            // With nothing at its leaves a tree of fragments would cost nothing, and whoever walks it would never end.
            let message = format!("the document has no fragment `{}`", name.chars().take(100).collect::<String>());
            return Err(ApiError::new(Code::InvalidQuery, message));
        };
        match self.measured.get(name.as_str()) {
            Some(Some(cost)) => return Ok(*cost),
            Some(None) => {
                let message = format!("the fragment `{name}` contains itself");
                return Err(ApiError::new(Code::InvalidQuery, message));
            }
            None => {}
        }
        self.chain += 1;
        check_limit("nesting", self.chain_max, self.chain)?;
        self.measured.insert(name, None);
        let mut cost = self.selection_set(&fragment.node.selection_set.node)?;
        cost.directives = cost.directives.saturating_add(fragment.node.directives.len());
        self.measured.insert(name, Some(cost));
        self.chain -= 1;
        Ok(cost)
    }

    fn selection_set(&mut self, set: &'a SelectionSet) -> Result<Cost, ApiError> {
        let mut whole = Cost::default();
        for selection in &set.items {
            let cost = match &selection.node {
                Selection::Field(field) => {
                    let inside = self.selection_set(&field.node.selection_set.node)?;
                    inside.under(&field.node)
                }
                Selection::InlineFragment(inline) => {
                    let mut cost = self.selection_set(&inline.node.selection_set.node)?;
                    cost.directives = cost.directives.saturating_add(inline.node.directives.len());
                    cost
                }
                Selection::FragmentSpread(spread) => {
                    let mut cost = self.measure(&spread.node.fragment_name.node)?;
                    cost.directives = cost.directives.saturating_add(spread.node.directives.len());
                    cost
                }
            };
            whole = whole.beside(cost);
        }
        Ok(whole)
    }
}
