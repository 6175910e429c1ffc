//! `standing` of a family: where an operator stands in its team, without anybody's name.

use async_graphql::Error;
use async_graphql::dynamic::{
    Field, FieldFuture, FieldValue, InputValue, Object, ResolverContext, SchemaBuilder, TypeRef,
};

use crate::api::errors::Code;
use crate::metrics::answer::Number;
use crate::metrics::catalogue::seen::SEEN;
use crate::metrics::catalogue::{Dimension, Family};
use crate::metrics::query::{Grouping, Question};
use crate::metrics::standing::{OPERATORS_MIN, Standing, StandingError, check, question, standing};
use crate::metrics::terms::Terms;
use crate::model::Peers;

use super::family::Asked;
use super::{arguments, part, quality, refused};

/// The field's name, also for the rules and prices.
pub const STANDING: &str = "standing";
const TYPE: &str = "Standing";

/// The field of every family. Nullable, so that its error leaves the numbers.
pub fn field(family: &'static Family) -> Field {
    Field::new(STANDING, TypeRef::named(TYPE), move |context| {
        FieldFuture::new(async move { Ok(resolve(&context, family).await?.map(FieldValue::owned_any)) })
    })
    .description(format!(
        "Where the token's operator stands in a team: its own value, and the median and quartiles of the team's operators, if at \
         least {OPERATORS_MIN} of them have a value; never a name. Null when the operator has nothing in the range, or not in \
         that team. Without a filter, over a day at least: nobody can be singled out."
    ))
    .argument(InputValue::new("of", TypeRef::named_nn(format!("{}Metric", family.type_name))))
    .argument(
        InputValue::new("team", TypeRef::named(TypeRef::STRING))
            .description("One of the teams in which the operator worked in the range; default: the last."),
    )
}

async fn resolve(context: &ResolverContext<'_>, family: &'static Family) -> Result<Option<Standing>, Error> {
    let asked = context.parent_value.try_downcast_ref::<Asked>()?;
    let metric = family
        .metric(context.args.try_get("of")?.enum_name()?)
        .ok_or_else(|| refused(Code::InvalidQuery, "`of` names no metric"))?;
    asked.asking.check_reader(metric)?;
    let peers = asked.asking.viewer.peers().ok_or_else(|| {
        let message = "`standing` compares one operator with its team: it takes a token that names an `operator`";
        refused(Code::InvalidQuery, message)
    })?;
    let wanted = match arguments::given(&context.args, "team") {
        Some(team) => Some(team.string()?.to_owned()),
        None => None,
    };
    check(&asked.question).map_err(|error| refuse(&error))?;
    let Some(team) = team(asked, &peers, wanted).await? else {
        return Ok(None);
    };
    let (question, grouping) = question(&asked.question, &peers, &team, metric).map_err(|error| refuse(&error))?;
    let lines = asked.asking.answer(&question, &[metric], &grouping).await?;
    Ok(Some(standing(&peers, team, &lines, metric)))
}

/// The team that is wanted, or the one in which the operator was last, among those of its own rows.
async fn team(asked: &Asked, peers: &Peers, wanted: Option<String>) -> Result<Option<String>, Error> {
    let question = Question {
        family: &SEEN,
        calendar: asked.question.calendar.clone(),
        filter: Default::default(),
        scope: peers.own().clone(),
        terms: Terms::at(asked.asking.now),
        histogram: false,
    };
    let metrics: Vec<_> = SEEN.metrics.iter().collect();
    let lines = asked.asking.answer(&question, &metrics, &Grouping::By(vec![Dimension::Team])).await?;
    let teams = lines.into_iter().filter_map(|line| {
        let last = ["sentAt", "receivedAt"].into_iter().filter_map(|name| match line.metrics.value(name) {
            Some(Number::Instant(at)) => Some(*at),
            _ => None,
        });
        let last = last.max()?;
        Some((last, line.keys.into_iter().next()??))
    });
    Ok(match wanted {
        Some(wanted) => teams.map(|(_, team)| team).find(|team| *team == wanted),
        None => teams.max().map(|(_, team)| team),
    })
}

fn refuse(error: &StandingError) -> Error {
    refused(Code::InvalidQuery, error.to_string())
}

pub fn register(schema: SchemaBuilder) -> SchemaBuilder {
    let object = Object::new(TYPE)
        .description("An operator's value among those of its team.")
        .field(part("team", TypeRef::named_nn(TypeRef::STRING), |standing: &Standing| {
            Some(FieldValue::value(&standing.team))
        }))
        .field(
            part("value", TypeRef::named(TypeRef::FLOAT), |standing: &Standing| standing.value.map(FieldValue::value))
                .description("The operator's own, of its rows in the team."),
        )
        .field(
            part("median", TypeRef::named(TypeRef::FLOAT), |standing: &Standing| {
                standing.band.map(|band| FieldValue::value(band.median))
            })
            .description("Half of the team's operators have this value or less. Null when fewer than five have one."),
        )
        .field(
            part("lowerQuartile", TypeRef::named(TypeRef::FLOAT), |standing: &Standing| {
                standing.band.map(|band| FieldValue::value(band.lower_quartile))
            })
            .description("A quarter of them have this value or less."),
        )
        .field(
            part("upperQuartile", TypeRef::named(TypeRef::FLOAT), |standing: &Standing| {
                standing.band.map(|band| FieldValue::value(band.upper_quartile))
            })
            .description("Three quarters of them have this value or less."),
        )
        .field(
            part("operators", TypeRef::named(TypeRef::INT), |standing: &Standing| {
                standing.band.map(|band| FieldValue::value(band.operators))
            })
            .description("How many operators have a value, this one included. Null when fewer than five."),
        )
        .field(
            part("quality", TypeRef::named(quality::QUALITY), |standing: &Standing| {
                standing.quality.as_ref().map(|quality| FieldValue::borrowed_any(quality))
            })
            .description("How far `value` can be trusted."),
        );
    schema.register(object)
}
