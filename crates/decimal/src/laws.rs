//! Laws that hold for every amount and every text, tried on random ones.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use bigdecimal::BigDecimal;
use bigdecimal::RoundingMode;
use bigdecimal::num_bigint::BigInt;
use proptest::prelude::*;

use crate::{Amount, AmountError, Rounding, oracle};

/// Stroops of every size, so that small ones are not one in 2^100.
fn stroops() -> impl Strategy<Value = i128> {
    prop_oneof![
        8 => (any::<i128>(), 0..128_u32).prop_map(|(stroops, shift)| stroops >> shift),
        2 => (any::<i64>(), 0..=7_u32).prop_map(|(units, zeros)| i128::from(units) * 10_i128.pow(zeros)),
        1 => (0..1_000_i128).prop_map(|below| i128::MAX - below),
        1 => (0..1_000_i128).prop_map(|above| i128::MIN + above),
    ]
}

pub(crate) fn amount() -> impl Strategy<Value = Amount> {
    (stroops(), 0..=7_u8)
        .prop_map(|(stroops, decimals)| Amount::from_stroops(stroops).with_decimals(decimals))
}

/// Texts near the grammar, on both sides of its edges.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[+-]?[0-9]{1,20}(\\.[0-9]{1,7})?",
        "[+-]?[0-9]{0,40}(\\.[0-9]{0,9})?",
        "[+-]?0{0,70}[0-9]{0,33}(\\.[0-9]{1,8})?",
        "[+-]?1701411834604692317316873037158[78]\\.41057[0-9]{2}",
        "[-+.0-9eE_, x/:]{0,70}",
        "\\PC{0,70}",
        any::<String>(),
    ]
}

fn big(amount: Amount) -> BigDecimal {
    BigDecimal::new(BigInt::from(amount.stroops()), 7)
}

/// Compares a checked operation with what the exact number says it must be, being a number of stroops.
fn check(result: Result<Amount, AmountError>, exact: &BigDecimal) -> Result<(), TestCaseError> {
    let stroops = exact.with_scale(7).into_bigint_and_scale().0;
    match result {
        Ok(amount) => {
            prop_assert_eq!(BigInt::from(amount.stroops()), stroops);
            prop_assert_eq!(Amount::parse(&amount.to_string()).map(Amount::decimals), Ok(amount.decimals()));
        }
        Err(error) => {
            prop_assert_eq!(error.code(), "DECIMAL_OUT_OF_RANGE");
            prop_assert!(i128::try_from(stroops).is_err());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_printed_reads_back_as_the_same_with_the_same_decimals(amount in amount()) {
        let text = amount.to_string();
        let read = Amount::parse(&text).unwrap();
        prop_assert_eq!(read, amount);
        prop_assert_eq!(read.decimals(), amount.decimals());
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn a_text_is_read_as_the_oracle_reads_it(text in text()) {
        let read = Amount::parse(&text).map(|amount| (amount.stroops(), amount.to_string()));
        prop_assert_eq!(read.map_err(|error| error.code()), oracle::read(&text));
    }

    #[test]
    fn json_carries_an_amount_unchanged(amount in amount()) {
        let json = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(&json, &format!("\"{amount}\""));
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap().to_string(), amount.to_string());
    }

    #[test]
    fn order_and_equality_are_those_of_the_value(a in amount(), b in amount(), decimals in 0..=9_u8) {
        prop_assert_eq!(a.cmp(&b), big(a).cmp(&big(b)));
        prop_assert_eq!(a == b, big(a) == big(b));
        let (again, hasher) = (a.with_decimals(decimals), BuildHasherDefault::<DefaultHasher>::new());
        prop_assert_eq!(again, a);
        prop_assert_eq!(hasher.hash_one(again), hasher.hash_one(a));
    }

    #[test]
    fn as_many_decimals_are_shown_as_asked_for_or_needed(amount in amount(), decimals in any::<u8>()) {
        let needed = big(amount).normalized().fractional_digit_count().clamp(0, 7);
        let shown = amount.with_decimals(decimals);
        prop_assert_eq!(i64::from(shown.decimals()), needed.max(i64::from(decimals.min(7))));
        prop_assert_eq!(Amount::parse(&shown.to_string()), Ok(amount));
    }

    #[test]
    fn sums_differences_and_opposites_are_exact(a in amount(), b in amount()) {
        check(a.checked_add(b), &(big(a) + big(b)))?;
        check(a.checked_sub(b), &(big(a) - big(b)))?;
        check(a.checked_neg(), &-big(a))?;
        check(a.checked_abs(), &big(a).abs())?;
    }

    #[test]
    fn a_total_is_exact_in_any_order(mut amounts in proptest::collection::vec(amount(), 0..20)) {
        let exact = amounts.iter().map(|amount| big(*amount)).sum();
        let total = Amount::checked_sum(&amounts);
        check(total, &exact)?;
        let decimals = amounts.iter().map(|amount| amount.decimals()).max().unwrap_or(0);
        prop_assert!(total.is_err() || total.map(Amount::decimals) == Ok(decimals));
        amounts.sort();
        prop_assert_eq!(amounts.iter().sum::<Result<Amount, AmountError>>(), total);
    }

    #[test]
    fn rounding_is_that_of_the_exact_number(amount in amount(), decimals in 0..=9_u8) {
        for (mode, exact) in [
            (Rounding::Floor, RoundingMode::Floor),
            (Rounding::Ceil, RoundingMode::Ceiling),
            (Rounding::TowardZero, RoundingMode::Down),
            (Rounding::AwayFromZero, RoundingMode::Up),
            (Rounding::HalfEven, RoundingMode::HalfEven),
            (Rounding::HalfAwayFromZero, RoundingMode::HalfUp),
            (Rounding::HalfTowardZero, RoundingMode::HalfDown),
        ] {
            let rounded = amount.checked_round(decimals, mode);
            check(rounded, &big(amount).with_scale_round(i64::from(decimals.min(7)), exact))?;
            prop_assert!(rounded.is_err() || rounded.map(Amount::decimals) == Ok(decimals.min(7)));
        }
    }

    #[test]
    fn products_are_exact(amount in amount(), n in stroops()) {
        check(amount.checked_mul_int(n), &(big(amount) * BigDecimal::from(n)))?;
    }

    #[test]
    fn quotients_are_rounded_the_way_they_say(amount in amount(), n in stroops().prop_filter("zero", |n| *n != 0)) {
        // A remainder is at least one in 2^127 stroops, so it shows within 80 digits more.
        let digits = BigInt::from(amount.stroops()) * BigInt::from(10).pow(80) / BigInt::from(n);
        let exact = BigDecimal::new(digits, 87);
        check(amount.checked_div_floor(n), &exact.with_scale_round(7, RoundingMode::Floor))?;
        check(amount.checked_div_ceil(n), &exact.with_scale_round(7, RoundingMode::Ceiling))?;
    }

    #[test]
    fn a_big_decimal_brings_an_amount_back_with_its_scale(amount in amount()) {
        let there = BigDecimal::from(amount);
        prop_assert_eq!(&there, &big(amount));
        prop_assert_eq!(there.fractional_digit_count(), i64::from(amount.decimals()));
        prop_assert_eq!(Amount::try_from(there).map(|back| back.to_string()), Ok(amount.to_string()));
    }

    #[test]
    fn a_big_decimal_is_taken_when_its_value_is_an_amount(
        digits in stroops(), zeros in 0..130_u32, scale in prop_oneof![4 => -60..140_i64, 1 => any::<i64>()],
    ) {
        let value = BigDecimal::new(BigInt::from(digits) * BigInt::from(10).pow(zeros), scale);
        let normal = value.normalized();
        let (significant, needed) = normal.as_bigint_and_scale();
        let power = u32::try_from(7 - needed.clamp(-40, 7)).unwrap();
        let stroops = i128::try_from(significant.as_ref() * BigInt::from(10).pow(power)).ok();
        let is_amount = value.sign() == bigdecimal::num_bigint::Sign::NoSign
            || (needed <= 7 && needed > -40 && scale <= 128 && stroops.is_some());
        match Amount::try_from(&value) {
            Ok(amount) => {
                prop_assert!(is_amount);
                prop_assert_eq!(big(amount), value);
                prop_assert_eq!(i64::from(amount.decimals()), scale.clamp(0, 7));
            }
            Err(error) => {
                prop_assert!(!is_amount);
                prop_assert_eq!(error.code(), "DECIMAL_OUT_OF_RANGE");
            }
        }
    }

    #[test]
    fn grouping_adds_nothing_but_commas(amount in amount()) {
        let grouped = amount.grouped().to_string();
        prop_assert_eq!(grouped.replace(',', ""), amount.to_string());
        let integer = grouped.trim_start_matches('-').split('.').next().unwrap().to_owned();
        for (place, group) in integer.split(',').enumerate() {
            let full = group.len() == 3 || place == 0 && (1..=3).contains(&group.len());
            prop_assert!(full);
        }
    }

    #[test]
    fn the_range_of_an_api_is_that_of_its_integer_part(amount in amount()) {
        let integer = amount.stroops() / crate::STROOPS_PER_UNIT;
        let within = integer.unsigned_abs() <= u128::from(i64::MAX.unsigned_abs());
        prop_assert_eq!(amount.within_api_range().is_ok(), within);
    }
}
