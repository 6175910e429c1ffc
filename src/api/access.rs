//! Who may read which field of the schema: one check before any field resolves, on every path to it.
//!
//! A field without a rule is nobody's, so a field that is new cannot be open by oversight. Which rules there are says the
//! schema (`schema::rules`); rows are limited by scopes, and arguments that name a figure by the query's plan.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo};
use async_graphql::{ServerError, ServerResult, Value, async_trait::async_trait};

use super::errors::{ApiError, Code};
use crate::auth::Viewer;
use crate::model::Readers;

/// The rules of a schema, by the names of types and their fields.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    types: HashMap<String, HashMap<String, Readers>>,
}

impl Rules {
    /// Sets the readers of fields of a type. Of two rules for one field the narrower counts.
    pub fn set<Name: Into<String>>(&mut self, parent: &str, fields: impl IntoIterator<Item = Name>, readers: Readers) {
        let known = self.types.entry(parent.to_owned()).or_default();
        for field in fields {
            let rule = known.entry(field.into()).or_insert(readers);
            *rule = readers.max(*rule);
        }
    }

    /// Who may read a field; `None` when there is no rule.
    pub fn readers(&self, parent: &str, field: &str) -> Option<Readers> {
        self.types.get(parent)?.get(field).copied()
    }

    /// Every field that has a rule.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str, Readers)> {
        let fields = |(parent, fields)| std::iter::repeat(parent).zip(fields);
        self.types.iter().flat_map(fields).map(|(parent, (field, readers)): (&String, (&String, &Readers))| {
            (parent.as_str(), field.as_str(), *readers)
        })
    }
}

/// Holds the rules against every field that is asked for.
pub struct FieldRules(pub Arc<Rules>);

impl ExtensionFactory for FieldRules {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(FieldCheck(Arc::clone(&self.0)))
    }
}

struct FieldCheck(Arc<Rules>);

#[async_trait]
impl Extension for FieldCheck {
    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        // An item of a list is no field of its own; introspection tells of the schema alone.
        let is_item = info.parent_type.starts_with('[');
        if is_item || info.is_for_introspection || info.name.starts_with("__") {
            return next.run(context, info).await;
        }
        let rule = self.0.readers(info.parent_type, info.name);
        let refusal = match (rule, context.data_opt::<Viewer>()) {
            (Some(readers), Some(viewer)) if readers.include(viewer.role()) => return next.run(context, info).await,
            (Some(readers), Some(viewer)) => readers.refusal(info.name, viewer.role()),
            (None, _) | (_, None) => format!("`{}.{}` has no rule of who may read it", info.parent_type, info.name),
        };
        Err(into_server_error(ApiError::new(Code::Forbidden, refusal)))
    }
}

fn into_server_error(error: ApiError) -> ServerError {
    let mut error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
    // Where in the document the field stands an extension is not told; the path says which it is.
    error.locations.clear();
    error
}
