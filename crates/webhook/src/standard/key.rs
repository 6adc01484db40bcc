//! From the text of a secret to the key of this profile.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::Secret;
use crate::mac::Key;

/// What stands before the base64 of a secret.
const PREFIX: &str = "whsec_";
const MIN_KEY_BYTES: usize = 24;
const MAX_KEY_BYTES: usize = 64;

/// Standard alphabet; reads with and without padding, writes with it.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a secret has no key in this profile. Messages never repeat the secret.
///
/// ```
/// use fluxora_webhook::{Secret, standard};
///
/// let error = standard::Signer::new(&Secret::new("topsecret")?).unwrap_err();
/// assert_eq!(error, standard::KeyError::NotBase64);
/// # Ok::<(), fluxora_webhook::SecretError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// What follows `whsec_` is not base64.
    #[error("a Standard Webhooks secret is `whsec_` and base64; this one is not base64")]
    NotBase64,
    /// The key is shorter or longer than the specification allows.
    #[error("a Standard Webhooks key has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes; this one has {bytes}")]
    Length {
        /// How many it has.
        bytes: usize,
    },
}

/// Makes a secret that works in both profiles from 32 random bytes, which the caller draws.
///
/// ```
/// use fluxora_webhook::standard;
///
/// let random = [7; 32]; // from a cryptographic source
/// let secret = standard::secret_from_random(&random);
/// assert!(secret.expose().starts_with("whsec_"));
/// assert!(standard::Signer::new(&secret).is_ok());
/// ```
#[must_use]
pub fn secret_from_random(random: &[u8; 32]) -> Secret {
    // Room for all of it, so that no copy is left behind by growing.
    let mut text = String::with_capacity(PREFIX.len() + 44);
    text.push_str(PREFIX);
    BASE64.encode_string(random, &mut text);
    Secret::made(text)
}

/// The contract's key of the secret that these bytes were decoded from.
pub(crate) fn undecoded_key(bytes: &[u8]) -> Key {
    let mut text = Zeroizing::new(PREFIX.to_owned());
    BASE64.encode_string(bytes, &mut text);
    Key::new(text.as_bytes())
}

/// The key of a secret; the prefix may be missing, as in the reference libraries.
pub(crate) fn decode_key(secret: &str) -> Result<Key, KeyError> {
    let base64 = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(base64.len())]);
    let length = BASE64.decode_slice(base64, &mut bytes).map_err(|_| KeyError::NotBase64)?;
    if !(MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&length) {
        return Err(KeyError::Length { bytes: length });
    }
    bytes.truncate(length);
    Ok(Key::new(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, expect: Result<(), KeyError>) {
        assert_eq!(decode_key(secret).map(|_| ()), expect);
    }

    #[test]
    fn a_key_has_24_to_64_bytes() {
        for (bytes, expect) in [
            (23, Err(KeyError::Length { bytes: 23 })),
            (24, Ok(())),
            (64, Ok(())),
            (65, Err(KeyError::Length { bytes: 65 })),
        ] {
            check(&format!("whsec_{}", BASE64.encode(vec![7; bytes])), expect);
        }
    }

    #[test]
    fn prefix_and_padding_may_be_missing() {
        check("whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAwMQ==", Ok(()));
        check("dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAwMQ", Ok(()));
    }

    #[test]
    fn other_alphabets_are_refused() {
        check("whsec_----____dGVzdC1zZWNyZXQtMzItYnl0ZXM=", Err(KeyError::NotBase64));
        check("not base64 at all", Err(KeyError::NotBase64));
    }
}
