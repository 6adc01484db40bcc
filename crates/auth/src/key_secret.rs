use std::fmt;

use ring::digest::{SHA256, digest};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What the text of every API key begins with.
pub const KEY_PREFIX: &str = "flx_";
/// Hexadecimal digits of the checksum at the end.
const CHECKSUM_DIGITS: usize = 8;
/// Hexadecimal digits of the secret that are shown in lists.
const SHOWN_DIGITS: usize = 8;

/// The secret of an API key: 256 random bits. Its text is `flx_`, 64 hexadecimal digits of the secret and 8 of a checksum. It is wiped
/// from memory when it is dropped and never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct KeySecret([u8; 32]);

/// The SHA-256 hash of a [`KeySecret`]. It is stored; the secret is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

/// A text that is no API key. It was not copied whole, or it is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an API key is flx_ and 72 hexadecimal digits, the last 8 of which are its checksum")]
pub struct KeyTextFault;

impl KeySecret {
    /// The secret of these bytes, which must be random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the text of a key and checks its checksum.
    ///
    /// # Errors
    /// [`KeyTextFault`] for any other text.
    pub fn parse(text: &str) -> Result<Self, KeyTextFault> {
        let digits = text.strip_prefix(KEY_PREFIX).ok_or(KeyTextFault)?;
        let split = digits.len().checked_sub(CHECKSUM_DIGITS).ok_or(KeyTextFault)?;
        let (secret, checksum) = digits.split_at_checked(split).ok_or(KeyTextFault)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).map_err(|_| KeyTextFault)?;
        let secret = Self(bytes);
        bytes.zeroize();
        // A key has one text only, so that a log that masks it finds every form.
        let sound = !digits.bytes().any(|byte| byte.is_ascii_uppercase()) && checksum == secret.checksum();
        if sound { Ok(secret) } else { Err(KeyTextFault) }
    }

    /// The text of the key, to show it once.
    pub fn expose(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex::encode(self.0));
        Zeroizing::new([KEY_PREFIX, &digits, &self.checksum()].concat())
    }

    /// The hash that is stored.
    pub fn hash(&self) -> KeyHash {
        KeyHash(sha256(&self.0))
    }

    /// The beginning of the text, by which a person recognizes the key.
    pub fn prefix(&self) -> String {
        let shown = self.0.get(..SHOWN_DIGITS / 2).unwrap_or_default();
        [KEY_PREFIX, &hex::encode(shown)].concat()
    }

    /// The beginning of the hash of the hash: it says nothing about the stored hash.
    fn checksum(&self) -> String {
        let hash = sha256(&self.hash().0);
        hex::encode(hash.get(..CHECKSUM_DIGITS / 2).unwrap_or_default())
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    hash
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `printf '\1%.0s' $(seq 32) | sha256sum` and the checksum from it with the same tool.
    #[test]
    fn the_text_and_the_hash_of_a_secret_never_change() {
        let secret = KeySecret::new([1; 32]);
        assert_eq!(
            hex::encode(secret.hash().0),
            "72cd6e8422c407fb6d098690f1130b7ded7ec2f7f5e1d30bd9d521f015363793"
        );
        assert_eq!(secret.prefix(), "flx_01010101");
        assert!(secret.expose().starts_with(&format!("flx_{}", "01".repeat(32))));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", KeySecret::new([1; 32])), "KeySecret(redacted)");
    }

    #[test]
    fn other_texts_are_no_keys() {
        let text = KeySecret::new([0xab; 32]).expose();
        for other in [
            "",
            "flx_",
            "flx_00",
            &text.to_uppercase(),
            &text.replace("flx_", "fly_"),
            &format!("{}0", *text),
        ] {
            assert_eq!(KeySecret::parse(other).unwrap_err(), KeyTextFault, "{other}");
        }
        assert_eq!(KeySecret::parse(&text.replacen("ab", "AB", 1)).unwrap_err(), KeyTextFault);
        assert_eq!(KeySecret::parse("flx_ключключключ").unwrap_err(), KeyTextFault);
    }

    proptest! {
        #[test]
        fn a_key_reads_back_and_one_wrong_character_is_found(bytes: [u8; 32], at in 4_usize..76, by in 1_u8..16) {
            let secret = KeySecret::new(bytes);
            let text = secret.expose().to_string();
            prop_assert_eq!(KeySecret::parse(&text).unwrap().hash(), secret.hash());
            prop_assert!(text.starts_with(&secret.prefix()));
            let mut wrong = text.into_bytes();
            let digit = u8::from_str_radix(std::str::from_utf8(&wrong[at..=at]).unwrap(), 16).unwrap();
            wrong[at] = format!("{:x}", (digit + by) % 16).as_bytes()[0];
            prop_assert!(KeySecret::parse(&String::from_utf8(wrong).unwrap()).is_err());
        }
    }
}
