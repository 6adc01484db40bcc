//! The SQL of streams: each function is one statement or one unit, on the connection it is handed.

mod cancel;
mod change;
pub(crate) mod column_lists;
mod conditions;
mod count;
mod create;
mod due;
pub(crate) mod events;
pub(crate) mod idempotency;
mod intersection;
mod list;
pub(crate) mod log;
pub(crate) mod row;
pub(crate) mod values;

pub(crate) use cancel::cancel;
#[cfg(test)]
pub(crate) use count::{Counting, Most};
pub(crate) use count::{MOST, count};
pub(crate) use create::create_all;
pub(crate) use due::record_due;
pub(crate) use events::{EventValues, events, history};
pub(crate) use list::list;
pub(crate) use row::{decode, find};
pub(crate) use values::StreamValues;

/// Every query whose text is always the same and which reads rows by name or by when they are due.
#[cfg(test)]
pub(crate) const POINT_QUERIES: [&str; 6] =
    [row::FIND, cancel::LOCK, cancel::LAST_EVENT, due::DUE, events::EVENTS, events::HISTORY];

/// How the server would read a page of the event log.
#[cfg(test)]
pub(crate) async fn explain_log(
    client: &tokio_postgres::Client,
    after: fluxora_store::Sequence,
    filter: &fluxora_store::EventFilter,
) -> String {
    let query = log::Query::of(after, filter, 100);
    let rows = client.query_typed(&format!("EXPLAIN {}", query.sql), &query.typed()).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>().join("\n")
}

/// How the server would read a page.
#[cfg(test)]
pub(crate) async fn explain(client: &tokio_postgres::Client, query: &fluxora_store::StreamQuery) -> String {
    let (sql, values) = list::page(query);
    let rows = client.query_typed(&format!("EXPLAIN {sql}"), &conditions::typed(&values)).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>().join("\n")
}

/// How the server would count.
#[cfg(test)]
pub(crate) async fn explain_count(
    client: &tokio_postgres::Client,
    sql: &str,
    values: &[conditions::Value],
) -> String {
    let rows = client.query_typed(&format!("EXPLAIN {sql}"), &conditions::typed(values)).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>().join("\n")
}

/// How the server would read a page by intersection.
#[cfg(test)]
pub(crate) async fn explain_intersection(
    client: &tokio_postgres::Client,
    query: &fluxora_store::StreamQuery,
) -> String {
    let (sql, values) = intersection::statement(query);
    let rows = client.query_typed(&format!("EXPLAIN {sql}"), &conditions::typed(&values)).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>().join("\n")
}

/// Reads a page by intersection with a budget of so many steps and so many rows read in advance.
#[cfg(test)]
pub(crate) async fn intersect(
    lease: &crate::pool::Lease,
    query: &fluxora_store::StreamQuery,
    steps: u16,
    in_advance: usize,
) -> fluxora_store::StreamPage {
    let budget = intersection::Budget { steps, updated: in_advance, due: in_advance };
    intersection::page(lease, query, budget).await.ok().unwrap()
}
