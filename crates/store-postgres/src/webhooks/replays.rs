use fluxora_delivery::{EndpointId, NoticeKind, Replay, ReplayFilter, ReplayFilterRecord, ReplayId};
use fluxora_store::delivery::{ReplayPage, ReplayQuery};
use fluxora_store::rows::webhook_replay;
use fluxora_store::{Sequence, StoreError};
use tokio_postgres::Row;

use super::columns::replay_columns;
use super::decode_all;
use super::endpoints::json;
use super::page::{self, Key, Select, Statement, Table, Value};
use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

const BY_ID: &str = concat!("SELECT ", replay_columns!(), " FROM webhook_replays WHERE id = $1");
pub(super) const LOCK: &str =
    concat!("SELECT ", replay_columns!(), " FROM webhook_replays WHERE id = $1 FOR UPDATE");
pub(super) const RUNNING: &str = concat!(
    "SELECT ",
    replay_columns!(),
    " FROM webhook_replays WHERE state = 'running' ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED"
);
const INSERT: &str = "INSERT INTO webhook_replays (id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed, fresh_ids) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING RETURNING seq";
const PUT: &str = "INSERT INTO webhook_replays (id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed, fresh_ids, seq) \
                   OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const WRITE: &str =
    "UPDATE webhook_replays SET state = $2, finished_at = $3, cursor = $4, replayed = $5 WHERE id = $1";
/// Counts what [`ReplayFilter::matches`] leaves in.
const COUNT: &str = "SELECT count(*) FROM webhook_deliveries WHERE endpoint = $1 AND settled_at IS NOT NULL \
     AND reason IS DISTINCT FROM 'body_too_large' AND (cardinality($2::text[]) = 0 OR state = ANY ($2)) \
     AND (cardinality($3::text[]) = 0 OR type = ANY ($3)) AND ($4::text IS NULL OR stream = $4) \
     AND ($5::timestamptz IS NULL OR created_at >= $5) AND ($6::timestamptz IS NULL OR created_at < $6) \
     AND ($7::bigint IS NULL OR sequence >= $7) AND ($8::bigint IS NULL OR sequence <= $8) \
     AND (coalesce($7, $8) IS NULL OR type <> ALL ($9::text[]))";

pub(crate) fn decode(row: &Row) -> Result<(Sequence, Replay), StoreError> {
    webhook_replay(&mut Columns::of(row, "webhook_replays"))
}

pub(crate) async fn find(lease: &Lease, id: ReplayId) -> Result<Option<Replay>, Fault> {
    let what = "reading a replay";
    let statement = lease.prepare_cached(BY_ID).await.attempt(what)?;
    let rows = lease.query(&statement, &[&id.to_string()]).await.attempt(what)?;
    Ok(decode_all(&rows, decode)?.pop().map(|(_, replay)| replay))
}

const REPLAYS: Table = Table("webhook_replays", "r");

pub(crate) async fn list(lease: &Lease, query: &ReplayQuery) -> Result<ReplayPage, Fault> {
    let what = "listing replays";
    let floor = page::floor(lease, what, window(query)).await?;
    let statement = statement(query, floor);
    let rows = lease.query_typed(&statement.sql, &statement.typed()).await.attempt(what)?;
    let mut replays = decode_all(&rows, decode)?;
    let next = super::lists::cut(&mut replays, query.limit, |(sequence, _)| *sequence).or(floor);
    Ok(ReplayPage { replays: replays.into_iter().map(|(_, replay)| replay).collect(), next })
}

/// The last row of the window of a page; `None` if the index alone finds the rows of the page.
pub(crate) fn window(query: &ReplayQuery) -> Option<Statement> {
    query.owner.is_some().then(|| Statement::window(REPLAYS, key(query), query.before))
}

/// A page down to the last row of its window.
pub(crate) fn statement(query: &ReplayQuery, floor: Option<Sequence>) -> Statement {
    let join = match query.owner {
        // `OFFSET 0` lets each endpoint be looked up, so that the replays are read in the order of their index.
        Some(_) => {
            "JOIN LATERAL (SELECT owner FROM webhook_endpoints WHERE id = r.endpoint OFFSET 0) AS p ON true"
        }
        None => "",
    };
    let select = Select { columns: replay_columns!(), table: REPLAYS, join };
    let mut page = Statement::of(&select, key(query), query.before, floor, query.limit);
    if let Some(owner) = &query.owner {
        page.require("p.owner IS NOT DISTINCT FROM", Value::Text(owner.clone()));
    }
    page.end(query.limit)
}

fn key(query: &ReplayQuery) -> Key {
    query.endpoint.map_or(Key::All, |endpoint| Key::Equal("r.endpoint", Some(endpoint.to_string())))
}

fn values(replay: &Replay) -> Result<Values, StoreError> {
    Ok(vec![
        Box::new(replay.id.to_string()),
        Box::new(replay.endpoint.to_string()),
        Box::new(json(ReplayFilterRecord::to_json(&replay.filter))?),
        Box::new(replay.state.name()),
        Box::new(columns::instant(replay.created_at)),
        Box::new(replay.finished_at.map(columns::instant)),
        Box::new(columns::seq(replay.cursor)),
        Box::new(columns::seq(replay.upto)),
        Box::new(columns::count(replay.total)),
        Box::new(columns::count(replay.replayed)),
        Box::new(i64::from(replay.fresh_ids)),
    ])
}

/// Inserts a replay. `false` if its id is taken: it waits for a transaction that is taking it.
pub(super) async fn insert(transaction: &mut PipelinedTransaction, replay: &Replay) -> Result<bool, Fault> {
    let written = transaction.query("writing a replay", INSERT, &values(replay)?.parameters()).await?;
    Ok(!written.is_empty())
}

/// Inserts a replay with its position.
pub(crate) async fn put(
    transaction: &mut PipelinedTransaction,
    sequence: Sequence,
    replay: &Replay,
) -> Result<(), Fault> {
    let mut values = values(replay)?;
    values.push(Box::new(columns::seq(sequence)));
    transaction.enqueue("writing a copied replay", PUT, values, Some(1)).await
}

pub(super) async fn write(transaction: &mut PipelinedTransaction, replay: &Replay) -> Result<(), Fault> {
    let values: Values = vec![
        Box::new(replay.id.to_string()),
        Box::new(replay.state.name()),
        Box::new(replay.finished_at.map(columns::instant)),
        Box::new(columns::seq(replay.cursor)),
        Box::new(columns::count(replay.replayed)),
    ];
    transaction.enqueue("changing a replay", WRITE, values, Some(1)).await
}

pub(super) async fn count(
    transaction: &mut PipelinedTransaction,
    endpoint: EndpointId,
    filter: &ReplayFilter,
) -> Result<u64, Fault> {
    let what = "counting deliveries to replay";
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
    let states: Vec<&'static str> = statuses.iter().map(|status| status.name()).collect();
    let kinds: Vec<&'static str> = kinds.iter().map(|kind| kind.name()).collect();
    let rows = transaction
        .query(
            what,
            COUNT,
            &[
                &endpoint.to_string(),
                &states,
                &kinds,
                &stream.map(|stream| stream.to_string()),
                &created_from.map(columns::instant),
                &created_until.map(columns::instant),
                &from_sequence.map(columns::seq),
                &to_sequence.map(columns::seq),
                &NoticeKind::TYPES.as_slice(),
            ],
        )
        .await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
