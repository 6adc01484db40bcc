//! Reads and writes records by their keys, for a copy from or to another backend.

mod chain;
mod keys;
mod put;
mod section;
mod sections;
mod streams;
mod webhooks;

pub(crate) use put::put;

use fluxora_store::copy::{Record, RecordKey, Section};

use section::SectionQuery;

use crate::columns::seq;
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pool::Lease;

/// The tables that a copy takes along.
#[cfg(test)]
pub(crate) fn copied_tables() -> Vec<&'static str> {
    Section::ALL.map(|section| sections::query(section).table).to_vec()
}

pub(crate) async fn count(lease: &Lease, section: Section) -> Result<u64, Fault> {
    let what = "counting records";
    let SectionQuery { table, holds, .. } = sections::query(section);
    let sql = format!("SELECT count(*) FROM {table} WHERE {holds}");
    let row = lease.query_one(&sql, &[]).await.attempt(what)?;
    let count: i64 = row.try_get(0).attempt(what)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(crate) async fn records(
    lease: &Lease,
    section: Section,
    after: Option<&RecordKey>,
    limit: u32,
) -> Result<Vec<Record>, Fault> {
    let what = "reading records to copy";
    let SectionQuery { select, holds, after: condition, decode, .. } = sections::query(section);
    let sql = format!("{select} WHERE {holds} AND {condition}");
    let statement = lease.prepare_cached(&sql).await.attempt(what)?;
    let mut values = key(section, after);
    values.push(Box::new(i64::from(limit)));
    let rows = lease.query(&statement, &values.parameters()).await.attempt(what)?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

/// A key as SQL compares it; without one, a key before the first.
fn key(section: Section, place: Option<&RecordKey>) -> Values {
    match (place, section) {
        (Some(RecordKey::Number(place)), _) => vec![Box::new(seq(*place))],
        (Some(RecordKey::Key(scope, key)), _) => vec![Box::new(scope.clone()), Box::new(key.clone())],
        (Some(RecordKey::OnChain(cursor)), _) => event_key(crate::chain::place_of(Some(cursor))),
        (
            None,
            Section::IdempotencyRecords | Section::Coverage | Section::StreamOwners | Section::StreamDrifts,
        ) => {
            vec![Box::new(""), Box::new("")]
        }
        (None, Section::ContractEvents) => event_key(crate::chain::place_of(None)),
        // There is a ledger 0.
        (None, _) => vec![Box::new(-1_i64)],
    }
}

fn event_key((ledger, [transaction, operation, event], id): (i64, [i64; 3], &str)) -> Values {
    vec![
        Box::new(ledger),
        Box::new(transaction),
        Box::new(operation),
        Box::new(event),
        Box::new(id.to_owned()),
    ]
}
