//! The event log: `stream_events` in the order of its primary key.

use fluxora_store::rows::{count, sequence};
use fluxora_store::{EVENT_LOG_WINDOW, EventFilter, EventLogPage, EventLogRange, Sequence};
use tokio_postgres::types::{ToSql, Type};

use super::events::{decode_logged, logged_columns, logged_tables};
use crate::columns::seq;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

pub(crate) const HEAD: &str = "SELECT coalesce(max(seq), 0) FROM stream_events";
const OLDEST: &str = "SELECT coalesce(min(seq), 0) FROM stream_events";

pub(crate) async fn head(lease: &Lease) -> Result<Sequence, Fault> {
    position(lease, HEAD, "reading the head of the event log").await
}

pub(crate) async fn oldest(lease: &Lease) -> Result<Sequence, Fault> {
    position(lease, OLDEST, "reading the oldest position of the event log").await
}

async fn position(lease: &Lease, sql: &str, what: &'static str) -> Result<Sequence, Fault> {
    let statement = lease.prepare_cached(sql).await.attempt(what)?;
    let row = lease.query_one(&statement, &[]).await.attempt(what)?;
    Ok(sequence(row.try_get(0).attempt(what)?))
}

/// Reads a page and the head in one statement, and so in one snapshot.
pub(crate) async fn after(
    lease: &Lease,
    after: Sequence,
    filter: &EventFilter,
    limit: u32,
) -> Result<EventLogPage, Fault> {
    let what = "reading the event log";
    let query = Query::of(after, filter, limit);
    let rows = lease.query_typed(&query.sql, &query.typed()).await.attempt(what)?;
    let head = rows.first().map(|row| row.try_get("head")).transpose().attempt(what)?;
    let head = sequence(head.unwrap_or_default());
    // Without events there is one row, which has the head alone.
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.try_get::<_, Option<i64>>(0).attempt(what)?.is_some() {
            events.push(decode_logged(row)?);
        }
    }
    Ok(EventLogRange::of(filter, after, head).page(events, limit, head))
}

/// A query in the order of the log. It is not prepared but planned for its values: the events of one stream are found by stream and number,
/// which grow together with the log; the others by the primary key.
pub(super) struct Query {
    pub(super) sql: String,
    values: Vec<Value>,
}

enum Value {
    Integer(i64),
    Text(String),
    Texts(Vec<&'static str>),
}

/// The address that a stream had last in one of its terms. A removed stream has no row: its events name the address.
macro_rules! party {
    ($name:literal) => {
        concat!(
            "coalesce(s.",
            $name,
            ", (SELECT p.data->'changes'->>'",
            $name,
            "' FROM stream_events p WHERE p.stream = e.stream AND p.data->'changes'->>'",
            $name,
            "' IS NOT NULL ORDER BY p.number DESC LIMIT 1)) = "
        )
    };
}

impl Query {
    pub(super) fn of(after: Sequence, filter: &EventFilter, limit: u32) -> Self {
        let EventFilter { stream, sender, recipient, contract, kinds } = filter;
        let mut query = Self { sql: String::new(), values: vec![Value::Integer(seq(after))] };
        let mut conditions = vec!["e.seq > $1 AND e.seq <= head.seq".to_owned()];
        if let Some(stream) = stream {
            let id = query.bind(Value::Text(stream.to_string()));
            let owner = format!(
                "(SELECT seq FROM streams WHERE id = {id} UNION ALL SELECT seq FROM removed_streams WHERE id = {id})"
            );
            // The last event that has been read: looked for from the newest back, so that a reader near the head finds it at once.
            conditions.push(format!(
                "e.stream = {owner} AND e.number > coalesce((SELECT number FROM stream_events WHERE stream = {owner} AND seq <= $1 \
                 ORDER BY number DESC LIMIT 1), 0)"
            ));
        } else {
            let Sequence(first) = after;
            let upto = query.bind(Value::Integer(count(first.saturating_add(EVENT_LOG_WINDOW))));
            conditions.push(format!("e.seq <= {upto}"));
        }
        if let Some(sender) = sender {
            let sender = query.bind(Value::Text(sender.to_string()));
            conditions.push(format!("{}{sender}", party!("sender")));
        }
        if let Some(recipient) = recipient {
            let recipient = query.bind(Value::Text(recipient.to_string()));
            conditions.push(format!("{}{recipient}", party!("recipient")));
        }
        if let Some(contract) = contract {
            // The id of a chain stream begins with its contract's.
            let prefix = query.bind(Value::Text(format!("{contract}-")));
            conditions.push(format!("left(coalesce(s.id, r.id), 57) = {prefix}"));
        }
        if !kinds.is_empty() {
            let kinds = query.bind(Value::Texts(kinds.iter().map(|kind| kind.name()).collect()));
            conditions.push(format!("e.type = ANY ({kinds})"));
        }
        let limit = query.bind(Value::Integer(limit.into()));
        let (conditions, order) =
            (conditions.join(" AND "), if stream.is_some() { "e.number" } else { "e.seq" });
        query.sql = format!(
            "SELECT page.*, head.seq AS head FROM ({HEAD}) AS head (seq) LEFT JOIN LATERAL \
             (SELECT {} FROM {} WHERE {conditions} ORDER BY {order} LIMIT {limit}) AS page ON true ORDER BY 1",
            logged_columns!(),
            logged_tables!(),
        );
        query
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    pub(super) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values.iter().map(Value::typed).collect()
    }
}

impl Value {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Integer(integer) => (integer, Type::INT8),
            Self::Text(text) => (text, Type::TEXT),
            Self::Texts(texts) => (texts, Type::TEXT_ARRAY),
        }
    }
}
