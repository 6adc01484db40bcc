use fluxora_decimal::Amount;
use serde_json::Value;

/// An amount of a stream.
#[track_caller]
pub(crate) fn amount(stream: &Value, field: &str) -> Amount {
    let text = stream[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {stream}"));
    text.parse().unwrap_or_else(|error| panic!("{field}: {error} in {stream}"))
}

/// Nothing of the deposit is lost or made: streamed, remaining and refunded add up to it, and what streamed is withdrawn or
/// withdrawable. While a stream runs, what has streamed is the rate for each second that has passed, up to the deposit.
#[track_caller]
pub(crate) fn check(stream: &Value) {
    let of = |field| amount(stream, field);
    let sum = of("streamedAmount").checked_add(of("remainingAmount")).unwrap();
    assert_eq!(sum.checked_add(of("refundedAmount")).unwrap(), of("depositAmount"), "{stream}");
    let taken = of("withdrawableAmount").checked_add(of("withdrawnAmount")).unwrap();
    assert_eq!(taken, of("streamedAmount"), "{stream}");
    if stream["status"] != "cancelled" {
        let second = |field: &str| stream[field].as_u64().expect("a time");
        let until = second("asOf").min(second("endTime"));
        let seconds = until.saturating_sub(second("startTime"));
        let before_cliff = stream["cliffTime"].as_u64().is_some_and(|cliff| second("asOf") < cliff);
        let flowed = of("ratePerSecond").checked_mul_int(seconds.into()).unwrap().min(of("depositAmount"));
        let flowed = if before_cliff { Amount::ZERO } else { flowed };
        assert_eq!(of("streamedAmount"), flowed, "{stream}");
    }
}
