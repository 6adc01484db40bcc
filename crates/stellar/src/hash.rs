use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use thiserror::Error;

/// A SHA-256 hash. Its text is 64 lower-case hex digits, as Stellar RPC and Horizon write hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// A text that is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a hash is 64 hex digits")]
pub struct NotAHash;

impl Hash {
    /// Takes the bytes of a hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 hash of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        // SHA-256 is 32 bytes long, so every byte is overwritten.
        for (to, from) in hash.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
            *to = *from;
        }
        Self(hash)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| NotAHash)?;
        Ok(Self(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&stellar_xdr::Hash> for Hash {
    fn from(hash: &stellar_xdr::Hash) -> Self {
        Self(hash.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_hash_is_sha_256_in_lower_case_hex() {
        assert_eq!(Hash::of(b"").to_string(), EMPTY);
    }

    #[test]
    fn a_hash_is_read_from_64_hex_digits_of_either_case_and_from_nothing_else() {
        assert_eq!(EMPTY.parse(), Ok(Hash::of(b"")));
        assert_eq!(EMPTY.to_uppercase().parse(), Ok(Hash::of(b"")));
        for text in ["", "00", &format!("0x{EMPTY}"), &EMPTY.replace("e3", "e"), &EMPTY.replace("e3", "eg")] {
            assert_eq!(text.parse::<Hash>(), Err(NotAHash), "{text:?}");
        }
    }
}
