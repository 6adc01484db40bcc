//! Public keys in PEM. `ring` takes the bare key, so the frame around it (RFC 5280 `SubjectPublicKeyInfo`) is taken off.

use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// `rsaEncryption` with its parameter, which is null.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// `id-ecPublicKey` on the curve `prime256v1`.
const P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// `id-Ed25519`
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
/// Bytes of the modulus of an RSA key: 2048 to 8192 bits, which `ring` accepts.
const RSA_KEY_BYTES: std::ops::RangeInclusive<usize> = 256..=1_050;

/// A public key as `ring` takes it.
pub(super) enum PublicKey {
    /// `RSAPublicKey` of PKCS #1.
    Rsa(Vec<u8>),
    /// An uncompressed point.
    P256(Vec<u8>),
    /// A compressed point.
    Ed25519(Vec<u8>),
}

/// Reads the first `PUBLIC KEY` of a PEM text.
pub(super) fn read(pem: &str) -> Option<PublicKey> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (info, []) = element(&der, SEQUENCE)? else { return None };
    let (algorithm, rest) = element(info, SEQUENCE)?;
    let (bits, []) = element(rest, BIT_STRING)? else { return None };
    let (0, key) = bits.split_first()? else { return None };
    match (algorithm, key.len()) {
        (RSA, length) if RSA_KEY_BYTES.contains(&length) => Some(PublicKey::Rsa(key.to_vec())),
        (P256, 65) => Some(PublicKey::P256(key.to_vec())),
        (ED25519, 32) => Some(PublicKey::Ed25519(key.to_vec())),
        _ => None,
    }
}

/// The content of the first DER element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
