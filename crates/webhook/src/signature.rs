//! The notation of a signature header: 64 hex digits.

use crate::mac::Digest;

/// Reads 64 hex digits in either case, blanks around them allowed.
///
/// Written so that it compiles to vector instructions: a general decoder takes six times as long, which shows beside the
/// hash of a small body.
pub(crate) fn decode_hex(value: &[u8]) -> Option<Digest> {
    let characters: &[u8; 64] = value.trim_ascii().try_into().ok()?;
    let digits = characters.map(digit);
    let mut digest = Digest::default();
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = high << 4 | low;
    }
    let seen = digits.iter().fold(0, |seen, digit| seen | digit);
    (seen < 16).then_some(digest)
}

/// The value of a hex digit; 16 or more when it is none.
fn digit(character: u8) -> u8 {
    let (decimal, letter) = (character.wrapping_sub(b'0'), (character | 0x20).wrapping_sub(b'a'));
    if decimal < 10 {
        decimal
    } else if letter < 6 {
        letter.wrapping_add(10)
    } else {
        u8::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_the_hex_crate_reads() {
        let digits = hex::encode([0xa7; 32]).into_bytes();
        for position in [0, 31, 63] {
            for byte in 0..=u8::MAX {
                let mut value = digits.clone();
                value[position] = byte;
                let expect: Option<Digest> =
                    hex::decode(value.trim_ascii()).ok().and_then(|bytes| bytes.try_into().ok());
                assert_eq!(decode_hex(&value), expect, "{byte:#x} at {position}");
            }
        }
    }

    #[test]
    fn blanks_around_it_are_ignored() {
        let value = format!(" \t{}\n", hex::encode([0xa7; 32]));
        assert_eq!(decode_hex(value.as_bytes()), Some([0xa7; 32]));
    }
}
