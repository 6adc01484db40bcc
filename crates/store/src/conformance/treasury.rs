//! What a party's sums must say, counted or not.

use std::collections::BTreeSet;

use fluxora_stream::{Stream, UnixTime};
use fluxora_treasury::{Asset, Facts, MilestoneKind, Party, Role, summarize};

use super::fixtures::{account, create, draft, second, still, stream_id, t};
use crate::treasury::{PartyOutcome, PartyQuery, PartyReading, SumsDifference};
use crate::{Sequence, Store};

/// Reads a party; the outcome must be its facts.
async fn read(store: &impl Store, query: &PartyQuery) -> PartyReading {
    match store.party(query).await.unwrap() {
        PartyOutcome::Read(reading) => *reading,
        other => panic!("{query:?}: {other:?}"),
    }
}

/// Every party of these streams is read as the streams say, and so is one of another address.
pub(super) async fn agrees(store: &impl Store, streams: &[Stream], now: UnixTime, context: &str) {
    let mut parties: BTreeSet<_> = streams.iter().flat_map(Party::of).collect();
    parties.insert(Party { role: Role::Sender, address: account(99).into() });
    for party in parties {
        let of_party: Vec<_> = streams.iter().filter(|stream| party.has(*stream)).cloned().collect();
        for ahead in [None, Some(7), Some(1_000_000)] {
            let query = PartyQuery { party, assets: vec![], at: None, now, with_streams: 100 };
            let present = read(store, &query).await;
            let at = ahead.map(|ahead| present.as_of.at.saturating_add(ahead));
            let reading = if at.is_none() { present } else { read(store, &PartyQuery { at, ..query }).await };
            let at = reading.as_of.at;
            let expect = Facts::of(&of_party, at);
            assert!(reading.assets.keys().eq(expect.keys()), "{context}, {party:?}: {:?}", reading.assets);
            for (asset, facts) in &reading.assets {
                let expected = &expect[asset];
                assert_eq!(facts.sums, expected.sums, "{context}, {party:?}, {asset:?} at {at}");
                let (mut found, expected) = (summarize(facts, at).unwrap(), summarize(expected, at).unwrap());
                // Of streams that end together any may be named.
                if let (Some(found), Some(expected)) = (&mut found.escrow, &expected.escrow) {
                    found.stream = expected.stream;
                }
                assert_eq!(found, expected, "{context}, {party:?}, {asset:?} at {at}");
            }
            assert_eq!(reading.streams.map(|streams| streams.len()), Some(of_party.len()), "{context}");
        }
    }
    let report = store.check_sums().await.unwrap();
    assert_eq!(report.differences, vec![], "{context}");
}

async fn stored(store: &impl Store, ids: impl IntoIterator<Item = u64>) -> Vec<Stream> {
    let mut streams = Vec::new();
    for n in ids {
        streams.extend(store.stream(&stream_id(n)).await.unwrap());
    }
    streams
}

/// A summary is the same before the streams are counted, while they are, and after.
pub async fn a_party_is_summed_the_same_counted_or_not(store: &impl Store) {
    for n in 0..12_u64 {
        let draft = fluxora_stream::TermsDraft {
            recipient: Some(account(2 + u8::try_from(n % 3).unwrap())),
            start: Some(second(i64::try_from(10 * n).unwrap())),
            cliff: (n % 2 == 0).then(|| second(i64::try_from(10 * n + 5).unwrap())),
            ..draft()
        };
        store.create_stream(create(n, &draft, t(0))).await.unwrap();
    }
    agrees(store, &stored(store, 0..12).await, second(0), "not counted").await;
    while store.count_streams_again(t(0), 5).await.unwrap().more {
        agrees(store, &stored(store, 0..12).await, second(0), "partly counted").await;
    }
    for now in [0, 12, 60, 130, 500] {
        agrees(store, &stored(store, 0..12).await, second(now), "counted").await;
    }
    store.cancel_stream(&stream_id(3), still(t(50))).await.unwrap();
    store.record_due(t(60), 100).await.unwrap();
    agrees(store, &stored(store, 0..12).await, second(60), "changed").await;
    while store.count_streams_again(t(60), 4).await.unwrap().more {}
    agrees(store, &stored(store, 0..12).await, second(61), "counted again").await;
    store.forget_sums().await.unwrap();
    agrees(store, &stored(store, 0..12).await, second(62), "forgotten").await;
    while store.count_streams_again(t(62), 3).await.unwrap().more {}
    agrees(store, &stored(store, 0..12).await, second(63), "counted from the first on").await;
}

/// What is due is counted once: the next step has nothing to do.
pub async fn due_changes_are_read_until_they_are_counted(store: &impl Store) {
    for n in 0..3 {
        store.create_stream(create(n, &draft(), t(0))).await.unwrap();
    }
    while store.count_streams_again(t(0), 10).await.unwrap().more {}
    assert_eq!(store.due_changes(second(99), 10).await.unwrap(), vec![], "no stream has ended");
    let due = store.due_changes(second(100), 10).await.unwrap();
    let is_a_model = due.is_empty();
    if !is_a_model {
        let kinds: Vec<_> = due.iter().map(|change| change.milestone.kind).collect();
        let expect = [[MilestoneKind::Exhausted; 3], [MilestoneKind::Ends; 3]].concat();
        let mut sorted = kinds.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expect);
        assert!(due.iter().all(|change| change.milestone.at == second(100)), "{due:?}");
        assert_eq!(store.due_changes(second(100), 2).await.unwrap().len(), 4, "those of two streams");
    }
    store.count_streams_again(t(100), 10).await.unwrap();
    assert_eq!(store.due_changes(second(200), 10).await.unwrap(), vec![]);
    let counted = store.count_streams_again(t(200), 10).await.unwrap();
    assert_eq!((counted.streams, counted.more), (0, false), "nothing waits");
}

/// An instant before the last change of a stream is refused with the earliest one.
pub async fn sums_of_the_past_are_refused(store: &impl Store) {
    store.create_stream(create(1, &draft(), t(50))).await.unwrap();
    let party = Party { role: Role::Sender, address: account(1).into() };
    for counted in [false, true] {
        if counted {
            store.count_streams_again(t(50), 10).await.unwrap();
        }
        let query =
            PartyQuery { party, assets: vec![], at: Some(second(49)), now: second(60), with_streams: 0 };
        match store.party(&query).await.unwrap() {
            PartyOutcome::TooEarly(earliest) => assert_eq!(earliest, second(50)),
            other => panic!("{other:?}"),
        }
        let query = PartyQuery { at: Some(second(50)), ..query };
        let reading = read(store, &query).await;
        assert_eq!(reading.assets.keys().copied().collect::<Vec<_>>(), [Asset::Api]);
        assert!(reading.streams.is_none());
    }
}

/// A stream whose row cannot be decoded is counted beside the sums, and its row is read once. `sql` runs a statement on the store's
/// database, whose constraints are off.
pub async fn streams_that_cannot_be_decoded_are_counted_beside_the_sums(
    store: &impl Store,
    sql: impl AsyncFn(&'static str),
) {
    const BREAK: &str = "UPDATE streams SET events = -1 WHERE seq = 2";
    const REPAIR: &str = "UPDATE streams SET events = 1 WHERE seq = 2";
    for n in 1..=3 {
        store.create_stream(create(n, &draft(), t(0))).await.unwrap();
    }
    let [sender, recipient] = Party::of(&store.stream(&stream_id(1)).await.unwrap().unwrap());
    // The streams in the sums of a party, and those that cannot be decoded.
    let shown = async |party, at: i64| {
        let query = PartyQuery { party, assets: vec![], at: None, now: second(at), with_streams: 0 };
        let reading = read(store, &query).await;
        (reading.assets.values().map(|facts| facts.sums.streams()).sum::<i128>(), reading.unreadable)
    };
    let agree = async |expect: (i128, u64), at: i64| {
        for party in [sender, recipient] {
            assert_eq!(shown(party, at).await, expect, "{party:?} at {at}");
        }
        let stranger = Party { role: Role::Sender, address: account(99).into() };
        assert_eq!(shown(stranger, at).await, (0, 0));
    };
    sql(BREAK).await;
    agree((2, 1), 0).await;
    let counted = store.count_streams_again(t(0), 10).await.unwrap();
    assert_eq!(counted.unreadable.len(), 1);
    agree((2, 1), 0).await;
    let again = store.count_streams_again(t(0), 10).await.unwrap();
    assert_eq!((again.streams, again.unreadable), (0, vec![]), "the row is not read again");
    let report = store.check_sums().await.unwrap();
    assert_eq!((report.unreadable, report.differences), (vec![Sequence(2)], vec![]));

    // While every stream is counted again, the rows of a party are read.
    store.forget_sums().await.unwrap();
    agree((2, 1), 0).await;
    while store.count_streams_again(t(0), 1).await.unwrap().more {}
    agree((2, 1), 0).await;

    sql(REPAIR).await;
    agree((3, 0), 0).await;
    store.count_streams_again(t(0), 10).await.unwrap();
    agree((3, 0), 0).await;
    let report = store.check_sums().await.unwrap();
    assert_eq!((report.unreadable, report.differences), (vec![], vec![]));

    // A row that is damaged without a mark is found by the comparison, and when it falls due.
    sql(BREAK).await;
    sql("DELETE FROM treasury_marks").await;
    let report = store.check_sums().await.unwrap();
    let stream = Sequence(2);
    assert_eq!((report.unreadable, report.differences), (vec![stream], vec![SumsDifference::Stream(stream)]));
    agree((2, 1), 100).await;
    store.count_streams_again(t(100), 10).await.unwrap();
    agree((2, 1), 100).await;

    // A party is found by the address in the row.
    sql("UPDATE streams SET sender = 'GARBAGE' WHERE seq = 2").await;
    for is_counted in [false, true] {
        if is_counted {
            store.count_streams_again(t(100), 10).await.unwrap();
        }
        assert_eq!((shown(sender, 100).await, shown(recipient, 100).await), ((2, 0), (2, 1)), "{is_counted}");
    }
}
