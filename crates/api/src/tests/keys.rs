//! `/api/admin/keys`, and what a key opens.

use std::sync::atomic::{AtomicUsize, Ordering};

use fluxora_auth::Role;
use fluxora_limit::Quota;
use fluxora_store::KeyStore;

use super::access::{SECRET, closed, token};
use super::*;

const KEYS: &str = "/api/admin/keys";

fn as_operator(request: TestRequest) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {}", token("ops", Role::Operator))))
}

fn with_key(request: TestRequest, key: &str) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {key}")))
}

impl Server {
    /// Creates a key and returns its id and its text.
    pub(super) async fn create_key(&self, body: &Value) -> (String, String) {
        let answered = self.send(as_operator(TestRequest::post().uri(KEYS).set_json(body))).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{}", answered.text);
        let text = |field: &str| answered.body[field].as_str().unwrap().to_owned();
        (text("id"), text("key"))
    }

    async fn operate(&self, request: TestRequest) -> Answered {
        self.send(as_operator(request)).await
    }

    /// The code of a read with a key; `OK` if it is answered.
    async fn read_with(&self, key: &str) -> String {
        let answered = self.send(with_key(TestRequest::get().uri("/api/streams"), key)).await;
        answered.body["error"]["code"].as_str().unwrap_or("OK").to_owned()
    }
}

#[actix_web::test]
async fn a_key_is_shown_once_and_opens_what_its_role_may() {
    let server = closed(Arc::new(Model::default()));
    let body = json!({"name": "billing", "role": "partner", "owner": "acme"});
    let (id, key) = server.create_key(&body).await;
    assert!(key.starts_with("flx_") && key.len() == 76, "{key}");
    let read = server.operate(TestRequest::get().uri(&format!("{KEYS}/{id}"))).await;
    assert_eq!((&read.body["state"], &read.body["owner"]), (&json!("active"), &json!("acme")));
    assert!(key.starts_with(read.body["prefix"].as_str().unwrap()));
    let listed = server.operate(TestRequest::get().uri(KEYS)).await;
    let (_, hidden) = key.split_at(12);
    for shown in [&read.text, &listed.text] {
        assert!(!shown.contains(&key) && !shown.contains(hidden), "{shown}");
    }
    assert_eq!(server.read_with(&key).await, "OK");
    let create = with_key(TestRequest::post().uri("/api/streams").set_json(stream(json!({}))), &key);
    assert_eq!(server.send(create).await.status, StatusCode::CREATED);
    let operate = server.send(with_key(TestRequest::get().uri(KEYS), &key)).await;
    assert_eq!(operate.body["error"]["code"], "FORBIDDEN");
}

#[actix_web::test]
async fn a_revoked_or_expired_key_is_refused() {
    let server = closed(Arc::new(Model::default()));
    let expires = Timestamp::from_second(START + 60).unwrap().to_string();
    let body = json!({"name": "a", "role": "reader", "expiresAt": expires});
    let (_, short) = server.create_key(&body).await;
    let (id, key) = server.create_key(&json!({"name": "b", "role": "reader"})).await;
    assert_eq!((server.read_with(&short).await, server.read_with(&key).await), ("OK".into(), "OK".into()));
    for _ in 0..2 {
        let revoked = server.operate(TestRequest::delete().uri(&format!("{KEYS}/{id}"))).await;
        assert_eq!((revoked.status, &revoked.body["state"]), (StatusCode::OK, &json!("revoked")));
    }
    assert_eq!(server.read_with(&key).await, "CREDENTIALS_INVALID");
    server.clock.advance(60);
    assert_eq!(server.read_with(&short).await, "CREDENTIALS_EXPIRED");
}

/// A revocation by another server: this one reads the key again after a second.
#[actix_web::test]
async fn a_key_that_another_server_revokes_is_refused_within_a_second() {
    let store = Arc::new(Model::default());
    let server = closed(store.clone());
    let (id, key) = server.create_key(&json!({"name": "a", "role": "reader"})).await;
    assert_eq!(server.read_with(&key).await, "OK");
    let id = fluxora_auth::KeyId::parse(&id).unwrap();
    store.revoke_key(id, server.clock.now()).await.unwrap();
    server.clock.advance(1);
    assert_eq!(server.read_with(&key).await, "CREDENTIALS_INVALID");
}

#[actix_web::test]
async fn a_damaged_key_is_refused_without_a_lookup() {
    let failing: Fault = || StoreError::Internal { reason: "the key was looked up".into(), source: None };
    let server = closed(Arc::new(FailingStore::new(failing)));
    let sound = fluxora_auth::KeySecret::new([1; 32]).expose();
    assert_eq!(server.read_with(&sound.replacen("01", "02", 1)).await, "CREDENTIALS_INVALID");
    assert_eq!(server.read_with(&sound).await, "INTERNAL_ERROR");
}

#[actix_web::test]
async fn a_rotated_key_is_accepted_until_the_overlap_ends() {
    let server = closed(Arc::new(Model::default()));
    let (id, old) = server.create_key(&json!({"name": "a", "role": "reader"})).await;
    let rotate = |id: &str, body: Value| {
        server.operate(TestRequest::post().uri(&format!("{KEYS}/{id}/rotate")).set_json(body))
    };
    let rotated = rotate(&id, json!({"overlapSeconds": 30})).await;
    assert_eq!(rotated.status, StatusCode::CREATED, "{}", rotated.text);
    assert_eq!((&rotated.body["name"], &rotated.body["rotatedFrom"]), (&json!("a"), &json!(id)));
    let new = rotated.body["key"].as_str().unwrap();
    for (seconds, expect) in [(0, "OK"), (29, "OK"), (1, "CREDENTIALS_EXPIRED")] {
        server.clock.advance(seconds);
        assert_eq!(
            (server.read_with(&old).await.as_str(), server.read_with(new).await.as_str()),
            (expect, "OK")
        );
    }
    assert_eq!(rotate(&id, json!({})).await.body["error"]["code"], "CONFLICT");
    let unknown = rotate("01930000-0000-7000-8000-00000000ffff", json!({})).await;
    assert_eq!(unknown.body["error"]["code"], "NOT_FOUND");
}

#[actix_web::test]
async fn the_last_use_of_a_key_is_recorded_once_a_minute_after_the_request() {
    let store = Arc::new(Model::default());
    let server = closed(store.clone());
    let (id, key) = server.create_key(&json!({"name": "a", "role": "reader"})).await;
    let id = fluxora_auth::KeyId::parse(&id).unwrap();
    for (seconds, expect) in [(0, 0), (59, 0), (1, 60)] {
        server.clock.advance(seconds);
        assert_eq!(server.read_with(&key).await, "OK");
        actix_web::rt::task::yield_now().await;
        let used = store.key(id).await.unwrap().unwrap().key.last_used_at.unwrap();
        assert_eq!(used.as_second() - START, expect);
    }
}

#[actix_web::test]
async fn keys_are_listed_by_owner_and_in_pages() {
    let server = closed(Arc::new(Model::default()));
    for n in 0..5 {
        let owner = if n % 2 == 0 { "acme" } else { "other" };
        server.create_key(&json!({"name": format!("k{n}"), "role": "partner", "owner": owner})).await;
    }
    let names = |page: &Value| -> Vec<String> {
        page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = server.operate(TestRequest::get().uri(&format!("{KEYS}?owner=acme&limit=2"))).await.body;
    assert_eq!((names(&first), &first["hasMore"]), (vec!["k4".into(), "k2".into()], &json!(true)));
    let cursor = first["nextCursor"].as_str().unwrap();
    let next = format!("{KEYS}?owner=acme&limit=2&cursor={cursor}");
    assert_eq!(names(&server.operate(TestRequest::get().uri(&next)).await.body), ["k0"]);
    let other = server.operate(TestRequest::get().uri(&format!("{KEYS}?cursor={cursor}"))).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn a_key_that_makes_no_sense_is_refused() {
    let server = closed(Arc::new(Model::default()));
    for (body, field) in [
        (json!({"role": "reader"}), "name"),
        (json!({"name": " a", "role": "reader"}), "name"),
        (json!({"name": "a", "role": "admin"}), "role"),
        (json!({"name": "a", "role": "partner"}), "owner"),
        (json!({"name": "a", "role": "partner", "owner": "a b"}), "owner"),
        (json!({"name": "a", "role": "reader", "owner": "acme"}), "owner"),
        (json!({"name": "a", "role": "reader", "expiresAt": "2020-01-01T00:00:00Z"}), "expiresAt"),
        (json!({"name": "a", "role": "reader", "scopes": []}), "scopes"),
    ] {
        let refused = server.operate(TestRequest::post().uri(KEYS).set_json(&body)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.body["error"]["details"][0]["field"], field, "{body}");
    }
    let page = server.operate(TestRequest::get().uri(KEYS)).await.body;
    assert_eq!(page["keys"], json!([]));
}

#[actix_web::test]
async fn the_first_key_closes_open_writes_unless_they_are_open_by_setting() {
    for (writes, expect) in
        [(Writes::OpenWithoutKeys, StatusCode::UNAUTHORIZED), (Writes::Open, StatusCode::CREATED)]
    {
        let server =
            Server::with_credentials(Arc::new(Model::default()), writes, Some(SECRET), Reads::Public, None);
        assert_eq!(server.post(&stream(json!({}))).await.status, StatusCode::CREATED);
        let key = json!({"name": "a", "role": "reader"});
        let create = TestRequest::post().uri(KEYS).set_json(&key);
        let create = create.insert_header(("x-operator-token", SECRET));
        assert_eq!(server.send(create).await.status, StatusCode::CREATED);
        assert_eq!(server.post(&stream(json!({}))).await.status, expect);
    }
}

/// A key that was never created.
fn unknown(n: u8) -> String {
    fluxora_auth::KeySecret::new([n; 32]).expose().to_string()
}

fn limited(store: Arc<dyn Store>) -> Server {
    let limits = Limits::new(Quota::per_minute(5), None, TrustedProxies::default(), RandomState::new());
    Server::with_limits(store, Writes::Refused, Some(SECRET), limits)
}

fn from(address: &str, key: &str) -> TestRequest {
    let address = std::net::SocketAddr::new(address.parse().unwrap(), 4_000);
    with_key(TestRequest::get().uri("/api/streams").peer_addr(address), key)
}

#[actix_web::test]
async fn a_flood_of_unknown_keys_is_limited_before_they_are_looked_up() {
    let lookups = Arc::<AtomicUsize>::default();
    let server = limited(Arc::new(FailingStore::without_keys(&lookups)));
    let mut statuses = Vec::new();
    for n in 0..50 {
        statuses.push(server.send(from("192.0.2.1", &unknown(n))).await.status.as_u16());
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 45]);
    assert_eq!(lookups.load(Ordering::Relaxed), 5);
    assert_eq!(server.send(from("192.0.2.2", &unknown(100))).await.status, StatusCode::UNAUTHORIZED);
    server.clock.advance(12);
    assert_eq!(server.send(from("192.0.2.1", &unknown(101))).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(lookups.load(Ordering::Relaxed), 7);
}

#[actix_web::test]
async fn one_unknown_key_from_many_addresses_is_looked_up_twice_a_second() {
    let lookups = Arc::<AtomicUsize>::default();
    let server = limited(Arc::new(FailingStore::without_keys(&lookups)));
    for second in 0..3 {
        for n in 0..50 {
            let refused = server.send(from(&format!("192.0.2.{n}"), &unknown(1))).await;
            assert_eq!(refused.body["error"]["code"], "CREDENTIALS_INVALID");
        }
        assert_eq!(lookups.load(Ordering::Relaxed), second + 1);
        server.clock.advance(1);
    }
}

#[actix_web::test]
async fn a_flood_does_not_lock_out_a_known_key_of_the_same_address_nor_a_new_key_of_another() {
    let server = limited(Arc::new(Model::default()));
    let create = |name: &str| {
        let create = TestRequest::post().uri(KEYS).set_json(json!({"name": name, "role": "reader"}));
        server.send(create.insert_header(("x-operator-token", SECRET)))
    };
    let key = create("a").await.body["key"].as_str().unwrap().to_owned();
    assert_eq!(server.send(from("192.0.2.1", &key)).await.status, StatusCode::OK);
    for n in 0..10 {
        server.send(from("192.0.2.1", &unknown(n))).await;
    }
    let other = create("b").await.body["key"].as_str().unwrap().to_owned();
    assert_eq!(server.send(from("192.0.2.1", &key)).await.status, StatusCode::OK);
    assert_eq!(server.send(from("192.0.2.2", &other)).await.status, StatusCode::OK);
    let third = create("c").await.body["key"].as_str().unwrap().to_owned();
    assert_eq!(server.send(from("192.0.2.1", &third)).await.status, StatusCode::TOO_MANY_REQUESTS);
}
