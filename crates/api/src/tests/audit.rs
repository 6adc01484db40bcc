//! The audit log of requests, over the model store.

use super::*;
use crate::{Access, Method, ROUTES, Route};
use fluxora_audit::Row;
use fluxora_store::{AuditStore, Sequence};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const UNKNOWN: &str = "01930000-0000-7000-8000-00000000dead";

async fn rows(store: &Model) -> Vec<Row> {
    store.audit_rows(Sequence(0), 1_000).await.unwrap()
}

/// The rows of refused writes that wait.
fn refused(server: &Server) -> Vec<fluxora_audit::Entry> {
    server.api.audit().refused.take(server.clock.now(), true)
}

fn request(route: &Route, id: &str) -> TestRequest {
    let method = Method::as_str(route.method).parse::<http::Method>().unwrap();
    TestRequest::default().method(method).uri(&route.path.replace("{id}", id).replace("{address}", id))
}

fn authorized(route: &Route, id: &str) -> TestRequest {
    match route.access.header() {
        Some(header) => request(route, id).insert_header((header, SECRET)),
        None => request(route, id),
    }
}

fn header<'a>(answered: &'a Answered, name: &str) -> Option<&'a str> {
    answered.headers.get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn every_route_that_is_no_read_has_an_action_and_no_other() {
    for route in &ROUTES {
        assert_eq!(route.action.is_some(), route.method != Method::Get, "{}", route.path);
    }
}

/// By the access check and by the handler.
#[actix_web::test]
async fn a_refusal_of_any_writing_route_queues_one_row_and_a_read_none() {
    let store = Arc::new(Model::default());
    let open = Server::with(store.clone(), Writes::Open, Some(SECRET));
    let closed = Server::with(store.clone(), Writes::Refused, Some(SECRET));
    for route in &ROUTES {
        let name = format!("{} {}", route.method.as_str(), route.path);
        let query = request(route, UNKNOWN).to_request().path().to_owned() + "?unknown=1";
        let answered = open.send(authorized(route, UNKNOWN).uri(&query)).await;
        let entries = refused(&open);
        let Some(action) = route.action else {
            assert_eq!(entries, [], "{name}");
            continue;
        };
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{name}");
        let [entry] = entries.as_slice() else { panic!("{name}: {entries:?}") };
        let code = (entry.outcome.name(), entry.outcome.code());
        assert_eq!((entry.action, code), (action, ("refused", Some("VALIDATION_ERROR"))), "{name}");
        assert_eq!(entry.target.is_some(), route.path.contains("{id}"), "{name}");
        let actor = match route.access {
            Access::Operator => ("token", Some("operator")),
            Access::Worker => ("token", Some("worker")),
            _ => ("anonymous", None),
        };
        assert_eq!((entry.actor.kind.as_str(), entry.actor.id.as_deref()), actor, "{name}");
        assert_eq!(entry.request_id.as_deref(), header(&answered, "x-request-id"), "{name}");

        let answered = closed.send(request(route, UNKNOWN)).await;
        assert!(answered.status.is_client_error(), "{name}");
        let entries = refused(&closed);
        let [entry] = entries.as_slice() else { panic!("{name}: {entries:?}") };
        let code = answered.body["error"]["code"].as_str();
        assert_eq!((entry.action, entry.outcome.code()), (action, code), "{name}");
        assert_eq!(entry.actor.kind.as_str(), "anonymous", "{name}");
    }
    assert_eq!(rows(&store).await, [], "no route has written anything");
}

#[actix_web::test]
async fn a_done_write_leaves_its_row_and_a_repetition_none() {
    let store = Arc::new(Model::default());
    let server = Server::with(store.clone(), Writes::Open, Some(SECRET));
    let create = || {
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "k"));
        request.insert_header(("x-request-id", "request 1")).set_json(stream(json!({})))
    };
    let created = server.send(create()).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(header(&server.send(create()).await, "idempotency-replayed"), Some("true"));
    let path = header(&created, "location").unwrap();
    server.send(TestRequest::delete().uri(path)).await;
    let rows = rows(&store).await;
    let seen = rows.iter().map(|row| {
        let Row { action, actor_kind, target, outcome, .. } = row;
        (action.as_str(), actor_kind.as_str(), target.as_deref().unwrap(), outcome.as_str())
    });
    let id = path.rsplit('/').next().unwrap();
    let expect = [("stream.create", "anonymous", id, "done"), ("stream.cancel", "anonymous", id, "done")];
    assert_eq!(seen.collect::<Vec<_>>(), expect);
    assert_eq!(rows[0].request_id.as_deref(), Some("request 1"));
    assert_eq!(refused(&server), []);
}

/// What cannot be an id may be a secret.
#[actix_web::test]
async fn a_target_is_never_a_text_that_is_no_id() {
    let server = Server::new();
    server.send(TestRequest::delete().uri("/api/streams/flx_a-secret")).await;
    server.send(TestRequest::delete().uri(&format!("/api/streams/{UNKNOWN}"))).await;
    let targets: Vec<_> = refused(&server).into_iter().map(|entry| entry.target).collect();
    assert_eq!(targets, [None, Some(UNKNOWN.to_owned())]);
}

#[actix_web::test]
async fn an_outage_of_storage_is_a_failed_write() {
    let away: Fault = || StoreError::unavailable("it is away");
    let server = Server::over(Arc::new(FailingStore::new(away)), Writes::Open);
    server.post(&stream(json!({}))).await;
    let entries = refused(&server);
    let outcome = entries[0].outcome.clone();
    assert_eq!((outcome.name(), outcome.code()), ("failed", Some("SERVICE_UNAVAILABLE")));
}

#[actix_web::test]
async fn addresses_of_clients_are_recorded_behind_trusted_proxies_too() {
    let store = Arc::new(Model::default());
    let proxies = "10.0.0.0/8".parse().unwrap();
    let limits = Limits::new(None, None, proxies, RandomState::new());
    let server = Server::with_limits(store.clone(), Writes::Open, None, limits);
    let create = || TestRequest::post().uri("/api/streams").set_json(stream(json!({})));
    let peer = |address: &str| format!("{address}:9").parse().unwrap();
    server.send(create().peer_addr(peer("192.0.2.1"))).await;
    let forwarded = create().insert_header(("x-forwarded-for", "192.0.2.7"));
    server.send(forwarded.peer_addr(peer("10.1.2.3"))).await;
    let seen: Vec<_> = rows(&store).await.into_iter().map(|row| row.client_address.unwrap()).collect();
    assert_eq!(seen, ["192.0.2.1", "192.0.2.7"]);
}

/// In pages, filtered, and as a table.
#[actix_web::test]
async fn an_operator_reads_the_log() {
    let store = Arc::new(Model::default());
    let server = Server::with(store.clone(), Writes::Open, Some(SECRET));
    for _ in 0..3 {
        let path = server.create(json!({})).await;
        server.send(TestRequest::delete().uri(&path)).await;
    }
    let get = async |query: &str| {
        let uri = format!("/api/admin/audit?{query}");
        server.send(TestRequest::get().uri(&uri).insert_header(("x-operator-token", SECRET))).await
    };
    let seqs = |answered: &Answered| {
        let rows = answered.body["rows"].as_array().unwrap().iter();
        rows.map(|row| row["seq"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let first = get("action=stream.cancel&limit=2").await;
    assert_eq!((seqs(&first), &first.body["hasMore"]), (vec![6, 4], &json!(true)), "{}", first.body);
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let second = get(&format!("action=stream.cancel&limit=2&cursor={cursor}")).await;
    assert_eq!((seqs(&second), &second.body["hasMore"]), (vec![2], &json!(false)));
    let other = get(&format!("action=stream.create&cursor={cursor}")).await;
    assert_eq!(other.body["error"]["details"][0]["code"], "INVALID_CURSOR");
    let newest = &rows(&store).await[5];
    let row = &get("limit=1").await.body["rows"][0];
    assert_eq!(row["hash"], newest.hash.to_string());
    assert_eq!(row["previousHash"], newest.previous_hash.to_string());
    assert_eq!(row["actor"], json!({"kind": "anonymous", "id": null, "role": "none"}));
    for query in ["action=stream", "outcome=maybe", "from=yesterday", "limit=1001", "actor="] {
        assert_eq!(get(query).await.status, StatusCode::BAD_REQUEST, "{query}");
    }

    let table = TestRequest::get().uri("/api/admin/audit?limit=4");
    let table = table.insert_header(("x-operator-token", SECRET)).insert_header(("accept", "text/csv"));
    let answered = server.send(table).await;
    assert_eq!(header(&answered, "content-type"), Some("text/csv; charset=utf-8; header=present"));
    assert!(header(&answered, "x-next-cursor").is_some());
    assert_eq!(answered.text.matches("\r\n").count(), 5);
    assert!(answered.text.starts_with("seq,at,actorKind,"), "{}", answered.text);
}
