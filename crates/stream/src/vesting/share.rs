/// `floor(whole * part / of)` for `part <= of`; a larger part, and a part of 0 seconds, count as the whole.
///
/// The product can exceed 128 bits, so it is split: with `whole = q * of + r` the result is `q * part + floor(r *
/// part / of)`. `q * part` is at most `whole`, and `r * part` is below `of * of`, which is below 2^128.
pub(super) fn share(whole: u128, part: u64, of: u64) -> u128 {
    if part >= of {
        return whole;
    }
    let (part, of) = (u128::from(part), u128::from(of));
    let quotient = whole.checked_div(of).unwrap_or(0);
    let remainder = whole.checked_rem(of).unwrap_or(0);
    let fraction = remainder.saturating_mul(part).checked_div(of).unwrap_or(0);
    quotient.saturating_mul(part).saturating_add(fraction)
}

/// `ceil(part * whole / of)` for a small `part <= of`: how many of `whole` seconds pass before that share of them has
/// passed.
pub(super) fn seconds_before(part: u64, whole: u64, of: u64) -> u64 {
    let product = u128::from(part).saturating_mul(u128::from(whole));
    let seconds = if of == 0 { 0 } else { product.div_ceil(u128::from(of)) };
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn any_u128() -> impl Strategy<Value = u128> {
        prop_oneof![any::<u128>(), 0..1_000_000_u128, Just(u128::MAX), (u128::MAX - 1000)..]
    }

    fn any_u64() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), 1..5000_u64, (u64::MAX - 1000)..]
    }

    proptest! {
        #[test]
        fn a_split_product_is_the_exact_floor(whole in any_u128(), one in any_u64(), other in any_u64()) {
            let (part, of) = (one.min(other), one.max(other));
            let exact = BigUint::from(whole) * BigUint::from(part) / BigUint::from(of);
            prop_assert_eq!(BigUint::from(share(whole, part, of)), exact);
        }

        #[test]
        fn the_seconds_before_a_share_are_the_exact_ceiling(part in 0..=1000_u64, whole in any_u64()) {
            let of = BigUint::from(1000_u64);
            let exact = (BigUint::from(part) * BigUint::from(whole) + 999_u64) / of;
            prop_assert_eq!(BigUint::from(seconds_before(part, whole, 1000)), exact);
        }
    }

    #[test]
    fn a_share_of_no_time_is_the_whole() {
        assert_eq!((share(7, 0, 0), share(7, 9, 3), seconds_before(1, 5, 0)), (7, 7, 0));
    }
}
