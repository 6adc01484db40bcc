//! Webhook endpoints, deliveries and replays.

mod bad_input;
mod deliveries;
mod endpoints;
mod replays;
mod rotation;
mod sending;

use fluxora_delivery::{AttemptResult, Jitter, OutcomeCode, Policy as DeliveryPolicy};
use fluxora_dispatch::Sender;
use fluxora_egress::{Client, Limits as ClientLimits, SystemResolver, tls_config};
use fluxora_store::delivery::Settlement;
use fluxora_store::{DeliveryStore, EndpointStore};

use super::*;
use crate::Webhooks;

const ENDPOINTS: &str = "/api/webhooks/endpoints";
const DELIVERIES: &str = "/api/webhooks/deliveries";
const REPLAYS: &str = "/api/webhooks/replays";
const URL: &str = "https://example.com/hooks";
const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const OTHER_SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAy";
const HEX_SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NOWHERE: &str = "01930000-0000-7000-8000-00000000ffff";
/// Endpoints that a test may create.
const MOST: u32 = 3;

/// Settings with a sealing key.
pub(super) fn settings(policy: Policy, clock: &ManualClock) -> Webhooks {
    let keyring = HEX_SECRET.parse().unwrap();
    let resolver = Arc::new(SystemResolver::default());
    let client = Client::new(policy, ClientLimits::default(), resolver, tls_config(None).unwrap());
    let sender = Sender::new(client, keyring, Arc::new(clock.clone()), tracer(), "1.2.3");
    Webhooks { sender: Arc::new(sender), max_endpoints: MOST }
}

impl Server {
    /// A server with the store behind it.
    fn with_model() -> (Self, Arc<Model>) {
        let model = Arc::new(Model::default());
        (Self::over(model.clone(), Writes::Open), model)
    }

    async fn post_to(&self, path: &str, body: &Value) -> Answered {
        self.send(TestRequest::post().uri(path).set_json(body)).await
    }

    /// A POST without a body.
    async fn act(&self, path: &str) -> Answered {
        self.send(TestRequest::post().uri(path)).await
    }

    async fn patch(&self, path: &str, body: &Value) -> Answered {
        self.send(TestRequest::patch().uri(path).set_json(body)).await
    }

    async fn delete(&self, path: &str) -> Answered {
        self.send(TestRequest::delete().uri(path)).await
    }

    /// Creates an endpoint with these fields and returns it.
    async fn endpoint(&self, changes: Value) -> Value {
        let answered = self.post_to(ENDPOINTS, &endpoint(changes)).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{}", answered.body);
        answered.body
    }

    /// Fans events out, and settles what can be claimed: each delivery with the same outcome. Returns how many were settled.
    async fn deliver(&self, store: &Model, outcome: OutcomeCode) -> usize {
        let (now, policy) =
            (self.clock.now(), DeliveryPolicy { schedule: Vec::new(), ..DeliveryPolicy::default() });
        store.fan_out(100, now).await.unwrap();
        let lease = SignedDuration::from_secs(30);
        let claimed = store.claim("worker", 100, lease, &policy, now).await.unwrap().deliveries;
        let settlements: Vec<_> = claimed
            .iter()
            .map(|claimed| {
                let result = AttemptResult::new(outcome, now, SignedDuration::from_millis(12));
                let result = result.with_status(418).with_excerpt(b"short and \xff stout");
                Settlement { fence: claimed.fence, result, jitter: Jitter::NONE }
            })
            .collect();
        store.settle(settlements, &policy, now).await.unwrap().len()
    }
}

/// The fields of an endpoint, with changes.
fn endpoint(changes: Value) -> Value {
    let mut body = json!({ "url": URL });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    body.as_object_mut().unwrap().extend(changes);
    body
}

fn path(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().unwrap())
}

/// The fields and codes of an error's details.
fn faults(answered: &Answered) -> Vec<(&str, &str)> {
    let details = answered.body["error"]["details"].as_array().unwrap();
    details.iter().map(|fault| (fault["field"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
}

fn code(answered: &Answered) -> (u16, &str) {
    (answered.status.as_u16(), answered.body["error"]["code"].as_str().unwrap_or_default())
}
