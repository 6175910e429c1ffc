//! Tokens come in one place, and no token or key is ever logged.

use std::cell::RefCell;
use std::io;

use axum::http::Method;
use tracing::Level;

use super::*;

thread_local! {
    /// What was logged on this thread since a test began to listen.
    static LOGGED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct ThreadLog;

impl io::Write for ThreadLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| {
            if let Some(logged) = logged {
                logged.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to everything that this thread logs from here on, at any level.
///
/// For the whole process, because what one thread does not listen to may be switched off for another.
fn listen() {
    let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false);
    let _ = tracing::subscriber::set_global_default(subscriber.with_writer(|| ThreadLog).finish());
    LOGGED.set(Some(Vec::new()));
}

#[tokio::test]
async fn a_token_in_the_address_or_a_cookie_is_refused_and_never_logged() {
    listen();
    let house = House::new(&all(), None).await;
    let mut secrets = Vec::new();
    for (name, key) in ["a", "b", "c"].into_iter().zip(SigningKey::all()) {
        let token = house.token(key, name, &house.tenant());
        let query = "query=%7Bviewer%7Bsub%7D%7D";
        let get = |uri: String| Request::builder().method(Method::GET).uri(uri).header(header::ACCEPT, "*/*");
        for request in [
            get(format!("/graphql?{query}&access_token={token}")),
            get(format!("/graphql?{query}&token={token}")),
            get(format!("/graphql?{query}")).header(header::COOKIE, format!("access_token={token}; token={token}")),
            get(format!("/graphql?{query}")).header("x-access-token", &token),
            get(format!("/graphql?{query}")).header(header::PROXY_AUTHORIZATION, format!("Bearer {token}")),
        ] {
            let answer = send(house.world.router.clone(), request.body(Body::empty()).unwrap()).await;
            answer.refused(401, "UNAUTHENTICATED");
            assert!(!answer.text.contains(&token));
        }
        // Good, made up, expired: none is logged either.
        house.viewer(&token).await;
        let unknown = house.token(key, "nobody", &house.tenant());
        let expired = house.token(key, name, &json!({"org": TENANT, "exp": 1}));
        for token in [&unknown, &expired] {
            let answer = house.ask(token, WHO).await;
            answer.refused(401, "UNAUTHENTICATED");
            assert!(!answer.text.contains(token.rsplit('.').next().unwrap()));
        }
        secrets.extend([token, unknown, expired]);
    }
    house.source.answer_with(SourceAnswer::HangUp);
    house.turn_by(25 * 60 * MINUTE);
    let late = house.token(&SigningKey::all()[0], "a", &house.tenant());
    house.ask(&late, WHO).await.refused(503, "UNAVAILABLE");
    secrets.push(late);
    let logged = String::from_utf8(LOGGED.take().unwrap()).unwrap();
    assert!(logged.contains("the issuer's keys were fetched: 3 keys"), "{logged}");
    assert!(logged.contains("the issuer's keys could not be fetched"), "{logged}");
    for token in secrets {
        for part in token.split('.').skip(1) {
            assert!(!logged.contains(part), "a token was logged");
        }
    }
}
