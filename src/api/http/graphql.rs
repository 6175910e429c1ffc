//! The handlers of `/graphql`.

use std::sync::Arc;

use async_graphql::{Request as GraphqlRequest, parser::types::OperationType};
use axum::{
    Extension,
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};

use super::{
    accept::{self, Media, Page},
    answer,
    bearer::authenticate,
    body::{BytesLimit, read_body},
    page,
    parameters::{self, Parameters},
    request_id::RequestId,
};
use crate::api::{
    audit::{self, Trace},
    document::{Checked, Subject, operation},
    errors::{ApiError, Code},
    execution::Progress,
    limits::Limits,
    price::price,
    server::{Arrival, HttpState},
};
use crate::auth::Viewer;

/// How a request came, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    Post,
}

/// `GET /` and `GET /graphql`: a query, or the page for a browser.
pub async fn get(
    State(state): State<Arc<HttpState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(trace): Extension<Arc<Trace>>,
    uri: Uri,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
) -> Response {
    let media = match accept::negotiate(&headers, Page::Offered) {
        Ok(Media::Html) => return page::response(&state),
        Ok(media) => media,
        Err(error) => return error.into_response(),
    };
    if uri.path() != "/graphql" {
        return ApiError::new(Code::NotFound, "there is no such route; queries go to /graphql").into_response();
    }
    let viewer = match authenticate(&state.authenticator, &headers).await {
        Ok(viewer) => viewer,
        Err(error) => return answer::refuse(error, media),
    };
    trace.note_viewer(&viewer);
    let parameters = parameters::from_query_string(&query_string.unwrap_or_default(), state.limits.of(viewer.role()));
    match parameters {
        Ok(parameters) => run(&state, (viewer, request_id, trace), parameters, Method::Get, media).await,
        Err(error) => answer::refuse(error, media),
    }
}

/// `POST /graphql`.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(request_id): Extension<RequestId>,
    Extension(trace): Extension<Arc<Trace>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let media = match accept::negotiate(&headers, Page::NotOffered) {
        Ok(media) => media,
        Err(error) => return error.into_response(),
    };
    // The token first: an unknown client's body is not even read.
    let viewer = match authenticate(&state.authenticator, &headers).await {
        Ok(viewer) => viewer,
        Err(error) => return answer::refuse(error, media),
    };
    trace.note_viewer(&viewer);
    match read_parameters(state.limits.of(viewer.role()), &headers, body).await {
        Ok(parameters) => run(&state, (viewer, request_id, trace), parameters, Method::Post, media).await,
        Err(error) => answer::refuse(error, media),
    }
}

async fn read_parameters(limits: &Limits, headers: &HeaderMap, body: Body) -> Result<Parameters, ApiError> {
    parameters::check_content_type(headers)?;
    let limit = BytesLimit { name: "bodyBytes", bytes: limits.body_bytes };
    let bytes = read_body(body, headers, limit, limits.body_time).await?;
    parameters::from_body(&bytes, limits)
}

async fn run(
    state: &HttpState,
    (viewer, request_id, trace): (Viewer, RequestId, Arc<Trace>),
    parameters: Parameters,
    method: Method,
    media: Media,
) -> Response {
    let limits = Arc::clone(state.limits.of(viewer.role()));
    let admitted = prepare(state, (&viewer, &limits), parameters, method, &trace)
        .and_then(|(request, points)| Ok((request, state.rates.admit(&viewer, &limits, points)?)));
    let (request, admission) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => return answer::refuse(error, media),
    };
    let progress = Progress::default();
    let bearer = admission.bearer.clone();
    let arrival = Arrival { viewer, bearer, request_id, trace, limits };
    let request = (state.per_request)(request, &arrival);
    let Arrival { viewer, request_id, limits, .. } = arrival;
    let request = request.data(viewer).data(request_id.clone()).data(progress.clone());
    // When time is up, or the client goes away, the future is dropped and with it the store's query.
    match tokio::time::timeout(limits.execution_time, state.schema.execute(request)).await {
        Ok(response) => answer::answer(response, &progress, media, (&limits, &admission), &request_id),
        Err(_) => {
            let seconds = limits.execution_time.as_secs_f32();
            let message =
                format!("the query took longer than {seconds} s, the limit `executionSeconds`, and was stopped");
            answer::refuse(ApiError::new(Code::Timeout, message), media)
        }
    }
}

/// Finds the document, checks it, tells its price, and hands it to the library parsed, so that it is parsed once.
fn prepare(
    state: &HttpState,
    (viewer, limits): (&Viewer, &Limits),
    parameters: Parameters,
    method: Method,
    trace: &Trace,
) -> Result<(GraphqlRequest, usize), ApiError> {
    trace.note_document(&parameters.document.name(), parameters.operation_name.as_deref());
    let Checked { document, subject } = state.documents.open(parameters.document, viewer.tenant(), limits)?;
    if subject == Subject::Schema {
        state.introspection.check(viewer.role())?;
    }
    let operation = operation::select(&document, parameters.operation_name.as_deref())?;
    let name = audit::operation_name(&document, parameters.operation_name.as_deref());
    trace.note_fields(name, &audit::fields(&document, operation));
    match operation.ty {
        OperationType::Query => {}
        OperationType::Mutation if method == Method::Post => {}
        OperationType::Mutation => return Err(ApiError::method_not_allowed("a mutation needs POST", "POST")),
        OperationType::Subscription => {
            return Err(ApiError::new(Code::InvalidQuery, "this route does not serve subscriptions"));
        }
    }
    operation::check_variables(operation, &parameters.variables)?;
    let points = price(&document, operation, &parameters.variables, limits, state.clock.now());
    // The text is not needed any more: the library gets the document parsed.
    let mut request = GraphqlRequest::new("").variables(parameters.variables);
    if let Some(name) = parameters.operation_name {
        request = request.operation_name(name);
    }
    request.set_parsed_query(document);
    Ok((request, points))
}
