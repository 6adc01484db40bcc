//! What one partner sees and changes of another's.

use fluxora_auth::Role;

use super::access::{closed, token};
use super::*;
use crate::ROUTES;

const ENDPOINTS: &str = "/api/webhooks/endpoints";
const REPLAYS: &str = "/api/webhooks/replays";

fn by(subject: &str, role: Role, request: TestRequest) -> TestRequest {
    request.insert_header(("authorization", format!("Bearer {}", token(subject, role))))
}

impl Server {
    async fn as_partner(&self, subject: &str, request: TestRequest) -> Answered {
        self.send(by(subject, Role::Partner, request)).await
    }

    async fn post_as(&self, subject: &str, path: &str, body: &Value) -> Answered {
        self.as_partner(subject, TestRequest::post().uri(path).set_json(body)).await
    }

    async fn ids(&self, subject: &str, role: Role, path: &str, member: &str) -> Vec<String> {
        let page = self.send(by(subject, role, TestRequest::get().uri(path))).await.body;
        let items = page[member].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn endpoint(name: &str) -> Value {
    json!({"url": format!("https://{name}.example/hook")})
}

/// A server on which acme has an endpoint with one delivery and one replay; their ids.
async fn with_data() -> (Server, String, String, String) {
    let store = Arc::new(Model::default());
    let server = closed(store.clone());
    let created = server.post_as("acme", ENDPOINTS, &endpoint("acme")).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let id = created.body["id"].as_str().unwrap().to_owned();
    assert_eq!(created.body["owner"], "acme");
    assert_eq!(server.post_as("acme", "/api/streams", &stream(json!({}))).await.status, StatusCode::CREATED);
    fluxora_store::DeliveryStore::fan_out(&*store, 100, server.clock.now()).await.unwrap();
    let replay = server.post_as("acme", REPLAYS, &json!({"endpointId": id})).await;
    assert_eq!(replay.status, StatusCode::CREATED, "{}", replay.text);
    let replay = replay.body["id"].as_str().unwrap().to_owned();
    let deliveries = server.ids("acme", Role::Partner, "/api/webhooks/deliveries", "deliveries").await;
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    (server, id, delivery.clone(), replay)
}

#[actix_web::test]
async fn every_route_of_anothers_webhooks_is_not_found_and_changes_nothing() {
    let (server, endpoint, delivery, replay) = with_data().await;
    let before = server.as_partner("acme", TestRequest::get().uri(&format!("{ENDPOINTS}/{endpoint}"))).await;
    let mut walked = 0;
    for route in
        ROUTES.iter().filter(|route| route.path.starts_with("/api/webhooks/") && route.path.contains("{id}"))
    {
        let id = match route.path {
            path if path.contains("deliveries") => &delivery,
            path if path.contains("replays") => &replay,
            _ => &endpoint,
        };
        let path = route.path.replace("{id}", id);
        let request = || {
            let method = route.method.as_str().parse::<Method>().unwrap();
            let request = TestRequest::default().method(method).uri(&path);
            if route.method == crate::Method::Get { request } else { request.set_json(json!({})) }
        };
        let answered = server.as_partner("mallory", request()).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}: {}", answered.text);
        walked += 1;
    }
    assert!(walked >= 10, "{walked}");
    let after = server.as_partner("acme", TestRequest::get().uri(&format!("{ENDPOINTS}/{endpoint}"))).await;
    assert_eq!(before.text, after.text);
    let refused = server.post_as("mallory", REPLAYS, &json!({"endpointId": endpoint})).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn lists_have_a_partners_own_and_an_operators_all() {
    let (server, endpoint_id, delivery, replay) = with_data().await;
    let own = server.post_as("mallory", ENDPOINTS, &endpoint("mallory")).await.body;
    let own = own["id"].as_str().unwrap().to_owned();
    for (path, member, of_acme, of_mallory) in [
        (ENDPOINTS, "endpoints", vec![endpoint_id.clone()], vec![own.clone()]),
        ("/api/webhooks/deliveries", "deliveries", vec![delivery], vec![]),
        (REPLAYS, "replays", vec![replay], vec![]),
    ] {
        assert_eq!(server.ids("acme", Role::Partner, path, member).await, of_acme, "{path}");
        assert_eq!(server.ids("mallory", Role::Partner, path, member).await, of_mallory, "{path}");
        let asked = format!("{path}?owner=acme");
        assert_eq!(
            server.ids("mallory", Role::Partner, &asked, member).await,
            Vec::<String>::new(),
            "{path}"
        );
        assert_eq!(server.ids("ops", Role::Operator, &asked, member).await, of_acme, "{path}");
        let all = server.ids("ops", Role::Operator, path, member).await;
        assert_eq!(all.len(), of_acme.len() + of_mallory.len(), "{path}");
    }
    let filtered = format!("/api/webhooks/deliveries?endpointId={endpoint_id}");
    assert_eq!(server.ids("mallory", Role::Partner, &filtered, "deliveries").await, Vec::<String>::new());
    let filtered = format!("{REPLAYS}?endpointId={endpoint_id}");
    assert_eq!(server.ids("mallory", Role::Partner, &filtered, "replays").await, Vec::<String>::new());
}

#[actix_web::test]
async fn one_idempotency_key_of_two_partners_is_two_keys() {
    let server = closed(Arc::new(Model::default()));
    for (path, body) in [("/api/streams", stream(json!({}))), (ENDPOINTS, endpoint("shared"))] {
        let mut ids = Vec::new();
        for partner in ["acme", "mallory", "acme"] {
            let request =
                TestRequest::post().uri(path).set_json(&body).insert_header(("idempotency-key", "k"));
            let answered = server.as_partner(partner, request).await;
            assert_eq!(answered.status, StatusCode::CREATED, "{path} {partner}: {}", answered.text);
            ids.push(answered.body["id"].as_str().unwrap().to_owned());
        }
        assert!(ids[0] != ids[1] && ids[0] == ids[2], "{path}: {ids:?}");
    }
}

#[actix_web::test]
async fn a_stream_is_cancelled_by_the_partner_that_created_it_or_by_an_operator() {
    let server = closed(Arc::new(Model::default()));
    let created = async |request: TestRequest| {
        let created = server.send(request.uri("/api/streams").set_json(stream(json!({})))).await;
        created.headers.get("location").unwrap().to_str().unwrap().to_owned()
    };
    let cancel = async |subject: &str, role, path: &str| {
        let answered = server.send(by(subject, role, TestRequest::delete().uri(path))).await;
        answered.body["error"]["code"].as_str().unwrap_or("OK").to_owned()
    };
    let first = created(by("acme", Role::Partner, TestRequest::post())).await;
    let second = created(by("acme", Role::Partner, TestRequest::post())).await;
    let third = created(by("ops", Role::Operator, TestRequest::post())).await;
    for path in [first.clone(), first.replace("/api/streams", "/compat/backend/api/streams")] {
        assert_eq!(cancel("mallory", Role::Partner, &path).await, "FORBIDDEN", "{path}");
    }
    assert_eq!(cancel("acme", Role::Partner, &first).await, "OK");
    assert_eq!(cancel("ops", Role::Operator, &second).await, "OK");
    assert_eq!(cancel("acme", Role::Partner, &third).await, "FORBIDDEN");
    let nowhere = "/api/streams/01930000-0000-7000-8000-00000000ffff";
    assert_eq!(cancel("acme", Role::Partner, nowhere).await, "NOT_FOUND");
}
