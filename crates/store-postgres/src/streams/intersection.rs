//! A page of streams that meet several conditions.
//!
//! Each condition has a list of sequences in order: an index. The lists are intersected by seeking: each in turn lowers the
//! candidate to its highest entry that is not above it, until all agree. That skips what the shortest list does not hold,
//! for any data and any statistics of the server. Lists that alternate all the same end a page after the
//! steps of its [`Budget`]; the page then names where the next one begins.

use fluxora_store::rows;
use fluxora_store::{StoreError, StreamFilter, StreamPage, StreamQuery};
use fluxora_stream::StatusName;
use tokio_postgres::Row;

use super::column_lists::stream_columns;
use super::conditions::{FALLEN_DUE, NOT_FALLEN_DUE, RECORDED, Value, by_falling_due, typed};
use super::row;
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// What one page may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Steps of the intersection.
    pub(crate) steps: u16,
    /// Streams updated since an instant that are read in advance.
    pub(crate) updated: usize,
    /// Streams that have fallen due that are read in advance. Each step looks through them.
    pub(crate) due: usize,
}

pub(super) const BUDGET: Budget = Budget { steps: 2_000, updated: 1_000, due: 100 };

const READING: &str = "reading a page of streams";

/// Whether a filter has more than one list of streams, so that no single index holds its page.
pub(super) fn is_needed(filter: &StreamFilter) -> bool {
    let StreamFilter { status, sender, recipient, origin, contract, updated_since } = filter;
    let lists =
        [status.is_some(), sender.is_some(), recipient.is_some(), origin.is_some(), contract.is_some()];
    updated_since.is_some() || lists.into_iter().filter(|given| *given).count() > 1
}

/// Reads a page by intersection. It may hold fewer streams than the limit and still have a next one.
pub(super) async fn page(lease: &Lease, query: &StreamQuery, budget: Budget) -> Result<StreamPage, Fault> {
    let updated = updated(lease, query, budget.updated).await?;
    let due = match &updated {
        Some(_) => None,
        None => fallen_due(lease, query, budget.due).await?,
    };
    let (sql, values) = match updated {
        Some(updated) => Statement::of(query).among(updated),
        None => Statement::of(query).walk(due, budget.steps),
    };
    let rows = lease.query_typed(&sql, &typed(&values)).await.attempt(READING)?;
    read(&rows, query)
}

fn read(rows: &[Row], query: &StreamQuery) -> Result<StreamPage, Fault> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut page = StreamPage::default();
    let (mut found, mut last) = (0_usize, None);
    for row in rows {
        let resume: Option<i64> = row.try_get("resume").attempt(READING)?;
        page.next = resume.map(rows::sequence);
        let seq: Option<i64> = row.try_get(0).attempt(READING)?;
        let Some(seq) = seq else { continue };
        if found == limit {
            page.next = last;
            break;
        }
        found = found.saturating_add(1);
        last = Some(rows::sequence(seq));
        match row::decode(row) {
            Ok(found) => page.streams.push(found.stream),
            Err(StoreError::Corrupt(row)) => page.unreadable.push(row),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(page)
}

/// The streams updated since the instant of the filter; `None` without one, or if they are too many to be read in advance.
async fn updated(lease: &Lease, query: &StreamQuery, most: usize) -> Result<Option<Vec<i64>>, Fault> {
    let Some(since) = query.filter.updated_since else { return Ok(None) };
    // In the order of the index: the server stops at the limit, for any estimate of the condition.
    let sql = format!(
        "SELECT seq FROM streams WHERE updated_at >= $1 ORDER BY updated_at DESC, seq DESC LIMIT {}",
        most.saturating_add(1)
    );
    in_advance(lease, &sql, &[Value::Instant(since)], most).await
}

/// The streams that have got the status of the filter by a transition that has fallen due; `None` if they are too many.
async fn fallen_due(lease: &Lease, query: &StreamQuery, most: usize) -> Result<Option<Vec<i64>>, Fault> {
    let Some(since) = query.filter.status.and_then(by_falling_due) else { return Ok(Some(Vec::new())) };
    let sql = format!(
        "SELECT seq FROM streams WHERE {FALLEN_DUE} AND {since} ORDER BY due_at, seq LIMIT {}",
        most.saturating_add(1)
    );
    in_advance(lease, &sql, &[Value::Text(columns::time(query.at))], most).await
}

async fn in_advance(
    lease: &Lease,
    sql: &str,
    values: &[Value],
    most: usize,
) -> Result<Option<Vec<i64>>, Fault> {
    let rows = lease.query_typed(sql, &typed(values)).await.attempt(READING)?;
    if rows.len() > most {
        return Ok(None);
    }
    rows.iter().map(|row| row.try_get(0).attempt(READING)).collect::<Result<_, _>>().map(Some)
}

/// The statement of an intersection without streams that have fallen due.
#[cfg(test)]
pub(super) fn statement(query: &StreamQuery) -> (String, Vec<Value>) {
    Statement::of(query).walk(Some(Vec::new()), BUDGET.steps)
}

/// A page's statement: its values, the lists to intersect, and what each row must meet.
struct Statement<'q> {
    query: &'q StreamQuery,
    values: Vec<Value>,
    /// Columns that have an index in order, and their values.
    lists: Vec<(&'static str, String)>,
    /// Conditions that are looked up in the row.
    rest: Vec<String>,
}

impl<'q> Statement<'q> {
    fn of(query: &'q StreamQuery) -> Self {
        let StreamFilter { status, sender, recipient, origin, contract, updated_since } = &query.filter;
        let mut statement = Self { query, values: Vec::new(), lists: Vec::new(), rest: Vec::new() };
        if let Some(status) = status {
            // The constants of `list` call these values $1 and $2.
            statement.bind(Value::Text(columns::time(query.at)));
            statement.bind(Value::Text(status.as_str().to_owned()));
            statement.rest.push(has_status(*status));
        }
        let equal = [
            ("recipient", recipient.map(|address| address.to_string())),
            ("sender", sender.map(|address| address.to_string())),
            ("contract_id", contract.clone()),
            ("origin", origin.map(|origin| origin.as_str().to_owned())),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                let value = statement.bind(Value::Text(value));
                statement.lists.push((column, value));
            }
        }
        if let Some(since) = updated_since {
            let value = statement.bind(Value::Instant(*since));
            statement.rest.push(format!("updated_at >= {value}"));
        }
        statement
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn before(&mut self) -> String {
        let before = self.query.before.map_or(i64::MAX, rows::seq);
        self.bind(Value::Place(before))
    }

    fn limit(&self) -> i64 {
        i64::from(self.query.limit).saturating_add(1)
    }

    /// Reads the page among streams that are known by their sequences.
    fn among(mut self, sequences: Vec<i64>) -> (String, Vec<Value>) {
        let sequences = self.bind(Value::Places(sequences));
        let (before, limit) = (self.before(), self.limit());
        let equal = self.lists.iter().map(|(column, value)| format!("{column} = {value}"));
        let conditions = equal.chain(self.rest).collect::<Vec<_>>().join(" AND ");
        let sql = format!(
            "SELECT {columns}, NULL::bigint AS resume FROM streams WHERE seq = ANY({sequences}) AND seq < {before} AND {conditions} \
             ORDER BY seq DESC LIMIT {limit}",
            columns = stream_columns!(),
        );
        (sql, self.values)
    }

    /// Reads the page by intersection. The row of the last step, with or without a stream, names where the next page begins.
    fn walk(mut self, due: Option<Vec<i64>>, steps: u16) -> (String, Vec<Value>) {
        let mut lists: Vec<_> = self.lists.iter().map(|(column, value)| highest(column, value)).collect();
        if let (Some(_), Some(due)) = (self.query.filter.status, due) {
            let recorded = highest("status", "$2");
            let due = (!due.is_empty()).then(|| self.bind(Value::Places(due)));
            lists.push(due.map_or(recorded.clone(), |due| {
                format!(
                    "greatest(({recorded}), (SELECT max(due) FROM unnest({due}) due WHERE due <= $bound))"
                )
            }));
        }
        if lists.is_empty() {
            lists.push("SELECT max(seq) FROM streams WHERE seq <= $bound".to_owned());
        }
        let before = self.before();
        let mut from = String::new();
        for (n, list) in lists.iter().enumerate() {
            let bound = match n.checked_sub(1) {
                None => "walk.resume - 1".to_owned(),
                Some(previous) => format!("list_{previous}.seq"),
            };
            let list = list.replace("$bound", &bound);
            from.push_str(&format!(" CROSS JOIN LATERAL (SELECT ({list}) AS seq) list_{n}"));
        }
        let last = format!("list_{}.seq", lists.len().saturating_sub(1));
        let meets: String = self.rest.iter().map(|condition| format!(" AND {condition}")).collect();
        let sql = format!(
            "WITH RECURSIVE walk (step, resume, found, hit) AS ( \
               SELECT 0, {before}::bigint, 0, NULL::bigint \
               UNION ALL \
               SELECT step + 1, {last} + (list_0.seq <> {last})::int, found + (hits.seq IS NOT NULL)::int, hits.seq \
               FROM walk{from} LEFT JOIN LATERAL ( \
                 SELECT seq FROM streams WHERE seq = {last} AND list_0.seq = {last}{meets} \
               ) hits ON true \
               WHERE step < {steps} AND found < {limit} AND {last} IS NOT NULL \
             ) \
             SELECT {columns}, CASE WHEN step = {steps} THEN resume END AS resume FROM walk LEFT JOIN streams ON streams.seq = walk.hit \
             WHERE hit IS NOT NULL OR step = {steps} ORDER BY step",
            limit = self.limit(),
            columns = stream_columns!(),
        );
        (sql, self.values)
    }
}

/// The highest sequence of a list that is not above `$bound`. No other index than the list has this order, so that the server
/// follows it for any estimate: `column = value` would also let it read all streams backwards.
fn highest(column: &str, value: &str) -> String {
    format!(
        "SELECT seq FROM streams WHERE ({column}, seq) <= ({value}, $bound) AND {column} >= {value} \
         ORDER BY {column} DESC, seq DESC LIMIT 1"
    )
}

fn has_status(status: StatusName) -> String {
    let recorded = format!("{RECORDED} AND {NOT_FALLEN_DUE}");
    match by_falling_due(status) {
        None => format!("({recorded})"),
        Some(since) => format!("({recorded} OR {FALLEN_DUE} AND {since})"),
    }
}
