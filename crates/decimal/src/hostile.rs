//! Input meant to do harm is refused with the right code, and costs no memory. What it costs in time is in the bench.

use std::fmt::Write;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

use crate::{Amount, AmountError, Limit};

const MEBIBYTE: usize = 1 << 20;
const LENGTH: AmountError = AmountError::OutOfRange { limit: Limit::Length };

/// The longest amount, sign included.
struct Line {
    bytes: [u8; 41],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}

fn check(text: &str, expect: AmountError) {
    let mut refused = None;
    let allocated = allocation_counter::measure(|| refused = Amount::parse(text).err());
    assert_eq!(refused, Some(expect), "{text:.70}");
    assert_eq!(allocated.count_total, 0, "{text:.70}");
}

#[test]
fn a_mebibyte_is_refused_without_memory() {
    for digit in ["0", "1", "9"] {
        let digits = digit.repeat(MEBIBYTE);
        check(&digits, LENGTH);
        check(&format!("-{digits}"), LENGTH);
        check(&format!("0.{digits}"), LENGTH);
        check(&format!("{digits}.{digits}"), LENGTH);
        check(&format!(".{digits}"), AmountError::InvalidFormat);
        check(&format!("1e{digits}"), AmountError::InvalidFormat);
        check(&format!("++{digits}"), AmountError::InvalidFormat);
        check(&format!(" {digits}"), AmountError::InvalidFormat);
    }
    for filler in ["x", "-", ".", ",", " ", "\0", "٣", "１", "🪙", "1_"] {
        check(&filler.repeat(MEBIBYTE), AmountError::InvalidFormat);
    }
}

#[test]
fn exponents_are_no_amounts() {
    for text in ["1e20000000", "1E400000000", "1e-20000000", "0e99999999999999999999", "1e0"] {
        check(text, AmountError::InvalidFormat);
    }
}

#[test]
fn a_huge_big_decimal_is_refused_without_memory() {
    let huge = BigInt::from(1) << (8 * MEBIBYTE);
    for (digits, scale) in [(1.into(), -20_000_000), (1.into(), i64::MIN), (1.into(), i64::MAX), (huge, 9)] {
        let big = BigDecimal::new(digits, scale);
        let mut refused = None;
        let allocated = allocation_counter::measure(|| refused = Amount::try_from(&big).err());
        assert_eq!(refused.map(|error| error.code()), Some("DECIMAL_OUT_OF_RANGE"));
        assert_eq!(allocated.count_total, 0);
    }
}

#[test]
fn to_read_and_to_print_allocate_nothing() {
    for text in ["0", "100", "-7.50", "1000000.0000000", "-17014118346046923173168730371588.4105728"] {
        let mut line = Line { bytes: [0; 41], len: 0 };
        let allocated =
            allocation_counter::measure(|| write!(line, "{}", Amount::parse(text).unwrap()).unwrap());
        assert_eq!(line.bytes.get(..line.len), Some(text.as_bytes()));
        assert_eq!(allocated.count_total, 0);
    }
}

#[test]
fn json_is_written_without_a_string_in_between() {
    let mut json = Vec::with_capacity(64);
    let allocated = allocation_counter::measure(|| serde_json::to_writer(&mut json, &Amount::MIN).unwrap());
    assert_eq!(json, format!("\"{}\"", Amount::MIN).into_bytes());
    assert_eq!(allocated.count_total, 0);
}
