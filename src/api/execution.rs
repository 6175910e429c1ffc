//! What a dynamic schema of the library lacks: a field that fails becomes `null` if it may be null.
//!
//! In async-graphql 8.0.0-rc.5 an error in any field of a dynamic schema costs the whole answer. This extension
//! does what the specification says: the error is kept, with its path, and the nearest nullable field or item is
//! `null`. It also notes that execution began, because only then an answer has `data`, and whether the answer lacks what
//! has just arrived.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Response, ServerError, ServerResult, Value,
    async_trait::async_trait,
    dynamic::{Schema, SchemaBuilder, SchemaError},
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, ResolveInfo},
};

use super::access::{FieldRules, Rules};
use super::schema::Asking;

/// Whether clients may ask what the schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspection {
    Allowed,
    /// Then no message suggests names either.
    Forbidden,
}

/// Finishes a schema with the behaviour that the protocol layer relies on.
pub fn finish_schema(
    builder: SchemaBuilder,
    rules: Rules,
    introspection: Introspection,
) -> Result<Schema, SchemaError> {
    // The outer one first: a field that is refused is null like one that fails.
    let builder = builder.extension(NullWhereAllowed).extension(FieldRules(Arc::new(rules)));
    match introspection {
        Introspection::Allowed => builder.finish(),
        Introspection::Forbidden => builder.disable_introspection().disable_suggestions().finish(),
    }
}

/// Put into a request's data to learn whether its execution began.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicBool>);

impl Progress {
    pub fn began(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct NullWhereAllowed;

impl ExtensionFactory for NullWhereAllowed {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(FieldErrors::default())
    }
}

/// The errors of one request that were contained.
#[derive(Default)]
struct FieldErrors(Mutex<Vec<ServerError>>);

#[async_trait]
impl Extension for FieldErrors {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(progress) = context.data_opt::<Progress>() {
            progress.0.store(true, Ordering::Relaxed);
        }
        let mut response = next.run(context, operation_name).await;
        let mut contained = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        response.errors.append(&mut contained);
        // Beside the warnings of lines: an answer can be without any.
        if context.data_opt::<Arc<Asking>>().is_some_and(|asking| asking.is_stale()) {
            response.extensions.insert("stale".to_owned(), Value::Boolean(true));
        }
        response
    }

    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let may_be_null = !info.return_type.ends_with('!');
        let path_node = info.path_node;
        let mut error = match next.run(context, info).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error.path.is_empty() {
            error.path = path(path_node);
        }
        if !may_be_null {
            return Err(error);
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error);
        Ok(None)
    }
}

fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut segments: Vec<PathSegment> = std::iter::successors(Some(node), |node| node.parent)
        .map(|node| match node.segment {
            QueryPathSegment::Index(index) => PathSegment::Index(index),
            QueryPathSegment::Name(name) => PathSegment::Field(name.to_owned()),
        })
        .collect();
    segments.reverse();
    segments
}
