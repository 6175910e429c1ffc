//! Making tokens: what `rapport token` and the demonstration print. No token is ever stored.

use std::time::Duration;

use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;

use super::{AuthError, Role, Secret, TokenConfig, seconds, verify::LIFETIME_MAX_SECONDS};
use crate::model::clock::Millis;

/// What a token says about its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub sub: String,
    pub tenant: String,
    pub role: Role,
    pub operator: Option<String>,
    pub teams: Vec<String>,
}

impl Grant {
    /// Refuses a grant that would leave its holder without a scope. Making and checking a token both ask here.
    pub(super) fn check(&self) -> Result<(), AuthError> {
        let blank = |claim: &str| AuthError::Blank { claim: claim.to_owned() };
        let needed = |claim: &str| AuthError::Needed { role: self.role, claim: claim.to_owned() };
        if self.sub.trim().is_empty() {
            return Err(blank("sub"));
        }
        if self.tenant.trim().is_empty() {
            return Err(blank("tenant"));
        }
        if self.operator.as_ref().is_some_and(|operator| operator.trim().is_empty()) {
            return Err(blank("operator"));
        }
        if self.teams.iter().any(|team| team.trim().is_empty()) {
            return Err(blank("teams"));
        }
        match self.role {
            Role::Operator if self.operator.is_none() => Err(needed("operator")),
            Role::Supervisor if self.teams.is_empty() => Err(needed("teams")),
            _ => Ok(()),
        }
    }
}

/// Signs a token that is valid from `now` for `lifetime`.
pub fn issue(
    secret: &Secret,
    config: &TokenConfig,
    grant: &Grant,
    now: Millis,
    lifetime: Duration,
) -> Result<String, AuthError> {
    grant.check()?;
    if lifetime.as_secs() == 0 || LIFETIME_MAX_SECONDS < lifetime.as_secs() {
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        return Err(AuthError::Lifetime { seconds, maximum: LIFETIME_MAX_SECONDS });
    }
    let issued = seconds(now);
    let claims = IssuedClaims {
        iss: &config.issuer,
        aud: &config.audience,
        iat: issued,
        exp: issued.saturating_add(lifetime.as_secs()),
        sub: &grant.sub,
        tenant: &grant.tenant,
        role: grant.role,
        operator: grant.operator.as_deref(),
        teams: &grant.teams,
    };
    let header = Header::new(Algorithm::HS256);
    jsonwebtoken::encode(&header, &claims, &secret.to_sign()).map_err(|_| AuthError::Signing)
}

#[derive(Serialize)]
struct IssuedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    sub: &'a str,
    tenant: &'a str,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    teams: &'a [String],
}
