//! What events leave open, with the invocation of the event beside it.

use std::sync::Arc;

use fluxora_stream::{Inferred, Kind, V9Stream};
use serde_json::{Value, json};

use super::tests::{RECIPIENT, SENDER, all, created, id, named, transaction, transfer};
use crate::projection::{Anomaly, Projected, Streams, invocation_of};
use crate::{ContractEvent, Invocation, InvocationSource, Opaque};

pub(super) const RELAYER: &str = "GCEZWKCA5VLDNRLN3RPRJMRZOX3Z6G5CHCGSNFHEYVXM3XOJMDS674JZ";

pub(super) fn authorized(by: &str) -> InvocationSource {
    InvocationSource::Authorized { by: Opaque::new(by).unwrap() }
}

pub(super) fn call(
    contract: &Opaque,
    function: &str,
    arguments: &Value,
    source: &InvocationSource,
) -> Invocation {
    Invocation::new(contract.clone(), function, &arguments.to_string(), source.clone()).unwrap()
}

/// A transaction of one event and what comes before it, with the call of that event.
pub(super) fn called(
    second: u32,
    payloads: Vec<String>,
    function: &str,
    arguments: &Value,
    source: &InvocationSource,
) -> Vec<ContractEvent> {
    let mut events = transaction(second, payloads);
    let last = events.last_mut().unwrap();
    last.invocation = Some(Arc::new(call(&last.contract, function, arguments, source)));
    events
}

pub(super) fn terms(kind: u32) -> Value {
    json!({
        "recipient": RECIPIENT, "deposit_amount": "100", "rate_per_second": "1", "start_time": "0",
        "cliff_time": "50", "end_time": "100", "withdraw_dust_threshold": null, "memo": null, "metadata": null,
        "kind": kind, "irrevocable": null, "witness": null,
    })
}

pub(super) fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

pub(super) fn after(history: &[Vec<ContractEvent>]) -> (V9Stream, Projected) {
    let mut streams = Streams::new();
    let projected = all(&mut streams, history);
    (streams.remove(&id()).unwrap().of_family().unwrap(), projected)
}

pub(super) fn reported(projected: &Projected) -> Vec<Anomaly> {
    projected.anomalies.iter().map(|reported| reported.what).collect()
}

/// Kind, whether it is inferred, and whether the invocation was reported as another one.
#[track_caller]
fn check_kind(function: &str, arguments: &Value, source: &InvocationSource, expect: (Kind, bool, bool)) {
    let (stream, projected) = after(&[called(0, vec![created(0)], function, arguments, source)]);
    let (kind, inferred) = (stream.body.state.flow.schedule.kind, stream.body.state.on_chain.inferred.kind);
    let anomalies = reported(&projected);
    let is_another = anomalies == [Anomaly::AnotherInvocation];
    assert!(is_another || anomalies.is_empty(), "{anomalies:?}");
    assert_eq!((kind, inferred, is_another), expect, "{function} {arguments} {source:?}");
    assert_eq!(stream.body.state.on_chain.anomalies, 0, "the stream is as certain as without it");
}

#[test]
fn the_function_that_creates_a_stream_says_its_kind() {
    use InvocationSource::{Proven, Pushed};
    let (linear, slope) = ((Kind::Linear, false, false), (Kind::CliffSlope, false, false));
    let open = (Kind::Linear, true, false);
    for source in [Pushed, authorized(SENDER), Proven] {
        let check = |function, arguments: Value, expect| check_kind(function, &arguments, &source, expect);
        check("create_stream", json!([SENDER, terms(0)]), linear);
        check("create_stream", json!([SENDER, terms(2)]), slope);
        check("create_stream_with_lookback", json!([SENDER, terms(2), 5]), slope);
        let relative = json!({
            "recipient": RECIPIENT, "deposit_amount": "100", "rate_per_second": "1", "start_delay": "0",
            "cliff_delay": "50", "duration": "100", "kind": 2,
        });
        check("create_stream_relative", json!([SENDER, relative]), slope);
        check("create_streams_relative", json!([SENDER, [relative]]), slope);
        let listed = ["SENDER", RECIPIENT, "100", "1", "0", "50", "100", "0"];
        let mut listed: Vec<Value> = listed.into_iter().map(Value::from).collect();
        listed[0] = SENDER.into();
        listed.extend([Value::Null, 2.into()]);
        check("create_stream", Value::Array(listed), slope);
        let other = with(terms(0), "deposit_amount", json!("101"));
        for function in ["create_streams", "create_streams_partial"] {
            check(function, json!([SENDER, [other, terms(2)]]), slope);
            check(function, json!([SENDER, [terms(2), terms(2)]]), slope);
            check(function, json!([SENDER, [terms(0), terms(2)]]), open);
        }
        // The terms of an offer, of a template and of a source are arguments of other calls.
        for function in ["accept_stream_offer", "create_stream_from_template", "clone_stream", "execute"] {
            check(function, json!([SENDER, terms(2)]), open);
        }
    }
    for by in [RECIPIENT, RELAYER] {
        check_kind("create_stream", &json!([SENDER, terms(2)]), &authorized(by), open);
    }
}

#[test]
fn a_call_that_cannot_have_created_the_stream_decides_nothing_and_is_reported() {
    let another = (Kind::Linear, true, true);
    for (name, value) in [
        ("recipient", json!(SENDER)),
        ("deposit_amount", json!("101")),
        ("deposit_amount", json!(100)),
        ("rate_per_second", json!("2")),
        ("start_time", json!("1")),
        ("cliff_time", json!("51")),
        ("end_time", json!("101")),
        ("kind", json!(1)),
        ("kind", json!(3)),
        ("kind", json!("2")),
        ("kind", Value::Null),
    ] {
        let arguments = json!([SENDER, with(terms(2), name, value)]);
        check_kind("create_stream", &arguments, &InvocationSource::Proven, another);
    }
    for arguments in [json!([]), json!([RECIPIENT, terms(2)]), json!([SENDER]), json!([SENDER, [terms(2)]])] {
        check_kind("create_stream", &arguments, &InvocationSource::Proven, another);
    }
    // Nested deeper than is read.
    let deep = format!("[{}{}]", "[".repeat(200), "]".repeat(200));
    let mut events = transaction(0, [created(0)]);
    let deep = Invocation::new(events[0].contract.clone(), "create_stream", &deep, InvocationSource::Pushed);
    events[0].invocation = Some(Arc::new(deep.unwrap()));
    assert!(after(&[events]).0.body.state.on_chain.inferred.kind);
    // Of another contract.
    let mut events =
        called(0, vec![created(0)], "create_stream", &json!([SENDER, terms(2)]), &InvocationSource::Pushed);
    let other = call(
        &Opaque::new("C1").unwrap(),
        "create_stream",
        &json!([SENDER, terms(2)]),
        &InvocationSource::Pushed,
    );
    events[0].invocation = Some(Arc::new(other));
    assert!(after(&[events]).0.body.state.on_chain.inferred.kind);
}

pub(super) fn rate_updated(rate: u64) -> String {
    format!(
        r#"{{"topic":["rate_upd","0"],"value":{{"stream_id":"0","old_rate_per_second":"1","new_rate_per_second":"{rate}","effective_time":"60"}}}}"#
    )
}

#[test]
fn the_function_that_changes_a_rate_says_whether_what_had_accrued_is_kept() {
    use InvocationSource::{Proven, Pushed};
    // The deposit is enough for two in each second.
    let rich = created(0).replace(r#""deposit_amount":"100""#, r#""deposit_amount":"200""#);
    let check = |function: &str, arguments: Value, source: &InvocationSource, expect: (i128, bool, bool)| {
        let change = called(60, vec![rate_updated(2)], function, &arguments, source);
        let (stream, projected) = after(&[transaction(0, [rich.clone()]), change]);
        let state = &stream.body.state;
        let is_another = reported(&projected) == [Anomaly::AnotherInvocation];
        let found =
            (state.flow.schedule.checkpoint.amount.stroops(), state.on_chain.inferred.checkpoint, is_another);
        assert_eq!(found, expect, "{function} {arguments} {source:?}");
    };
    for source in [Pushed, authorized(SENDER), Proven] {
        check("update_rate_per_second", json!(["0", "2"]), &source, (60, false, false));
        check("update_rate", json!([SENDER, "0", "2"]), &source, (0, false, false));
        check("update_rate", json!(["0", SENDER, "2"]), &source, (0, false, false));
        check("update_rate", json!(["0", "2"]), &source, (60, true, true));
        check("govern", json!(["0", "2"]), &source, (60, true, false));
    }
    check("update_rate_per_second", json!(["1", "2"]), &Proven, (60, true, true));
    check("update_rate", json!([SENDER, "0", "3"]), &Proven, (60, true, true));
    check("update_rate_per_second", json!(["0", "2"]), &authorized(RELAYER), (60, true, false));
    check("update_rate", json!([SENDER, "0", "2"]), &authorized(RELAYER), (60, true, false));
    // The deposit does not cover the rate, so the call would have been refused.
    let change = called(60, vec![rate_updated(2)], "update_rate_per_second", &json!(["0", "2"]), &Proven);
    let (stream, projected) = after(&[transaction(0, [created(0)]), change]);
    assert_eq!(reported(&projected), [Anomaly::AnotherInvocation]);
    assert_eq!(stream.body.state.flow.schedule.checkpoint.amount.stroops(), 0);
}

#[test]
fn the_function_of_a_withdrawal_says_what_it_takes_out() {
    use InvocationSource::{Proven, Pushed};
    let withdrew = format!(
        r#"{{"topic":["withdrew","0"],"value":{{"stream_id":"0","recipient":"{RECIPIENT}","amount":"40"}}}}"#
    );
    let check_after = |before: Option<String>,
                       function: &str,
                       arguments: &Value,
                       source: &InvocationSource,
                       expect: (i128, bool, bool)| {
        let payloads = before.into_iter().chain([withdrew.clone()]).collect();
        let withdrawal = called(60, payloads, function, arguments, source);
        let (stream, projected) = after(&[transaction(0, [created(0)]), withdrawal]);
        let state = &stream.body.state;
        let is_another = reported(&projected) == [Anomaly::AnotherInvocation];
        let found = (state.flow.withdrawn.stroops(), state.on_chain.inferred.withdrawn, is_another);
        assert_eq!(found, expect, "{function} {arguments} {source:?}");
    };
    let check = |function: &str, arguments: Value, source: &InvocationSource, expect| {
        check_after(None, function, &arguments, source, expect);
    };
    let delegated = |fee: &str| json!(["0", RELAYER, "0x00", "0", "9", "1", fee, "0x00"]);
    for source in [Pushed, Proven] {
        check("withdraw", json!(["0"]), &source, (40, false, false));
        check("withdraw", json!(["0", "40"]), &source, (40, false, false));
        check("withdraw_from_pool", json!(["0", RECIPIENT]), &source, (40, false, false));
        check("bulk_cancel_streams", json!([SENDER, ["1", "0"]]), &source, (40, false, false));
        check("delegated_withdraw", delegated("3"), &source, (43, false, false));
        check(
            "delegated_withdraw",
            json!(["0", RELAYER, "0x00", "0", "9", "1", "0x00"]),
            &source,
            (40, false, false),
        );
        check("execute", json!(["0"]), &source, (40, true, false));
        check("withdraw", json!(["1"]), &source, (40, true, true));
        check("bulk_cancel_streams", json!([SENDER, ["1"]]), &source, (40, true, true));
        check("bulk_cancel_streams", json!([RELAYER, ["0"]]), &source, (40, true, true));
        for wrong in [
            delegated("-3"),
            delegated("x"),
            json!(["1", RELAYER, "0x00", "0", "9", "1", "3", "0x00"]),
            json!(["0"]),
        ] {
            check("delegated_withdraw", wrong, &source, (40, true, true));
        }
        // The transfers say the same, or are what counts.
        check_after(Some(transfer(RECIPIENT, 40)), "withdraw", &json!(["0"]), &source, (40, false, false));
        check_after(
            Some(transfer(RECIPIENT, 40)),
            "delegated_withdraw",
            &delegated("3"),
            &source,
            (40, false, true),
        );
    }
    for (function, arguments, by) in [
        ("withdraw", json!(["0"]), RECIPIENT),
        ("withdraw_from_pool", json!(["0", RECIPIENT]), RECIPIENT),
        ("bulk_cancel_streams", json!([SENDER, ["0"]]), SENDER),
        ("delegated_withdraw", delegated("0"), RELAYER),
    ] {
        check(function, arguments.clone(), &authorized(by), (40, false, false));
        let other = if by == SENDER { RECIPIENT } else { SENDER };
        check(function, arguments, &authorized(other), (40, true, false));
    }
}

#[test]
fn of_several_calls_the_one_with_the_arguments_of_the_event_is_meant() {
    let event = transaction(0, [created(0)]).remove(0);
    let by = authorized(SENDER);
    let create = |value: Value, source: &InvocationSource| {
        call(&event.contract, "create_stream", &json!([SENDER, value]), source)
    };
    let (meant, slope) = (create(terms(0), &by), create(terms(2), &by));
    let other = create(with(terms(0), "end_time", json!("101")), &by);
    let elsewhere = call(&Opaque::new("C1").unwrap(), "create_stream", &json!([SENDER, terms(0)]), &by);
    let check = |calls: &[&Invocation], expect: Option<&Invocation>| {
        let calls: Vec<_> = calls.iter().copied().cloned().collect();
        assert_eq!(invocation_of(&event, &calls), expect, "{calls:?}");
    };
    check(&[], None);
    check(&[&meant], Some(&meant));
    check(&[&other, &meant, &elsewhere], Some(&meant));
    check(&[&meant, &meant], Some(&meant));
    check(&[&meant, &slope], None);
    check(&[&other], None);
    check(&[&elsewhere], None);
    // The transaction itself, also where its arguments are not those of the event.
    let root = create(with(terms(0), "end_time", json!("101")), &InvocationSource::Proven);
    check(&[&meant, &root], Some(&root));
    let closed = transaction(0, [named("closed", "StreamClosed")]).remove(0);
    let root = call(&closed.contract, "close_completed_stream", &json!(["0"]), &InvocationSource::Proven);
    assert_eq!(invocation_of(&closed, &[root]), None, "it leaves nothing open");
}

#[test]
fn what_rests_on_an_inferred_value_stays_inferred() {
    let rich = created(0).replace(r#""deposit_amount":"100""#, r#""deposit_amount":"300""#);
    let kept = |second, rate: u64| {
        let payload = rate_updated(rate)
            .replace(r#""effective_time":"60""#, &format!(r#""effective_time":"{second}""#));
        let source = InvocationSource::Proven;
        called(second, vec![payload], "update_rate_per_second", &json!(["0", rate.to_string()]), &source)
    };
    let inferred = |history: &[Vec<ContractEvent>]| after(history).0.body.state.on_chain.inferred;
    let first = transaction(60, [rate_updated(2)]);
    let history = [transaction(0, [rich.clone()]), first, kept(70, 3)];
    assert_eq!(inferred(&history), Inferred { checkpoint: true, ..Inferred::default() });
    let history = [transaction(0, [rich]), kept(60, 2), kept(70, 3)];
    assert_eq!(inferred(&history), Inferred::default());
}
