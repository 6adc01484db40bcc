//! Events that the contract cannot emit: each is applied, and each is reported.

use serde_json::{Value, json};

use super::tests::{RECIPIENT, SENDER, all, created, id, named, transaction, transfer};
use crate::projection::{Anomaly, Streams, V9Field, V9Rule};

/// Seconds of a keeper's grace.
const GRACE: u32 = 604_800;

fn refused(rule: V9Rule) -> Option<Anomaly> {
    Some(Anomaly::Refused { rule })
}

fn disagrees(field: V9Field) -> Option<Anomaly> {
    Some(Anomaly::Disagreement { field })
}

fn exceeds_accrued(withdrawn: i128, accrued: i128) -> Option<Anomaly> {
    let amount = fluxora_decimal::Amount::from_stroops;
    Some(Anomaly::WithdrawnExceedsAccrued { withdrawn: amount(withdrawn), accrued: amount(accrued) })
}

/// An event of stream 0 with this value.
fn of(topic: &str, mut value: Value) -> String {
    value["stream_id"] = json!("0");
    json!({"topic": [topic, "0"], "value": value}).to_string()
}

/// From second 1 to 101 at 1 a second without a cliff: the kind is certain. 100 are deposited.
fn linear() -> String {
    terms(&[])
}

/// The same with other terms.
fn terms(other: &[(&str, &str)]) -> String {
    let mut event: Value = serde_json::from_str(&created(0)).unwrap();
    let usual = [("start_time", "1"), ("cliff_time", "1"), ("end_time", "101")];
    for (field, value) in usual.iter().chain(other) {
        event["value"][*field] = json!(value);
    }
    event.to_string()
}

fn withdrew(amount: u32) -> String {
    of("withdrew", json!({"recipient": RECIPIENT, "amount": amount.to_string()}))
}

/// A withdrawal with the transfer that proves its amount.
fn proven(amount: u32) -> Vec<String> {
    vec![transfer(RECIPIENT, amount.into()), withdrew(amount)]
}

fn withdrawn_to(amount: u32) -> String {
    of("wdraw_to", json!({"amount": amount.to_string()}))
}

fn paused() -> String {
    of("paused", json!({"reason": "Operational"}))
}

fn resumed() -> String {
    named("resumed", "Resumed")
}

fn cancelled() -> String {
    named("cancelled", "StreamCancelled")
}

fn completed() -> String {
    named("completed", "StreamCompleted")
}

fn closed() -> String {
    named("closed", "StreamClosed")
}

fn top_up(amount: u32, deposit: u32, end: u32) -> String {
    let [amount, deposit, end] = [amount, deposit, end].map(|number| number.to_string());
    of("top_up", json!({"top_up_amount": amount, "new_deposit_amount": deposit, "new_end_time": end}))
}

fn rate(topic: &str, old: u32, new: u32, kept: u32, refund: u32, at: u32) -> String {
    let [old, new, kept, refund, at] = [old, new, kept, refund, at].map(|number| number.to_string());
    of(
        topic,
        json!({"old_rate_per_second": old, "new_rate_per_second": new, "checkpointed_amount": kept,
            "refund_amount": refund, "effective_time": at}),
    )
}

fn end(topic: &str, old: u32, new: u32, refund: u32) -> String {
    let [old, new, refund] = [old, new, refund].map(|number| number.to_string());
    of(topic, json!({"old_end_time": old, "new_end_time": new, "refund_amount": refund}))
}

fn recipient(old: &str) -> String {
    of("recp_upd", json!({"old_recipient": old, "new_recipient": SENDER}))
}

fn claim_owner(old: Option<&str>) -> String {
    of("claim_own", json!({"old_owner": old, "new_owner": SENDER}))
}

fn decommissioned() -> String {
    of("decomm", json!({"decommissioned": true}))
}

fn keeper(fee: u32, paid: u32, refund: u32) -> String {
    let [fee, paid, refund] = [fee, paid, refund].map(|number| number.to_string());
    of("kp_cncl", json!({"keeper_fee": fee, "recipient_amount": paid, "sender_refund": refund}))
}

fn share(delegator: &str, kept: u32, given: u32) -> String {
    let [kept, given] = [kept, given].map(|number| number.to_string());
    let value = json!({"parent_stream_id": "0", "child_stream_id": "1", "delegator": delegator,
        "delegatee": SENDER, "new_parent_rate": kept, "child_rate": given});
    json!({"topic": ["del_share", "0"], "value": value}).to_string()
}

/// Transactions that the contract can emit, each with its second.
type Before = Vec<(u32, Vec<String>)>;

/// The close time and the events of the last transaction, what came before, and what is reported of the last.
type Case = (Before, u32, Vec<String>, Option<Anomaly>);

/// Projects a history; the last transaction's anomalies.
#[track_caller]
fn reported(before: &[(u32, Vec<String>)], now: u32, last: &[String]) -> (Vec<Anomaly>, u32) {
    let mut streams = Streams::new();
    for (second, payloads) in before {
        let projected = all(&mut streams, &[transaction(*second, payloads.clone())]);
        assert_eq!(
            (projected.unprojected, projected.anomalies),
            (vec![], vec![]),
            "{payloads:?} is possible"
        );
    }
    let projected = all(&mut streams, &[transaction(now, last.to_vec())]);
    assert_eq!(projected.unprojected, [], "{last:?} is read");
    let counted = streams[&id()].body.state.anomalies();
    (projected.anomalies.into_iter().map(|anomaly| anomaly.what).collect(), counted)
}

fn after(events: &[(u32, &str)]) -> Before {
    let later = events.iter().map(|(second, payload)| (*second, vec![(*payload).to_owned()]));
    [(1, vec![linear()])].into_iter().chain(later).collect()
}

#[track_caller]
fn check(cases: Vec<Case>) {
    for (before, now, last, expected) in cases {
        let (anomalies, counted) = reported(&before, now, &last);
        match expected {
            Some(expected) => {
                assert!(anomalies.contains(&expected), "{before:?} then {last:?}: {anomalies:?}");
                assert!(counted > 0, "{last:?} makes the stream uncertain");
            }
            None => assert_eq!((anomalies, counted), (vec![], 0), "{before:?} then {last:?}"),
        }
    }
}

#[test]
fn each_term_that_the_contract_refuses_on_creation_is_reported() {
    let of = |other: &[(&str, &str)], expected| (vec![], 1, vec![terms(other)], expected);
    check(vec![
        of(&[], None),
        of(&[("end_time", "2"), ("deposit_amount", "1")], None),
        of(&[("cliff_time", "101")], None),
        of(&[("deposit_amount", "51"), ("cliff_time", "50")], None),
        of(&[("rate_per_second", "0")], None),
        of(&[("end_time", "0")], refused(V9Rule::EndNotAfterStart)),
        of(&[("end_time", "1")], refused(V9Rule::EndNotAfterStart)),
        of(&[("cliff_time", "102")], refused(V9Rule::CliffOutsideSchedule)),
        of(&[("cliff_time", "0")], refused(V9Rule::CliffOutsideSchedule)),
        of(&[("start_time", "0")], refused(V9Rule::StartInPast)),
        of(&[("deposit_amount", "0")], refused(V9Rule::DepositNotPositive)),
        of(&[("deposit_amount", "99")], refused(V9Rule::DepositBelowRate)),
        of(&[("deposit_amount", "50"), ("cliff_time", "50")], refused(V9Rule::DepositBelowRate)),
        of(&[("rate_per_second", &i128::MAX.to_string())], refused(V9Rule::DepositBelowRate)),
    ]);
}

#[test]
fn an_id_is_given_to_a_second_stream_only_after_the_first_is_closed() {
    let again = || vec![terms(&[("start_time", "9"), ("cliff_time", "9")])];
    let done = after(&[(2, &cancelled()), (3, &withdrawn_to(1)), (4, &closed())]);
    check(vec![
        (after(&[]), 9, again(), refused(V9Rule::IdInUse)),
        (done.clone(), 9, again(), None),
        (done, 9, vec![paused()], refused(V9Rule::StreamIsClosed)),
    ]);
}

#[test]
fn each_payment_that_the_contract_refuses_is_reported() {
    let held = || after(&[(40, &paused())]);
    let full = after(&[(101, &withdrawn_to(100)), (101, &completed())]);
    let ambiguous =
        |now, amount, expected| (vec![(1, vec![created_at_one()])], now, proven(amount), expected);
    check(vec![
        (after(&[]), 61, proven(60), None),
        (after(&[]), 61, proven(61), exceeds_accrued(61, 60)),
        (after(&[]), 61, vec![withdrew(61)], exceeds_accrued(61, 60)),
        (after(&[(31, &withdrawn_to(30))]), 61, vec![withdrawn_to(31)], exceeds_accrued(61, 60)),
        (after(&[]), 61, vec![withdrawn_to(0)], refused(V9Rule::AmountNotPositive)),
        (
            after(&[]),
            61,
            vec![of("withdrew", json!({"recipient": SENDER, "amount": "5"}))],
            disagrees(V9Field::Recipient),
        ),
        (
            after(&[(9, &claim_owner(None))]),
            61,
            vec![of("withdrew", json!({"recipient": SENDER, "amount": "5"}))],
            None,
        ),
        (held(), 61, vec![withdrawn_to(5)], refused(V9Rule::WithdrawalHeld)),
        (held(), 61, proven(5), refused(V9Rule::WithdrawalHeld)),
        (held(), 61, [proven(60), vec![cancelled()]].concat(), None),
        (held(), 101, vec![withdrawn_to(5)], None),
        (full, 102, vec![withdrawn_to(1)], refused(V9Rule::StreamIsFinal)),
        (after(&[(61, &cancelled())]), 90, vec![withdrawn_to(60)], None),
        (after(&[(61, &cancelled())]), 90, vec![withdrawn_to(61)], exceeds_accrued(61, 60)),
        // From second 1 to 101 with a cliff at 51: linear or a slope, until an event proves one.
        ambiguous(61, 60, None),
        ambiguous(61, 10, None),
        ambiguous(61, 61, exceeds_accrued(61, 60)),
        ambiguous(50, 1, exceeds_accrued(1, 0)),
    ]);
}

fn created_at_one() -> String {
    terms(&[("cliff_time", "51")])
}

#[test]
fn each_status_that_does_not_follow_is_reported() {
    let [pause, resume, cancel, complete, close] = [paused(), resumed(), cancelled(), completed(), closed()];
    let ended = after(&[(61, &cancel)]);
    let held = || after(&[(40, &pause)]);
    let full = after(&[(101, &withdrawn_to(100)), (101, &complete)]);
    let is_final = || refused(V9Rule::StreamIsFinal);
    let keeper_time = 101 + GRACE;
    check(vec![
        (held(), 50, vec![pause.clone()], refused(V9Rule::AlreadyPaused)),
        (held(), 40, vec![pause.clone()], refused(V9Rule::AlreadyPaused)),
        (after(&[]), 101, vec![pause.clone()], refused(V9Rule::StreamEnded)),
        (ended.clone(), 70, vec![pause.clone()], is_final()),
        (after(&[]), 50, vec![resume.clone()], refused(V9Rule::NotPaused)),
        (held(), 101, vec![resume.clone()], refused(V9Rule::StreamEnded)),
        (ended.clone(), 70, vec![resume.clone()], is_final()),
        (held(), 50, vec![resume], None),
        (held(), 50, vec![cancel.clone()], None),
        (ended.clone(), 70, vec![cancel.clone()], is_final()),
        (full.clone(), 102, vec![cancel.clone()], is_final()),
        (after(&[]), 61, vec![transfer(SENDER, 40), cancel.clone()], None),
        (after(&[]), 61, vec![transfer(SENDER, 41), cancel], disagrees(V9Field::Accrued)),
        (after(&[]), 101, vec![complete.clone()], refused(V9Rule::NotPaidInFull)),
        (after(&[(50, &withdrawn_to(49))]), 50, vec![complete.clone()], refused(V9Rule::NotPaidInFull)),
        (ended.clone(), 70, vec![complete], is_final()),
        (after(&[]), 50, vec![close.clone()], refused(V9Rule::StreamNotFinal)),
        (ended, 70, vec![close.clone()], refused(V9Rule::NotPaidInFull)),
        (full, 102, vec![close], None),
        (after(&[]), keeper_time, vec![keeper(0, 100, 0)], None),
        (after(&[]), keeper_time - 1, vec![keeper(0, 100, 0)], refused(V9Rule::KeeperTooEarly)),
        (after(&[]), keeper_time, vec![keeper(1, 100, 0)], disagrees(V9Field::Division)),
        (after(&[]), keeper_time, vec![keeper(0, 99, 1)], disagrees(V9Field::Accrued)),
    ]);
}

#[test]
fn each_change_of_the_terms_that_the_contract_refuses_is_reported() {
    let ended = || after(&[(61, &cancelled())]);
    let out = || after(&[(9, &decommissioned())]);
    let slope = || vec![(1, vec![terms(&[("cliff_time", "51"), ("deposit_amount", "60")])])];
    let rich = || vec![(1, vec![terms(&[("deposit_amount", "400")])])];
    let is_final = || refused(V9Rule::StreamIsFinal);
    let no_longer = || refused(V9Rule::StreamEnded);
    let linear_only = || refused(V9Rule::NotLinear);
    let out_of_service = || refused(V9Rule::StreamIsDecommissioned);
    check(vec![
        (after(&[]), 51, vec![top_up(5, 105, 101)], None),
        (after(&[]), 51, vec![top_up(5, 900, 101)], disagrees(V9Field::Deposit)),
        (after(&[]), 51, vec![top_up(5, 105, 102)], refused(V9Rule::WrongEnd)),
        (after(&[]), 51, vec![top_up(0, 100, 101)], refused(V9Rule::AmountNotPositive)),
        (after(&[]), 101, vec![top_up(5, 105, 101)], no_longer()),
        (ended(), 70, vec![top_up(5, 105, 101)], is_final()),
        (slope(), 51, vec![top_up(5, 65, 101)], linear_only()),
        (out(), 51, vec![top_up(5, 105, 101)], out_of_service()),
        (rich(), 51, vec![rate("rate_upd", 1, 2, 0, 0, 51)], None),
        (rich(), 51, vec![rate("rate_upd", 3, 2, 0, 0, 51)], disagrees(V9Field::Rate)),
        (rich(), 51, vec![rate("rate_upd", 1, 2, 0, 0, 50)], disagrees(V9Field::EffectiveTime)),
        (rich(), 51, vec![rate("rate_upd", 1, 0, 0, 0, 51)], refused(V9Rule::AmountNotPositive)),
        (rich(), 101, vec![rate("rate_upd", 1, 2, 0, 0, 101)], no_longer()),
        (ended(), 70, vec![rate("rate_upd", 1, 2, 0, 0, 70)], is_final()),
        (out(), 51, vec![rate("rate_upd", 1, 2, 0, 0, 51)], out_of_service()),
        (slope(), 51, vec![rate("rate_upd", 1, 2, 0, 0, 51)], linear_only()),
        (twice_the_rate(), 51, vec![rate("rate_dec", 2, 1, 100, 50, 51)], None),
        (twice_the_rate(), 51, vec![rate("rate_dec", 3, 1, 100, 50, 51)], disagrees(V9Field::Rate)),
        (twice_the_rate(), 51, vec![rate("rate_dec", 2, 2, 100, 0, 51)], refused(V9Rule::RateNotLower)),
        (twice_the_rate(), 51, vec![rate("rate_dec", 2, 1, 99, 51, 51)], disagrees(V9Field::Accrued)),
        (twice_the_rate(), 51, vec![rate("rate_dec", 2, 1, 100, 49, 51)], refused(V9Rule::WrongRefund)),
        (twice_the_rate(), 51, vec![rate("rate_dec", 2, 1, 100, 50, 60)], disagrees(V9Field::EffectiveTime)),
        (after(&[]), 51, vec![end("end_shrt", 101, 81, 20)], None),
        (rich(), 51, vec![end("end_shrt", 101, 81, 320)], None),
        (after(&[]), 51, vec![end("end_shrt", 101, 81, 9_900)], refused(V9Rule::WrongRefund)),
        (after(&[]), 51, vec![end("end_shrt", 101, 81, 21)], refused(V9Rule::WrongRefund)),
        (after(&[]), 51, vec![end("end_shrt", 102, 81, 20)], disagrees(V9Field::End)),
        (after(&[]), 51, vec![end("end_shrt", 101, 51, 50)], refused(V9Rule::WrongEnd)),
        (after(&[]), 51, vec![end("end_shrt", 101, 101, 0)], refused(V9Rule::WrongEnd)),
        (ended(), 70, vec![end("end_shrt", 101, 81, 20)], is_final()),
        (slope(), 51, vec![end("end_shrt", 101, 81, 20)], linear_only()),
        (rich(), 51, vec![end("end_ext", 101, 201, 0)], None),
        (after(&[]), 51, vec![end("end_ext", 101, 102, 0)], refused(V9Rule::DepositBelowRate)),
        (rich(), 51, vec![end("end_ext", 102, 201, 0)], disagrees(V9Field::End)),
        (rich(), 51, vec![end("end_ext", 101, 0, 0)], refused(V9Rule::WrongEnd)),
        (rich(), 51, vec![end("end_ext", 101, 101, 0)], refused(V9Rule::WrongEnd)),
        (rich(), 200, vec![end("end_ext", 101, 199, 0)], refused(V9Rule::WrongEnd)),
        (ended(), 70, vec![end("end_ext", 101, 201, 0)], is_final()),
        (out(), 70, vec![end("end_ext", 101, 201, 0)], out_of_service()),
        (after(&[]), 51, vec![recipient(RECIPIENT)], None),
        (after(&[]), 51, vec![recipient(SENDER)], disagrees(V9Field::Recipient)),
        (after(&[]), 51, vec![claim_owner(None)], None),
        (after(&[]), 51, vec![claim_owner(Some(SENDER))], disagrees(V9Field::ClaimOwner)),
        (after(&[(9, &claim_owner(None))]), 51, vec![claim_owner(None)], disagrees(V9Field::ClaimOwner)),
        (ended(), 70, vec![decommissioned()], is_final()),
    ]);
}

/// At 2 a second, for which 200 are deposited.
fn twice_the_rate() -> Before {
    vec![(1, vec![terms(&[("rate_per_second", "2"), ("deposit_amount", "200")])])]
}

#[test]
fn each_stream_made_from_another_that_the_contract_refuses_is_reported() {
    let done = || after(&[(101, &withdrawn_to(100)), (101, &completed())]);
    let second = |number: &str, start: u32, deposit: &str| {
        let [start, end] = [start, start + 100].map(|second| second.to_string());
        let other = [
            ("start_time", &*start),
            ("cliff_time", &*start),
            ("end_time", &*end),
            ("deposit_amount", deposit),
        ];
        let mut event: Value = serde_json::from_str(&terms(&other)).unwrap();
        event["topic"][1] = json!(number);
        event["value"]["stream_id"] = json!(number);
        event.to_string()
    };
    let renewed =
        json!({"topic": ["renewed", "0", "1"], "value": {"old_stream_id": "0", "new_stream_id": "1"}});
    let renew = |deposit| vec![second("1", 110, deposit), renewed.to_string()];
    let clone = |deposit: &str| {
        let value = json!({"new_stream_id": "1", "source_stream_id": "0", "deposit_amount": deposit});
        vec![second("1", 110, "100"), json!({"topic": ["cloned", "1"], "value": value}).to_string()]
    };
    let ended = || after(&[(61, &cancelled())]);
    check(vec![
        (done(), 110, renew("100"), None),
        (after(&[]), 110, renew("100"), refused(V9Rule::NotCompleted)),
        (after(&[]), 110, clone("100"), None),
        (twice_the_rate(), 51, vec![share(RECIPIENT, 1, 1)], None),
        (twice_the_rate(), 51, vec![share(SENDER, 1, 1)], disagrees(V9Field::Recipient)),
        (twice_the_rate(), 51, vec![share(RECIPIENT, 2, 1)], refused(V9Rule::RatesNotDivided)),
        (twice_the_rate(), 51, vec![share(RECIPIENT, 2, 0)], refused(V9Rule::RatesNotDivided)),
        (twice_the_rate(), 101, vec![share(RECIPIENT, 1, 1)], refused(V9Rule::StreamEnded)),
        (ended(), 70, vec![share(RECIPIENT, 1, 0)], refused(V9Rule::StreamIsFinal)),
    ]);
    let of_second = |before: Before, now, last: &[String]| reported(&before, now, last).0;
    assert_eq!(of_second(done(), 110, &renew("200")), [Anomaly::Disagreement { field: V9Field::Terms }]);
    assert_eq!(of_second(after(&[]), 110, &clone("99")), [Anomaly::Disagreement { field: V9Field::Terms }]);
    let of_ended = of_second(ended(), 110, &clone("100"));
    assert_eq!(of_ended, [Anomaly::Refused { rule: V9Rule::StreamIsFinal }]);
}

#[test]
fn a_value_that_is_inferred_refutes_no_event() {
    // `rate_upd` does not say whether the 50 that had accrued at the rate of 1 are kept: 60 or 150 have accrued at 56.
    let mut raised = vec![(1, vec![terms(&[("deposit_amount", "500")])])];
    raised.push((51, vec![rate("rate_upd", 1, 2, 0, 0, 51)]));
    check(vec![
        (raised.clone(), 56, vec![withdrawn_to(60)], None),
        (raised.clone(), 56, vec![withdrawn_to(110)], None),
        (raised.clone(), 56, vec![transfer(SENDER, 440), cancelled()], None),
        (raised.clone(), 56, vec![transfer(SENDER, 390), cancelled()], None),
        (raised, 56, vec![rate("rate_dec", 2, 1, 110, 345, 56)], None),
    ]);
}
