//! Rotation of secrets.

use fluxora_delivery::EndpointId;

use super::*;

/// The live secrets of an endpoint, in clear, with the seconds until they end.
async fn live(server: &Server, store: &Model, created: &Value) -> Vec<(String, Option<i64>)> {
    let id = EndpointId::parse(created["id"].as_str().unwrap()).unwrap();
    let endpoint = store.endpoint(id).await.unwrap().unwrap().endpoint;
    let keyring: fluxora_seal::Keyring = HEX_SECRET.parse().unwrap();
    let now = server.clock.now();
    let open = |secret: &fluxora_delivery::SealedSecret| {
        let left = secret.expires_at.map(|end| end.duration_since(now).as_secs());
        (keyring.open_secret(id.uuid(), &secret.sealed).unwrap().expose().to_owned(), left)
    };
    endpoint.live_secrets(now).map(open).collect()
}

#[actix_web::test]
async fn the_old_secret_signs_until_the_overlap_ends() {
    let (server, store) = Server::with_model();
    let created = server.endpoint(json!({ "secret": SECRET })).await;
    let rotate = format!("{}/secret/rotate", path(&created));
    let rotated = server.act(&rotate).await;
    let new = rotated.body["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        live(&server, &store, &created).await,
        [(SECRET.to_owned(), Some(86_400)), (new.clone(), None)]
    );
    assert_eq!(
        rotated.body["secrets"],
        json!([
            { "createdAt": "2026-01-01T00:00:00.250Z", "expiresAt": "2026-01-02T00:00:00.250Z" },
            { "createdAt": "2026-01-01T00:00:00.250Z" },
        ])
    );
    assert!(!server.get(&path(&created)).await.body.to_string().contains(&new));
    assert_eq!(code(&server.act(&rotate).await), (409, "CONFLICT"), "the rotation overlaps");
    server.clock.advance(86_400);
    assert_eq!(live(&server, &store, &created).await, [(new.clone(), None)]);
    assert_eq!(server.get(&path(&created)).await.body["secrets"].as_array().unwrap().len(), 1);
    let again = server.post_to(&rotate, &json!({ "overlapSeconds": 60, "secret": OTHER_SECRET })).await;
    assert_eq!((again.status, again.body.get("secret")), (StatusCode::OK, None));
    assert_eq!(live(&server, &store, &created).await, [(new, Some(60)), (OTHER_SECRET.to_owned(), None)]);
}

#[actix_web::test]
async fn a_secret_that_has_leaked_is_replaced_at_once() {
    let (server, store) = Server::with_model();
    let created = server.endpoint(json!({ "secret": SECRET })).await;
    let rotate = format!("{}/secret/rotate", path(&created));
    server.act(&rotate).await;
    let leaked = json!({ "overlapSeconds": 0, "secret": OTHER_SECRET });
    assert_eq!(server.post_to(&rotate, &leaked).await.status, StatusCode::OK);
    assert_eq!(live(&server, &store, &created).await, [(OTHER_SECRET.to_owned(), None)]);
}

#[actix_web::test]
async fn a_rotation_with_a_fault_changes_nothing() {
    let (server, store) = Server::with_model();
    let created = server.endpoint(json!({ "secret": SECRET, "headerProfile": "standardWebhooks" })).await;
    let rotate = format!("{}/secret/rotate", path(&created));
    for (body, field, expect) in [
        (json!({ "overlapSeconds": 604_801 }), "overlapSeconds", "OUT_OF_RANGE"),
        (json!({ "overlapSeconds": -1 }), "overlapSeconds", "OUT_OF_RANGE"),
        (json!({ "overlapSeconds": "1" }), "overlapSeconds", "INVALID_TYPE"),
        (json!({ "secret": SECRET }), "secret", "SECRET_REUSED"),
        (json!({ "secret": HEX_SECRET }), "secret", "SECRET_NOT_STANDARD"),
        (json!({ "secret": "short" }), "secret", "SECRET_INVALID"),
        (json!({ "grace": 1 }), "grace", "UNKNOWN_FIELD"),
    ] {
        assert_eq!(faults(&server.post_to(&rotate, &body).await), [(field, expect)], "{body}");
    }
    assert_eq!(live(&server, &store, &created).await, [(SECRET.to_owned(), None)]);
}
