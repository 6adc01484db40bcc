//! Endpoints: created, read, changed, paused, resumed and deleted.

use super::*;

#[actix_web::test]
async fn an_endpoint_is_shown_with_the_secret_that_was_made_for_it_once() {
    let server = Server::new();
    let created = server.post_to(ENDPOINTS, &json!({ "url": URL })).await;
    let secret = created.body["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{}", created.body);
    let location = created.headers.get("location").unwrap().to_str().unwrap().to_owned();
    assert_eq!(location, path(&created.body));
    assert_eq!(created.headers.get("etag").unwrap(), "\"1\"");
    let read = server.get(&location).await;
    assert_eq!(
        read.body,
        json!({
            "id": created.body["id"],
            "owner": null,
            "url": URL,
            "description": "",
            "status": "active",
            "filter": { "types": [] },
            "headerProfile": "contract",
            "ordering": "stream",
            "headerNames": [],
            "rateLimitPerSecond": null,
            "timeoutSeconds": null,
            "retrySeconds": null,
            "failFast": false,
            "onDead": "skip",
            "maxLaneBlockSeconds": null,
            "endpointNotices": false,
            "startAfter": 0,
            "secrets": [{ "createdAt": "2026-01-01T00:00:00.250Z" }],
            "deliveries": {
                "pending": 0,
                "dead": 0,
                "delivered": 0,
                "consecutiveFailures": 0,
                "failingSince": null,
                "lastSuccessAt": null,
                "lastFailureAt": null,
                "breaker": "closed",
                "blockedUntil": null,
            },
            "createdAt": "2026-01-01T00:00:00.250Z",
            "updatedAt": "2026-01-01T00:00:00.250Z",
            "version": 1,
        })
    );
    assert_eq!(read.headers.get("etag").unwrap(), "\"1\"");
    let list = server.get(ENDPOINTS).await;
    assert_eq!(list.body, json!({ "endpoints": [read.body], "hasMore": false }));
}

#[actix_web::test]
async fn every_field_of_an_endpoint_is_kept_and_its_secrets_are_not_shown() {
    let server = Server::new();
    let created = server
        .endpoint(json!({
            "description": "billing",
            "filter": {
                "types": ["stream.created", "stream.cancelled", "stream.created"],
                "streamId": "01930000-0000-7000-8000-00000000000A",
                "sender": "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
                "recipient": "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
                "contractId": "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE",
            },
            "headerProfile": "standardWebhooks",
            "headers": { "Authorization": "Bearer hunter2", "x-tenant": "acme" },
            "rateLimitPerSecond": 50,
            "ordering": "none",
            "timeoutSeconds": 30,
            "retrySeconds": [1, 86_400],
            "failFast": true,
            "onDead": "block",
            "maxLaneBlockSeconds": 60,
            "endpointNotices": true,
            "secret": SECRET,
            "startAfter": 0,
        }))
        .await;
    let shown = server.get(&path(&created)).await.body;
    assert_eq!(shown, created, "a secret that the client chose is not repeated");
    assert_eq!(shown["description"], "billing");
    assert_eq!(
        shown["filter"],
        json!({
            "types": ["stream.created", "stream.cancelled"],
            "streamId": "01930000-0000-7000-8000-00000000000a",
            "sender": "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
            "recipient": "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
            "contractId": "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE",
        })
    );
    assert_eq!(shown["headerProfile"], "standardWebhooks");
    assert_eq!(shown["headerNames"], json!(["Authorization", "x-tenant"]));
    assert_eq!(shown["rateLimitPerSecond"], 50);
    assert_eq!((&shown["ordering"], &shown["timeoutSeconds"]), (&json!("none"), &json!(30)));
    assert_eq!((&shown["retrySeconds"], &shown["failFast"]), (&json!([1, 86_400]), &json!(true)));
    assert_eq!(shown["endpointNotices"], true);
    assert_eq!((&shown["onDead"], &shown["maxLaneBlockSeconds"]), (&json!("block"), &json!(60)));
    for secret in ["hunter2", SECRET] {
        assert!(!shown.to_string().contains(secret), "{shown}");
    }
}

#[actix_web::test]
async fn what_is_secret_of_an_endpoint_is_stored_sealed() {
    let (server, store) = Server::with_model();
    let created = server.endpoint(json!({ "secret": SECRET, "headers": { "x-key": "hunter2" } })).await;
    let id = fluxora_delivery::EndpointId::parse(created["id"].as_str().unwrap()).unwrap();
    let stored = store.endpoint(id).await.unwrap().unwrap().endpoint;
    let sealed = stored.secrets[0].sealed.as_slice();
    for (bytes, plain) in [(sealed, SECRET), (&stored.custom_headers, "hunter2")] {
        assert!(bytes.starts_with(b"sealed:"));
        assert!(!bytes.windows(plain.len()).any(|window| window == plain.as_bytes()));
    }
    let keyring: fluxora_seal::Keyring = HEX_SECRET.parse().unwrap();
    assert_eq!(keyring.open_secret(id.uuid(), sealed).unwrap().expose(), SECRET);
}

#[actix_web::test]
async fn a_url_is_kept_in_its_normal_form() {
    let server = Server::new();
    let created = server.endpoint(json!({ "url": "HTTPS://EXAMPLE.com:443/a/../b?c" })).await;
    assert_eq!(created["url"], "https://example.com/b?c");
}

#[actix_web::test]
async fn an_endpoint_starts_at_the_end_of_the_log_or_after_the_position_that_it_names() {
    let server = Server::new();
    for _ in 0..3 {
        server.create(json!({})).await;
    }
    assert_eq!(server.endpoint(json!({})).await["startAfter"], 3);
    assert_eq!(server.endpoint(json!({ "startAfter": 1 })).await["startAfter"], 1);
    let ahead = server.post_to(ENDPOINTS, &endpoint(json!({ "startAfter": 4 }))).await;
    assert_eq!(faults(&ahead), [("startAfter", "CURSOR_AHEAD")]);
}

#[actix_web::test]
async fn a_patch_changes_what_it_names_and_null_is_the_default() {
    let server = Server::new();
    let created = server
        .endpoint(json!({
            "description": "one",
            "filter": { "types": ["stream.created"] },
            "headers": { "x-a": "1" },
            "rateLimitPerSecond": 5,
            "headerProfile": "standardWebhooks",
        }))
        .await;
    server.clock.advance(1);
    let patched = server.patch(&path(&created), &json!({ "description": "two" })).await;
    assert_eq!(
        (patched.status, patched.headers.get("etag").unwrap().to_str().unwrap()),
        (StatusCode::OK, "\"2\"")
    );
    let mut expect = created.clone();
    expect["description"] = json!("two");
    expect["version"] = json!(2);
    expect["updatedAt"] = json!("2026-01-01T00:00:01.250Z");
    expect.as_object_mut().unwrap().remove("secret");
    assert_eq!(patched.body, expect);
    let cleared = json!({
        "url": "https://example.org/",
        "description": null,
        "filter": null,
        "headers": null,
        "rateLimitPerSecond": null,
        "headerProfile": null,
    });
    let patched = server.patch(&path(&created), &cleared).await.body;
    for (field, value) in [
        ("url", json!("https://example.org/")),
        ("description", json!("")),
        ("filter", json!({ "types": [] })),
        ("headerNames", json!([])),
        ("rateLimitPerSecond", json!(null)),
        ("headerProfile", json!("contract")),
        ("version", json!(3)),
        ("secrets", created["secrets"].clone()),
    ] {
        assert_eq!(patched[field], value, "{field}");
    }
}

#[actix_web::test]
async fn a_patch_that_changes_nothing_makes_no_version() {
    let server = Server::new();
    let created = server.endpoint(json!({ "description": "one" })).await;
    for same in [json!({}), json!({ "description": "one", "url": URL, "filter": {} })] {
        let patched = server.patch(&path(&created), &same).await;
        assert_eq!((patched.status, &patched.body["version"]), (StatusCode::OK, &json!(1)));
    }
}

#[actix_web::test]
async fn a_change_that_is_bound_to_an_old_version_is_refused() {
    let server = Server::new();
    let created = path(&server.endpoint(json!({})).await);
    let rotate = format!("{created}/secret/rotate");
    let send = async |if_match: &str, path: &str| {
        let request = if path == rotate { TestRequest::post() } else { TestRequest::patch() };
        let body = if path == rotate { json!({}) } else { json!({ "description": if_match }) };
        server.send(request.uri(path).insert_header(("if-match", if_match)).set_json(body)).await
    };
    assert_eq!(code(&send("\"2\"", &created).await), (412, "PRECONDITION_FAILED"));
    assert_eq!(code(&send("W/\"1\"", &created).await), (412, "PRECONDITION_FAILED"));
    assert_eq!(faults(&send("1", &created).await), [("If-Match", "INVALID_VALUE")]);
    assert_eq!(send("\"1\"", &created).await.status, StatusCode::OK);
    assert_eq!(code(&send("\"1\"", &created).await), (412, "PRECONDITION_FAILED"));
    assert_eq!(code(&send("\"1\"", &rotate).await), (412, "PRECONDITION_FAILED"));
    assert_eq!(send("\"1\", \"2\"", &rotate).await.status, StatusCode::OK);
    assert_eq!(send("*", &created).await.body["version"], 4);
}

#[actix_web::test]
async fn a_paused_endpoint_keeps_its_deliveries_until_it_is_resumed() {
    let (server, store) = Server::with_model();
    let created = path(&server.endpoint(json!({})).await);
    let paused = server.post_to(&format!("{created}/pause"), &json!({ "reason": "maintenance" })).await.body;
    assert_eq!(
        [&paused["status"], &paused["statusReason"], &paused["statusSince"]],
        ["paused", "maintenance", "2026-01-01T00:00:00.250Z"]
    );
    server.create(json!({})).await;
    assert_eq!(server.deliver(&store, OutcomeCode::Delivered).await, 0);
    let held = server.get(&format!("{DELIVERIES}?status=held")).await.body;
    assert_eq!(held["deliveries"].as_array().unwrap().len(), 1);
    let resumed = server.act(&format!("{created}/resume")).await.body;
    assert_eq!((&resumed["status"], resumed.get("statusSince")), (&json!("active"), None));
    assert_eq!(server.deliver(&store, OutcomeCode::Delivered).await, 1);
}

#[actix_web::test]
async fn an_endpoint_can_go_on_with_what_comes() {
    let (server, store) = Server::with_model();
    let created = path(&server.endpoint(json!({})).await);
    assert_eq!(server.act(&format!("{created}/pause")).await.body["status"], "paused");
    server.create(json!({})).await;
    assert_eq!(server.deliver(&store, OutcomeCode::Delivered).await, 0);
    server.post_to(&format!("{created}/resume"), &json!({ "from": "now" })).await;
    assert_eq!(server.deliver(&store, OutcomeCode::Delivered).await, 0);
    let page = server.get(&format!("{DELIVERIES}?status=cancelled")).await.body;
    assert_eq!(page["deliveries"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_deleted_endpoint_is_not_found_by_any_route() {
    let server = Server::new();
    let created = path(&server.endpoint(json!({})).await);
    let deleted = server.delete(&created).await;
    assert_eq!((deleted.status, deleted.body), (StatusCode::NO_CONTENT, Value::Null));
    for path in [created, format!("{ENDPOINTS}/{NOWHERE}"), format!("{ENDPOINTS}/nonsense")] {
        for answered in [
            server.get(&path).await,
            server.patch(&path, &json!({ "description": "x" })).await,
            server.delete(&path).await,
            server.act(&format!("{path}/secret/rotate")).await,
            server.act(&format!("{path}/test")).await,
            server.act(&format!("{path}/pause")).await,
            server.act(&format!("{path}/resume")).await,
        ] {
            assert_eq!(code(&answered), (404, "NOT_FOUND"), "{path}");
        }
    }
}

#[actix_web::test]
async fn there_are_as_many_endpoints_as_are_allowed_and_pages_of_them() {
    let server = Server::new();
    let mut ids = Vec::new();
    for _ in 0..MOST {
        ids.push(server.endpoint(json!({})).await["id"].clone());
    }
    ids.reverse();
    assert_eq!(code(&server.post_to(ENDPOINTS, &endpoint(json!({}))).await), (409, "TOO_MANY_ENDPOINTS"));
    let (mut path, mut seen) = (format!("{ENDPOINTS}?limit=2"), Vec::new());
    loop {
        let page = server.get(&path).await.body;
        seen.extend(page["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint["id"].clone()));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("{ENDPOINTS}?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ids);
}

#[actix_web::test]
async fn a_repeated_create_creates_nothing_and_does_not_show_the_secret_again() {
    let server = Server::new();
    let send = async |key: &str, body: Value| {
        let request = TestRequest::post().uri(ENDPOINTS).insert_header(("idempotency-key", key));
        server.send(request.set_json(endpoint(body))).await
    };
    let fields = json!({ "description": "one", "headers": { "x-a": "1" }, "rateLimitPerSecond": 2 });
    let first = send("k", fields.clone()).await;
    let again = send("k", fields.clone()).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!((&first.body["id"], again.body.get("secret")), (&again.body["id"], None));
    assert_eq!(first.headers.get("idempotency-replayed"), None);
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    for other in [
        json!({ "description": "two", "headers": { "x-a": "1" }, "rateLimitPerSecond": 2 }),
        json!({ "description": "one", "headers": { "x-a": "2" }, "rateLimitPerSecond": 2 }),
        json!({ "description": "one", "headers": { "x-a": "1" } }),
        json!({ "url": "https://example.org/" }),
        json!({ "description": "one", "headers": { "x-a": "1" }, "rateLimitPerSecond": 2, "secret": SECRET }),
    ] {
        assert_eq!(code(&send("k", other).await), (422, "IDEMPOTENCY_KEY_REUSED"));
    }
    let chosen = json!({ "secret": SECRET });
    let (one, two) = (send("l", chosen.clone()).await, send("l", chosen).await);
    assert_eq!(one.body["id"], two.body["id"]);
    assert_eq!(code(&send("l", json!({ "secret": OTHER_SECRET })).await), (422, "IDEMPOTENCY_KEY_REUSED"));
    server.endpoint(json!({})).await;
    assert_eq!(
        send("k", fields.clone()).await.body["id"],
        first.body["id"],
        "there are as many as are allowed"
    );
    server.delete(&path(&first.body)).await;
    assert_eq!(code(&send("k", fields).await), (409, "CONFLICT"));
}

#[actix_web::test]
async fn webhooks_that_are_off_say_so_on_every_route() {
    let unlimited = Limits::new(None, None, TrustedProxies::default(), RandomState::new());
    let server = Server::with_webhooks(Arc::new(Model::default()), Writes::Open, None, unlimited, None);
    let one = format!("{ENDPOINTS}/{NOWHERE}");
    for answered in [
        server.get(ENDPOINTS).await,
        server.post_to(ENDPOINTS, &endpoint(json!({}))).await,
        server.get(&one).await,
        server.patch(&one, &json!({})).await,
        server.delete(&one).await,
        server.act(&format!("{one}/secret/rotate")).await,
        server.act(&format!("{one}/test")).await,
        server.act(&format!("{one}/pause")).await,
        server.act(&format!("{one}/resume")).await,
        server.get(DELIVERIES).await,
        server.get(&format!("{DELIVERIES}/{NOWHERE}")).await,
        server.act(&format!("{DELIVERIES}/{NOWHERE}/replay")).await,
        server.get(REPLAYS).await,
        server.post_to(REPLAYS, &json!({ "endpointId": NOWHERE })).await,
        server.get(&format!("{REPLAYS}/{NOWHERE}")).await,
        server.act(&format!("{REPLAYS}/{NOWHERE}/cancel")).await,
    ] {
        assert_eq!(code(&answered), (503, "WEBHOOKS_NOT_CONFIGURED"));
    }
}
