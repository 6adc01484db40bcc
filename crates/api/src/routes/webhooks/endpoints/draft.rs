//! The configuration of an endpoint, as a request names it.

use std::num::NonZeroU32;

use fluxora_delivery::{AttemptOptions, Endpoint, HeaderProfile, OnDead, Ordering};
use fluxora_egress::Policy;
use fluxora_seal::{Keyring, SealError};
use fluxora_stream::EventFilter;

use crate::body::JsonValue;
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::fields::Fields;

/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 500;

/// The fields that a request gives; those that it leaves out are `None`. `null` gives a field its default.
pub(super) struct Draft {
    pub(super) url: Option<String>,
    pub(super) description: Option<String>,
    pub(super) filter: Option<EventFilter>,
    pub(super) profile: Option<HeaderProfile>,
    pub(super) ordering: Option<Ordering>,
    pub(super) headers: Option<Vec<(String, String)>>,
    pub(super) rate_limit: Option<Option<NonZeroU32>>,
    timeout_seconds: Option<Option<u8>>,
    retry_seconds: Option<Option<Vec<u32>>>,
    fail_fast: Option<bool>,
    on_dead: Option<OnDead>,
    max_lane_block_seconds: Option<Option<u32>>,
    notices: Option<bool>,
}

impl Draft {
    pub(super) fn read(fields: &mut Fields, policy: &Policy) -> Self {
        Self {
            url: fields.take("url").and_then(|given| fields.as_url("url", &given, policy)),
            description: patched(fields, "description", |fields, given| {
                fields.as_text("description", given, LONGEST_DESCRIPTION)
            }),
            filter: patched(fields, "filter", |fields, given| fields.as_filter("filter", given)),
            profile: patched(fields, "headerProfile", |fields, given| {
                fields.as_profile("headerProfile", &given)
            }),
            ordering: patched(fields, "ordering", |fields, given| fields.as_ordering("ordering", &given)),
            headers: patched(fields, "headers", |fields, given| fields.as_headers("headers", given)),
            rate_limit: patched(fields, "rateLimitPerSecond", |fields, given| {
                fields.as_rate("rateLimitPerSecond", &given).map(Some)
            }),
            timeout_seconds: patched(fields, "timeoutSeconds", |fields, given| {
                fields.as_timeout("timeoutSeconds", &given).map(Some)
            }),
            retry_seconds: patched(fields, "retrySeconds", |fields, given| {
                fields.as_schedule("retrySeconds", &given).map(Some)
            }),
            fail_fast: patched(fields, "failFast", |fields, given| fields.as_boolean("failFast", &given)),
            on_dead: patched(fields, "onDead", |fields, given| fields.as_on_dead("onDead", &given)),
            max_lane_block_seconds: patched(fields, "maxLaneBlockSeconds", |fields, given| {
                fields.as_lane_block("maxLaneBlockSeconds", &given).map(Some)
            }),
            notices: patched(fields, "endpointNotices", |fields, given| {
                fields.as_boolean("endpointNotices", &given)
            }),
        }
    }

    /// Sets the fields of an endpoint that the request gives. Returns whether one of them changed it; custom headers, whose
    /// sealed form is never the same, always do.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: the headers cannot be sealed.
    pub(super) fn apply(&self, endpoint: &mut Endpoint, keyring: &Keyring) -> Result<bool, ApiError> {
        let before = endpoint.clone();
        let Self { url, description, filter, profile, ordering, headers, rate_limit, .. } = self;
        set(&mut endpoint.url, url.as_ref());
        set(&mut endpoint.description, description.as_ref());
        set(&mut endpoint.filter, filter.as_ref());
        set(&mut endpoint.headers, profile.as_ref());
        set(&mut endpoint.ordering, ordering.as_ref());
        set(&mut endpoint.rate_limit, rate_limit.as_ref());
        self.set_options(&mut endpoint.options);
        if let Some(headers) = headers {
            let sealed = keyring.seal_headers(endpoint.id.uuid(), headers).map_err(unsealed)?;
            endpoint.custom_headers = sealed;
        }
        Ok(*endpoint != before)
    }

    /// The options of attempts that a new endpoint has.
    pub(super) fn options(&self) -> AttemptOptions {
        let mut options = AttemptOptions::default();
        self.set_options(&mut options);
        options
    }

    fn set_options(&self, options: &mut AttemptOptions) {
        set(&mut options.timeout_seconds, self.timeout_seconds.as_ref());
        set(&mut options.retry_seconds, self.retry_seconds.as_ref());
        set(&mut options.fail_fast, self.fail_fast.as_ref());
        set(&mut options.on_dead, self.on_dead.as_ref());
        set(&mut options.notices, self.notices.as_ref());
        set(&mut options.max_lane_block_seconds, self.max_lane_block_seconds.as_ref());
    }
}

/// A field that a request may leave out. `null` stands for the default.
fn patched<T: Default>(
    fields: &mut Fields,
    field: &'static str,
    read: impl FnOnce(&mut Fields, JsonValue) -> Option<T>,
) -> Option<T> {
    match fields.take(field)? {
        JsonValue::Null => Some(T::default()),
        given => read(fields, given),
    }
}

fn set<T: Clone>(field: &mut T, given: Option<&T>) {
    if let Some(given) = given {
        field.clone_from(given);
    }
}

/// What could not be sealed is not stored.
pub(super) fn unsealed(error: SealError) -> ApiError {
    let message = "a secret could not be sealed; the log has the cause under the request id";
    ApiError { cause: Some(error.into()), ..ApiError::new(ErrorKind::Internal, message) }
}

/// The refusal of a secret that the header profile cannot use.
pub(super) fn not_standard(field: &'static str) -> ApiError {
    let message = "the profile standardWebhooks needs a secret of the form whsec_ and base64";
    ApiError::invalid_field(field, FieldCode::SecretNotStandard, message)
}
