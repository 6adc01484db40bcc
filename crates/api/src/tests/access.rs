//! Credentials: who is identified, who is refused, and with which code.

use fluxora_auth::Role;
use fluxora_auth::jwt::mint;

use super::*;
use crate::{Access, ROUTES};

pub(super) const SECRET: &str = "0123456789abcdef0123456789abcdef";
const JWT_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// A server with both tokens and a secret for JSON Web Tokens. Reads and writes are closed to anonymous callers.
pub(super) fn closed(store: Arc<dyn Store>) -> Server {
    with_reads(store, Reads::Authenticated)
}

/// The same with these reads.
pub(super) fn with_reads(store: Arc<dyn Store>, reads: Reads) -> Server {
    Server::with_credentials(store, Writes::Refused, Some(SECRET), reads, Some(JWT_SECRET))
}

/// A token of a role, valid for an hour.
pub(super) fn token(subject: &str, role: Role) -> String {
    let now = Timestamp::from_second(START).unwrap();
    mint(JWT_SECRET, &subject.parse().unwrap(), role, now, 3_600, None, None).unwrap()
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

#[track_caller]
fn assert_refused(answered: &Answered, status: StatusCode, code: &str) {
    assert_eq!(
        (answered.status, &answered.body["error"]["code"]),
        (status, &json!(code)),
        "{}",
        answered.text
    );
}

async fn read(server: &Server, headers: &[(&'static str, String)]) -> Answered {
    let request = TestRequest::get().uri("/api/streams");
    server.send(headers.iter().fold(request, |request, header| request.append_header(header.clone()))).await
}

/// The handler refuses the parameter, so `VALIDATION_ERROR` means that the caller was let in.
#[actix_web::test]
async fn each_role_reaches_the_routes_of_its_permissions_and_no_others() {
    let server = closed(Arc::new(Model::default()));
    for route in &ROUTES {
        for role in Role::ALL {
            let request = table::request(route, "unknown=1").insert_header(bearer(&token("acme", role)));
            let answered = server.send(request).await;
            let code = &answered.body["error"]["code"];
            let allowed = route.access.permission().is_none_or(|permission| role.may(permission));
            match (allowed, route.access) {
                (_, Access::Public) => assert_ne!(code, "FORBIDDEN", "{role} {}", route.path),
                (true, _) => assert_eq!(code, "VALIDATION_ERROR", "{role} {}", route.path),
                (false, _) => assert_refused(&answered, StatusCode::FORBIDDEN, "FORBIDDEN"),
            }
        }
        let answered = server.send(table::request(route, "unknown=1")).await;
        match route.access {
            Access::Public => assert_ne!(answered.status, StatusCode::UNAUTHORIZED, "{}", route.path),
            _ => {
                assert_refused(&answered, StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
                assert_eq!(answered.headers.get("www-authenticate").unwrap(), "Bearer");
            }
        }
    }
}

#[actix_web::test]
async fn the_operator_token_and_the_worker_token_read_and_the_operator_token_writes() {
    let server = closed(Arc::new(Model::default()));
    for header in ["x-operator-token", "x-indexer-worker-token"] {
        assert_eq!(read(&server, &[(header, SECRET.to_owned())]).await.status, StatusCode::OK, "{header}");
        let wrong = read(&server, &[(header, SECRET.to_uppercase())]).await;
        assert_refused(&wrong, StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
    }
    let create = |header| {
        let request = TestRequest::post().uri("/api/streams").set_json(stream(json!({})));
        server.send(request.insert_header((header, SECRET)))
    };
    assert_eq!(create("x-operator-token").await.status, StatusCode::CREATED);
    assert_refused(&create("x-indexer-worker-token").await, StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
}

#[actix_web::test]
async fn an_expired_token_has_a_code_of_its_own() {
    let server = closed(Arc::new(Model::default()));
    let headers = [bearer(&token("acme", Role::Reader))];
    assert_eq!(read(&server, &headers).await.status, StatusCode::OK);
    server.clock.advance(3_600 + 60);
    let refused = read(&server, &headers).await;
    assert_refused(&refused, StatusCode::UNAUTHORIZED, "CREDENTIALS_EXPIRED");
    let challenge = refused.headers.get("www-authenticate").unwrap().to_str().unwrap();
    assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
}

#[actix_web::test]
async fn a_credential_that_is_not_valid_is_refused_also_where_none_is_required() {
    let closed = closed(Arc::new(Model::default()));
    let open = Server::new();
    let right = token("acme", Role::Operator);
    let forged = format!("{}x", right.trim_end_matches(|last| last != '.'));
    let long = "x".repeat(9_000);
    let basic = |value: &str| ("authorization", value.to_owned());
    for headers in [
        vec![bearer(&forged)],
        vec![bearer("")],
        vec![bearer("a.b.c")],
        vec![bearer(&long)],
        vec![bearer(&format!("flx_{}", "0".repeat(72)))],
        vec![basic("Basic dXNlcjpwYXNz")],
        vec![basic(&right)],
        vec![bearer(&right), bearer(&right)],
    ] {
        for server in [&closed, &open] {
            let refused = read(server, &headers).await;
            assert_refused(&refused, StatusCode::UNAUTHORIZED, "CREDENTIALS_INVALID");
        }
    }
}

#[actix_web::test]
async fn a_public_route_does_not_read_credentials() {
    let server = closed(Arc::new(Model::default()));
    for path in ["/", "/health", "/health/live", "/health/ready", "/openapi.json", "/docs"] {
        let request = TestRequest::get().uri(path).insert_header(bearer("no token"));
        assert_eq!(server.send(request).await.status, StatusCode::OK, "{path}");
    }
}
