//! `connections`: how the ways in fare by which platforms send: for managers, of their own tenant.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::Error;
use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputValue, Object, SchemaBuilder, TypeRef,
};

use super::{Asking, arguments, enum_value, part, scalars};
use crate::ingest::connection::Connection;
use crate::ingest::connection::health::{Counts, State};
use crate::ingest::errands::{Waiting, read_waiting, select_waiting};
use crate::metrics::answer::Number;
use crate::metrics::calendar::Calendar;
use crate::metrics::catalogue::Dimension;
use crate::metrics::deliveries::{self, Deliveries};
use crate::metrics::filter::Filter;
use crate::metrics::query::{Grouping, Question};
use crate::metrics::terms::Terms;
use crate::model::TimeRange;

const CONNECTION: &str = "ConnectionHealth";
const STATE: &str = "ConnectionState";
const KIND: &str = "UnknownKind";

const HOUR_MS: i64 = 3_600_000;
const HOURS_DEFAULT: i32 = 24;

/// As long as a range can be.
const HOURS_MAX: i32 = 731 * 24;

/// A connection as an answer shows it.
struct Shown {
    connection: Arc<Connection>,
    counts: Counts,
    state: State,
    within: Deliveries,
    unknown: Vec<(String, u64)>,
    orphans: Option<u64>,
    waiting: Option<Waiting>,
}

pub fn add_to(query: Object) -> Object {
    let field = Field::new("connections", TypeRef::named_nn_list_nn(CONNECTION), |context| {
        FieldFuture::new(async move {
            let asking = context.data::<Arc<Asking>>()?;
            let hours = arguments::optional_int(&context.args, "hours", 1, HOURS_MAX)?.unwrap_or(HOURS_DEFAULT);
            let shown = connections(asking, hours).await?;
            asking.count_lines(shown.len())?;
            Ok(Some(FieldValue::list(shown.into_iter().map(FieldValue::owned_any))))
        })
    });
    query.field(
        field
            .description(
                "How the connections fare by which platforms send to this tenant, by name. Counts are of the last `hours`, for \
                 as long as the archive of raw payloads keeps them, or since the server started where that is said. For the \
                 roles MANAGER and ADMIN.",
            )
            .argument(
                InputValue::new("hours", TypeRef::named(TypeRef::INT))
                    .description("How far back counts go; 24 unless given, at most 17544."),
            ),
    )
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let mut states = Enum::new(STATE).description("What a person should know of a connection first.");
    for state in State::ALL {
        states = states.item(EnumItem::new(state.name()).description(state.definition()));
    }
    schema.register(states).register(kind()).register(connection())
}

fn kind() -> Object {
    Object::new(KIND)
        .description("A kind of event that a connector does not know. Its payloads are kept.")
        .field(part("kind", TypeRef::named_nn(TypeRef::STRING), |(kind, _): &(String, u64)| {
            Some(FieldValue::value(kind))
        }))
        .field(
            part("deliveries", TypeRef::named_nn(scalars::LONG), |(_, count): &(String, u64)| {
                Some(FieldValue::value(*count))
            })
            .description("Deliveries that had it."),
        )
}

fn connection() -> Object {
    let text = || TypeRef::named_nn(TypeRef::STRING);
    Object::new(CONNECTION)
        .description("A connection, and what came by it.")
        .field(
            part("name", text(), |shown: &Shown| Some(FieldValue::value(&shown.connection.name)))
                .description("Its address ends with it: `/webhooks/{name}`."),
        )
        .field(part("platform", text(), |shown: &Shown| Some(FieldValue::value(shown.connection.platform.name))))
        .field(part("accounts", TypeRef::named_nn_list_nn(TypeRef::STRING), |shown: &Shown| {
            Some(FieldValue::list(shown.connection.accounts.names().iter().map(FieldValue::value)))
        }))
        .field(part("state", TypeRef::named_nn(STATE), |shown: &Shown| Some(enum_value(shown.state.name()))))
        .field(
            part("lastReceivedAt", TypeRef::named(scalars::DATE_TIME), |shown: &Shown| {
                shown.counts.last_received_at.map(scalars::date_time)
            })
            .description("When something was last taken in; null when nothing is known of."),
        )
        .field(part("received", long(), |shown: &Shown| number(shown.within.received)).description("Deliveries that were taken in."))
        .field(part("accepted", long(), |shown: &Shown| number(shown.within.accepted)).description("Events of them that were new."))
        .field(part("duplicates", long(), |shown: &Shown| number(shown.within.duplicates)).description("Events of them that were known already; they changed nothing."))
        .field(part("rejected", long(), |shown: &Shown| number(shown.within.rejected)).description("Events of them that break the rules of an event, such as an impossible time. The raw payload is kept."))
        .field(part("ignored", long(), |shown: &Shown| number(shown.within.ignored)).description("Events of them of kinds that no figure needs."))
        .field(part("lookups", long(), |shown: &Shown| number(shown.within.lookups)).description("Things that were named and had to be asked for."))
        .field(
            part("pendingLookups", long(), |shown: &Shown| {
                number(shown.waiting.as_ref().map_or(0, |waiting| waiting.lookups))
            })
            .description(
                "Things that were named within the last 90 days and are still to be asked for. For the roles MANAGER and ADMIN.",
            ),
        )
        .field(
            part("pendingSince", TypeRef::named(scalars::DATE_TIME), |shown: &Shown| {
                shown.waiting.as_ref().map(|waiting| waiting.since).map(scalars::date_time)
            })
            .description(
                "When that was named of them that waits longest; null when nothing waits. For the roles MANAGER and ADMIN.",
            ),
        )
        .field(
            part("lastAnsweredAt", TypeRef::named(scalars::DATE_TIME), |shown: &Shown| {
                shown.counts.last_answered_at.map(scalars::date_time)
            })
            .description(
                "When the platform last answered what it was asked, be it with nothing; null where it was not asked since the \
                 server started. For the roles MANAGER and ADMIN.",
            ),
        )
        .field(part("troubled", long(), |shown: &Shown| number(shown.within.troubled)).description("Deliveries of which something could not be taken: `lastTrouble` says what."))
        .field(
            part("lastTrouble", TypeRef::named(TypeRef::STRING), |shown: &Shown| {
                shown.within.last_trouble.as_ref().map(FieldValue::value)
            })
            .description("What was wrong last."),
        )
        .field(
            part("unknownKinds", TypeRef::named_nn_list_nn(KIND), |shown: &Shown| {
                Some(FieldValue::list(shown.unknown.iter().map(|kind| FieldValue::borrowed_any(kind))))
            })
            .description("Kinds that the connector does not know, the most frequent first."),
        )
        .field(
            part("orphans", TypeRef::named(scalars::LONG), |shown: &Shown| shown.orphans.map(FieldValue::value))
                .description(
                    "Messages of its accounts of which only a delivered or read status is known; null where no status \
                     or message of them is.",
                ),
        )
        .field(part("lagP50Seconds", TypeRef::named(TypeRef::FLOAT), |shown: &Shown| shown.within.lag_p50_seconds.map(FieldValue::value)).description("Median time between the latest event of a delivery and its arrival."))
        .field(part("lagP95Seconds", TypeRef::named(TypeRef::FLOAT), |shown: &Shown| shown.within.lag_p95_seconds.map(FieldValue::value)).description("95th percentile of the same."))
        .field(part("refusedSinceStart", long(), |shown: &Shown| number(shown.counts.refused)).description("Deliveries whose signature was missing, wrong or stale since the server started. Nothing of them is kept."))
        .field(part("foreignSinceStart", long(), |shown: &Shown| number(shown.counts.foreign)).description("Deliveries about an account that is not this connection's since the server started. Nothing of them is kept."))
        .field(part("failedSinceStart", long(), |shown: &Shown| number(shown.counts.failed)).description("Deliveries that the store did not take since the server started. The platform sends them again."))
}

fn long() -> TypeRef {
    TypeRef::named_nn(scalars::LONG)
}

fn number(value: u64) -> Option<FieldValue<'static>> {
    Some(FieldValue::value(value))
}

async fn connections(asking: &Arc<Asking>, hours: i32) -> Result<Vec<Shown>, Error> {
    let tenant = asking.viewer.tenant();
    let connections: Vec<_> = asking.ways_in.all().filter(|connection| connection.tenant == tenant).cloned().collect();
    if connections.is_empty() {
        return Ok(Vec::new());
    }
    let since = asking.now.saturating_sub(i64::from(hours) * HOUR_MS);
    let wrong = |error: deliveries::DeliveriesError| asking.refuse_inside(&error);
    let within = deliveries::read(&asking.look_up(deliveries::select(tenant, since)).await?).map_err(wrong)?;
    let unknown = deliveries::read_unknown(&asking.look_up(deliveries::select_unknown(tenant, since)).await?);
    let unknown = unknown.map_err(wrong)?;
    let orphans = orphans(asking, since).await?;
    let waiting = read_waiting(&asking.look_up(select_waiting(Some(tenant), asking.now)).await?);
    let waiting = waiting.map_err(|error| asking.refuse_inside(&error))?;
    let mut within: HashMap<String, Deliveries> =
        within.into_iter().map(|found| (found.connection.clone(), found)).collect();
    let show = |connection: Arc<Connection>| {
        let within = within.remove(&connection.name).unwrap_or_default();
        if let Some(at) = within.last_received_at {
            connection.health.recall(at);
        }
        let counts = connection.health.counts();
        let kinds = unknown.iter().filter(|kind| kind.connection == connection.name);
        let of_it = orphans.iter().filter(|orphans| is_of(&connection, &orphans.channel, &orphans.account));
        Shown {
            state: counts.state(asking.now),
            counts,
            unknown: kinds.map(|kind| (kind.kind.clone(), kind.deliveries)).collect(),
            orphans: of_it.map(|orphans| orphans.count).reduce(u64::saturating_add),
            waiting: waiting.iter().find(|waiting| waiting.connection == connection.name).cloned(),
            within,
            connection,
        }
    };
    Ok(connections.into_iter().map(show).collect())
}

/// Statuses without a message, of one account.
struct Orphans {
    channel: String,
    account: String,
    count: u64,
}

async fn orphans(asking: &Arc<Asking>, since: i64) -> Result<Vec<Orphans>, Error> {
    let family = &crate::metrics::catalogue::delivery::DELIVERY;
    let range = TimeRange::new(since, asking.now).map_err(|error| asking.refuse_inside(&error))?;
    let question = Question {
        family,
        calendar: Calendar::new(range, asking.default_zone),
        filter: Filter::default(),
        scope: asking.scope()?,
        terms: Terms::at(asking.now),
        histogram: false,
    };
    let metrics: Vec<_> = family.metrics.iter().filter(|metric| metric.name == "orphanStatuses").collect();
    let grouping = Grouping::By(vec![Dimension::Channel, Dimension::Account]);
    let lines = asking.answer(&question, &metrics, &grouping).await?;
    Ok(lines
        .into_iter()
        .filter_map(|mut line| {
            let count = match line.metrics.value("orphanStatuses") {
                Some(Number::Count(count)) => *count,
                _ => return None,
            };
            let account = line.keys.pop()?.unwrap_or_default();
            let channel = line.keys.pop()?.unwrap_or_default();
            Some(Orphans { channel, account, count })
        })
        .collect())
}

/// Whether an account of a channel is the connection's. A platform's name is its channel's, but for a mapping, which speaks
/// for any.
fn is_of(connection: &Connection, channel: &str, account: &str) -> bool {
    let name = connection.platform.name;
    connection.accounts.has(account) && (name == "mapping" || channel.eq_ignore_ascii_case(name))
}
