use fluxora_store::chain::{ChainState, Reorg, ReorgCause};
use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::{Sequence, StoreError};
use rusqlite::{Connection, Row, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`decode`] reads, in its order.
macro_rules! state_columns {
    () => {
        "one, tip_ledger, tip_hash, last_safe, final_ledger, events, pending, unknown_events, unreadable_events, synced_at, \
         refused_at, refused_fork, tip_at, hole_from, hole_to, orphan_events, resync, refused_tip_at, refused_tip"
    };
}
pub(crate) use state_columns;

/// The columns that [`decode_reorg`] reads, in its order.
macro_rules! reorg_columns {
    () => {
        "number, at, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, existing_hash, incoming_hash, reason"
    };
}
pub(crate) use reorg_columns;

const STATE: &str = concat!("SELECT ", state_columns!(), " FROM chain_state");
const REORGS: &str = concat!("SELECT ", reorg_columns!(), " FROM reorgs ORDER BY number DESC LIMIT ?1");
const SAVE: &str = "UPDATE chain_state SET tip_ledger = ?1, tip_hash = ?2, last_safe = ?3, final_ledger = ?4, events = ?5, \
                    pending = ?6, unknown_events = ?7, unreadable_events = ?8, synced_at = ?9, refused_at = ?10, refused_fork = ?11, \
                    tip_at = ?12, hole_from = ?13, hole_to = ?14, orphan_events = ?15, resync = ?16, refused_tip_at = ?17, \
                    refused_tip = ?18";
const RECORD: &str =
    concat!("INSERT INTO reorgs (", reorg_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");

pub(crate) fn read(connection: &Connection) -> Result<ChainState, StoreError> {
    let what = "reading the chain state";
    let mut statement = connection.prepare_cached(STATE).attempt(what)?;
    let state = statement.query_row([], |row| Ok(decode(row))).attempt(what)??;
    Ok(ChainState { last_reorg: reorgs(connection, 1)?.pop(), ..state })
}

pub(crate) fn decode(row: &Row<'_>) -> Result<ChainState, StoreError> {
    rows::chain_state(&mut Columns::of(row, "chain_state"))
}

/// Reads the columns of the state, and the last number in the order of arrival after them.
pub(crate) fn decode_with_arrival(row: &Row<'_>) -> Result<(ChainState, Sequence), StoreError> {
    let mut columns = Columns::of(row, "chain_state");
    let state = rows::chain_state(&mut columns)?;
    Ok((state, Sequence(columns.number("last_arrival")?)))
}

pub(crate) fn save_last_arrival(connection: &Connection, last: Sequence) -> Result<(), StoreError> {
    let sql = "UPDATE chain_state SET last_arrival = max(last_arrival, ?1)";
    connection.execute(sql, [columns::seq(last)]).attempt("saving the last arrival").map(drop)
}

pub(crate) fn save(connection: &Connection, state: &ChainState) -> Result<(), StoreError> {
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
    let write = || {
        connection.prepare_cached(SAVE)?.execute(params![
            frontier.tip.as_ref().map(|tip| tip.ledger),
            frontier.tip.as_ref().map(|tip| tip.hash.as_str()),
            frontier.last_safe,
            frontier.final_ledger,
            columns::count(*events),
            columns::count(*pending),
            columns::count(*unknown),
            columns::count(*unreadable),
            synced_at.map(columns::instant),
            refused.as_ref().map(|refused| columns::instant(refused.at)),
            refused.as_ref().map(|refused| refused.fork_ledger),
            frontier.tip.as_ref().and_then(|tip| tip.at).map(columns::instant),
            frontier.hole.map(|hole| hole.from),
            frontier.hole.map(|hole| hole.to),
            columns::count(*orphans),
            resync.to_string(),
            refused_tip.as_ref().map(|refused| columns::instant(refused.at)),
            refused_tip.as_ref().map(|refused| refused.ledger),
        ])
    };
    write().map(drop).attempt("writing the chain state")
}

pub(crate) fn reorgs(connection: &Connection, limit: u32) -> Result<Vec<Reorg>, StoreError> {
    let what = "reading reorgs";
    let mut statement = connection.prepare_cached(REORGS).attempt(what)?;
    let rows = statement.query_map([limit], |row| Ok(decode_reorg(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

pub(crate) fn decode_reorg(row: &Row<'_>) -> Result<Reorg, StoreError> {
    rows::reorg(&mut Columns::of(row, "reorgs"))
}

pub(crate) fn record_reorg(connection: &Connection, reorg: &Reorg) -> Result<u64, StoreError> {
    insert_reorg(connection, None, reorg)
}

/// Writes a reorg under a number, or under the next one.
pub(crate) fn insert_reorg(
    connection: &Connection,
    number: Option<i64>,
    reorg: &Reorg,
) -> Result<u64, StoreError> {
    let what = "recording a reorg";
    let (existing, incoming, reason) = match &reorg.cause {
        ReorgCause::Fork { existing_hash, incoming_hash } => {
            (Some(existing_hash.as_str()), Some(incoming_hash.as_str()), None)
        }
        ReorgCause::Rewind { reason } => (None, None, Some(reason.as_str())),
    };
    let write = || {
        connection.prepare_cached(RECORD)?.insert(params![
            number,
            columns::instant(reorg.at),
            reorg.fork_ledger,
            reorg.depth,
            reorg.tip_before,
            columns::count(reorg.events_removed),
            columns::count(reorg.streams_rebuilt),
            existing,
            incoming,
            reason,
        ])
    };
    let number = write().attempt(what)?;
    u64::try_from(number)
        .map_err(|error| StoreError::Internal { reason: what.to_owned(), source: Some(error.into()) })
}
