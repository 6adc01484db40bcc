//! The contract, claim by claim, through the crate's public face.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop where it fails")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test may stop where it fails")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so in one line")]

mod allocation;
mod contract;
mod dedupe;
mod diagnose;
#[cfg(feature = "standard-webhooks")]
mod interop;
mod laws;
mod outcome;
mod page;
#[cfg(feature = "http")]
mod postgres;
mod programs;
mod receive;
#[cfg(feature = "http")]
mod receivers;
mod rotation;
mod signature;
#[cfg(feature = "standard-webhooks")]
mod standard;
mod strict;
mod timestamp;
mod vectors;

use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds};

const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);
const BODY: &[u8] = br#"{"id":"evt_01","type":"stream.updated","data":{"amount":"10.0000000"}}"#;
const BODY_SIGNATURE: &str = "d886bbddc7ba2f95a4d7c361b6caf822b7ef1ab99493d93c85cd1dd1abd2886f";

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// Hex signature of a body, made by the crate's own signer; `vectors` pins that one to known answers.
fn sign(secret_text: &str, at: UnixSeconds, body: &[u8]) -> String {
    let delivery = Delivery::new("dlv_01", "stream.updated", body).unwrap();
    Signer::new(&secret(secret_text)).sign(&delivery, at).unwrap().signature().to_owned()
}

/// The headers of a delivery, each of which a test may change.
#[derive(Clone)]
struct Parts {
    delivery_id: Option<String>,
    timestamp: Option<String>,
    signature: Option<String>,
    event: Option<String>,
}

impl Parts {
    /// A genuine delivery of `body`, signed with `SECRET` at `NOW`.
    fn of(body: &[u8]) -> Self {
        Self {
            delivery_id: Some("dlv_01".to_owned()),
            timestamp: Some(NOW.to_string()),
            signature: Some(sign(SECRET, NOW, body)),
            event: Some("stream.updated".to_owned()),
        }
    }

    fn pairs(&self) -> Vec<(&'static str, String)> {
        [
            ("x-fluxora-delivery-id", &self.delivery_id),
            ("x-fluxora-timestamp", &self.timestamp),
            ("x-fluxora-signature", &self.signature),
            ("x-fluxora-event", &self.event),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect()
    }
}
