use fluxora_indexer::Frontier;
use fluxora_store::chain::{ChainState, Reorg, ReorgCause};
use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::{Sequence, StoreError};
use tokio_postgres::Row;

use super::events::{AT, BY_ID, WAITING};
use super::ledgers;
use super::prefetch::{PrefetchKeys, Prefetched};
use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;
use crate::pipeline::Question;
use crate::pool::Lease;

/// The columns that [`rows::chain_state`] reads, in its order.
macro_rules! state_columns {
    () => {
        "s.one, s.tip_ledger, s.tip_hash, s.last_safe, s.final_ledger, s.events, s.pending, s.unknown_events, \
         s.unreadable_events, s.synced_at, s.refused_at, s.refused_fork, s.tip_at, s.hole_from, s.hole_to, s.orphan_events, \
         s.resync, s.refused_tip_at, s.refused_tip"
    };
}
pub(crate) use state_columns;

/// The columns that [`rows::reorg`] reads, in its order.
macro_rules! reorg_columns {
    () => {
        "r.number, r.at, r.fork_ledger, r.depth, r.tip_before, r.events_removed, r.streams_rebuilt, r.existing_hash, \
         r.incoming_hash, r.reason"
    };
}
pub(crate) use reorg_columns;

/// Other transactions that lock the row wait until this one ends. A separate statement: the one that reads is run after the wait, and
/// sees what the other transaction has committed.
const LOCK: &str = "SELECT FROM chain_state FOR UPDATE";
pub(crate) const STATE: &str = concat!(
    "SELECT ",
    state_columns!(),
    ", ",
    reorg_columns!(),
    " FROM chain_state s LEFT JOIN LATERAL (SELECT * FROM reorgs ORDER BY number DESC LIMIT 1) r ON true"
);
pub(crate) const REORGS: &str =
    concat!("SELECT ", reorg_columns!(), " FROM reorgs r ORDER BY r.number DESC LIMIT $1");
const SAVE: &str = "UPDATE chain_state SET tip_ledger = $1::bigint, tip_hash = $2, last_safe = $3::bigint, final_ledger = $4::bigint, \
                        events = $5, pending = $6, unknown_events = $7, unreadable_events = $8, synced_at = $9, refused_at = $10, \
                        refused_fork = $11::bigint, tip_at = $12, hole_from = $13::bigint, hole_to = $14::bigint, orphan_events = $15, \
                        resync = $16, refused_tip_at = $17, refused_tip = $18::bigint";
/// The recording transaction holds the row of `chain_state`, so no other one numbers a reorg at the same time.
const RECORD: &str = "INSERT INTO reorgs (number, at, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, existing_hash, \
                          incoming_hash, reason) \
                      SELECT coalesce($1::bigint, max(number) + 1, 1), $2::timestamptz, $3::bigint, $4::bigint, $5::bigint, $6::bigint, \
                          $7::bigint, $8::text, $9::text, $10::text \
                      FROM reorgs RETURNING number";
const READING: &str = "reading the chain state";

pub(crate) async fn lock(chain: &mut PipelinedTransaction) -> Result<ChainState, Fault> {
    chain.enqueue("waiting for the chain", LOCK, Values::new(), Some(1)).await?;
    let Some(keys) = chain.prefetch.keys.take() else { return read(chain).await };
    let PrefetchKeys { ledgers, events, upto } = &keys;
    let ledgers: Vec<i64> = ledgers.iter().copied().map(i64::from).collect();
    let upto = upto.map_or(-1, i64::from);
    let questions: [Question<'_>; 5] = [
        (STATE, &[]),
        (ledgers::READ, &[&ledgers]),
        (BY_ID, &[&events.ids]),
        (AT, &events.parameters()),
        (WAITING, &[&upto]),
    ];
    let [state, ledgers, by_id, at, waiting] = chain.query_all(READING, questions).await?;
    let known = [by_id, at];
    let state = state.first().ok_or_else(lost).and_then(decode)?;
    chain.prefetch.keep(keys, Prefetched { ledgers, known, waiting }, state.frontier.last_safe);
    Ok(state)
}

pub(crate) async fn frontier(chain: &mut PipelinedTransaction) -> Result<Frontier, Fault> {
    read(chain).await.map(|state| state.frontier)
}

async fn read(chain: &mut PipelinedTransaction) -> Result<ChainState, Fault> {
    let rows = chain.query(READING, STATE, &[]).await?;
    Ok(rows.first().ok_or_else(lost).and_then(decode)?)
}

/// Reads the chain state without a lock.
pub(crate) async fn state(lease: &Lease) -> Result<ChainState, Fault> {
    let statement = lease.prepare_cached(STATE).await.attempt(READING)?;
    let row = lease.query_opt(&statement, &[]).await.attempt(READING)?;
    Ok(row.as_ref().ok_or_else(lost).and_then(decode)?)
}

fn lost() -> StoreError {
    StoreError::Internal { reason: "the row of chain_state is gone".to_owned(), source: None }
}

fn decode(row: &Row) -> Result<ChainState, StoreError> {
    let mut columns = Columns::of(row, "chain_state");
    let state = rows::chain_state(&mut columns)?;
    let mut columns = columns.then("reorgs");
    let last_reorg = if columns.is_null() { None } else { Some(rows::reorg(&mut columns)?) };
    Ok(ChainState { last_reorg, ..state })
}

/// Reads the columns of the state, and the last number in the order of arrival after them.
pub(crate) fn decode_with_arrival(row: &Row) -> Result<(ChainState, Sequence), StoreError> {
    let mut columns = Columns::of(row, "chain_state");
    let state = rows::chain_state(&mut columns)?;
    Ok((state, Sequence(columns.number("last_arrival")?)))
}

pub(crate) async fn save(chain: &mut PipelinedTransaction, state: &ChainState) -> Result<(), Fault> {
    let ChainState {
        frontier,
        events,
        pending,
        unknown,
        unreadable,
        synced_at,
        last_reorg: _,
        orphans,
        resync,
        refused,
        refused_tip,
    } = state;
    let Frontier { tip, last_safe, final_ledger, hole } = frontier;
    let values: Values = vec![
        Box::new(tip.as_ref().map(|tip| i64::from(tip.ledger))),
        Box::new(tip.as_ref().map(|tip| tip.hash.to_string())),
        Box::new(last_safe.map(i64::from)),
        Box::new(final_ledger.map(i64::from)),
        Box::new(columns::count(*events)),
        Box::new(columns::count(*pending)),
        Box::new(columns::count(*unknown)),
        Box::new(columns::count(*unreadable)),
        Box::new(synced_at.map(columns::instant)),
        Box::new(refused.as_ref().map(|refused| columns::instant(refused.at))),
        Box::new(refused.as_ref().map(|refused| i64::from(refused.fork_ledger))),
        Box::new(tip.as_ref().and_then(|tip| tip.at).map(columns::instant)),
        Box::new(hole.map(|hole| i64::from(hole.from))),
        Box::new(hole.map(|hole| i64::from(hole.to))),
        Box::new(columns::count(*orphans)),
        Box::new(resync.to_string()),
        Box::new(refused_tip.as_ref().map(|refused| columns::instant(refused.at))),
        Box::new(refused_tip.as_ref().map(|refused| i64::from(refused.ledger))),
    ];
    chain.enqueue("writing the chain state", SAVE, values, Some(1)).await
}

pub(crate) async fn reorgs(lease: &Lease, limit: u32) -> Result<Vec<Reorg>, Fault> {
    let what = "reading reorgs";
    let statement = lease.prepare_cached(REORGS).await.attempt(what)?;
    let rows = lease.query(&statement, &[&i64::from(limit)]).await.attempt(what)?;
    Ok(rows.iter().map(decode_reorg).collect::<Result<_, _>>()?)
}

pub(crate) fn decode_reorg(row: &Row) -> Result<Reorg, StoreError> {
    rows::reorg(&mut Columns::of(row, "reorgs"))
}

/// Records ahead of the queued statements: the inserts of events stay with the commit, and so does the lock that numbers them.
pub(crate) async fn record_reorg(chain: &mut PipelinedTransaction, reorg: &Reorg) -> Result<u64, Fault> {
    let what = "recording a reorg";
    let rows = chain.query_before_queue(what, RECORD, &values(None, reorg).parameters()).await?;
    let number = rows.first().map(|row| Columns::of(row, "reorgs").number("number")).transpose()?;
    number.ok_or_else(|| StoreError::Internal { reason: what.to_owned(), source: None }.into())
}

/// Writes a reorg under the number it has.
pub(crate) async fn put_reorg(chain: &mut PipelinedTransaction, reorg: &Reorg) -> Result<(), Fault> {
    chain.enqueue("inserting a copied reorg", RECORD, values(Some(reorg.number), reorg), Some(1)).await
}

/// In the order of [`RECORD`].
fn values(number: Option<u64>, reorg: &Reorg) -> Values {
    let (existing, incoming, reason) = match &reorg.cause {
        ReorgCause::Fork { existing_hash, incoming_hash } => {
            (Some(existing_hash.to_string()), Some(incoming_hash.to_string()), None)
        }
        ReorgCause::Rewind { reason } => (None, None, Some(reason.clone())),
    };
    vec![
        Box::new(number.map(columns::count)),
        Box::new(columns::instant(reorg.at)),
        Box::new(i64::from(reorg.fork_ledger)),
        Box::new(i64::from(reorg.depth)),
        Box::new(reorg.tip_before.map(i64::from)),
        Box::new(columns::count(reorg.events_removed)),
        Box::new(columns::count(reorg.streams_rebuilt)),
        Box::new(existing),
        Box::new(incoming),
        Box::new(reason),
    ]
}
