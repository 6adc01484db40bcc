//! The secrets a receiver accepts, each for ever or until an instant.

use subtle::Choice;

use crate::mac::{Digest, Key, any_equal};
use crate::{Rejection, UnixSeconds};

/// Most secrets one verifier accepts: two that are live during a rotation and one that is about to be.
pub const MAX_SECRETS: usize = 3;

/// A fourth secret was given to a verifier.
///
/// ```
/// use fluxora_webhook::{Secret, Verifier};
///
/// let secret = Secret::new("topsecret")?;
/// let full = Verifier::new(&secret).with_secret(&secret)?.with_secret(&secret)?;
/// assert_eq!(full.with_secret(&secret).unwrap_err().to_string(), "a verifier accepts at most 3 secrets");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a verifier accepts at most {max_secrets} secrets")]
pub struct TooManySecrets {
    max_secrets: usize,
}

#[derive(Clone)]
struct Accepted {
    key: Key,
    not_after: Option<UnixSeconds>,
}

/// At most [`MAX_SECRETS`] keys, in the order they were given.
#[derive(Clone, Default)]
pub(crate) struct Keyring(Vec<Accepted>);

impl Keyring {
    pub(crate) fn of(key: Key) -> Self {
        Self(vec![Accepted { key, not_after: None }])
    }

    pub(crate) fn with(mut self, key: Key, not_after: Option<UnixSeconds>) -> Result<Self, TooManySecrets> {
        if self.0.len() == MAX_SECRETS {
            return Err(TooManySecrets { max_secrets: MAX_SECRETS });
        }
        self.0.push(Accepted { key, not_after });
        Ok(self)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Position of the first live secret for which one of the candidates is the signature of `pieces`.
    ///
    /// Signs with every secret, the expired ones too, and compares every candidate before it decides anything: the time
    /// taken says nothing about which secret came close.
    pub(crate) fn judge(
        &self,
        pieces: &[&[u8]],
        candidates: &[Option<Digest>],
        now: UnixSeconds,
    ) -> Result<usize, Rejection> {
        let mut equal = [Choice::from(0); MAX_SECRETS];
        for (accepted, equal) in self.0.iter().zip(&mut equal) {
            *equal = any_equal(&accepted.key.sign(pieces), candidates);
        }
        let is_live = |accepted: &Accepted| accepted.not_after.is_none_or(|not_after| now <= not_after);
        let mut expired = false;
        for (index, (accepted, equal)) in self.0.iter().zip(equal).enumerate() {
            if bool::from(equal) {
                if is_live(accepted) {
                    return Ok(index);
                }
                expired = true;
            }
        }
        Err(if expired { Rejection::PreviousSecretExpired } else { Rejection::SignatureMismatch })
    }
}
