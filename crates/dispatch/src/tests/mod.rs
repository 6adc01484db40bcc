mod dispatching;
mod receiver;
mod sending;

use std::hash::RandomState;
use std::sync::Arc;

use fluxora_delivery::{
    AttemptOptions, Endpoint, EndpointId, EndpointState, HeaderProfile, Ordering, SealedSecret,
};
use fluxora_egress::{Client, Limits, Policy, SystemResolver, tls_config};
use fluxora_seal::Keyring;
use fluxora_store::{Clock, EventFilter, Sequence, still};
use fluxora_trace::Tracer;
use fluxora_webhook::Secret;
use jiff::Timestamp;
use uuid::Uuid;

use crate::Sender;

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);
const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const NEXT_SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAy";

fn keyring() -> Keyring {
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// A sender that may reach this machine.
fn sender() -> Sender {
    sender_at(still(NOW))
}

fn sender_at(clock: Arc<dyn Clock>) -> Sender {
    traced_sender(clock, Tracer::disabled(RandomState::new()).into())
}

fn traced_sender(clock: Arc<dyn Clock>, tracer: Arc<Tracer>) -> Sender {
    let policy = Policy { allowed: "127.0.0.1:*".parse().unwrap(), plain_http: true };
    let resolver = Arc::new(SystemResolver::default());
    let client = Client::new(policy, Limits::default(), resolver, tls_config(None).unwrap());
    Sender::new(client, keyring(), clock, tracer, "1.2.3+commit")
}

/// An endpoint whose secrets are sealed, each with the instant at which it ends.
fn endpoint(n: u128, url: &str, secrets: &[(&str, Option<Timestamp>)]) -> Endpoint {
    let id = Uuid::from_u128(n);
    let sealed = |(text, expires_at): &(&str, Option<Timestamp>)| SealedSecret {
        sealed: keyring().seal_secret(id, &secret(text)).unwrap(),
        created_at: NOW,
        expires_at: *expires_at,
    };
    Endpoint {
        id: EndpointId::new(id),
        owner: None,
        url: url.to_owned(),
        description: String::new(),
        filter: EventFilter::default(),
        state: EndpointState::Active,
        headers: HeaderProfile::Contract,
        ordering: Ordering::default(),
        options: AttemptOptions::default(),
        secrets: secrets.iter().map(sealed).collect(),
        custom_headers: Vec::new(),
        rate_limit: None,
        start_sequence: Sequence(0),
        created_at: NOW,
        updated_at: NOW,
        version: 1,
    }
}
