//! Where an issuer's tokens hold what a viewer is made of, and reading it from there.
//!
//! Only claims whose signature holds come here.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::token::wrong;
use super::{AuthError, Grant, Role};

/// The way to a claim: a name, or names into objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenPath")]
pub struct ClaimPath(Vec<String>);

/// A text is one name as it stands, dots and slashes too: names of claims are often addresses.
#[derive(Deserialize)]
#[serde(untagged, expecting = "the name of a claim, or a list of names that leads into objects")]
enum WrittenPath {
    Name(String),
    Names(Vec<String>),
}

impl From<WrittenPath> for ClaimPath {
    fn from(written: WrittenPath) -> Self {
        match written {
            WrittenPath::Name(name) => Self(vec![name]),
            WrittenPath::Names(names) => Self(names),
        }
    }
}

impl From<&str> for ClaimPath {
    fn from(name: &str) -> Self {
        Self::from([name])
    }
}

impl<const NAMES: usize> From<[&str; NAMES]> for ClaimPath {
    fn from(names: [&str; NAMES]) -> Self {
        Self(names.map(str::to_owned).to_vec())
    }
}

impl ClaimPath {
    pub fn is_blank(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|name| name.trim().is_empty())
    }

    /// What stands there; `null` counts as nothing.
    fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        let found = rest.iter().try_fold(claims.get(first)?, |value, name| value.as_object()?.get(name))?;
        Some(found).filter(|value| !value.is_null())
    }

    fn find_text(&self, claims: &Map<String, Value>) -> Result<Option<String>, AuthError> {
        match self.find(claims) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(&self.to_string(), "a text")),
        }
    }

    fn find_texts(&self, claims: &Map<String, Value>) -> Result<Option<Vec<String>>, AuthError> {
        self.find(claims)
            .map(|value| texts(value).ok_or_else(|| wrong(&self.to_string(), "a list of texts")))
            .transpose()
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" → "))
    }
}

/// Where each claim stands; by default where `rapport token` puts it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimPaths {
    pub tenant: ClaimPath,
    pub role: ClaimPath,
    pub operator: ClaimPath,
    pub teams: ClaimPath,
}

impl Default for ClaimPaths {
    fn default() -> Self {
        Self { tenant: "tenant".into(), role: "role".into(), operator: "operator".into(), teams: "teams".into() }
    }
}

/// How an issuer's claims become a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimRules {
    pub paths: ClaimPaths,
    /// The only tenant that this issuer may speak for; `None` lets the claim decide.
    pub tenant: Option<String>,
    /// The issuer's names of our roles; `None` for our own names.
    pub roles: Option<BTreeMap<String, Role>>,
}

impl ClaimRules {
    pub fn grant(&self, claims: &Map<String, Value>) -> Result<Grant, AuthError> {
        let grant = Grant {
            sub: ClaimPath::from("sub").find_text(claims)?.ok_or_else(|| wrong("sub", "a text"))?,
            tenant: self.tenant(claims)?,
            role: self.role(claims)?,
            operator: self.paths.operator.find_text(claims)?,
            teams: self.paths.teams.find_texts(claims)?.unwrap_or_default(),
        };
        // Here as well as where the viewer is made, because only here it is known what the issuer calls the claim.
        grant.check().map_err(|error| self.name_claim(error))?;
        Ok(grant)
    }

    /// A fixed tenant is never left for another, also not by an issuer that can put anything into its tokens.
    fn tenant(&self, claims: &Map<String, Value>) -> Result<String, AuthError> {
        let claimed = self.paths.tenant.find_text(claims)?;
        match (&self.tenant, claimed) {
            (None, Some(claimed)) => Ok(claimed),
            (None, None) => Err(wrong(&self.paths.tenant.to_string(), "a text")),
            (Some(fixed), Some(claimed)) if claimed != *fixed => Err(AuthError::ForeignTenant),
            (Some(fixed), _) => Ok(fixed.clone()),
        }
    }

    /// The widest role that is named. Names that are not ours are for other services.
    fn role(&self, claims: &Map<String, Value>) -> Result<Role, AuthError> {
        let path = &self.paths.role;
        let names = match path.find(claims) {
            Some(Value::String(name)) => vec![name.clone()],
            Some(value) => texts(value).ok_or_else(|| wrong(&path.to_string(), "a text or a list of texts"))?,
            None => return Err(wrong(&path.to_string(), "a text or a list of texts")),
        };
        let roles: Vec<Role> = names.iter().filter_map(|name| self.role_named(name)).collect();
        let widest = roles.iter().copied().max_by_key(|role| width(*role));
        let widest = widest.ok_or_else(|| AuthError::NoRole { claim: path.to_string() })?;
        // A service writes and never reads: no token can be both.
        if roles.contains(&Role::Service) && roles.iter().any(|role| *role != Role::Service) {
            return Err(AuthError::ServiceAndMore { claim: path.to_string() });
        }
        Ok(widest)
    }

    fn role_named(&self, name: &str) -> Option<Role> {
        match &self.roles {
            Some(roles) => roles.get(name).copied(),
            None => Role::ALL.into_iter().find(|role| name == role.name() || name == role.name().to_ascii_lowercase()),
        }
    }

    fn name_claim(&self, error: AuthError) -> AuthError {
        let issuers_name = |claim: String| match claim.as_str() {
            "tenant" => self.paths.tenant.to_string(),
            "operator" => self.paths.operator.to_string(),
            "teams" => self.paths.teams.to_string(),
            _ => claim,
        };
        match error {
            AuthError::Blank { claim } => AuthError::Blank { claim: issuers_name(claim) },
            AuthError::Needed { role, claim } => AuthError::Needed { role, claim: issuers_name(claim) },
            error => error,
        }
    }
}

/// How much of a tenant a role sees.
fn width(role: Role) -> u8 {
    match role {
        Role::Service => 0,
        Role::Operator => 1,
        Role::Supervisor => 2,
        Role::Manager => 3,
        Role::Admin => 4,
    }
}

/// The texts of a list of nothing else.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
