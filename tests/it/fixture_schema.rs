//! A small schema for tests of the protocol: it has no data, only ways to behave.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    Value,
    dynamic::{Enum, Field, FieldFuture, FieldValue, InputValue, Object, Scalar, Schema, SchemaBuilder, TypeRef},
};
use rapport::{
    api::{
        ApiError, Code, HttpParts, HttpState, Limits, access::Rules, audit::Log, bounded_int,
        documents::DocumentPolicy, execution::Introspection, router, server::Network, server::SetupError,
    },
    auth::{Authenticator, Grant, Role, Secret, TokenConfig, Viewer, issue},
    model::{Clock, Readers, SystemClock},
};

const SECRET: &str = "a secret for tests, at least 32 bytes";

/// Counts the slow fields that began, and those that were stopped: they never end by themselves.
#[derive(Clone, Default)]
pub struct Stopped {
    pub started: Arc<AtomicUsize>,
    pub ended: Arc<AtomicUsize>,
}

struct CountStop(Stopped);

impl Drop for CountStop {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

pub fn token() -> String {
    token_of("acme", Role::Manager)
}

pub fn token_of(tenant: &str, role: Role) -> String {
    let operator = (role == Role::Operator).then(|| "anna".to_owned());
    let teams = if role == Role::Supervisor { vec!["north".to_owned()] } else { vec![] };
    let grant = Grant { sub: "anna".to_owned(), tenant: tenant.to_owned(), role, operator, teams };
    let secret = Secret::new(SECRET).unwrap();
    issue(&secret, &TokenConfig::default(), &grant, SystemClock.now(), Duration::from_secs(600)).unwrap()
}

pub fn app(limits: Limits, stopped: Stopped) -> axum::Router {
    app_with(limits, stopped, Introspection::Allowed)
}

pub fn app_with(limits: Limits, stopped: Stopped, introspection: Introspection) -> axum::Router {
    try_app(limits, stopped, introspection, DocumentPolicy::default()).unwrap()
}

/// An app whose documents may not fit its schema.
pub fn try_app(
    limits: Limits,
    stopped: Stopped,
    introspection: Introspection,
    documents: DocumentPolicy,
) -> Result<axum::Router, SetupError> {
    app_of(HttpParts { limits: limits.into(), introspection, documents, ..parts(stopped) })
}

/// With origins, proxies and an audit log of its own.
pub fn app_in(network: Network, audit: Log, stopped: Stopped) -> axum::Router {
    app_of(HttpParts { network, audit, ..parts(stopped) }).unwrap()
}

fn parts(stopped: Stopped) -> HttpParts {
    let secret = Secret::new(SECRET).unwrap();
    HttpParts {
        schema: schema(stopped),
        rules: rules(),
        authenticator: Authenticator::new(&secret, TokenConfig::default(), Arc::new(SystemClock)),
        limits: Limits::default().into(),
        introspection: Introspection::Allowed,
        documents: DocumentPolicy::default(),
        network: Network::default(),
        audit: Log::off(),
        clock: Arc::new(SystemClock),
    }
}

fn app_of(parts: HttpParts) -> Result<axum::Router, SetupError> {
    Ok(router(Arc::new(HttpState::new(parts)?), axum::Router::new(), 1_790_000_000_000))
}

fn rules() -> Rules {
    let mut rules = Rules::default();
    let fields = "one nested maybe nodes echo paint big tenant slow panicking failing leaking";
    rules.set("Query", fields.split(' '), Readers::Anyone);
    rules.set("Mutation", ["change"], Readers::Anyone);
    rules.set("Node", ["one", "nested", "failing", "failingStrict"], Readers::Anyone);
    rules
}

fn schema(stopped: Stopped) -> SchemaBuilder {
    let nested = || {
        Field::new("nested", TypeRef::named_nn("Node"), |_| {
            FieldFuture::new(async { Ok(Some(FieldValue::owned_any(()))) })
        })
    };
    let failing = |name: &str, output: TypeRef, code: Option<Code>| {
        Field::new(name, output, move |_| {
            FieldFuture::new(async move {
                let error = match code {
                    Some(code) => ApiError::new(code, "not for you").into(),
                    None => async_graphql::Error::new("password=hunter2 at /var/lib"),
                };
                Err::<Option<FieldValue<'_>>, _>(error)
            })
        })
    };
    let one =
        || Field::new("one", TypeRef::named_nn(TypeRef::INT), |_| FieldFuture::new(async { Ok(Some(Value::from(1))) }));
    let node = Object::new("Node")
        .field(one())
        .field(nested())
        .field(failing("failing", TypeRef::named(TypeRef::INT), Some(Code::Forbidden)))
        .field(failing("failingStrict", TypeRef::named_nn(TypeRef::INT), None));
    let query = Object::new("Query")
        .field(one())
        .field(nested())
        .field(Field::new("maybe", TypeRef::named("Node"), |_| {
            FieldFuture::new(async { Ok(Some(FieldValue::owned_any(()))) })
        }))
        .field(Field::new("nodes", TypeRef::named_nn_list_nn("Node"), |_| {
            FieldFuture::new(async { Ok(Some(FieldValue::list((0..30).map(|_| FieldValue::owned_any(()))))) })
        }))
        .field(
            Field::new("echo", TypeRef::named(TypeRef::INT), |context| {
                FieldFuture::new(async move {
                    let first = context.args.try_get("first")?;
                    Ok(Some(Value::from(bounded_int(&first, "first", 1, 500)?)))
                })
            })
            .argument(InputValue::new("first", TypeRef::named_nn(TypeRef::INT))),
        )
        .field(
            Field::new("paint", TypeRef::named("Colour"), |context| {
                FieldFuture::new(async move {
                    Ok(Some(FieldValue::value(context.args.try_get("colour")?.enum_name()?.to_owned())))
                })
            })
            .argument(InputValue::new("colour", TypeRef::named_nn("Colour"))),
        )
        .field(Field::new("big", TypeRef::named("Long"), |_| {
            FieldFuture::new(async { Ok(Some(Value::from(1_i64 << 40))) })
        }))
        .field(Field::new("tenant", TypeRef::named_nn(TypeRef::STRING), |context| {
            FieldFuture::new(async move { Ok(Some(Value::from(context.data::<Viewer>()?.tenant()))) })
        }))
        .field(Field::new("slow", TypeRef::named(TypeRef::INT), move |_| {
            let stopped = stopped.clone();
            FieldFuture::new(async move {
                stopped.started.fetch_add(1, Ordering::SeqCst);
                let _count = CountStop(stopped);
                std::future::pending::<()>().await;
                Ok(None::<Value>)
            })
        }))
        .field(Field::new("panicking", TypeRef::named(TypeRef::INT), |_| {
            FieldFuture::new(async {
                if true {
                    panic!("a secret in a panic");
                }
                Ok(None::<Value>)
            })
        }))
        .field(failing("failing", TypeRef::named(TypeRef::INT), Some(Code::Forbidden)))
        .field(failing("leaking", TypeRef::named(TypeRef::INT), None));
    let mutation = Object::new("Mutation").field(Field::new("change", TypeRef::named_nn(TypeRef::BOOLEAN), |_| {
        FieldFuture::new(async { Ok(Some(Value::from(true))) })
    }));
    Schema::build("Query", Some("Mutation"), None)
        .register(query)
        .register(mutation)
        .register(node)
        .register(Enum::new("Colour").item("RED").item("GREEN"))
        .register(Scalar::new("Long").specified_by_url("https://example.org/long"))
}
