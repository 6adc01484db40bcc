//! An endpoint, ready for attempts.

use std::fmt;
use std::time::Duration;

use fluxora_delivery::{Endpoint, HeaderProfile, OutcomeCode};
use fluxora_egress::{Policy, Target, check_custom_headers};
use fluxora_seal::Keyring;
use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, standard};
use jiff::Timestamp;

use crate::outcome;

/// An endpoint with its secrets opened. Made for each claim, so that a change of the endpoint holds from the next attempt on.
pub(crate) struct Prepared {
    pub(crate) target: Target,
    /// How long an attempt may take, if not as long as others.
    pub(crate) timeout: Option<Duration>,
    custom: Vec<(String, String)>,
    contract: Signer,
    standard: Option<standard::Signer>,
}

/// Why an endpoint cannot be sent to. The words name no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) outcome: OutcomeCode,
    pub(crate) reason: &'static str,
}

const fn invalid(reason: &'static str) -> Unusable {
    Unusable { outcome: OutcomeCode::InvalidRequest, reason }
}

impl Prepared {
    /// Opens what is sealed, and checks URL and headers again: settings may have changed since they were stored.
    pub(crate) fn new(
        endpoint: &Endpoint,
        policy: &Policy,
        keyring: &Keyring,
        now: Timestamp,
    ) -> Result<Self, Unusable> {
        let target = policy.target(&endpoint.url).map_err(|error| Unusable {
            outcome: outcome::of_target(error),
            reason: "its URL is not allowed",
        })?;
        let id = endpoint.id.uuid();
        let custom = keyring.open_headers(id, &endpoint.custom_headers).map_err(|_| {
            invalid("its custom headers cannot be opened: is their key in FLUXORA_MASTER_KEY?")
        })?;
        check_custom_headers(&custom).map_err(|_| invalid("its custom headers are not allowed"))?;
        let open = |sealed: &[u8]| {
            keyring
                .open_secret(id, sealed)
                .map_err(|_| invalid("its secret cannot be opened: is its key in FLUXORA_MASTER_KEY?"))
        };
        let live: Vec<Secret> =
            endpoint.live_secrets(now).map(|secret| open(&secret.sealed)).collect::<Result<_, _>>()?;
        let (contract, standard) = match live.as_slice() {
            [] => return Err(invalid("it has no secret")),
            [secret] => (Signer::new(secret), standard::Signer::new(secret)),
            [old, .., new] => (Signer::rotating(old, new), standard::Signer::rotating(old, new)),
        };
        let standard = match endpoint.headers {
            HeaderProfile::Contract => None,
            HeaderProfile::StandardWebhooks => {
                Some(standard.map_err(|_| invalid("its secret is none of Standard Webhooks"))?)
            }
        };
        let timeout = endpoint.options.timeout_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(Self { target, timeout, custom, contract, standard })
    }

    /// Signs one attempt. Returns the headers of the signature profiles.
    pub(crate) fn sign(
        &self,
        delivery: &Delivery<'_>,
        now: Timestamp,
    ) -> Result<Vec<(String, String)>, Unusable> {
        let now = UnixSeconds::new(now.as_second());
        let cannot = |_| invalid("the delivery cannot be signed");
        let owned = |(name, value): (&'static str, &str)| (name.to_owned(), value.to_owned());
        let mut headers: Vec<_> =
            self.contract.sign(delivery, now).map_err(cannot)?.iter().map(owned).collect();
        if let Some(standard) = &self.standard {
            headers.extend(standard.sign(delivery, now).map_err(cannot)?.iter().map(owned));
        }
        headers.extend(self.custom.iter().cloned());
        Ok(headers)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("custom_headers", &self.custom.len()).finish_non_exhaustive()
    }
}
