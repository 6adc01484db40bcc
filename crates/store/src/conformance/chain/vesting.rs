//! Streams of vesting contracts beside those of version 9, and what is known of their contracts.

use fluxora_indexer::projection::ContractVersion;
use fluxora_stream::vesting::{Abi, Curve, VestingState};
use fluxora_stream::{Address, Origin, StatusName};

use super::events::*;
use super::vesting_events::*;
use super::*;
use crate::chain::{ContractReport, Rebuild, Rewind, Scope};
use crate::conformance::fixtures::{account, second};
use crate::{StreamFilter, StreamQuery};

async fn vesting(store: &impl Store, number: u64) -> (Stream, VestingState) {
    let stream = store.stream(&vesting_id(number)).await.unwrap().unwrap();
    let state = stream.details().vesting().unwrap().clone();
    (stream, state)
}

/// Each kind of change is stored and read back, with amounts that no other type of the database holds.
pub async fn a_vesting_stream_is_stored_with_everything_its_contract_keeps(store: &impl Store) {
    let events = [
        vesting_created(At(10, 1, 0), 0, i128::MAX, 2),
        vesting_delegated(At(11, 1, 0), 0, 68),
        vesting_paused(At(12, 1, 0), 0),
        vesting_resumed(At(14, 1, 0), 0, 10),
        vesting_transferred(At(15, 1, 0), 0, 6),
    ];
    MAIN.push(store, &events, Some(20)).await;
    let (stream, state) = vesting(store, 0).await;
    assert_eq!(state.schedule.deposited, i128::MAX);
    assert_eq!((state.schedule.curve, state.abi), (Curve::FrontLoaded, Abi::V2));
    assert_eq!((state.token, state.reference.as_deref()), (vesting_token().into(), Some("salary")));
    assert_eq!((state.schedule.pauses.paused_at, state.schedule.pauses.paused_total), (None, 10));
    assert_eq!((state.delegates.len(), state.anomalies), (1, 1), "the contract refuses this deposit");
    assert_eq!((stream.status.name(), stream.recipient), (StatusName::Active, Address::from(account(6))));
    let history = ["created", "updated", "paused", "resumed", "updated"].map(|kind| format!("stream.{kind}"));
    assert_eq!(emitted(store, &vesting_id(0)).await, history);
}

/// What a contract calls depleted is no completion, and a cancelled stream keeps what was refunded.
pub async fn vesting_streams_are_listed_by_the_words_of_their_contract(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        vesting_created(At(10, 2, 0), 0, 1_000, 0),
        vesting_created(At(10, 3, 0), 1, 1_000, 0),
        vesting_created(At(10, 4, 0), 2, 1_000, 0),
        vesting_created(At(10, 5, 0), 3, 1_000, 1),
        vesting_withdrawn(At(30, 1, 0), 0, 1_000, 1_000, 1_000),
        vesting_cancelled(At(16, 1, 0), 1, 700, 300),
        vesting_paused(At(16, 2, 0), 2),
    ];
    MAIN.push(store, &events, Some(40)).await;
    let list = |status, origin| async move {
        let filter = StreamFilter {
            status,
            origin,
            contract: Some(vesting_contract().to_string()),
            ..Default::default()
        };
        let query = StreamQuery { filter: filter.clone(), at: second(9_000), before: None, limit: 10 };
        let page = store.list_streams(&query).await.unwrap();
        assert_eq!(page.unreadable, []);
        assert_eq!(
            store.count_streams(&filter, second(9_000)).await.unwrap().total().unwrap(),
            u64::try_from(page.streams.len()).unwrap()
        );
        page.streams.iter().map(|stream| stream.id().to_string()).collect::<Vec<_>>()
    };
    let ids =
        |numbers: &[u64]| numbers.iter().map(|number| vesting_id(*number).to_string()).collect::<Vec<_>>();
    assert_eq!(list(Some(StatusName::Depleted), None).await, ids(&[0]));
    assert_eq!(list(Some(StatusName::Cancelled), Some(Origin::Chain)).await, ids(&[1]));
    assert_eq!(list(Some(StatusName::Paused), None).await, ids(&[2]));
    assert_eq!(list(Some(StatusName::Active), None).await, ids(&[3]));
    assert_eq!(list(Some(StatusName::Completed), None).await, ids(&[]));
    assert_eq!(list(None, None).await, ids(&[3, 2, 1, 0]));
    let (_, cancelled) = vesting(store, 1).await;
    assert_eq!(
        (cancelled.total_deposit(), cancelled.refunded, cancelled.schedule.deposited),
        (1_000, 700, 300)
    );
    assert_eq!(
        emitted(store, &vesting_id(0)).await,
        ["stream.created", "stream.withdrawn", "stream.depleted"]
    );
    let due = store.record_due(t(1_000_000), 100).await.unwrap();
    assert_eq!(due.streams, 0, "the clock records nothing of a chain stream");
}

/// A fork takes a withdrawal back, and the stream at an earlier second is read from its contract's events.
pub async fn a_fork_rebuilds_a_vesting_stream(store: &impl Store) {
    let created = vesting_created(At(10, 1, 0), 0, 1_000, 0);
    MAIN.push(store, &[created, vesting_withdrawn(At(30, 1, 0), 0, 1_000, 1_000, 1_000)], Some(31)).await;
    assert_eq!(vesting(store, 0).await.0.status.name(), StatusName::Depleted);
    let fork = MAIN.forked("b", 30);
    fork.push(store, &[vesting_withdrawn(At(30, 1, 0), 0, 400, 400, 1_000)], Some(31)).await;
    let (stream, state) = vesting(store, 0).await;
    assert_eq!((stream.status.name(), state.withdrawn), (StatusName::Active, 400));
    let history = ["created", "withdrawn", "depleted", "corrected"].map(|kind| format!("stream.{kind}"));
    assert_eq!(emitted(store, &vesting_id(0)).await, history);
    let before = fluxora_stream::UnixTime::of(closed_at(29));
    let then = store.stream_at(&vesting_id(0), before).await.unwrap().unwrap();
    assert_eq!(then.details().vesting().unwrap().withdrawn, 0);
}

async fn report(store: &impl Store, contract: &str) -> Option<ContractReport> {
    let reports = store.contracts(100).await.unwrap();
    reports.into_iter().find(|report| report.summary.contract.as_str() == contract)
}

/// The family and the version of each contract are those that its events show; tokens and strangers have none.
pub async fn what_is_recognized_of_a_contract_is_counted(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        transfer(At(10, 2, 0), 5),
        vesting_created(At(11, 1, 0), 0, 1_000, 0),
        vesting_unreadable(At(12, 1, 0), 1),
    ];
    MAIN.push(store, &events, Some(13)).await;
    let of = |contract: fluxora_stream::ContractId| async move {
        report(store, &contract.to_string()).await.unwrap()
    };
    let v9 = of(contract()).await;
    assert_eq!((v9.summary.version, v9.summary.events, v9.has_stream), (Some(ContractVersion::V9), 1, true));
    let token = of(token()).await;
    assert_eq!((token.summary.version, token.summary.transfers, token.is_unusable()), (None, 1, false));
    let vesting = of(vesting_contract()).await;
    assert_eq!(vesting.summary.version, Some(ContractVersion::Vesting(Abi::V1)));
    assert_eq!((vesting.summary.events, vesting.summary.unreadable, vesting.is_unusable()), (2, 1, false));
    MAIN.push(store, &[vesting_delegated(At(14, 1, 0), 0, 1)], None).await;
    assert_eq!(of(vesting_contract()).await.summary.version, Some(ContractVersion::Vesting(Abi::V2)));
}

/// Events of a contract that make no stream are reported with their first topic, until they are removed.
pub async fn a_contract_whose_events_make_no_stream_is_unusable(store: &impl Store) {
    let stranger = || store.contracts(1);
    MAIN.push(store, &[vesting_unreadable(At(11, 1, 0), 0)], Some(12)).await;
    MAIN.push(store, &[event(At(10, 1, 0), vesting_contract(), "moon", "", "{}")], None).await;
    let found = stranger().await.unwrap().remove(0);
    assert!(found.is_unusable());
    let first = found.summary.first_unusable.map(|(ledger, topic)| (ledger, topic.to_string()));
    assert_eq!(
        (found.summary.unknown, found.summary.unreadable, first),
        (1, 1, Some((10, "moon".to_owned())))
    );

    let rewind = |to_ledger| Rewind { to_ledger, reason: "a test".to_owned() };
    store.rewind(rewind(10), Rules::default(), t(1)).await.unwrap().unwrap();
    let found = stranger().await.unwrap().remove(0);
    assert_eq!((found.summary.events, found.summary.unreadable, found.is_unusable()), (1, 0, true));
    store.rewind(rewind(9), Rules::default(), t(2)).await.unwrap().unwrap();
    assert_eq!(stranger().await.unwrap(), []);
}

/// A halt shows when its ledger is safe, and goes with it.
pub async fn a_halt_of_a_contract_is_read_from_its_safe_events(store: &impl Store) {
    let halt = || async { report(store, &vesting_contract().to_string()).await.unwrap().halt };
    MAIN.push(store, &[operator_set(At(10, 1, 0)), halted(At(11, 1, 0))], Some(11)).await;
    assert_eq!((halt().await.operator, halt().await.halted_at), (Some(account(5).into()), None));
    MAIN.push(store, &[], Some(12)).await;
    assert_eq!(halt().await.halted_at, Some(fluxora_stream::UnixTime::of(closed_at(11))));
    MAIN.push(store, &[unhalted(At(13, 1, 0), 10)], Some(14)).await;
    assert_eq!(halt().await.halted_at, None);
    assert_eq!(report(store, &vesting_contract().to_string()).await.unwrap().halt_anomalies, 0);
    MAIN.forked("b", 13).push(store, &[], Some(14)).await;
    assert!(halt().await.halted_at.is_some(), "the resumption is not part of the chain any more");
}

/// An event that breaks a contract's rules is counted on its stream and its contract, and a rebuild counts the same.
pub async fn a_broken_rule_is_counted_on_the_stream_and_the_contract(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        withdrew(At(11, 1, 0), 0, 200),
        vesting_created(At(10, 2, 0), 0, 1_000, 0),
        vesting_withdrawn(At(11, 2, 0), 0, 900, 900, 1_000),
    ];
    let ingested = MAIN.push(store, &events, Some(12)).await;
    let found: Vec<_> =
        ingested.anomalies.iter().map(|found| (found.stream, found.what.to_string())).collect();
    let expect = [
        (id(0), "0.0000200 was withdrawn, but only 0.0000100 is deposited".to_owned()),
        (vesting_id(0), "900 was withdrawn, but only 0 has vested".to_owned()),
    ];
    assert_eq!(found, expect);
    for (stream, contract) in [(id(0), contract()), (vesting_id(0), vesting_contract())] {
        let stream = store.stream(&stream).await.unwrap().unwrap().into_chain().unwrap();
        assert_eq!(stream.body.state.anomalies(), 1);
        assert_eq!(report(store, &contract.to_string()).await.unwrap().summary.anomalies, 1);
    }
    let before = store.contracts(100).await.unwrap();
    let rebuild = Rebuild { scope: Scope::Everything, verify_only: false, progress: Arc::new(drop) };
    let rebuilt = store.rebuild(rebuild, t(1_000)).await.unwrap();
    assert_eq!((rebuilt.reclassified, rebuilt.differences.len()), (0, 0));
    assert_eq!(store.contracts(100).await.unwrap(), before);
    MAIN.forked("b", 11).push(store, &[], Some(12)).await;
    for contract in [contract(), vesting_contract()] {
        assert_eq!(report(store, &contract.to_string()).await.unwrap().summary.anomalies, 0);
    }
}
