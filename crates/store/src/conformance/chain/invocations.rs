use std::sync::Arc;

use fluxora_indexer::{ContractEvent, Invocation, InvocationSource, Opaque, Refusal};
use fluxora_stream::{EventKind, Kind};
use serde_json::{Value, json};

use super::events::*;
use super::*;
use crate::chain::{ContractEventQuery, Rebuild, Scope};

/// The account that calls as an administrator or as a relayer.
const CALLER: &str = "GCEZWKCA5VLDNRLN3RPRJMRZOX3Z6G5CHCGSNFHEYVXM3XOJMDS674JZ";

/// The call that can have emitted an event, if it leaves something open: a stream is created as a slope, a new rate keeps
/// nothing, a withdrawal is net of a fee of 2 stroops. The others are created linear, keep what had accrued, and pay no fee.
pub(super) fn with_call(event: ContractEvent, is_other: bool, source: InvocationSource) -> ContractEvent {
    let payload: Value = serde_json::from_str(&event.payload).unwrap();
    let value = &payload["value"];
    let (function, arguments) = match event.topic.as_str() {
        "created" => {
            let mut terms = value.clone();
            terms["kind"] = json!(if is_other { 2 } else { 0 });
            ("create_stream", json!([value["sender"], terms]))
        }
        "rate_upd" if is_other => {
            ("update_rate", json!([CALLER, value["stream_id"], value["new_rate_per_second"]]))
        }
        "rate_upd" => ("update_rate_per_second", json!([value["stream_id"], value["new_rate_per_second"]])),
        "withdrew" if is_other => {
            ("delegated_withdraw", json!([value["stream_id"], CALLER, "0x00", "0", "9", "0", "2", "0x00"]))
        }
        "withdrew" => ("withdraw", json!([value["stream_id"]])),
        _ => return event,
    };
    let call = Invocation::new(event.contract.clone(), function, &arguments.to_string(), source).unwrap();
    ContractEvent { invocation: Some(Arc::new(call)), ..event }
}

fn pushed(event: ContractEvent) -> ContractEvent {
    with_call(event, true, InvocationSource::Pushed)
}

/// The stored calls, in chain order.
async fn calls(store: &impl Store) -> Vec<Option<String>> {
    let query = ContractEventQuery { limit: 100, ..ContractEventQuery::default() };
    let page = store.contract_events(&query).await.unwrap();
    page.events.iter().map(|listed| listed.event.invocation.as_ref().map(ToString::to_string)).collect()
}

async fn kind_of(store: &impl Store, number: u64) -> (Kind, bool) {
    let stream = stream(store, number).await.unwrap();
    (flow(&stream).schedule.kind, v9(&stream).inferred.kind)
}

/// An invocation is stored with its event, and what it decides is not inferred.
pub async fn an_invocation_is_kept_and_decides(store: &impl Store) {
    let (one, other) = (with_cliff(At(10, 1, 0), 0), with_cliff(At(10, 2, 0), 1));
    MAIN.push(store, &[pushed(one.clone()), other], Some(12)).await;
    let expect = pushed(one).invocation.map(|call| call.to_string());
    assert_eq!(calls(store).await, [expect, None]);
    assert_eq!(kind_of(store, 0).await, (Kind::CliffSlope, false));
    assert_eq!(kind_of(store, 1).await, (Kind::Linear, true));
    let streams = [stream(store, 0).await.unwrap(), stream(store, 1).await.unwrap()];
    assert_eq!(rebuilt_from_scratch(store).await, streams);
}

/// An event that was pushed without its invocation is stored with it when it comes again, and its stream is corrected once.
pub async fn an_invocation_that_comes_later_corrects_the_stream(store: &impl Store) {
    let events = [
        with_cliff(At(10, 1, 0), 0),
        with_cliff(At(12, 2, 0), 1),
        with_cliff(At(13, 1, 0), 2),
        cloned(At(13, 1, 1), 2, 1),
        with_cliff(At(20, 1, 0), 3),
    ];
    MAIN.push(store, &events[..4], Some(15)).await;
    // Its ledger is not safe yet.
    MAIN.push(store, &events[4..], None).await;
    for pass in 0..3 {
        let again = [pushed(events[1].clone()), pushed(events[4].clone())];
        let taken = MAIN.push(store, &again, None).await;
        assert_eq!((taken.inserted, taken.duplicates), (vec![], vec![0, 1]), "pass {pass}");
        assert_eq!(taken.anomalies, [], "pass {pass}");
    }
    // Twice in one batch, under two labels: the second report adds to the first.
    let label = Opaque::new("another label").unwrap();
    let twin = ContractEvent { id: label, ..pushed(with_cliff(At(21, 1, 0), 4)) };
    MAIN.push(store, &[with_cliff(At(21, 1, 0), 4), twin], Some(30)).await;
    assert_eq!(calls(store).await.iter().filter(|call| call.is_some()).count(), 3);
    let mut streams = Vec::new();
    for number in 0..5 {
        streams.push(stream(store, number).await.unwrap());
        let emitted = emitted(store, &id(number)).await;
        let corrections = emitted.iter().filter(|kind| **kind == EventKind::Corrected.name()).count();
        // The clone inherits the kind of its source.
        assert_eq!(corrections, usize::from(number == 1 || number == 2), "{number}");
        let expect = if number == 0 { (Kind::Linear, true) } else { (Kind::CliffSlope, false) };
        assert_eq!(kind_of(store, number).await, expect, "{number}");
    }
    assert_eq!(rebuilt_from_scratch(store).await, streams);
    let verify = Rebuild { scope: Scope::Everything, verify_only: true, progress: Arc::new(|_| ()) };
    assert_eq!(store.rebuild(verify, t(3_000)).await.unwrap().differences, []);
}

/// What the network shows replaces what a pusher said, and a pusher cannot contradict what is stored.
pub async fn a_pusher_cannot_contradict_a_stored_invocation(store: &impl Store) {
    let event = with_cliff(At(10, 1, 0), 0);
    let call = |is_other, source: &InvocationSource| with_call(event.clone(), is_other, source.clone());
    let by = InvocationSource::Authorized { by: Opaque::new("G").unwrap() };
    let [slope, linear] = [true, false].map(|is_other| call(is_other, &InvocationSource::Pushed));
    MAIN.push(store, std::slice::from_ref(&slope), Some(20)).await;
    let refused = Err(Refusal::EventConflict { indices: vec![0] });
    assert_eq!(MAIN.try_push(store, std::slice::from_ref(&linear), None).await, refused);
    assert_eq!(kind_of(store, 0).await, (Kind::CliffSlope, false));
    for source in [by, InvocationSource::Proven] {
        let shown = call(false, &source);
        let taken = MAIN.push(store, std::slice::from_ref(&shown), None).await;
        assert_eq!((taken.inserted, taken.duplicates), (vec![], vec![0]));
        assert_eq!(calls(store).await, [shown.invocation.map(|call| call.to_string())]);
        assert_eq!(MAIN.try_push(store, std::slice::from_ref(&slope), None).await, refused);
        // The same call, and none, change nothing.
        for known in [&linear, &event] {
            let taken = MAIN.push(store, std::slice::from_ref(known), None).await;
            assert_eq!((taken.inserted, taken.duplicates), (vec![], vec![0]));
        }
    }
    let stream = stream(store, 0).await.unwrap();
    assert_eq!(rebuilt_from_scratch(store).await, [stream]);
}
