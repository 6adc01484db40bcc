use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A SHA-256 hash, in text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

/// A text or bytes that are no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a hash is 64 hexadecimal digits")]
pub struct InvalidHash;

impl Hash {
    /// The hash before the first row: 32 zero bytes.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash with these bytes.
    ///
    /// # Errors
    /// [`InvalidHash`] if they are not 32.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidHash> {
        bytes.try_into().map(Self).map_err(|_| InvalidHash)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 of this hash followed by these bytes.
    pub(crate) fn chain(&self, encoded: &[u8]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(&self.0);
        context.update(encoded);
        // A SHA-256 digest has 32 bytes.
        Self::from_slice(context.finish().as_ref()).unwrap_or(Self::ZERO)
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

impl FromStr for Hash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        Self::from_slice(&hex::decode(text).map_err(|_| InvalidHash)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_hexadecimal_digits() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text.parse::<Hash>().unwrap().to_string(), text);
        for wrong in ["", "ba78", &text.replace('b', "x"), &format!("{text}00")] {
            assert_eq!(wrong.parse::<Hash>(), Err(InvalidHash), "{wrong}");
        }
    }
}
