//! Pages of every combination of filters over data where no choice of one index is right: lists that alternate, and values that
//! half of all rows have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fluxora_store::conformance::check_count;
use fluxora_store::{Sequence, StreamFilter, StreamQuery};
use fluxora_stream::{AccountId, Address, ContractId, Origin, StatusName, UnixTime};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::count::{Most, counted};
use super::intersection::{self, BUDGET};
use super::list;
use crate::{Location, open};

/// The second at which statuses count. One stream in 500 has fallen due by then.
const AT: u64 = 1_000;

/// What a chain stream has in the column `chain`.
const KNOWN: &str = r#"{"createdLedger":1,"lastLedger":1,"txHash":"t","withdrawDustThreshold":"0"}"#;

/// Streams of which every second one is of the chain, every second one of the others has the same sender, every third one the same
/// recipient, all but the oldest tenth are active, and the oldest tenth was updated last.
fn filled(streams: i64) -> Connection {
    let mut connection = open::writer(&Location::Memory, Duration::ZERO).unwrap().connection;
    let transaction = connection.transaction().unwrap();
    let sql = "INSERT INTO streams (seq, id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, \
               end_time, withdrawn, status, status_at, due_at, created_at, updated_at, events, kind, checkpoint_amount, \
               checkpoint_at, chain) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, '100', '1', 0, 0, ?7, '0', ?8, NULL, ?9, 0, ?10, 1, ?11, ?12, ?13, ?14)";
    {
        let mut insert = transaction.prepare(sql).unwrap();
        for seq in 1..=streams {
            let on_chain = seq % 2 == 0;
            let contract = ContractId::from_hash([if seq % 10 == 0 { 2 } else { 1 }; 32]).to_string();
            let id = match on_chain {
                true => format!("{contract}-{seq}"),
                false => Uuid::from_u128(seq.unsigned_abs().into()).to_string(),
            };
            let old = seq <= streams / 10;
            let due = (!on_chain && !old).then_some(if seq % 501 == 0 { 500 } else { 5_000 });
            insert
                .execute(params![
                    seq,
                    id,
                    if on_chain { "chain" } else { "api" },
                    on_chain.then_some(contract),
                    account(if seq % 4 == 1 { 1 } else { 10 + seq % 40 }).to_string(),
                    account(if seq % 3 == 0 { 2 } else { 60 + seq % 50 }).to_string(),
                    due.unwrap_or(5_000),
                    if old { "completed" } else { "active" },
                    due,
                    if old { 9_000 } else { seq % 1_000 },
                    on_chain.then_some("linear"),
                    on_chain.then_some("0"),
                    on_chain.then_some(0),
                    on_chain.then_some(KNOWN),
                ])
                .unwrap();
        }
    }
    transaction.commit().unwrap();
    connection
}

fn account(n: i64) -> Address {
    AccountId::from_public_key([u8::try_from(n).unwrap(); 32]).into()
}

fn filters() -> Vec<StreamFilter> {
    let mut filters = Vec::new();
    for status in std::iter::once(None).chain(StatusName::ALL.map(Some)) {
        for updated_since in [None, Some(0), Some(9_000), Some(10_000)] {
            for bits in 0..24_u8 {
                filters.push(StreamFilter {
                    status,
                    sender: (bits & 1 != 0).then(|| account(1)),
                    recipient: (bits & 2 != 0).then(|| account(2)),
                    contract: (bits & 4 != 0).then(|| ContractId::from_hash([1; 32]).to_string()),
                    origin: [None, Some(Origin::Chain), Some(Origin::Api)][usize::from(bits / 8)],
                    updated_since: updated_since.map(|at| Timestamp::from_millisecond(at).unwrap()),
                });
            }
        }
    }
    filters
}

fn query(filter: StreamFilter, before: Option<Sequence>, limit: u32) -> StreamQuery {
    StreamQuery { filter, at: UnixTime::from_seconds(AT), before, limit }
}

/// Counts the steps of the statements that follow.
fn counted_steps(connection: &mut Connection) -> Arc<AtomicU64> {
    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    let count = move || {
        counter.fetch_add(100, Ordering::Relaxed);
        false
    };
    connection.progress_handler(100, Some(count)).unwrap();
    steps
}

#[test]
fn a_page_of_any_filters_costs_a_bounded_number_of_steps() {
    const STREAMS: i64 = 100_000;
    /// A walk through half of the streams takes ten times as many.
    const MOST_STEPS: u64 = 150_000;
    let mut connection = filled(STREAMS);
    let steps = counted_steps(&mut connection);
    for filter in filters() {
        for before in [None, Some(Sequence(STREAMS.unsigned_abs() / 2))] {
            steps.store(0, Ordering::Relaxed);
            let page = list(&connection, &query(filter.clone(), before, 20)).unwrap();
            let steps = steps.load(Ordering::Relaxed);
            assert!(steps <= MOST_STEPS, "{steps} steps for {filter:?} before {before:?}");
            assert!(page.unreadable.is_empty(), "{:?}", page.unreadable);
        }
    }
}

#[test]
fn the_pages_of_any_filters_hold_every_stream_that_meets_them_once() {
    let connection = filled(1_200);
    let all: Vec<_> = list(&connection, &query(StreamFilter::default(), None, 2_000)).unwrap().streams;
    assert_eq!(all.len(), 1_200);
    for filter in filters() {
        let expect = all.iter().filter(|stream| {
            filter.status.is_none_or(|status| stream.status_at(UnixTime::from_seconds(AT)) == status)
                && filter.sender.is_none_or(|sender| stream.sender == sender)
                && filter.recipient.is_none_or(|recipient| stream.recipient == recipient)
                && filter.origin.is_none_or(|origin| stream.origin() == origin)
                && filter.contract.as_ref().is_none_or(|contract| {
                    stream.id().contract().is_some_and(|id| id.to_string() == *contract)
                })
                && filter.updated_since.is_none_or(|since| stream.updated_at >= since)
        });
        let expect: Vec<_> = expect.map(fluxora_stream::Stream::id).collect();
        for (budget, limit) in [(BUDGET, 7), (60, 7), (60, 100)] {
            let mut query = query(filter.clone(), None, limit);
            let mut found = Vec::new();
            loop {
                let page = intersection::page(&connection, &query, budget).unwrap();
                assert!(page.streams.len() <= usize::try_from(limit).unwrap());
                found.extend(page.streams.into_iter().map(|stream| stream.id()));
                assert!(page.next.is_none_or(|next| query.before.is_none_or(|before| next < before)));
                query.before = page.next;
                if query.before.is_none() {
                    break;
                }
            }
            let counts = (found.len(), expect.len());
            assert!(found == expect, "{filter:?}, {limit} a page, {budget} seeks: {counts:?}");
        }
    }
}

#[test]
fn a_count_of_any_filters_costs_a_bounded_number_of_steps() {
    /// A walk through all entries of an index takes several times as many.
    const MOST_STEPS: u64 = 150_000;
    let mut connection = filled(100_000);
    let steps = counted_steps(&mut connection);
    for filter in filters() {
        steps.store(0, Ordering::Relaxed);
        let most = Most { entries: 10_000, rows: 1_000 };
        counted(&connection, &filter, UnixTime::from_seconds(AT), most).unwrap();
        let steps = steps.load(Ordering::Relaxed);
        assert!(steps <= MOST_STEPS, "{steps} steps for {filter:?}");
    }
}

#[test]
fn a_count_of_any_filters_is_whole_if_one_list_is_short_and_of_the_newest_otherwise() {
    let connection = filled(1_200);
    let all = list(&connection, &query(StreamFilter::default(), None, 2_000)).unwrap().streams;
    let at = UnixTime::from_seconds(AT);
    for filter in filters() {
        for (entries, rows) in [(100_000, 10_000), (300, 100), (1_200, 600)] {
            let found = counted(&connection, &filter, at, Most { entries, rows }).unwrap();
            let most = (usize::try_from(entries).unwrap(), usize::try_from(rows).unwrap());
            check_count(&all, (&filter, at), most, found);
        }
    }
}
