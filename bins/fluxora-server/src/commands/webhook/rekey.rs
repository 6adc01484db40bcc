//! `fluxora-server webhook rekey`: seals what endpoints have stored under the first master key.

use anyhow::Context as _;
use fluxora_audit::{Action, Actor, Entry, Outcome};
use fluxora_delivery::{Endpoint, SealedSecret};
use fluxora_seal::{Keyring, OpenError};
use fluxora_store::delivery::{EndpointQuery, EndpointUpdate, EndpointUpdated};
use fluxora_store::{Clock as _, Store};

use super::super::{block_on, complain, print};
use crate::config::RekeyConfig;
use crate::exit;
use crate::system::SystemClock;

const PAGE: u32 = 50;

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    endpoints: u64,
    resealed: u64,
    unreadable: u64,
}

/// Seals again what is not sealed under the first key. Returns the exit code: 65 if something cannot be opened.
pub(super) fn run(config: &RekeyConfig) -> u8 {
    let work = async {
        let store = config.database.open().await?;
        let done = reseal_all(store.as_ref(), &config.keyring).await;
        store.close().await;
        done
    };
    match block_on(work) {
        Ok(Done { endpoints, resealed, unreadable }) => {
            print(format_args!(
                "{endpoints} endpoints: {resealed} sealed again, {unreadable} cannot be opened"
            ));
            if unreadable == 0 { exit::OK } else { exit::DATA }
        }
        Err(error) => {
            complain(format_args!("fluxora-server webhook rekey: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn reseal_all(store: &dyn Store, keyring: &Keyring) -> anyhow::Result<Done> {
    let mut done = Done::default();
    let mut query = EndpointQuery { owner: None, before: None, limit: PAGE };
    loop {
        let page = store.list_endpoints(&query).await.context("reading endpoints")?;
        for stored in page.endpoints {
            done.endpoints = done.endpoints.saturating_add(1);
            match reseal(store, keyring, stored.endpoint).await? {
                Ok(true) => done.resealed = done.resealed.saturating_add(1),
                Ok(false) => {}
                Err(Unreadable(reason)) => {
                    complain(reason);
                    done.unreadable = done.unreadable.saturating_add(1);
                }
            }
        }
        match page.next {
            Some(next) => query.before = Some(next),
            None => return Ok(done),
        }
    }
}

struct Unreadable(String);

/// Seals one endpoint's secrets and headers again; whether that was needed. A change that is made meanwhile is kept: the endpoint
/// is read again.
async fn reseal(
    store: &dyn Store,
    keyring: &Keyring,
    mut endpoint: Endpoint,
) -> anyhow::Result<Result<bool, Unreadable>> {
    loop {
        let resealed = match resealed(keyring, &endpoint) {
            Ok(Some(resealed)) => resealed,
            Ok(None) => return Ok(Ok(false)),
            Err(error) => return Ok(Err(Unreadable(format!("endpoint {}: {error}", endpoint.id)))),
        };
        let change = EndpointUpdate { expected_version: Some(endpoint.version), endpoint: resealed };
        let now = SystemClock.now();
        let entry = Entry::new(now, Actor::command(), Action::WebhookRekey, Outcome::Done);
        let audited = store.audited(entry.with_target(&change.endpoint.id));
        match audited.update_endpoint(change, now).await.context("writing an endpoint")? {
            EndpointUpdated::Done(_) => return Ok(Ok(true)),
            EndpointUpdated::Stale(stored) => endpoint = stored.endpoint,
            EndpointUpdated::NotFound => return Ok(Ok(false)),
        }
    }
}

/// The endpoint with everything sealed under the first key; `None` if it is so already.
fn resealed(keyring: &Keyring, endpoint: &Endpoint) -> Result<Option<Endpoint>, OpenError> {
    let id = endpoint.id.uuid();
    let mut changed = false;
    let mut secrets = Vec::with_capacity(endpoint.secrets.len());
    for secret in &endpoint.secrets {
        let sealed = keyring.reseal_secret(id, &secret.sealed)?;
        changed |= sealed.is_some();
        let sealed = sealed.unwrap_or_else(|| secret.sealed.clone());
        secrets.push(SealedSecret { sealed, ..secret.clone() });
    }
    let headers = keyring.reseal_headers(id, &endpoint.custom_headers)?;
    changed |= headers.is_some();
    let custom_headers = headers.unwrap_or_else(|| endpoint.custom_headers.clone());
    Ok(changed.then(|| Endpoint { secrets, custom_headers, ..endpoint.clone() }))
}

#[cfg(test)]
mod tests {
    use fluxora_store::EndpointStore as _;
    use fluxora_store::conformance::Model;
    use fluxora_webhook::Secret;
    use jiff::Timestamp;

    use super::*;
    use crate::config::OwnEndpoint;
    use crate::webhooks;

    fn key(n: u8) -> String {
        (n..n + 32).map(|byte| format!("{byte:02x}")).collect()
    }

    #[tokio::test]
    async fn what_another_key_sealed_is_sealed_again_once() {
        let (old, new) = (key(1).parse().unwrap(), key(2).parse::<Keyring>().unwrap());
        let both: Keyring = format!("{},{}", key(2), key(1)).parse().unwrap();
        let store = Model::default();
        let own =
            OwnEndpoint { url: "https://a.example/".to_owned(), secret: Secret::new("hunter2").unwrap() };
        webhooks::register(&store, &old, &own, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(
            reseal_all(&store, &new).await.unwrap(),
            Done { endpoints: 1, resealed: 0, unreadable: 1 }
        );
        assert_eq!(
            reseal_all(&store, &both).await.unwrap(),
            Done { endpoints: 1, resealed: 1, unreadable: 0 }
        );
        assert_eq!(
            reseal_all(&store, &both).await.unwrap(),
            Done { endpoints: 1, resealed: 0, unreadable: 0 }
        );
        let all = EndpointQuery { owner: None, before: None, limit: 10 };
        let endpoint = store.list_endpoints(&all).await.unwrap().endpoints.remove(0).endpoint;
        let opened = new.open_secret(endpoint.id.uuid(), &endpoint.secrets[0].sealed).unwrap();
        assert_eq!(opened.expose(), "hunter2");
    }
}
