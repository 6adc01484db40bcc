use std::collections::{BTreeMap, BTreeSet};

use fluxora_indexer::vesting::{ContractAction, Decoded, EventContext, apply, create, decode};
use fluxora_indexer::{Batch, ContractEvent, Ledger};
use fluxora_stream::vesting::{VestingStatus, VestingStream};
use fluxora_stream::{ContractId, UnixTime};

use crate::chain::Chain;
use crate::contract::{CallRefused, Contract, Terms};
use crate::script::{REORG, ROUND};
use crate::seed::Seed;

const START: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn after(seconds: u64) -> UnixTime {
    START.saturating_add(seconds)
}

/// The chain after so many seconds, and every ledger that it closed, replaced ones included.
fn run(seed: u64, seconds: u64) -> (Chain, Vec<Batch>) {
    let mut chain = Chain::new(seed, START).unwrap();
    let mut ledgers = Vec::new();
    while let Some(closed) = chain.close(after(seconds)).unwrap() {
        assert_eq!(closed.refused, [], "no call of the script is refused");
        ledgers.push(closed.batch);
    }
    (chain, ledgers)
}

fn tip(batch: &Batch) -> &Ledger {
    batch.ledgers().next_back().unwrap()
}

/// The events that the network keeps, in order.
fn kept(ledgers: &[Batch]) -> Vec<ContractEvent> {
    let kept: BTreeMap<_, _> = ledgers.iter().map(|batch| (tip(batch).sequence, batch.events())).collect();
    kept.into_values().flatten().cloned().collect()
}

/// Streams as the indexer projects them from events alone.
fn projected(contract: ContractId, events: &[ContractEvent]) -> BTreeMap<u64, VestingStream> {
    let mut streams = BTreeMap::new();
    for event in events {
        let context = EventContext::of(event);
        let Ok(Decoded::Stream(action)) = decode(event.topic.as_str(), &event.payload) else {
            panic!("not decoded: {event:?}")
        };
        if let ContractAction::Created(created) = &action.action {
            let key = (contract, action.stream);
            let stream = create(key, created, action.abi, event.tx_hash.as_str(), context);
            streams.insert(action.stream, stream);
        } else {
            let applied = apply(streams.get_mut(&action.stream).unwrap(), &action, context);
            assert_eq!(applied.anomalies, [], "{event:?}");
            assert!(!applied.events.is_empty(), "{event:?}");
        }
    }
    streams
}

#[test]
fn the_projection_of_the_events_equals_the_simulated_contract() {
    for seed in 0..20 {
        for seconds in [30, 42, 43, 60, 200] {
            let (chain, ledgers) = run(seed, seconds);
            let streams = projected(chain.address(), &kept(&ledgers));
            let simulated = chain.contract().streams();
            assert_eq!(streams.len(), simulated.len());
            for (projected, simulated) in streams.values().zip(simulated) {
                assert_eq!(
                    (projected.sender, projected.recipient, projected.body.state.schedule),
                    (simulated.sender, simulated.recipient, simulated.schedule)
                );
                let status = projected.status.name().as_str();
                assert_eq!(
                    (projected.body.state.withdrawn, status),
                    (simulated.withdrawn, simulated.status.as_str())
                );
            }
        }
    }
}

#[test]
fn a_stream_of_the_simulation_keeps_the_laws_of_the_contract() {
    for seed in 0..5 {
        let mut chain = Chain::new(seed, START).unwrap();
        while let Some(_closed) = chain.close(after(130)).unwrap() {
            let now = chain.close_time();
            for stream in chain.contract().streams() {
                let (vested, deposited) = (stream.schedule.vested(now), stream.schedule.deposited);
                assert!(0 <= stream.withdrawn && stream.withdrawn <= vested && vested <= deposited);
                let is_paused = stream.status == VestingStatus::Paused;
                assert_eq!(stream.schedule.pauses.paused_at.is_some(), is_paused);
                assert!(stream.status != VestingStatus::Depleted || stream.withdrawn == deposited);
            }
        }
    }
}

#[test]
fn a_round_has_every_event_and_every_status() {
    let (chain, ledgers) = run(1, ROUND.into());
    let events = kept(&ledgers);
    let topics: BTreeSet<_> = events.iter().map(|event| event.topic.as_str()).collect();
    let expect = ["cancelled", "paused", "resumed", "stream_created", "topped_up", "withdrawn"];
    assert_eq!(topics, BTreeSet::from(expect));
    let statuses: BTreeSet<_> = chain.contract().streams().iter().map(|s| s.status.as_str()).collect();
    assert_eq!(statuses, BTreeSet::from(["active", "cancelled", "depleted", "paused"]));
}

#[test]
fn a_reorg_replaces_three_ledgers_and_removes_a_stream() {
    let (before, replaced) = run(1, u64::from(REORG) - 1);
    let (after, ledgers) = run(1, u64::from(REORG));
    assert_eq!(ledgers[..replaced.len()], replaced);
    let again: Vec<_> = ledgers[replaced.len()..].iter().map(|batch| tip(batch).sequence).collect();
    assert_eq!(again, [1_040, 1_041, 1_042, 1_043]);
    for (old, new) in replaced[39..].iter().zip(&ledgers[replaced.len()..]) {
        assert_eq!(tip(old).sequence, tip(new).sequence);
        assert_ne!(tip(old).hash, tip(new).hash);
    }
    assert_eq!((before.contract().streams().len(), after.contract().streams().len()), (5, 4));
}

#[test]
fn each_kept_ledger_links_to_the_one_before_and_closes_a_second_later() {
    let (_, ledgers) = run(1, 200);
    let kept: BTreeMap<_, _> = ledgers.iter().map(|batch| (tip(batch).sequence, tip(batch))).collect();
    assert_eq!(kept.len(), 200);
    for (before, ledger) in kept.values().zip(kept.values().skip(1)) {
        assert_eq!(ledger.previous_hash.as_ref(), Some(&before.hash));
        let [from, to] = [before, ledger].map(|ledger| UnixTime::of(ledger.closed_at.unwrap()));
        assert_eq!(to.seconds_since(from), 1);
    }
}

#[test]
fn equal_seeds_give_equal_chains_and_others_do_not() {
    assert_eq!(run(7, 100).1, run(7, 100).1);
    assert_ne!(run(7, 100).1, run(8, 100).1);
    assert_ne!(run(7, 0).0.address(), run(8, 0).0.address());
}

#[test]
fn a_clock_that_jumps_ahead_is_followed_in_one_ledger() {
    let mut chain = Chain::new(1, START).unwrap();
    let later = after(1_000_000);
    assert!(chain.close(later).unwrap().is_some());
    assert_eq!(chain.close_time(), later);
    assert!(chain.close(later).unwrap().is_none());
    assert!(chain.close(START).unwrap().is_none(), "a clock that goes back closes no ledger");
}

/// A contract with one stream of 1000 over 100 seconds.
fn contract() -> Contract {
    let seed = Seed::new(1);
    let mut contract = Contract::new(seed.contract("token").into());
    contract.create(&terms()).unwrap();
    contract
}

fn terms() -> Terms {
    let seed = Seed::new(1);
    let (sender, recipient) = (seed.account("sender").into(), seed.account("recipient").into());
    Terms { sender, recipient, deposit: 1_000, start: START, cliff: after(10), end: after(100) }
}

#[test]
fn terms_that_the_contract_does_not_accept_are_refused() {
    let mut contract = contract();
    let mut refused = |terms: Terms, expect| assert_eq!(contract.create(&terms).unwrap_err(), expect);
    refused(Terms { recipient: terms().sender, ..terms() }, CallRefused::OneParty);
    refused(Terms { deposit: 0, ..terms() }, CallRefused::NotPositive);
    refused(Terms { end: START, ..terms() }, CallRefused::WrongTimes);
    refused(Terms { cliff: after(101), ..terms() }, CallRefused::WrongTimes);
    refused(Terms { deposit: 99, ..terms() }, CallRefused::WrongDeposit);
    refused(Terms { deposit: i128::MAX, ..terms() }, CallRefused::WrongDeposit);
}

#[test]
fn a_withdrawal_pays_what_is_due_and_no_more() {
    let mut contract = contract();
    assert_eq!(contract.withdraw(0, None, after(9)), Err(CallRefused::NothingDue), "before the cliff");
    assert_eq!(contract.withdraw(0, Some(101), after(10)), Err(CallRefused::TooMuch));
    assert_eq!(contract.withdraw(0, Some(0), after(10)), Err(CallRefused::NotPositive));
    contract.withdraw(0, Some(100), after(10)).unwrap();
    contract.withdraw(0, None, after(100)).unwrap();
    let stream = contract.stream(0).unwrap();
    assert_eq!((stream.withdrawn, stream.status), (1_000, VestingStatus::Depleted));
    assert_eq!(contract.cancel(0, after(100)), Err(CallRefused::Final));
    assert_eq!(contract.withdraw(1, None, after(100)), Err(CallRefused::NoStream));
}

#[test]
fn a_cancelled_stream_stays_cancelled_when_it_is_emptied() {
    let mut contract = contract();
    contract.cancel(0, after(50)).unwrap();
    contract.withdraw(0, None, after(60)).unwrap();
    let stream = contract.stream(0).unwrap();
    assert_eq!((stream.schedule.deposited, stream.withdrawn), (500, 500));
    assert_eq!((stream.schedule.end, stream.status), (after(50), VestingStatus::Cancelled));
}

#[test]
fn a_pause_stops_accrual_and_emptying_the_stream_ends_it() {
    let mut contract = contract();
    assert_eq!(contract.resume(0, after(20)), Err(CallRefused::NotPaused));
    contract.pause(0, after(20)).unwrap();
    assert_eq!(contract.pause(0, after(21)), Err(CallRefused::NotActive));
    assert_eq!(contract.stream(0).unwrap().withdrawable(after(90)), 200);
    contract.resume(0, after(90)).unwrap();
    assert_eq!(contract.stream(0).unwrap().withdrawable(after(100)), 300);
    contract.pause(0, after(170)).unwrap();
    contract.withdraw(0, None, after(175)).unwrap();
    let stream = contract.stream(0).unwrap();
    assert_eq!(stream.status, VestingStatus::Depleted);
    let pauses = stream.schedule.pauses;
    assert_eq!((pauses.paused_at, pauses.paused_total), (None, 75));
}

#[test]
fn a_top_up_moves_the_end_at_an_unchanged_rate() {
    let mut contract = contract();
    assert_eq!(contract.top_up(0, 9, after(1)), Err(CallRefused::TooSmall));
    assert_eq!(contract.top_up(0, 0, after(1)), Err(CallRefused::NotPositive));
    contract.top_up(0, 25, after(1)).unwrap();
    let schedule = contract.stream(0).unwrap().schedule;
    assert_eq!((schedule.deposited, schedule.end), (1_025, after(102)));
    assert_eq!(contract.top_up(0, 25, after(102)), Err(CallRefused::Ended));
}
