//! The stored form: `unsealed:` and the bytes, or `sealed:1:`, the key's id, `:`, the nonce and the sealed bytes.

use ring::aead::NONCE_LEN;

use crate::key::KeyId;

const UNSEALED: &[u8] = b"unsealed:";
const SEALED: &[u8] = b"sealed:1:";

/// A stored form, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form<'a> {
    Unsealed(&'a [u8]),
    Sealed { key: KeyId, nonce: [u8; NONCE_LEN], sealed: &'a [u8] },
}

impl<'a> Form<'a> {
    pub(crate) fn read(stored: &'a [u8]) -> Option<Self> {
        if let Some(plain) = stored.strip_prefix(UNSEALED) {
            return Some(Self::Unsealed(plain));
        }
        let (key, rest) = stored.strip_prefix(SEALED)?.split_first_chunk::<8>()?;
        let (nonce, sealed) = rest.strip_prefix(b":")?.split_first_chunk::<NONCE_LEN>()?;
        Some(Self::Sealed { key: KeyId(*key), nonce: *nonce, sealed })
    }

    pub(crate) fn write(self) -> Vec<u8> {
        match self {
            Self::Unsealed(plain) => [UNSEALED, plain].concat(),
            Self::Sealed { key: KeyId(key), nonce, sealed } => {
                [SEALED, key.as_slice(), b":", nonce.as_slice(), sealed].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_form_reads_back(key: [u8; 8], nonce: [u8; NONCE_LEN], sealed: Vec<u8>) {
            for form in [Form::Unsealed(&sealed), Form::Sealed { key: KeyId(key), nonce, sealed: &sealed }] {
                let stored = form.write();
                prop_assert_eq!(Form::read(&stored), Some(form));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(stored: Vec<u8>) {
            prop_assert!(Form::read(&stored).is_none_or(|form| form.write() == stored));
        }
    }
}
