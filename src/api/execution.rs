//! What a dynamic schema of the library lacks: a field that fails becomes `null` if it may be null.
//!
//! In async-graphql 8.0.0-rc.5 an error in any field of a dynamic schema costs the whole answer. This extension
//! does what the specification says: the error is kept, with its path, and the nearest nullable field or item is
//! `null`. It also notes that execution began, because only then an answer has `data`, and whether the answer lacks what
//! has just arrived. And it lets a document be checked without being run.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{
    PathSegment, QueryPathNode, QueryPathSegment, Request, Response, ServerError, ServerResult, ValidationResult,
    Value,
    async_trait::async_trait,
    dynamic::{Schema, SchemaBuilder, SchemaError},
    extensions::{
        Extension, ExtensionContext, ExtensionFactory, NextExecute, NextResolve, NextValidation, ResolveInfo,
    },
    parser::types::ExecutableDocument,
};
use futures_util::FutureExt;

use super::access::{FieldRules, Rules};
use super::document::operation;
use super::errors::{ApiError, Code};
use super::schema::Asking;
use crate::model::{Readers, Role};

/// Who may ask what the schema is. Unless everybody may, no message suggests names and the page does not show the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introspection {
    Allowed,
    /// The roles `MANAGER` and `ADMIN`.
    Managers,
    Forbidden,
}

impl Introspection {
    /// Refuses a document that asks what the schema is, where this role may not.
    pub fn check(self, role: Role) -> Result<(), ApiError> {
        let message = match self {
            Self::Allowed => return Ok(()),
            Self::Managers if Readers::Managers.include(role) => return Ok(()),
            Self::Managers => Readers::Managers.refusal("__schema", role),
            Self::Forbidden => "this server does not tell its schema: leave out `__schema` and `__type`".to_owned(),
        };
        Err(ApiError::new(Code::Forbidden, message))
    }
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
        // Roles are known only when a request comes: see `Introspection::check`.
        Introspection::Managers => builder.extension(NoSuggestions).disable_suggestions().finish(),
        Introspection::Forbidden => {
            builder.extension(NoSuggestions).disable_introspection().disable_suggestions().finish()
        }
    }
}

/// Whether a document fits the schema; the reason if it does not. Nothing is run, so mutations are safe too.
///
/// These are the library's rules, of which one has no effect in 8.0.0-rc.5: that a variable's type is the one that its
/// argument takes. A document that is wrong in this way fails when it is run with a value.
pub fn validate(schema: &Schema, document: &ExecutableDocument) -> Result<(), String> {
    let mut request = Request::new("").data(ValidateOnly);
    // Some operation has to be named, and the rules look at all of them.
    if let Some(name) = operation::a_name(document) {
        request = request.operation_name(name);
    }
    request.set_parsed_query(document.clone());
    let response = schema.execute(request).now_or_never().expect("only running a document waits for anything");
    match response.errors.into_iter().next() {
        None => Ok(()),
        Some(error) => Err(error.message),
    }
}

/// Put into a request's data so that it ends where its execution would begin.
struct ValidateOnly;

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
        if context.data_opt::<ValidateOnly>().is_some() {
            return Response::default();
        }
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

/// The library suggests names of a directive's arguments also where suggestions are switched off.
struct NoSuggestions;

impl ExtensionFactory for NoSuggestions {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for NoSuggestions {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await.map_err(|mut errors| {
            for error in &mut errors {
                if let Some(at) = error.message.find(" Did you mean") {
                    error.message.truncate(at);
                }
            }
            errors
        })
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
