//! What [`Amount::parse`](crate::Amount::parse) must answer, found slowly and by other means.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

/// The stroops and the normal form of a text, or the code of its refusal.
pub(crate) fn read(text: &str) -> Result<(i128, String), &'static str> {
    if text.is_empty() {
        return Err("DECIMAL_EMPTY_VALUE");
    }
    let too_long = text.len() > 64;
    let seen: String = text.bytes().take(64).map(char::from).collect();
    let unsigned = seen.strip_prefix(['+', '-']).unwrap_or(&seen);
    let (integer, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(i, f)| (i, Some(f)));

    let digits = |part: &str| part.chars().all(|c| "0123456789".contains(c));
    let fraction_is_fine = fraction.is_none_or(|part| digits(part) && (too_long || !part.is_empty()));
    if integer.is_empty() || !digits(integer) || !fraction_is_fine {
        return Err("DECIMAL_INVALID_FORMAT");
    }
    if too_long || fraction.is_some_and(|part| part.len() > 7) {
        return Err("DECIMAL_OUT_OF_RANGE");
    }

    let value = BigDecimal::from_str(text).unwrap();
    let stroops: BigInt = value.with_scale(7).into_bigint_and_scale().0;
    let stroops = i128::try_from(stroops).map_err(|_| "DECIMAL_OUT_OF_RANGE")?;

    let sign = if stroops < 0 { "-" } else { "" };
    let integer = match integer.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    let fraction = fraction.map_or(String::new(), |part| format!(".{part}"));
    Ok((stroops, format!("{sign}{integer}{fraction}")))
}
