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
use tracing::{Instrument, info_span};

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
    arrival::Arrival,
    audit::{self, Trace},
    document::{Checked, Subject, operation},
    errors::{ApiError, Code},
    execution::Progress,
    limits::Limits,
    price::price,
    rates::Place,
    server::HttpState,
};
use crate::auth::Viewer;
use crate::model::trace;

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
    let guest = match Guest::enter(&state, &headers, request_id, trace).await {
        Ok(guest) => guest,
        Err(error) => return answer::refuse(error, media),
    };
    let parameters = parameters::from_query_string(&query_string.unwrap_or_default(), &guest.limits);
    run(&state, guest, parameters, Method::Get, media).await
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
    let guest = match Guest::enter(&state, &headers, request_id, trace).await {
        Ok(guest) => guest,
        Err(error) => return answer::refuse(error, media),
    };
    let parameters = read_parameters(&guest.limits, &headers, body).await;
    run(&state, guest, parameters, Method::Post, media).await
}

/// Who asks, and the place among the requests that run.
struct Guest {
    viewer: Viewer,
    limits: Arc<Limits>,
    place: Place,
    request_id: RequestId,
    trace: Arc<Trace>,
}

impl Guest {
    async fn enter(
        state: &HttpState,
        headers: &HeaderMap,
        request_id: RequestId,
        trace: Arc<Trace>,
    ) -> Result<Self, ApiError> {
        let viewer = authenticate(&state.authenticator, headers).await?;
        trace.note_viewer(&viewer);
        let limits = Arc::clone(state.limits.of(viewer.role()));
        let place = state.rates.enter(&viewer, &limits)?;
        Ok(Self { viewer, limits, place, request_id, trace })
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
    guest: Guest,
    parameters: Result<Parameters, ApiError>,
    method: Method,
    media: Media,
) -> Response {
    let prepared = parameters.and_then(|parameters| prepare(state, &guest, parameters, method));
    let Guest { viewer, limits, place, request_id, trace } = guest;
    // What is refused was read and checked all the same.
    let points = prepared.as_ref().map_or(1, |prepared| prepared.points);
    let spent = state.rates.spend(&place, viewer.role(), &limits, points);
    let (Prepared { request, points, name }, spent) = match spent.and_then(|spent| Ok((prepared?, spent))) {
        Ok(admitted) => admitted,
        Err(error) => return answer::refuse(error, media),
    };
    let progress = Progress::default();
    let arrival = Arrival { viewer, bearer: place.bearer.clone(), request_id, trace, limits };
    let request = (state.per_request)(request, &arrival);
    let Arrival { viewer, request_id, limits, .. } = arrival;
    let request = request.data(viewer).data(request_id.clone()).data(progress.clone());
    // When time is up, or the client goes away, the future is dropped and with it the store's query.
    let span = info_span!(target: trace::SPANS, "graphql", operation = name, points = trace::count(points));
    match tokio::time::timeout(limits.execution_time, state.schema.execute(request).instrument(span)).await {
        Ok(response) => answer::answer(response, &progress, media, (&limits, spent), &request_id),
        Err(_) => {
            let seconds = limits.execution_time.as_secs_f32();
            let message =
                format!("the query took longer than {seconds} s, the limit `executionSeconds`, and was stopped");
            answer::refuse(ApiError::new(Code::Timeout, message), media)
        }
    }
}

/// A request that may run.
struct Prepared {
    request: GraphqlRequest,
    points: usize,
    /// For traces: the operation's, where the document is trusted. Others are named by whoever sends them.
    name: Option<String>,
}

/// Finds the document, checks it, tells its price, and hands it to the library parsed, so that it is parsed once.
fn prepare(state: &HttpState, guest: &Guest, parameters: Parameters, method: Method) -> Result<Prepared, ApiError> {
    let Guest { viewer, limits, trace, .. } = guest;
    let is_trusted = trace::is_collected() && state.documents.trusts(&parameters.document);
    trace.note_document(&state.documents.name(&parameters.document));
    let Checked { document, subject } = state.documents.open(parameters.document, viewer.tenant(), limits)?;
    if subject == Subject::Schema {
        state.introspection.check(viewer.role())?;
    }
    let operation = operation::select(&document, parameters.operation_name.as_deref())?;
    let name = audit::operation_name(&document, parameters.operation_name.as_deref());
    let told = name.filter(|_| is_trusted).map(str::to_owned);
    trace.note_fields(name, &audit::fields(&document, operation));
    match operation.ty {
        OperationType::Query => {}
        OperationType::Mutation if method == Method::Post => trace.note_write(),
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
    Ok(Prepared { request, points, name: told })
}
