//! How many streams match a filter, counted over a bounded number of index entries or rows.

use fluxora_store::{COUNTED_BY_INDEX, COUNTED_BY_ROW, StreamCount, StreamFilter, StreamList};
use fluxora_stream::UnixTime;

use super::conditions::{FALLEN_DUE, NOT_FALLEN_DUE, RECORDED, Value, by_falling_due, typed};
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Most entries of one list, and most rows of several, that a count looks at.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pub(crate) entries: u32,
    pub(crate) rows: u32,
}

pub(crate) const MOST: Most = Most { entries: COUNTED_BY_INDEX, rows: COUNTED_BY_ROW };

/// What the conditions of a filter read.
const COLUMNS: &str = "seq, recipient, sender, contract_id, origin, status, due_at, end_time, updated_at";

pub(crate) async fn count(
    lease: &Lease,
    filter: &StreamFilter,
    at: UnixTime,
    most: Most,
) -> Result<StreamCount, Fault> {
    let lists = filter.lists();
    match lists[..] {
        [] => by_entries(lease, filter, at, StreamList::All, most.entries).await,
        [list] => by_entries(lease, filter, at, list, most.entries).await,
        [first, ..] => by_rows(lease, filter, at, first, most.rows).await,
    }
}

/// Counts the entries of the index of a list.
async fn by_entries(
    lease: &Lease,
    filter: &StreamFilter,
    at: UnixTime,
    list: StreamList,
    most: u32,
) -> Result<StreamCount, Fault> {
    let counts = run(lease, Counting::of(filter, at).entries(list, most)).await?;
    let [size, due, lost, won] = counts[..] else { return Ok(StreamCount::default()) };
    let most = u64::from(most);
    let count = size.min(most).saturating_sub(lost).saturating_add(won);
    Ok(StreamCount { count, is_complete: size <= most && due <= most })
}

/// Counts the rows of the first list that is short enough, or else the newest rows of the first list.
async fn by_rows(
    lease: &Lease,
    filter: &StreamFilter,
    at: UnixTime,
    first: StreamList,
    most: u32,
) -> Result<StreamCount, Fault> {
    let sizes = run(lease, Counting::of(filter, at).sizes(most)).await?;
    let sized = filter.lists().into_iter().zip(sizes);
    let short = sized.into_iter().find(|(_, size)| *size <= most.into()).map(|(list, _)| list);
    let counts = run(lease, Counting::of(filter, at).rows(short.unwrap_or(first), most)).await?;
    Ok(StreamCount { count: counts.into_iter().fold(0, u64::saturating_add), is_complete: short.is_some() })
}

async fn run(lease: &Lease, (sql, values): (String, Vec<Value>)) -> Result<Vec<u64>, Fault> {
    let what = "counting streams";
    let row = lease.query_typed_one(&sql, &typed(&values)).await.attempt(what)?;
    let count = |index| {
        let count: i64 = row.try_get(index).attempt(what)?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    (0..row.len()).map(count).collect()
}

/// A statement of counts. Each is of the rows of one list in the order of its index, for any estimate of the server: a row
/// comparison has the order of one index only, and the server does not know the limit when it plans.
pub(crate) struct Counting<'f> {
    filter: &'f StreamFilter,
    values: Vec<Value>,
}

impl<'f> Counting<'f> {
    pub(crate) fn of(filter: &'f StreamFilter, at: UnixTime) -> Self {
        // The constants of a status call these values $1 and $2.
        let status = filter.status.map_or("", |status| status.as_str());
        Self { filter, values: vec![Value::Text(columns::time(at)), Value::Text(status.to_owned())] }
    }

    /// The size of a list up to one above `most`; the same of what has fallen due; what it loses and wins by that.
    pub(crate) fn entries(mut self, list: StreamList, most: u32) -> (String, Vec<Value>) {
        let size = self.size(list, most);
        if list != StreamList::Status {
            return self.statement(&[
                size,
                "0::bigint".to_owned(),
                "0::bigint".to_owned(),
                "0::bigint".to_owned(),
            ]);
        }
        let due = self.of_due("true", most.saturating_add(1));
        let lost = self.of_due(RECORDED, most);
        let won = self.won("true", most);
        self.statement(&[size, due, lost, won])
    }

    /// The size of each list up to one above `most`.
    pub(crate) fn sizes(mut self, most: u32) -> (String, Vec<Value>) {
        let mut sizes = Vec::new();
        for list in self.filter.lists() {
            let size = self.size(list, most);
            let has_due = list == StreamList::Status && self.filter.status.and_then(by_falling_due).is_some();
            sizes.push(match has_due {
                true => format!("greatest({size}, {})", self.of_due("true", most.saturating_add(1))),
                false => size,
            });
        }
        self.statement(&sizes)
    }

    /// The rows of a list that meet every condition; they may be counted in two parts.
    pub(crate) fn rows(mut self, list: StreamList, most: u32) -> (String, Vec<Value>) {
        let conditions = self.conditions();
        let (from, limit) = (self.list(list), self.limit(most));
        let since = self.filter.status.and_then(by_falling_due);
        let recorded = format!("{RECORDED} AND {NOT_FALLEN_DUE}");
        let status = match (self.filter.status, list, since) {
            (None, ..) => "true".to_owned(),
            (Some(_), StreamList::Status, _) | (Some(_), _, None) => recorded,
            (Some(_), _, Some(since)) => format!("({recorded} OR {FALLEN_DUE} AND {since})"),
        };
        let rows = format!(
            "(SELECT count(*) FROM (SELECT {COLUMNS} {from} LIMIT {limit}) AS listed WHERE {status} AND {conditions})"
        );
        if list != StreamList::Status {
            return self.statement(&[rows]);
        }
        let won = self.won(&conditions, most);
        self.statement(&[rows, won])
    }

    fn size(&mut self, list: StreamList, most: u32) -> String {
        let (from, limit) = (self.list(list), self.limit(most.saturating_add(1)));
        format!("(SELECT count(*) FROM (SELECT seq {from} LIMIT {limit}) AS listed)")
    }

    /// What has the status by a transition that has fallen due.
    fn won(&mut self, conditions: &str, most: u32) -> String {
        match self.filter.status.and_then(by_falling_due) {
            Some(since) => self.of_due(&format!("{since} AND {conditions}"), most),
            None => "0::bigint".to_owned(),
        }
    }

    fn of_due(&mut self, condition: &str, most: u32) -> String {
        let limit = self.limit(most);
        format!(
            "(SELECT count(*) FROM (SELECT {COLUMNS} FROM streams WHERE {FALLEN_DUE} ORDER BY due_at, seq LIMIT {limit}) AS due \
             WHERE {condition})"
        )
    }

    /// The streams of a list, the newest first.
    fn list(&mut self, list: StreamList) -> String {
        let column = match list {
            StreamList::Recipient => "recipient",
            StreamList::Sender => "sender",
            StreamList::Contract => "contract_id",
            StreamList::Origin => "origin",
            StreamList::Status => "status",
            StreamList::All => return "FROM streams ORDER BY seq DESC".to_owned(),
            StreamList::Updated => {
                let value = self.value(list);
                return format!(
                    "FROM streams WHERE updated_at >= {value} ORDER BY updated_at DESC, seq DESC"
                );
            }
        };
        let value = self.value(list);
        format!(
            "FROM streams WHERE ({column}, seq) <= ({value}, {highest}) AND {column} >= {value} ORDER BY {column} DESC, seq DESC",
            highest = i64::MAX,
        )
    }

    /// Every condition but the status.
    fn conditions(&mut self) -> String {
        let mut conditions = vec!["true".to_owned()];
        for list in self.filter.lists() {
            let condition = match list {
                StreamList::Recipient => "recipient =",
                StreamList::Sender => "sender =",
                StreamList::Contract => "contract_id =",
                StreamList::Origin => "origin =",
                StreamList::Updated => "updated_at >=",
                StreamList::Status | StreamList::All => continue,
            };
            let value = self.value(list);
            conditions.push(format!("{condition} {value}"));
        }
        conditions.join(" AND ")
    }

    fn value(&mut self, list: StreamList) -> String {
        let StreamFilter { sender, recipient, origin, contract, updated_since, status: _ } = self.filter;
        let value = match list {
            StreamList::Recipient => recipient.map(|address| Value::Text(address.to_string())),
            StreamList::Sender => sender.map(|address| Value::Text(address.to_string())),
            StreamList::Contract => contract.clone().map(Value::Text),
            StreamList::Origin => origin.map(|origin| Value::Text(origin.as_str().to_owned())),
            StreamList::Updated => updated_since.map(Value::Instant),
            StreamList::Status | StreamList::All => None,
        };
        match value {
            Some(value) => self.bind(value),
            None => "$2".to_owned(),
        }
    }

    fn limit(&mut self, most: u32) -> String {
        let most = self.bind(Value::Place(most.into()));
        format!("(SELECT {most}::bigint)")
    }

    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn statement(self, counts: &[String]) -> (String, Vec<Value>) {
        // Every value has to occur in the statement.
        let sql = format!("SELECT {} WHERE $1::text IS NOT NULL AND $2::text IS NOT NULL", counts.join(", "));
        (sql, self.values)
    }
}
