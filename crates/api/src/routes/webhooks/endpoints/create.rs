use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_auth::Name;
use fluxora_delivery::{
    AttemptOptions, Endpoint, EndpointId, EndpointState, HeaderProfile, Ordering, SealedSecret,
};
use fluxora_store::Sequence;
use fluxora_store::delivery::{EndpointCreated, StoredEndpoint};
use fluxora_webhook::Secret;
use jiff::Timestamp;

use super::draft::{Draft, not_standard, unsealed};
use super::view::{answer, path};
use crate::body::{self, JsonObject};
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::idempotency::{self, IDEMPOTENCY_REPLAYED};
use crate::query::Query;
use crate::routes::webhooks::{IDEMPOTENCY_KEY, fields::is_standard, owned};
use crate::routes::{State, events};
use crate::{Api, Webhooks};

pub(crate) const DOC: Doc = Doc {
    parameters: &[IDEMPOTENCY_KEY],
    request: Some(content("CreateWebhookEndpoint", "URL, filter, headers and limits of the endpoint")),
    errors: &[
        ErrorKind::TooManyEndpoints,
        ErrorKind::IdempotencyKeyReused,
        ErrorKind::CursorExpired,
        ErrorKind::Forbidden,
        ErrorKind::WebhooksNotConfigured,
    ],
    ..Doc::new(
        "Create a webhook endpoint",
        &[response(201, "WebhookEndpoint", "The endpoint, with the secret that was made for it")],
    )
};

/// What ids of this operation depend on. Stored in them: it never changes.
const SCOPE: &str = "POST /api/webhooks/endpoints";

/// What a request asks for.
struct Request {
    draft: Draft,
    url: String,
    /// Chosen by the client.
    secret: Option<Secret>,
    start_after: Option<u64>,
}

/// `POST /api/webhooks/endpoints`: creates an endpoint.
pub(crate) async fn create(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let webhooks = api.webhooks()?;
    let key = idempotency::key(request.headers())?;
    let asked = Request::read(body::members(&request, payload).await?, webhooks)?;
    let owner = owned::owner(&request);
    let now = api.now();
    if let Some(after) = asked.start_after {
        events::check_start(&api, Sequence(after), "startAfter").await?;
    }
    let id = key.as_ref().map_or_else(
        || api.next_id(),
        |key| idempotency::id_of(SCOPE, owner.as_ref().map(Name::as_str), key),
    );
    let id = EndpointId::new(id);
    let made = match asked.secret {
        Some(_) => None,
        None => Some(webhooks.sender.keyring().new_secret().map_err(unsealed)?),
    };
    let endpoint = asked.endpoint(id, owner.as_ref(), made.as_ref(), webhooks, now)?;
    let from_head = asked.start_after.is_none();
    let store = api.audited(&request, &id)?;
    match store.create_endpoint(endpoint, from_head, webhooks.max_endpoints).await? {
        EndpointCreated::Done(stored) => {
            let mut response = HttpResponse::Created();
            response.insert_header((header::LOCATION, path(&stored.endpoint)));
            let secret = made.as_ref().map(Secret::expose);
            Ok(answer(&mut response, &stored, secret, webhooks.sender.keyring(), now))
        }
        EndpointCreated::Exists if key.is_some() => repeated(&api, webhooks, id, &asked, now).await,
        EndpointCreated::Exists => {
            Err(ApiError::new(ErrorKind::Conflict, "the id of the endpoint is taken: try again"))
        }
        EndpointCreated::TooMany => {
            if key.is_some() && api.store().endpoint(id).await?.is_some() {
                return repeated(&api, webhooks, id, &asked, now).await;
            }
            let message = format!("there are {} endpoints already: delete one", webhooks.max_endpoints);
            Err(ApiError::new(ErrorKind::TooManyEndpoints, message))
        }
    }
}

/// The answer to a request whose key has created an endpoint before. The secret that was made then is not shown again.
async fn repeated(
    api: &Api,
    webhooks: &Webhooks,
    id: EndpointId,
    asked: &Request,
    now: Timestamp,
) -> Result<HttpResponse, ApiError> {
    let deleted = "the endpoint that this Idempotency-Key created was deleted: use another key";
    let stored = api.store().endpoint(id).await?;
    let stored = stored.ok_or_else(|| ApiError::new(ErrorKind::Conflict, deleted))?;
    if !asked.is_of(&stored, webhooks) {
        return Err(idempotency::reused());
    }
    let mut response = HttpResponse::Created();
    response
        .insert_header((header::LOCATION, path(&stored.endpoint)))
        .insert_header((IDEMPOTENCY_REPLAYED, "true"));
    Ok(answer(&mut response, &stored, None, webhooks.sender.keyring(), now))
}

impl Request {
    fn read(members: JsonObject, webhooks: &Webhooks) -> Result<Self, ApiError> {
        let mut fields = Fields::of(members);
        fields.require("url");
        let draft = Draft::read(&mut fields, webhooks.sender.policy());
        let secret = fields.optional_secret("secret");
        let start_after = fields.optional_number("startAfter", 0..=u64::MAX);
        fields.finish()?;
        // Without a fault, it was read.
        let Some(url) = draft.url.clone() else { return Err(ApiError::invalid(Vec::new())) };
        let needs_standard = draft.profile == Some(HeaderProfile::StandardWebhooks);
        if needs_standard && secret.as_ref().is_some_and(|secret| !is_standard(secret)) {
            return Err(not_standard("secret"));
        }
        Ok(Self { draft, url, secret, start_after })
    }

    /// The endpoint that is asked for, with the given secret if the client chose none.
    fn endpoint(
        &self,
        id: EndpointId,
        owner: Option<&Name>,
        made: Option<&Secret>,
        webhooks: &Webhooks,
        now: Timestamp,
    ) -> Result<Endpoint, ApiError> {
        let keyring = webhooks.sender.keyring();
        let secrets = self.secret.as_ref().or(made).map(|secret| {
            let sealed = keyring.seal_secret(id.uuid(), secret).map_err(unsealed)?;
            Ok::<_, ApiError>(SealedSecret { sealed, created_at: now, expires_at: None })
        });
        let mut endpoint = Endpoint {
            id,
            owner: owner.map(Name::to_string),
            url: self.url.clone(),
            description: String::new(),
            filter: fluxora_stream::EventFilter::default(),
            state: EndpointState::Active,
            headers: HeaderProfile::default(),
            ordering: Ordering::default(),
            options: AttemptOptions::default(),
            secrets: secrets.transpose()?.into_iter().collect(),
            custom_headers: Vec::new(),
            rate_limit: None,
            start_sequence: Sequence(self.start_after.unwrap_or_default()),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        self.draft.apply(&mut endpoint, keyring)?;
        Ok(endpoint)
    }

    /// Whether an endpoint is what the request asks for. One that was changed since is not.
    fn is_of(&self, stored: &StoredEndpoint, webhooks: &Webhooks) -> bool {
        let (keyring, stored) = (webhooks.sender.keyring(), &stored.endpoint);
        let id = stored.id.uuid();
        let Draft { url: _, description, filter, profile, ordering, headers, rate_limit, .. } = &self.draft;
        let same_secret = self.secret.as_ref().is_none_or(|secret| {
            let current = stored.secrets.last().and_then(|last| keyring.open_secret(id, &last.sealed).ok());
            current.is_some_and(|current| current.expose() == secret.expose())
        });
        let stored_headers = keyring.open_headers(id, &stored.custom_headers).ok();
        same_secret
            && stored.url == self.url
            && stored.description == description.clone().unwrap_or_default()
            && stored.filter == filter.clone().unwrap_or_default()
            && stored.headers == profile.unwrap_or_default()
            && stored.options == self.draft.options()
            && stored.ordering == ordering.unwrap_or_default()
            && stored_headers.is_some_and(|stored| stored == headers.clone().unwrap_or_default())
            && stored.rate_limit == rate_limit.unwrap_or_default()
            && self.start_after.is_none_or(|after| stored.start_sequence == Sequence(after))
    }
}
