//! Eight digits at a time, in the eight bytes of a `u64`, the first digit in the lowest byte.

/// Reads eight ASCII digits, or finds that one of them is none.
pub(crate) fn read(text: u64) -> Option<u64> {
    let ones = text ^ 0x3030_3030_3030_3030;
    // A byte above 9 is above 0x7f, or becomes so by adding 0x76. A carry can only come from such a byte.
    if (ones | ones.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    // Neighbours are joined: ones to tens, then to hundreds, then to ten thousands. What is shifted out is never needed.
    let twos = (ones.wrapping_mul((10 << 8) | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos.wrapping_mul((100 << 16) | 1) >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul((10_000 << 32) | 1) >> 32)
}

/// Spreads a number below 10^8 over eight bytes, each the value of a digit.
pub(crate) fn spread(number: u64) -> u64 {
    // Four digits in each half, then two in each quarter, then one in each eighth. The factors are the reciprocals of 100
    // and of 10, exact for numbers of four and of two digits. No lane runs over into the next.
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours.wrapping_sub(hundreds.wrapping_mul(100)) << 16);
    let tens = (twos.wrapping_mul(103) >> 10) & 0x0f_000f_000f_000f;
    tens | (twos.wrapping_sub(tens.wrapping_mul(10)) << 8)
}

/// The text of what was [`spread`].
pub(crate) fn ascii(digits: u64) -> [u8; 8] {
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

/// How many digits of what was [`spread`] remain without leading zeros, at least one.
pub(crate) fn significant(digits: u64) -> usize {
    let leading_zeros = (digits.trailing_zeros() / 8).min(7);
    8 - usize::try_from(leading_zeros).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: u64) {
        let (text, plain) = (ascii(spread(number)), number.to_string());
        assert_eq!(text, format!("{number:08}").as_bytes());
        assert_eq!(read(u64::from_le_bytes(text)), Some(number));
        assert_eq!(significant(spread(number)), plain.len());
    }

    #[test]
    fn eight_digits_are_written_and_read_back() {
        (0..=10_000).for_each(check);
        (0..100_000_000).step_by(9_973).for_each(check);
        (0..8).map(|zeros| 10_u64.pow(zeros)).for_each(check);
        check(99_999_999);
    }

    #[test]
    fn a_single_byte_that_is_no_digit_is_found() {
        for position in 0..8 {
            for byte in 0..=u8::MAX {
                let mut text = *b"90817263";
                text[position] = byte;
                assert_eq!(read(u64::from_le_bytes(text)).is_some(), byte.is_ascii_digit(), "{text:?}");
            }
        }
    }
}
