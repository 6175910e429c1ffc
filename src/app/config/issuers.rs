//! `[[issuers]]`: identity providers whose tokens are accepted, as written, and checked for form. Reads no file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

use crate::auth::claims::{ClaimPaths, ClaimRules};
use crate::auth::issuer::{Audience, IssuerConfig, KeySource, Others};
use crate::auth::{Role, TokenConfig};
use crate::outbound::{Address, AddressError};

/// One issuer as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIssuer {
    issuer: String,
    audience: String,
    #[serde(default)]
    shared_audience: bool,
    jwks_url: Option<String>,
    ca_file: Option<PathBuf>,
    jwks_file: Option<PathBuf>,
    public_key_file: Option<PathBuf>,
    tenant: Option<String>,
    #[serde(default)]
    claims: ClaimPaths,
    roles: Option<BTreeMap<String, Role>>,
}

/// The issuers in the order in which they are written.
///
/// # Errors
/// When one could not be told from another, or says nothing that a token could be checked by.
pub fn parse(written: Vec<WrittenIssuer>) -> Result<Vec<IssuerConfig>, IssuersError> {
    let mut names = BTreeSet::from([TokenConfig::default().issuer]);
    written
        .into_iter()
        .map(|written| {
            if !names.insert(written.issuer.clone()) {
                return Err(IssuersError::Taken { issuer: written.issuer });
            }
            parse_one(written)
        })
        .collect()
}

fn parse_one(written: WrittenIssuer) -> Result<IssuerConfig, IssuersError> {
    let WrittenIssuer { issuer, audience, shared_audience, tenant, claims, roles, .. } = written;
    let blank = |key: &'static str| IssuersError::Blank { issuer: issuer.clone(), key };
    if issuer.trim().is_empty() {
        return Err(blank("issuer"));
    }
    if audience.trim().is_empty() {
        return Err(blank("audience"));
    }
    if tenant.as_ref().is_some_and(|tenant| tenant.trim().is_empty()) {
        return Err(blank("tenant"));
    }
    if [&claims.tenant, &claims.role, &claims.operator, &claims.teams].into_iter().any(|path| path.is_blank()) {
        return Err(blank("claims"));
    }
    if roles.as_ref().is_some_and(BTreeMap::is_empty) {
        return Err(blank("roles"));
    }
    let keys = match (written.jwks_url, written.jwks_file, written.public_key_file) {
        (Some(text), None, None) => {
            let url = Address::parse(&text);
            let url = url.map_err(|cause| IssuersError::Address { issuer: issuer.clone(), cause })?;
            KeySource::Url { url, ca_file: written.ca_file.clone() }
        }
        (None, Some(path), None) => KeySource::JwksFile(path),
        (None, None, Some(path)) => KeySource::PublicKeyFile(path),
        _ => return Err(IssuersError::Keys { issuer }),
    };
    if written.ca_file.is_some() && !matches!(keys, KeySource::Url { .. }) {
        return Err(IssuersError::CaFile { issuer });
    }
    let others = if shared_audience { Others::Allowed } else { Others::Refused };
    Ok(IssuerConfig {
        issuer,
        audience: Audience { name: audience, others },
        keys,
        rules: ClaimRules { paths: claims, tenant, roles },
    })
}

/// What is wrong with `[[issuers]]`.
#[derive(Debug, thiserror::Error)]
pub enum IssuersError {
    #[error("the issuer `{issuer}` is there already: tokens are told apart by it (`rapport` is our own)")]
    Taken { issuer: String },
    #[error("`{key}` of the issuer `{issuer}` is blank: name it, or leave it out where there is a default")]
    Blank { issuer: String, key: &'static str },
    #[error("the issuer `{issuer}` needs exactly one of `jwks_url`, `jwks_file` and `public_key_file`")]
    Keys { issuer: String },
    #[error("`ca_file` of the issuer `{issuer}` is for a `jwks_url` with https, and there is none")]
    CaFile { issuer: String },
    #[error("`jwks_url` of the issuer `{issuer}`")]
    Address {
        issuer: String,
        #[source]
        cause: AddressError,
    },
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;
    use crate::auth::claims::ClaimPath;

    #[derive(Deserialize)]
    struct File {
        issuers: Vec<WrittenIssuer>,
    }

    fn read(toml: &str) -> Result<Vec<IssuerConfig>, String> {
        let file: File = Figment::new().merge(Toml::string(toml)).extract().map_err(|error| error.to_string())?;
        parse(file.issuers).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
    }

    /// The keys that every issuer needs, and more.
    fn with(more: &str) -> String {
        format!("[[issuers]]\nissuer = 'https://id.example.com'\naudience = 'rapport'\n{more}\n")
    }

    #[test]
    fn every_key_of_an_issuer_is_read() {
        let text = with(
            "shared_audience = true\njwks_url = 'https://id.example.com/certs'\nca_file = 'company.pem'\n\
             tenant = 'acme'\n\
             claims = { tenant = 'org', role = ['realm_access', 'roles'], operator = 'employee_id', teams = 'groups' }\n\
             roles = { 'rapport-manager' = 'manager', 'rapport-operator' = 'operator' }",
        );
        let rules = ClaimRules {
            paths: ClaimPaths {
                tenant: ClaimPath::from("org"),
                role: ClaimPath::from(["realm_access", "roles"]),
                operator: ClaimPath::from("employee_id"),
                teams: ClaimPath::from("groups"),
            },
            tenant: Some("acme".to_owned()),
            roles: Some(BTreeMap::from([
                ("rapport-manager".to_owned(), Role::Manager),
                ("rapport-operator".to_owned(), Role::Operator),
            ])),
        };
        let expected = IssuerConfig {
            issuer: "https://id.example.com".to_owned(),
            audience: Audience { name: "rapport".to_owned(), others: Others::Allowed },
            keys: KeySource::Url {
                url: Address::parse("https://id.example.com/certs").unwrap(),
                ca_file: Some("company.pem".into()),
            },
            rules,
        };
        assert_eq!(read(&text).unwrap(), [expected]);
    }

    #[test]
    fn what_is_left_out_has_the_narrow_meaning() {
        let issuers =
            read(&(with("jwks_file = 'a'") + &with("public_key_file = 'b'").replace(".com", ".org"))).unwrap();
        assert_eq!(issuers[0].keys, KeySource::JwksFile("a".into()));
        assert_eq!(issuers[1].keys, KeySource::PublicKeyFile("b".into()));
        assert_eq!(issuers[0].audience.others, Others::Refused);
        assert_eq!(issuers[0].rules, ClaimRules::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let keys = "jwks_file = 'a'";
        for (toml, expect) in [
            (with(""), "exactly one of `jwks_url`"),
            (with("jwks_file = 'a'\npublic_key_file = 'b'"), "exactly one of `jwks_url`"),
            (with(keys) + &with(keys), "`https://id.example.com` is there already"),
            (with(keys).replace("https://id.example.com", "rapport"), "`rapport` is there already"),
            (with(keys).replace("'rapport'", "' '"), "`audience` of the issuer"),
            (with("jwks_file = 'a'\ntenant = ''"), "`tenant` of the issuer"),
            (with("jwks_file = 'a'\nclaims = { role = [] }"), "`claims` of the issuer"),
            (with("jwks_file = 'a'\nclaims = { role = 1 }"), "the name of a claim, or a list of names"),
            (with("jwks_file = 'a'\nclaims = { rolle = 'x' }"), "found `rolle`"),
            (with("jwks_file = 'a'\nroles = {}"), "`roles` of the issuer"),
            (with("jwks_file = 'a'\nroles = { x = 'boss' }"), "found `boss`"),
            (with("jwks_file = 'a'\nsecret = 'x'"), "found `secret`"),
            (with("jwks_file = 'a'\nca_file = 'x'"), "`ca_file` of the issuer"),
            (with("jwks_url = 'http://id.example.com/certs'"), "use https"),
        ] {
            let error = read(&toml).expect_err(&toml);
            assert!(error.contains(expect), "{toml}: {error}");
        }
    }
}
