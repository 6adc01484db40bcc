//! Streams and endpoints to measure with.

use std::num::NonZeroU32;

use anyhow::Context as _;
use fluxora_delivery::{
    AttemptOptions, Endpoint, EndpointId, EndpointState, HeaderProfile, Ordering, SealedSecret,
};
use fluxora_seal::Keyring;
use fluxora_store::{CreateStream, EventFilter, Sequence};
use fluxora_stream::{AccountId, Stream, TermsDraft};
use fluxora_webhook::Secret;
use jiff::Timestamp;
use uuid::Uuid;

const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";

/// A distinct account for each number.
pub(crate) fn account(number: u64) -> AccountId {
    let mut key = [7; 32];
    for (byte, of) in key.iter_mut().zip(number.to_le_bytes()) {
        *byte = of;
    }
    AccountId::from_public_key(key)
}

/// A stream that is created at this moment, and lasts for longer than a measurement.
pub(crate) fn stream(number: u64) -> anyhow::Result<CreateStream> {
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond())?;
    let draft = TermsDraft {
        sender: Some(account(number % 1_000)),
        recipient: Some(account(1_000_000_u64.saturating_add(number))),
        deposit: Some("1000000.0000000".parse()?),
        rate: Some("0.0050000".parse()?),
        ..TermsDraft::default()
    };
    let terms = draft.settle(now).ok().context("the terms are valid")?;
    let (stream, event) = Stream::create(Uuid::now_v7(), &terms, now);
    Ok(CreateStream { stream, event, keyed: None, owner: None })
}

/// An endpoint that gets every event from the first on.
pub(crate) fn endpoint(url: &str, keyring: &Keyring, rate: Option<NonZeroU32>) -> anyhow::Result<Endpoint> {
    let (id, now) = (Uuid::now_v7(), Timestamp::from_millisecond(Timestamp::now().as_millisecond())?);
    let sealed = keyring.seal_secret(id, &Secret::new(SECRET)?)?;
    Ok(Endpoint {
        id: EndpointId::new(id),
        owner: None,
        url: url.to_owned(),
        description: String::new(),
        filter: EventFilter::default(),
        state: EndpointState::Active,
        headers: HeaderProfile::Contract,
        ordering: Ordering::default(),
        options: AttemptOptions::default(),
        secrets: vec![SealedSecret { sealed, created_at: now, expires_at: None }],
        custom_headers: Vec::new(),
        rate_limit: rate,
        start_sequence: Sequence(0),
        created_at: now,
        updated_at: now,
        version: 1,
    })
}
