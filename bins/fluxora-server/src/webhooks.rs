//! The webhooks of a server: its sender, its workers, and the endpoint that the environment names.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use fluxora_audit::{Action, Actor, Entry, Outcome};
use fluxora_delivery::{
    AttemptOptions, Endpoint, EndpointId, EndpointState, HeaderProfile, Ordering, SealedSecret,
};
use fluxora_dispatch::{Dispatcher, Options, Sender};
use fluxora_egress::{Client, SystemResolver, tls_config};
use fluxora_seal::{Keyring, endpoint_id};
use fluxora_store::delivery::{EndpointCreated, EndpointQuery, EndpointUpdate, EndpointUpdated};
use fluxora_store::{Clock, EventFilter, Sequence, Store};
use fluxora_trace::Tracer;
use jiff::Timestamp;

use crate::config::{OwnEndpoint, Webhooks};
use crate::system::{self, jitter};

/// The description by which the endpoint of the environment is found again.
const OWN_DESCRIPTION: &str = "FLUXORA_WEBHOOK_URL";
/// The most endpoints of the operator.
pub(crate) const MAX_ENDPOINTS: u32 = 50;

/// What makes attempts.
///
/// # Errors
/// The file of certificates cannot be read.
pub(crate) fn sender(
    config: &Webhooks,
    clock: Arc<dyn Clock>,
    tracer: Arc<Tracer>,
) -> anyhow::Result<Arc<Sender>> {
    let tls = tls_config(config.authorities.as_deref()).context("WEBHOOK_CA_FILE cannot be used")?;
    let resolver = Arc::new(SystemResolver::default());
    let client = Client::new(config.policy.clone(), config.limits, resolver, tls);
    Ok(Arc::new(Sender::new(client, config.keyring.clone(), clock, tracer, crate::VERSION)))
}

/// What sends deliveries.
pub(crate) fn dispatcher(
    config: &Webhooks,
    store: &Arc<dyn Store>,
    sender: Arc<Sender>,
    clock: Arc<dyn Clock>,
) -> Dispatcher<dyn Store> {
    let options = Options {
        max_in_flight: config.max_in_flight,
        policy: config.retries.clone(),
        ..Options::new(system::worker_name())
    };
    Dispatcher::new(Arc::clone(store), sender, clock, jitter, options)
}

/// Registers the endpoint of the environment, or brings a registered one up to date. It gets events from now on.
///
/// # Errors
/// The store refuses it.
pub(crate) async fn register(
    store: &dyn Store,
    keyring: &Keyring,
    own: &OwnEndpoint,
    now: Timestamp,
) -> anyhow::Result<()> {
    const WHAT: &str = "registering the endpoint of FLUXORA_WEBHOOK_URL";
    if let Some(registered) = registered(store).await.context(WHAT)? {
        return update(store, keyring, own, registered, now).await.context(WHAT);
    }
    // The same on every replica, so that one of them registers it.
    let id = EndpointId::new(endpoint_id(&own.secret, &own.url));
    let endpoint = Endpoint {
        id,
        owner: None,
        url: own.url.clone(),
        description: OWN_DESCRIPTION.to_owned(),
        filter: EventFilter::default(),
        state: EndpointState::Active,
        headers: HeaderProfile::Contract,
        ordering: Ordering::default(),
        options: AttemptOptions::default(),
        secrets: vec![sealed(keyring, id, own, now)?],
        custom_headers: Vec::new(),
        rate_limit: None,
        start_sequence: Sequence(0),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let audited = store.audited(entry(Action::EndpointCreate, id, now));
    match audited.create_endpoint(endpoint, true, MAX_ENDPOINTS).await.context(WHAT)? {
        EndpointCreated::Done(_) => tracing::info!(endpoint = %id, "endpoint of the environment registered"),
        EndpointCreated::Exists if store.endpoint(id).await.context(WHAT)?.is_some() => {}
        EndpointCreated::Exists => tracing::warn!(
            endpoint = %id,
            "endpoint of the environment was deleted: it is registered again with another FLUXORA_WEBHOOK_SECRET"
        ),
        EndpointCreated::TooMany => bail!("{WHAT}: there are {MAX_ENDPOINTS} endpoints already"),
    }
    Ok(())
}

fn entry(action: Action, endpoint: EndpointId, now: Timestamp) -> Entry {
    Entry::new(now, Actor::server(), action, Outcome::Done).with_target(&endpoint)
}

/// Whether there is an endpoint, of anyone.
///
/// # Errors
/// The store cannot be read.
pub(crate) async fn has_endpoints(store: &dyn Store) -> anyhow::Result<bool> {
    let any = EndpointQuery { owner: None, before: None, limit: 1 };
    let page = store.list_endpoints(&any).await.context("reading the endpoints")?;
    Ok(!page.endpoints.is_empty())
}

/// The endpoint that was registered before.
async fn registered(store: &dyn Store) -> anyhow::Result<Option<Endpoint>> {
    let mut query = EndpointQuery { owner: Some(None), before: None, limit: MAX_ENDPOINTS };
    loop {
        let page = store.list_endpoints(&query).await?;
        let mut endpoints = page.endpoints.into_iter().map(|stored| stored.endpoint);
        let found = endpoints.find(|endpoint| endpoint.description == OWN_DESCRIPTION);
        if found.is_some() || page.next.is_none() {
            return Ok(found);
        }
        query.before = page.next;
    }
}

/// Gives a registered endpoint the URL and the secret of the environment.
async fn update(
    store: &dyn Store,
    keyring: &Keyring,
    own: &OwnEndpoint,
    registered: Endpoint,
    now: Timestamp,
) -> anyhow::Result<()> {
    let id = registered.id;
    let is_known = |secret: &SealedSecret| {
        let opened = keyring.open_secret(id.uuid(), &secret.sealed);
        opened.is_ok_and(|opened| opened.expose() == own.secret.expose())
    };
    let has_secret = registered.secrets.last().is_some_and(is_known);
    if has_secret && registered.url == own.url {
        return Ok(());
    }
    let secrets = if has_secret { registered.secrets.clone() } else { vec![sealed(keyring, id, own, now)?] };
    let endpoint = Endpoint { url: own.url.clone(), secrets, ..registered };
    let changed = EndpointUpdate { endpoint, expected_version: None };
    let audited = store.audited(entry(Action::EndpointUpdate, changed.endpoint.id, now));
    if matches!(audited.update_endpoint(changed, now).await?, EndpointUpdated::Done(_)) {
        tracing::info!(endpoint = %id, "endpoint of the environment has a new URL or secret");
    }
    Ok(())
}

fn sealed(
    keyring: &Keyring,
    id: EndpointId,
    own: &OwnEndpoint,
    now: Timestamp,
) -> anyhow::Result<SealedSecret> {
    let sealed = keyring.seal_secret(id.uuid(), &own.secret)?;
    Ok(SealedSecret { sealed, created_at: now, expires_at: None })
}

#[cfg(test)]
mod tests {
    use fluxora_store::EndpointStore as _;
    use fluxora_store::conformance::Model;
    use fluxora_webhook::Secret;

    use super::*;

    fn own(url: &str, secret: &str) -> OwnEndpoint {
        OwnEndpoint { url: url.to_owned(), secret: Secret::new(secret).unwrap() }
    }

    async fn registered_with(store: &Model, own: &OwnEndpoint) -> Vec<Endpoint> {
        register(store, &Keyring::default(), own, Timestamp::UNIX_EPOCH).await.unwrap();
        let all = EndpointQuery { owner: None, before: None, limit: 10 };
        let page = store.list_endpoints(&all).await.unwrap();
        page.endpoints.into_iter().map(|stored| stored.endpoint).collect()
    }

    #[tokio::test]
    async fn the_endpoint_of_the_environment_is_registered_once() {
        let store = Model::default();
        let own = own("https://a.example/", "hunter2");
        let first = registered_with(&store, &own).await;
        assert_eq!((first.len(), first[0].url.as_str()), (1, "https://a.example/"));
        assert_eq!(registered_with(&store, &own).await, first);
        assert!(has_endpoints(&store).await.unwrap());
    }

    #[tokio::test]
    async fn another_url_or_secret_changes_the_endpoint_and_keeps_its_id() {
        let store = Model::default();
        let first = registered_with(&store, &own("https://a.example/", "hunter2")).await;
        let moved = registered_with(&store, &own("https://b.example/", "hunter2")).await;
        assert_eq!((moved.len(), moved[0].id), (1, first[0].id));
        assert_eq!((moved[0].url.as_str(), &moved[0].secrets), ("https://b.example/", &first[0].secrets));
        let rotated = registered_with(&store, &own("https://b.example/", "hunter3")).await;
        assert_eq!((rotated.len(), rotated[0].id), (1, first[0].id));
        let opened =
            Keyring::default().open_secret(first[0].id.uuid(), &rotated[0].secrets[0].sealed).unwrap();
        assert_eq!((rotated[0].secrets.len(), opened.expose()), (1, "hunter3"));
    }

    #[tokio::test]
    async fn an_endpoint_that_was_deleted_is_not_registered_again_with_the_same_secret() {
        let store = Model::default();
        let own_endpoint = own("https://a.example/", "hunter2");
        let first = registered_with(&store, &own_endpoint).await;
        assert!(store.delete_endpoint(first[0].id, Timestamp::UNIX_EPOCH).await.unwrap());
        assert!(registered_with(&store, &own_endpoint).await.is_empty());
        assert_eq!(registered_with(&store, &own("https://a.example/", "hunter3")).await.len(), 1);
    }
}
