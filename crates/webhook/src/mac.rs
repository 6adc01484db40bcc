//! The one cryptographic operation: HMAC-SHA256 over pieces, and its comparison.

use ring::hmac;
use subtle::{Choice, ConstantTimeEq};

/// A signature as bytes.
pub(crate) type Digest = [u8; 32];

/// Key state derived from a secret; the secret cannot be read back from it.
#[derive(Clone)]
pub(crate) struct Key(hmac::Key);

impl Key {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// HMAC of the pieces joined by `.`, without joining them in memory.
    pub(crate) fn sign(&self, pieces: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        let mut first = true;
        for piece in pieces {
            if !first {
                context.update(b".");
            }
            context.update(piece);
            first = false;
        }
        context.sign()
    }
}

/// Whether any candidate is the expected signature: looks at every byte of every candidate, in constant time.
///
/// `ring::hmac::verify` wants the message in one piece, which would mean a copy of the body, and `ring` promises nothing
/// for its bare comparison; `subtle` is made for it.
pub(crate) fn any_equal(expected: &hmac::Tag, candidates: &[Option<Digest>]) -> Choice {
    let mut equal = Choice::from(0);
    for candidate in candidates.iter().flatten() {
        equal |= words(expected.as_ref()).ct_eq(&words(candidate));
    }
    equal
}

/// A digest in words: `subtle` compares four of them several times faster than 32 bytes.
fn words(digest: &[u8]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_ne_bytes);
    }
    words
}
