use std::borrow::Cow;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{InvalidRecord, Policy};

/// How attempts to one endpoint differ from the [`Policy`] of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptOptions {
    /// How long one attempt may take, in seconds, 1 to [`Self::MAX_TIMEOUT_SECONDS`]; `None` for the server's time.
    pub timeout_seconds: Option<u8>,
    /// Seconds from a failed attempt to the next one, 1 to [`Self::MAX_RETRIES`] entries of 1 to [`Self::MAX_RETRY_SECONDS`]; `None`
    /// for the server's schedule.
    pub retry_seconds: Option<Vec<u32>>,
    /// Whether a delivery is given up when the receiver answers with a status of 4xx that a later attempt does not change: all but
    /// 408, 409, 410, 425 and 429.
    pub fail_fast: bool,
}

/// The stored form, as JSON.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OptionsRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_seconds: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fail_fast: bool,
}

impl AttemptOptions {
    /// The longest time of one attempt, in seconds.
    pub const MAX_TIMEOUT_SECONDS: u8 = 30;
    /// The most entries of a schedule.
    pub const MAX_RETRIES: usize = 20;
    /// The longest entry of a schedule, in seconds: a day.
    pub const MAX_RETRY_SECONDS: u32 = 86_400;

    /// The options as JSON.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn to_json(&self) -> Result<String, InvalidRecord> {
        let Self { timeout_seconds, retry_seconds, fail_fast } = self.clone();
        Ok(serde_json::to_string(&OptionsRecord { timeout_seconds, retry_seconds, fail_fast })?)
    }

    /// The options that [`Self::to_json`] wrote. A member of a later version is passed over.
    ///
    /// # Errors
    /// [`InvalidRecord`].
    pub fn from_json(json: &str) -> Result<Self, InvalidRecord> {
        let OptionsRecord { timeout_seconds, retry_seconds, fail_fast } = serde_json::from_str(json)?;
        Ok(Self { timeout_seconds, retry_seconds, fail_fast })
    }

    /// How much longer than the server's time an attempt may take.
    pub fn beyond(&self, policy: &Policy) -> SignedDuration {
        let own = self.timeout_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()));
        own.unwrap_or_default().saturating_sub(policy.attempt_timeout).max(SignedDuration::ZERO)
    }
}

impl Policy {
    /// The policy for an endpoint with these options.
    pub fn of(&self, options: &AttemptOptions) -> Cow<'_, Self> {
        let AttemptOptions { timeout_seconds: _, retry_seconds, fail_fast } = options;
        if retry_seconds.is_none() && !fail_fast {
            return Cow::Borrowed(self);
        }
        let seconds = |seconds: &Vec<u32>| {
            seconds.iter().map(|seconds| SignedDuration::from_secs((*seconds).into())).collect()
        };
        let schedule = retry_seconds.as_ref().map_or_else(|| self.schedule.clone(), seconds);
        Cow::Owned(Self { schedule, fail_fast: *fail_fast, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> AttemptOptions {
        AttemptOptions { timeout_seconds: Some(30), retry_seconds: Some(vec![1, 86_400]), fail_fast: true }
    }

    #[test]
    fn options_read_back_and_none_are_an_empty_object() {
        for options in [full(), AttemptOptions::default()] {
            assert_eq!(AttemptOptions::from_json(&options.to_json().unwrap()).unwrap(), options);
        }
        assert_eq!(AttemptOptions::default().to_json().unwrap(), "{}");
        assert!(AttemptOptions::from_json("7").is_err());
    }

    #[test]
    fn options_replace_the_schedule_of_the_server_and_leave_the_rest() {
        let policy = Policy::default();
        assert_eq!(*policy.of(&AttemptOptions::default()), policy);
        let of_endpoint = policy.of(&full());
        assert_eq!(of_endpoint.schedule, [1, 86_400].map(SignedDuration::from_secs));
        assert_eq!(
            (of_endpoint.max_in_flight, of_endpoint.hold_after),
            (policy.max_in_flight, policy.hold_after)
        );
    }

    #[test]
    fn a_longer_attempt_needs_a_longer_claim_and_a_shorter_one_none() {
        let policy = Policy::default();
        let beyond = |timeout_seconds| AttemptOptions { timeout_seconds, ..full() }.beyond(&policy).as_secs();
        assert_eq!([beyond(None), beyond(Some(1)), beyond(Some(10)), beyond(Some(30))], [0, 0, 0, 20]);
    }
}
