use fluxora_delivery::{
    DeliveryStatus, EndpointId, NoticeKind, Replay, ReplayFilter, ReplayFilterRecord, ReplayId,
};
use fluxora_store::delivery::{LIST_WINDOW, ReplayPage, ReplayQuery};
use fluxora_store::rows::webhook_replay;
use fluxora_store::{Sequence, StoreError};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::endpoints::json;
use super::{execute, find as find_row, lists, select};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`webhook_replay`] reads, in its order.
macro_rules! replay_columns {
    () => {
        "seq, id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed, fresh_ids"
    };
}

pub(crate) use replay_columns;

const BY_ID: &str = concat!("SELECT ", replay_columns!(), " FROM webhook_replays WHERE id = ?1");
const RUNNING: &str = concat!(
    "SELECT ",
    replay_columns!(),
    " FROM webhook_replays WHERE state = 'running' ORDER BY seq LIMIT 1"
);
const INSERT: &str = concat!(
    "INSERT INTO webhook_replays (",
    replay_columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
);
const WRITE: &str =
    "UPDATE webhook_replays SET state = ?2, finished_at = ?3, cursor = ?4, replayed = ?5 WHERE id = ?1";

pub(crate) fn decode(row: &Row<'_>) -> Result<(Sequence, Replay), StoreError> {
    webhook_replay(&mut Columns::of(row, "webhook_replays"))
}

pub(crate) fn find(connection: &Connection, id: ReplayId) -> Result<Option<Replay>, StoreError> {
    let found = find_row(connection, "reading a replay", BY_ID, [id.to_string()], decode)?;
    Ok(found.map(|(_, replay)| replay))
}

pub(super) fn running(connection: &Connection) -> Result<Option<Replay>, StoreError> {
    let found = find_row(connection, "looking for a running replay", RUNNING, [], decode)?;
    Ok(found.map(|(_, replay)| replay))
}

pub(crate) fn list(connection: &Connection, query: &ReplayQuery) -> Result<ReplayPage, StoreError> {
    let what = "listing replays";
    let floor = lists::floor(connection, what, window(query))?;
    let (sql, values) = statement(query, floor);
    let mut rows = select(connection, what, &sql, params_from_iter(values), decode)?;
    let next = lists::cut(&mut rows, query.limit, |(sequence, _)| *sequence).or(floor);
    Ok(ReplayPage { replays: rows.into_iter().map(|(_, replay)| replay).collect(), next })
}

/// The statement that reads the last row of the window of a page; `None` if its index alone finds its rows.
pub(super) fn window(query: &ReplayQuery) -> Option<(String, Vec<Value>)> {
    query.owner.as_ref()?;
    let (from, mut values) = from(query);
    values.push(Value::Integer(i64::from(LIST_WINDOW).saturating_sub(1)));
    Some((format!("SELECT r.seq {from} ORDER BY r.seq DESC LIMIT 1 OFFSET ?"), values))
}

/// A page down to the last row of its window.
pub(super) fn statement(query: &ReplayQuery, floor: Option<Sequence>) -> (String, Vec<Value>) {
    let (from, mut values) = from(query);
    let columns = replay_columns!();
    let mut sql = format!("SELECT {columns} {from} AND r.seq >= ?");
    values.push(Value::Integer(floor.map_or(0, columns::seq)));
    if let Some(owner) = &query.owner {
        sql.push_str(
            " AND EXISTS (SELECT 1 FROM webhook_endpoints p WHERE p.id = r.endpoint AND p.owner IS ?)",
        );
        values.push(owner.clone().map_or(Value::Null, Value::Text));
    }
    sql.push_str(" ORDER BY r.seq DESC LIMIT ?");
    values.push(Value::Integer(i64::from(query.limit.max(1)).saturating_add(1)));
    (sql, values)
}

fn from(query: &ReplayQuery) -> (&'static str, Vec<Value>) {
    let before = Value::Integer(query.before.map_or(i64::MAX, columns::seq));
    match query.endpoint {
        None => ("FROM webhook_replays r NOT INDEXED WHERE r.seq < ?", vec![before]),
        Some(endpoint) => {
            let from = "FROM webhook_replays r INDEXED BY webhook_replays_by_endpoint WHERE r.endpoint = ? AND r.seq < ?";
            (from, vec![Value::Text(endpoint.to_string()), before])
        }
    }
}

/// Inserts a row with a given position, or with the next one.
pub(crate) fn insert(connection: &Connection, seq: Option<i64>, replay: &Replay) -> Result<(), StoreError> {
    let written = params![
        seq,
        replay.id.to_string(),
        replay.endpoint.to_string(),
        json(ReplayFilterRecord::to_json(&replay.filter))?,
        replay.state.name(),
        columns::instant(replay.created_at),
        replay.finished_at.map(columns::instant),
        columns::seq(replay.cursor),
        columns::seq(replay.upto),
        columns::count(replay.total),
        columns::count(replay.replayed),
        replay.fresh_ids,
    ];
    execute(connection, "writing a replay", INSERT, written).map(drop)
}

pub(super) fn write(connection: &Connection, replay: &Replay) -> Result<(), StoreError> {
    let written = params![
        replay.id.to_string(),
        replay.state.name(),
        replay.finished_at.map(columns::instant),
        columns::seq(replay.cursor),
        columns::count(replay.replayed),
    ];
    execute(connection, "changing a replay", WRITE, written).map(drop)
}

/// Counts the deliveries of an endpoint that [`ReplayFilter::matches`] leaves in.
pub(super) fn count(
    connection: &Connection,
    endpoint: EndpointId,
    filter: &ReplayFilter,
) -> Result<u64, StoreError> {
    // Filters that name deliveries, or look for what is missing, are not counted here.
    let ReplayFilter {
        statuses,
        kinds,
        stream,
        created_from,
        created_until,
        from_sequence,
        to_sequence,
        deliveries: _,
        missing: _,
    } = filter;
    let mut sql = "SELECT count(*) FROM webhook_deliveries WHERE endpoint = ? AND settled_at IS NOT NULL \
                   AND reason IS NOT 'body_too_large'"
        .to_owned();
    let mut values = vec![Value::Text(endpoint.to_string())];
    let mut require = |condition: &str, bound: Vec<Value>| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend(bound);
    };
    let list = |length: usize| vec!["?"; length].join(", ");
    let text = |text: &str| Value::Text(text.to_owned());
    let instant = |at: Timestamp| Value::Integer(at.as_millisecond());
    if !statuses.is_empty() {
        let names = statuses.iter().map(|status: &DeliveryStatus| text(status.name())).collect();
        require(&format!("state IN ({})", list(statuses.len())), names);
    }
    if !kinds.is_empty() {
        let names = kinds.iter().map(|kind| text(kind.name())).collect();
        require(&format!("type IN ({})", list(kinds.len())), names);
    }
    if let Some(stream) = stream {
        require("stream = ?", vec![Value::Text(stream.to_string())]);
    }
    if let Some(from) = created_from {
        require("created_at >= ?", vec![instant(*from)]);
    }
    if let Some(until) = created_until {
        require("created_at < ?", vec![instant(*until)]);
    }
    if let Some(from) = from_sequence {
        require("sequence >= ?", vec![Value::Integer(columns::seq(*from))]);
    }
    if let Some(to) = to_sequence {
        require("sequence <= ?", vec![Value::Integer(columns::seq(*to))]);
    }
    if filter.has_positions() {
        let notices = NoticeKind::TYPES.map(text).into();
        require(&format!("type NOT IN ({})", list(NoticeKind::TYPES.len())), notices);
    }
    let read = || connection.prepare(&sql)?.query_row(params_from_iter(values), |row| row.get(0));
    read().attempt("counting deliveries to replay")
}
