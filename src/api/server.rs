//! The router and what its handlers share.

use std::sync::Arc;

use async_graphql::{
    Request as GraphqlRequest,
    dynamic::{Schema, SchemaBuilder, SchemaError},
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing,
};
use tower::util::option_layer;
use tower_http::compression::CompressionLayer;

use super::{
    access::Rules,
    arrival::Arrival,
    audit,
    documents::{DocumentPolicy, Documents, TrustedPolicy, trusted::UnfitDocuments},
    errors::{ApiError, Code},
    execution::{Introspection, finish_schema},
    http::{
        bearer,
        client::{Channel, Peer, Proxies, name_client},
        cors::{self, Origin},
        graphql,
        page::Page,
        request_id::{RequestIds, contain_panic, name_request},
    },
    limits::LimitsByRole,
    rates::Rates,
    traces,
};
use crate::{
    auth::{Authenticator, Viewer},
    model::{Clock, clock::Millis},
};

/// Adds what resolvers need to a request's data.
pub type PerRequest = Box<dyn Fn(GraphqlRequest, &Arrival) -> GraphqlRequest + Send + Sync>;

/// Whom the routes listen to, and whom they believe.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Sites whose pages may ask.
    pub origins: Vec<Origin>,
    pub proxies: Proxies,
}

/// What an [`HttpState`] is made of.
pub struct HttpParts {
    /// Not finished, because the protocol needs an extension in it.
    pub schema: SchemaBuilder,
    /// Who may read what of it.
    pub rules: Rules,
    pub authenticator: Authenticator,
    pub limits: LimitsByRole,
    pub introspection: Introspection,
    pub documents: DocumentPolicy,
    pub network: Network,
    pub audit: audit::Log,
    pub clock: Arc<dyn Clock>,
}

/// What the handlers of GraphQL share.
pub struct HttpState {
    pub schema: Schema,
    pub authenticator: Authenticator,
    pub limits: LimitsByRole,
    pub rates: Rates,
    pub clock: Arc<dyn Clock>,
    pub introspection: Introspection,
    pub documents: Documents,
    pub per_request: PerRequest,
    pub page: Page,
    pub network: Network,
    pub audit: audit::Log,
}

impl HttpState {
    /// Puts the parts together and checks what can be checked before anybody asks.
    ///
    /// # Errors
    /// When the schema contradicts itself, or a trusted document cannot be run.
    pub fn new(parts: HttpParts) -> Result<Self, SetupError> {
        let HttpParts { schema, rules, authenticator, limits, introspection, documents: policy, network, audit, clock } =
            parts;
        let schema = finish_schema(schema, rules, introspection)?;
        let documents = Documents::new(&policy, &schema, limits.of_all())?;
        // The page needs no token, so it must not give away what is not for everybody.
        let is_open = introspection == Introspection::Allowed && !matches!(policy.trusted, TrustedPolicy::Require(_));
        let sdl = is_open.then(|| sdl(&schema));
        let page = Page::new(sdl.as_deref(), limits.of_all());
        let per_request: PerRequest = Box::new(|request, _| request);
        let rates = Rates::new(&limits, Arc::clone(&clock));
        Ok(Self {
            schema,
            authenticator,
            limits,
            rates,
            clock,
            introspection,
            documents,
            per_request,
            page,
            network,
            audit,
        })
    }

    #[must_use]
    pub fn with_per_request(mut self, per_request: PerRequest) -> Self {
        self.per_request = per_request;
        self
    }

    /// The one who sent these headers, for routes other than GraphQL.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Viewer, ApiError> {
        bearer::authenticate(&self.authenticator, headers).await
    }
}

/// The schema as text, the same for the same schema whatever order it was built in.
pub fn sdl(schema: &Schema) -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .prefer_single_line_descriptions()
        .use_space_ident()
        .indent_width(2);
    schema.sdl_with_options(options)
}

/// All routes: GraphQL and the page, beside the `other` routes of the application.
///
/// `started` names the server's run in request ids.
pub fn router(state: Arc<HttpState>, other: Router, started: Millis) -> Router {
    let graphql = routing::get(graphql::get).post(graphql::post);
    let cors = option_layer(cors::layer(&state.network.origins));
    let (audit, proxies) = (state.audit.clone(), Arc::new(state.network.proxies.clone()));
    Router::new()
        .route("/graphql", graphql.fallback(|| refuse_method("GET, HEAD, POST")))
        .route("/", routing::get(graphql::get).fallback(|| refuse_method("GET, HEAD")))
        .with_state(state)
        .merge(other)
        .fallback(|| async { ApiError::new(Code::NotFound, "there is no such route; queries go to /graphql") })
        // From outside to inside, and in one: layers that are added one by one are copied and allocated anew, each with all that are
        // within, for every request.
        .layer((
            middleware::from_fn_with_state(Arc::new(RequestIds::new(started)), name_request),
            middleware::from_fn(traces::follow),
            middleware::from_fn_with_state(proxies, name_client),
            middleware::from_fn(secure),
            // Outside of the record: a preflight asks for nothing, and a browser must be able to read a refusal.
            cors,
            middleware::from_fn_with_state(audit, audit::record),
            middleware::from_fn(contain_panic),
            CompressionLayer::new(),
        ))
}

async fn refuse_method(allow: &'static str) -> Response {
    ApiError::method_not_allowed(format!("this route takes {allow}"), allow).into_response()
}

/// Headers that every answer has, unless its handler set its own.
async fn secure(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        // Figures are somebody's: no cache, shared or not, keeps them.
        (header::CACHE_CONTROL, "private, no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let is_encrypted = request.extensions().get::<Peer>().is_some_and(|peer| peer.channel == Channel::Encrypted);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if is_encrypted {
        // A year. Not for sub-domains, which are not ours to speak for.
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        let name = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(name, HeaderValue::from_static("cross-origin"));
    }
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Appended: the compression layer adds its own.
    headers.append(header::VARY, HeaderValue::from_static("accept, authorization"));
    response
}

/// What keeps a server from starting.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the manifest of trusted documents (`documents_file`) is not in order")]
    Documents(#[from] UnfitDocuments),
}
