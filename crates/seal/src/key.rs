use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::hmac;
use thiserror::Error;
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;
/// What the id of a key is derived from.
const ID_LABEL: &[u8] = b"fluxora master key id";

/// A text that is no master key. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "32 random bytes in hexadecimal or base64, or several such keys separated by commas, the one that seals first"
)]
pub struct InvalidKey;

/// One master key.
#[derive(Clone)]
pub(crate) struct MasterKey {
    pub(crate) id: KeyId,
    pub(crate) aead: LessSafeKey,
}

/// Eight hexadecimal digits that are derived from the key. The key cannot be computed from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyId(pub(crate) [u8; 8]);

impl MasterKey {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidKey> {
        let bytes = decode(text).ok_or(InvalidKey)?;
        let aead = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| InvalidKey)?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), ID_LABEL);
        let mut id = [0; 8];
        let digest = tag.as_ref().get(..4).ok_or(InvalidKey)?;
        hex::encode_to_slice(digest, &mut id).map_err(|_| InvalidKey)?;
        Ok(Self { id: KeyId(id), aead: LessSafeKey::new(aead) })
    }
}

/// The 32 bytes of a key; `None` for all bytes equal, which nobody has drawn.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let from_base64 = || {
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|form| form.decode(text).ok())
    };
    let bytes = Zeroizing::new(match text.len() {
        64 => hex::decode(text).ok()?,
        _ => from_base64()?,
    });
    let is_drawn = bytes.windows(2).any(|pair| matches!(pair, [a, b] if a != b));
    (bytes.len() == KEY_BYTES && is_drawn).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_id_in_every_notation() {
        let bytes: Vec<u8> = (200..232).collect();
        let forms = [
            hex::encode(&bytes),
            hex::encode_upper(&bytes),
            STANDARD.encode(&bytes),
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ];
        let ids: Vec<_> = forms.iter().map(|form| MasterKey::parse(form).ok().unwrap().id).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
        let text = String::from_utf8(ids[0].0.to_vec()).unwrap();
        assert!(!hex::encode(&bytes).contains(&text));
    }

    #[test]
    fn anything_but_32_drawn_bytes_is_refused() {
        let short: Vec<u8> = (0..31).collect();
        let long: Vec<u8> = (0..33).collect();
        for text in [
            String::new(),
            "secret".to_owned(),
            hex::encode(&short),
            hex::encode(&long),
            STANDARD.encode(&short),
            STANDARD.encode(&long),
            "0".repeat(64),
            "ff".repeat(32),
            STANDARD.encode([7; 32]),
            format!(" {}", hex::encode((0..32).collect::<Vec<u8>>())),
        ] {
            assert!(MasterKey::parse(&text).is_err(), "{text}");
        }
    }
}
