//! What an issuer's claims become: tenants, roles, and the sight that follows from them.

use serde_json::json;

use super::*;
use crate::auth::Viewer;
use crate::model::{Scope, Sight};

/// The rules of an issuer that calls everything differently, as Keycloak does.
fn keycloak() -> ClaimRules {
    let roles =
        [("rapport-admin", Role::Admin), ("rapport-manager", Role::Manager), ("rapport-service", Role::Service)];
    let others = [("rapport-supervisor", Role::Supervisor), ("rapport-operator", Role::Operator)];
    ClaimRules {
        paths: ClaimPaths {
            tenant: "org".into(),
            role: ["realm_access", "roles"].into(),
            operator: "employee_id".into(),
            teams: "groups".into(),
        },
        tenant: None,
        roles: Some(roles.into_iter().chain(others).map(|(name, role)| (name.to_owned(), role)).collect()),
    }
}

fn grant(rules: &ClaimRules, claims: &Value) -> Result<Grant, AuthError> {
    rules.grant(claims.as_object().unwrap())
}

/// What becomes of these role names in Keycloak's place, with all that any role needs.
fn role_of(names: &Value) -> Result<Role, AuthError> {
    let claims =
        json!({"sub": "anna", "org": "acme", "employee_id": "o1", "groups": ["t1"], "realm_access": {"roles": names}});
    grant(&keycloak(), &claims).map(|grant| grant.role)
}

#[test]
fn claims_are_found_where_the_issuer_puts_them() {
    let found = grant(
        &keycloak(),
        &json!({"sub": "f:7", "org": "acme", "employee_id": "o1", "groups": ["/north"], "role": "admin", "tenant": "other",
            "realm_access": {"roles": ["offline_access", "rapport-supervisor"]}}),
    );
    let expected = Grant {
        sub: "f:7".to_owned(),
        tenant: "acme".to_owned(),
        role: Role::Supervisor,
        operator: Some("o1".to_owned()),
        teams: vec!["/north".to_owned()],
    };
    assert_eq!(found, Ok(expected));
}

#[test]
fn a_name_with_dots_and_slashes_is_one_name() {
    let address = "https://example.com/claims.role";
    let paths = ClaimPaths { role: address.into(), ..ClaimPaths::default() };
    let rules = ClaimRules { paths, ..ClaimRules::default() };
    let claims = json!({"sub": "anna", "tenant": "acme", address: "manager"});
    assert_eq!(grant(&rules, &claims).unwrap().role, Role::Manager);
    let nested = json!({"sub": "anna", "tenant": "acme", "https://example": {"com/claims": {"role": "manager"}}});
    assert!(matches!(grant(&rules, &nested), Err(AuthError::Claims { .. })));
}

#[test]
fn of_several_roles_the_widest_counts_and_unknown_names_do_not() {
    assert_eq!(role_of(&json!(["rapport-operator", "uma_authorization", "rapport-manager"])), Ok(Role::Manager));
    assert_eq!(role_of(&json!(["rapport-supervisor", "rapport-operator"])), Ok(Role::Supervisor));
    assert_eq!(role_of(&json!(["rapport-manager", "rapport-admin"])), Ok(Role::Admin));
    assert_eq!(role_of(&json!(["rapport-service", "x", "rapport-service"])), Ok(Role::Service));
    assert_eq!(role_of(&json!("rapport-operator")), Ok(Role::Operator));
}

#[test]
fn a_token_without_a_role_of_ours_is_refused() {
    let none = || Err(AuthError::NoRole { claim: "realm_access → roles".to_owned() });
    for names in
        [json!([]), json!(["admin", "manager", "MANAGER"]), json!("root"), json!(["Rapport-Manager"]), json!([""])]
    {
        assert_eq!(role_of(&names), none());
    }
    for names in [json!(null), json!(1), json!(["rapport-manager", 1]), json!({"rapport-manager": true})] {
        assert!(matches!(role_of(&names), Err(AuthError::Claims { .. })));
    }
}

#[test]
fn a_service_that_is_something_else_too_is_refused() {
    for other in ["rapport-operator", "rapport-supervisor", "rapport-manager", "rapport-admin"] {
        let refused = Err(AuthError::ServiceAndMore { claim: "realm_access → roles".to_owned() });
        assert_eq!(role_of(&json!([other, "rapport-service"])), refused);
    }
}

#[test]
fn without_names_of_its_own_an_issuer_uses_ours_as_they_are_written() {
    let role = |name: &str| grant(&ClaimRules::default(), &json!({"sub": "a", "tenant": "b", "role": name}));
    assert_eq!(role("manager").unwrap().role, Role::Manager);
    assert_eq!(role("MANAGER").unwrap().role, Role::Manager);
    for other in ["Manager", "root", "", " manager"] {
        assert!(matches!(role(other), Err(AuthError::NoRole { .. })), "{other}");
    }
}

#[test]
fn an_issuer_of_one_company_never_speaks_for_another() {
    let rules = ClaimRules { tenant: Some("acme".to_owned()), ..ClaimRules::default() };
    let tenant_of = |tenant: &Value| {
        grant(&rules, &json!({"sub": "a", "role": "manager", "tenant": tenant})).map(|grant| grant.tenant)
    };
    assert_eq!(tenant_of(&json!(null)), Ok("acme".to_owned()));
    assert_eq!(tenant_of(&json!("acme")), Ok("acme".to_owned()));
    for other in ["other", "ACME", "acme ", ""] {
        assert_eq!(tenant_of(&json!(other)), Err(AuthError::ForeignTenant), "{other}");
    }
    for other in [json!(["acme"]), json!(["acme", "other"]), json!({"acme": 1}), json!(1)] {
        assert!(matches!(tenant_of(&other), Err(AuthError::Claims { .. })));
    }
}

#[test]
fn a_role_decides_the_scope() {
    let scope = |name: &str, value: Value, role: &str| {
        let mut claims = json!({"sub": "anna", "tenant": "acme", "role": role});
        claims[name] = value;
        Viewer::new(grant(&ClaimRules::default(), &claims).unwrap(), "rapport").unwrap().scope()
    };
    let granted = |role, sight| Some(Scope::granted("acme".to_owned(), role, sight));
    assert_eq!(
        scope("operator", json!("o1"), "operator"),
        granted(Role::Operator, Sight::Operators(vec!["o1".to_owned()]))
    );
    let teams = granted(Role::Supervisor, Sight::Teams(vec!["t1".into(), "t2".into()]));
    assert_eq!(scope("teams", json!(["t1", "t2"]), "supervisor"), teams);
    assert_eq!(scope("operator", json!("o1"), "manager"), granted(Role::Manager, Sight::Everything));
    assert_eq!(scope("teams", json!(["t1"]), "admin"), granted(Role::Admin, Sight::Everything));
    assert_eq!(scope("operator", json!("o1"), "service"), None);
}

#[test]
fn a_role_without_what_its_scope_needs_is_refused() {
    let claims = |role: &str| json!({"sub": "anna", "org": "acme", "realm_access": {"roles": [role]}});
    let with = |role: &str, name: &str, value: Value| {
        let mut claims = claims(role);
        claims[name] = value;
        grant(&keycloak(), &claims)
    };
    let needed = |role, claim: &str| Err(AuthError::Needed { role, claim: claim.to_owned() });
    let blank = |claim: &str| Err(AuthError::Blank { claim: claim.to_owned() });
    assert_eq!(grant(&keycloak(), &claims("rapport-operator")), needed(Role::Operator, "employee_id"));
    assert_eq!(grant(&keycloak(), &claims("rapport-supervisor")), needed(Role::Supervisor, "groups"));
    assert_eq!(with("rapport-operator", "employee_id", json!(" ")), blank("employee_id"));
    assert_eq!(with("rapport-supervisor", "groups", json!([""])), blank("groups"));
    assert_eq!(with("rapport-manager", "org", json!("")), blank("org"));
    assert_eq!(with("rapport-manager", "sub", json!("")), blank("sub"));
    for (name, value) in [("employee_id", json!(["o1", "o2"])), ("employee_id", json!(1)), ("groups", json!("t1"))] {
        assert!(matches!(with("rapport-manager", name, value), Err(AuthError::Claims { .. })), "{name}");
    }
}
