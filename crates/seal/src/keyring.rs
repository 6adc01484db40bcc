use std::fmt;
use std::str::FromStr;

use fluxora_webhook::{Secret, standard};
use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::InvalidKey;
use crate::key::MasterKey;
use crate::sealed::Form;

/// The most keys of a keyring.
const MAX_KEYS: usize = 8;

/// The master keys: the first one seals, each of them opens. Without a key it stores secrets unsealed.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<MasterKey>,
    random: SystemRandom,
}

/// Something cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
    /// It is larger than the cipher can seal.
    #[error("it is too large to be sealed")]
    TooLarge,
}

/// Something stored cannot be opened. What it is is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It is sealed under a key that the keyring does not have.
    #[error(
        "it is sealed under the master key {key}, which FLUXORA_MASTER_KEY does not hold: add that key behind the others"
    )]
    UnknownKey {
        /// The key's id.
        key: String,
    },
    /// It was altered, or belongs to another endpoint or purpose.
    #[error("it was altered, or belongs to another endpoint")]
    Forged,
    /// It has no stored form, or its content is none.
    #[error("it is not in a stored form")]
    Malformed,
}

/// What is sealed, so that one is never opened as the other.
#[derive(Clone, Copy)]
enum Purpose {
    Secret,
    Headers,
}

impl Keyring {
    /// Whether there is a key, so that what is stored is sealed.
    pub const fn seals(&self) -> bool {
        !self.keys.is_empty()
    }

    /// A signing secret of 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn new_secret(&self) -> Result<Secret, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.random.fill(bytes.as_mut_slice()).map_err(|_| SealError::Random)?;
        Ok(standard::secret_from_random(&bytes))
    }

    /// The stored form of an endpoint's signing secret.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn seal_secret(&self, endpoint: Uuid, secret: &Secret) -> Result<Vec<u8>, SealError> {
        self.seal(Purpose::Secret, endpoint, secret.expose().as_bytes())
    }

    /// The signing secret of a stored form.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_secret(&self, endpoint: Uuid, stored: &[u8]) -> Result<Secret, OpenError> {
        let text = self.open(Purpose::Secret, endpoint, stored)?;
        let text = std::str::from_utf8(&text).map_err(|_| OpenError::Malformed)?;
        Secret::new(text).map_err(|_| OpenError::Malformed)
    }

    /// The stored form of an endpoint's custom headers, names and values; empty for none.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_headers(&self, endpoint: Uuid, headers: &[(String, String)]) -> Result<Vec<u8>, SealError> {
        if headers.is_empty() {
            return Ok(Vec::new());
        }
        let json = Zeroizing::new(serde_json::to_vec(headers).map_err(|_| SealError::TooLarge)?);
        self.seal(Purpose::Headers, endpoint, &json)
    }

    /// The custom headers of a stored form.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_headers(&self, endpoint: Uuid, stored: &[u8]) -> Result<Vec<(String, String)>, OpenError> {
        if stored.is_empty() {
            return Ok(Vec::new());
        }
        let json = self.open(Purpose::Headers, endpoint, stored)?;
        serde_json::from_slice(&json).map_err(|_| OpenError::Malformed)
    }

    /// The same secret sealed under the first key, without a key unsealed; `None` if it is so already.
    ///
    /// # Errors
    /// It cannot be opened, see [`OpenError`]; a failure to seal is [`OpenError::Malformed`].
    pub fn reseal_secret(&self, endpoint: Uuid, stored: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        self.reseal(Purpose::Secret, endpoint, stored)
    }

    /// The same headers sealed under the first key, without a key unsealed; `None` if they are so already.
    ///
    /// # Errors
    /// They cannot be opened, see [`OpenError`]; a failure to seal is [`OpenError::Malformed`].
    pub fn reseal_headers(&self, endpoint: Uuid, stored: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        if stored.is_empty() {
            return Ok(None);
        }
        self.reseal(Purpose::Headers, endpoint, stored)
    }

    fn reseal(&self, purpose: Purpose, endpoint: Uuid, stored: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        let plain = self.open(purpose, endpoint, stored)?;
        let is_current = match (Form::read(stored), self.keys.first()) {
            (Some(Form::Unsealed(_)), None) => true,
            (Some(Form::Sealed { key, .. }), Some(first)) => key == first.id,
            _ => false,
        };
        if is_current {
            return Ok(None);
        }
        self.seal(purpose, endpoint, &plain).map(Some).map_err(|_| OpenError::Malformed)
    }

    fn seal(&self, purpose: Purpose, endpoint: Uuid, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some(MasterKey { id, aead }) = self.keys.first() else {
            return Ok(Form::Unsealed(plain).write());
        };
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = plain.to_vec();
        let context = context(purpose, endpoint);
        aead.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut sealed)
            .map_err(|_| SealError::TooLarge)?;
        Ok(Form::Sealed { key: *id, nonce, sealed: &sealed }.write())
    }

    fn open(&self, purpose: Purpose, endpoint: Uuid, stored: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (key, nonce, sealed) = match Form::read(stored).ok_or(OpenError::Malformed)? {
            Form::Unsealed(plain) => return Ok(Zeroizing::new(plain.to_vec())),
            Form::Sealed { key, nonce, sealed } => (key, nonce, sealed),
        };
        let Some(MasterKey { aead, .. }) = self.keys.iter().find(|candidate| candidate.id == key) else {
            return Err(OpenError::UnknownKey { key: String::from_utf8_lossy(&key.0).into_owned() });
        };
        let mut opened = Zeroizing::new(sealed.to_vec());
        let context = context(purpose, endpoint);
        let length = aead
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut opened)
            .map_err(|_| OpenError::Forged)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }
}

/// What a sealed form is bound to.
fn context(purpose: Purpose, endpoint: Uuid) -> Vec<u8> {
    let purpose: &[u8] = match purpose {
        Purpose::Secret => b"webhook secret ",
        Purpose::Headers => b"webhook headers ",
    };
    [purpose, endpoint.as_bytes().as_slice()].concat()
}

impl Default for Keyring {
    /// A keyring without a key.
    fn default() -> Self {
        Self { keys: Vec::new(), random: SystemRandom::new() }
    }
}

impl FromStr for Keyring {
    type Err = InvalidKey;

    /// Reads keys that are separated by commas, the one that seals first.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let keys: Vec<_> = text.split(',').map(str::trim).map(MasterKey::parse).collect::<Result<_, _>>()?;
        let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
        let are_distinct = ids
            .iter()
            .enumerate()
            .all(|(index, id)| !ids.iter().skip(index).skip(1).any(|other| other == id));
        if keys.len() > MAX_KEYS || !are_distinct {
            return Err(InvalidKey);
        }
        Ok(Self { keys, ..Self::default() })
    }
}

impl fmt::Debug for Keyring {
    /// The ids of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| String::from_utf8_lossy(&key.id.0).into_owned());
        f.debug_tuple("Keyring").field(&ids.collect::<Vec<_>>()).finish()
    }
}

/// An id for the endpoint with this secret and URL: a UUID of version 8, the same wherever it is computed. Neither can be computed
/// back from it.
pub fn endpoint_id(secret: &Secret, url: &str) -> Uuid {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, &[b"endpoint id ", url.as_bytes()].concat());
    let bytes = tag.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENDPOINT: Uuid = Uuid::from_u128(1);

    fn key(n: u8) -> String {
        hex::encode((n..n + 32).collect::<Vec<u8>>())
    }

    fn keyring(keys: &[u8]) -> Keyring {
        keys.iter().map(|n| key(*n)).collect::<Vec<_>>().join(", ").parse().unwrap()
    }

    fn secret() -> Secret {
        Secret::new("hunter2").unwrap()
    }

    #[test]
    fn what_is_sealed_opens_and_does_not_show() {
        let keyring = keyring(&[1]);
        let sealed = keyring.seal_secret(ENDPOINT, &secret()).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("hunter2"));
        assert_eq!(keyring.open_secret(ENDPOINT, &sealed).unwrap().expose(), "hunter2");
        let headers = vec![("authorization".to_owned(), "Bearer hunter2".to_owned())];
        let sealed = keyring.seal_headers(ENDPOINT, &headers).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("hunter2"));
        assert_eq!(keyring.open_headers(ENDPOINT, &sealed), Ok(headers));
        assert_eq!(
            keyring.open_headers(ENDPOINT, &keyring.seal_headers(ENDPOINT, &[]).unwrap()),
            Ok(Vec::new())
        );
    }

    #[test]
    fn two_seals_of_one_secret_differ() {
        let keyring = keyring(&[1]);
        let seal = || keyring.seal_secret(ENDPOINT, &secret()).unwrap();
        assert_ne!(seal(), seal());
    }

    #[test]
    fn another_endpoint_and_another_purpose_open_nothing() {
        let keyring = keyring(&[1]);
        let sealed = keyring.seal_secret(ENDPOINT, &secret()).unwrap();
        assert_eq!(keyring.open_secret(Uuid::from_u128(2), &sealed).unwrap_err(), OpenError::Forged);
        assert_eq!(keyring.open_headers(ENDPOINT, &sealed).unwrap_err(), OpenError::Forged);
    }

    #[test]
    fn a_key_that_is_missing_is_named_by_its_id() {
        let sealed = keyring(&[1]).seal_secret(ENDPOINT, &secret()).unwrap();
        for other in [keyring(&[2]), Keyring::default()] {
            let error = other.open_secret(ENDPOINT, &sealed).unwrap_err();
            let id = format!("{:?}", keyring(&[1]));
            assert!(matches!(&error, OpenError::UnknownKey { key } if id.contains(key)), "{error}");
        }
    }

    #[test]
    fn without_a_key_the_form_is_explicit_and_a_key_still_opens_it() {
        let none = Keyring::default();
        let stored = none.seal_secret(ENDPOINT, &secret()).unwrap();
        assert_eq!((stored.as_slice(), none.seals()), (b"unsealed:hunter2".as_slice(), false));
        assert_eq!(keyring(&[1]).open_secret(ENDPOINT, &stored).unwrap().expose(), "hunter2");
    }

    #[test]
    fn a_rotation_reseals_under_the_first_key_once() {
        let (old, both, new) = (keyring(&[1]), keyring(&[2, 1]), keyring(&[2]));
        let unsealed = Keyring::default().seal_secret(ENDPOINT, &secret()).unwrap();
        for stored in [unsealed, old.seal_secret(ENDPOINT, &secret()).unwrap()] {
            let resealed = both.reseal_secret(ENDPOINT, &stored).unwrap().unwrap();
            assert_eq!(new.open_secret(ENDPOINT, &resealed).unwrap().expose(), "hunter2");
            assert_eq!(both.reseal_secret(ENDPOINT, &resealed), Ok(None));
        }
        let headers = old.seal_headers(ENDPOINT, &[("x".to_owned(), "y".to_owned())]).unwrap();
        let resealed = both.reseal_headers(ENDPOINT, &headers).unwrap().unwrap();
        assert_eq!(new.open_headers(ENDPOINT, &resealed).unwrap().len(), 1);
        assert_eq!(both.reseal_headers(ENDPOINT, b""), Ok(None));
    }

    #[test]
    fn a_keyring_has_one_to_eight_distinct_keys() {
        for keys in [Vec::new(), vec![1, 1], (0..9).collect()] {
            let text = keys.iter().map(|n| key(*n)).collect::<Vec<_>>().join(",");
            assert_eq!(text.parse::<Keyring>().unwrap_err(), InvalidKey);
        }
        assert!(keyring(&[1, 2, 3, 4, 5, 6, 7, 8]).seals());
    }

    #[test]
    fn new_secrets_differ_and_serve_both_profiles() {
        let secrets: Vec<_> = (0..3).map(|_| Keyring::default().new_secret().unwrap()).collect();
        assert_ne!(secrets[0].expose(), secrets[1].expose());
        assert!(secrets.iter().all(|secret| standard::Signer::new(secret).is_ok()));
    }

    #[test]
    fn the_id_of_an_endpoint_depends_on_its_secret_and_its_url_alone() {
        let id = endpoint_id(&secret(), "https://a.example/");
        assert_eq!(endpoint_id(&secret(), "https://a.example/"), id);
        assert_ne!(endpoint_id(&secret(), "https://b.example/"), id);
        assert_ne!(endpoint_id(&Secret::new("hunter3").unwrap(), "https://a.example/"), id);
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", keyring(&[1])).contains("01020304"));
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(index: prop::sample::Index, change in 1_u8..) {
            let keyring = keyring(&[1]);
            let mut sealed = keyring.seal_secret(ENDPOINT, &secret()).unwrap();
            let index = index.index(sealed.len());
            sealed[index] ^= change;
            prop_assert!(keyring.open_secret(ENDPOINT, &sealed).is_err());
        }
    }
}
