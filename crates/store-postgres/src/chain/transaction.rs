use std::sync::Arc;
use std::time::Duration;

use fluxora_store::StoreError;
use futures_util::future::join_all;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// Values that a statement takes, in its order.
pub(crate) trait Parameters: Send + Sync {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)>;
}

pub(crate) type Values = Vec<Box<dyn ToSql + Sync + Send>>;

impl Parameters for Values {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.iter().map(|value| -> &(dyn ToSql + Sync) { &**value }).collect()
    }
}

/// A transaction on a connection of its own.
///
/// What is written waits here and is sent together with what is asked next, or with the commit: the server works through it in
/// order, and only an answer that is needed costs a round trip. A fault of what waited shows there.
pub(crate) struct Chain {
    lease: Arc<Lease>,
    unsent: Vec<Unsent>,
}

struct Unsent {
    what: &'static str,
    sql: Sql,
}

enum Sql {
    Text(String),
    /// With how many rows it must touch, where that is known.
    Prepared(Statement, Box<dyn Parameters>, Option<u64>),
}

impl Chain {
    /// A transaction that changes the chain.
    pub(crate) fn begin(lease: Arc<Lease>) -> Self {
        Self::with(lease, "BEGIN".to_owned())
    }

    /// A transaction that changes the chain and may take this long, and may let the server wait as long.
    pub(crate) fn begin_long(lease: Arc<Lease>, limit: Duration) -> Self {
        let limit = limit.as_millis();
        let settings = format!(
            "SET LOCAL statement_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = {limit}"
        );
        Self::with(lease, format!("BEGIN; {settings}"))
    }

    /// A transaction that only reads, and sees everything as it was at one moment.
    pub(crate) fn snapshot(lease: Arc<Lease>) -> Self {
        Self::with(lease, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned())
    }

    fn with(lease: Arc<Lease>, begin: String) -> Self {
        let begin = Unsent { what: "beginning a transaction of the chain", sql: Sql::Text(begin) };
        Self { lease, unsent: vec![begin] }
    }

    pub(crate) async fn commit(mut self) -> Result<(), Fault> {
        let what = "committing a transaction of the chain";
        self.unsent.push(Unsent { what, sql: Sql::Text("COMMIT".to_owned()) });
        self.send().await
    }

    /// Ends without a trace: what waits is not sent, and what was sent is undone.
    pub(crate) async fn leave(mut self) -> Result<(), Fault> {
        let what = "leaving a transaction of the chain";
        self.unsent = vec![Unsent { what, sql: Sql::Text("ROLLBACK".to_owned()) }];
        self.send().await
    }

    /// Asks, and waits for the rows.
    pub(crate) async fn query(
        &mut self,
        what: &'static str,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let lease = Arc::clone(&self.lease);
        let statement = lease.prepare_cached(sql).await.attempt(what)?;
        let (sent, rows) = tokio::join!(biased; self.send(), lease.query(&statement, values));
        sent?;
        rows.attempt(what)
    }

    /// Asks two things at once.
    pub(super) async fn query_both(
        &mut self,
        what: &'static str,
        sql: [&str; 2],
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<[Vec<Row>; 2], Fault> {
        let lease = Arc::clone(&self.lease);
        let [first, second] = sql;
        let first = lease.prepare_cached(first).await.attempt(what)?;
        let second = lease.prepare_cached(second).await.attempt(what)?;
        let (sent, first, second) = tokio::join!(
            biased;
            self.send(),
            lease.query(&first, values),
            lease.query(&second, values),
        );
        sent?;
        Ok([first.attempt(what)?, second.attempt(what)?])
    }

    /// Asks before what waits is sent, and must not depend on it.
    pub(super) async fn query_ahead(
        &self,
        what: &'static str,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        let statement = self.lease.prepare_cached(sql).await.attempt(what)?;
        self.lease.query(&statement, values).await.attempt(what)
    }

    /// Writes, together with what comes next.
    pub(crate) async fn later(
        &mut self,
        what: &'static str,
        sql: &str,
        values: impl Parameters + 'static,
        rows: Option<usize>,
    ) -> Result<(), Fault> {
        let statement = self.lease.prepare_cached(sql).await.attempt(what)?;
        let rows = rows.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
        self.unsent.push(Unsent { what, sql: Sql::Prepared(statement, Box::new(values), rows) });
        Ok(())
    }

    /// Sends what waits, and waits for what comes of it. The first fault counts: whatever follows it is refused for its sake.
    pub(super) async fn send(&mut self) -> Result<(), Fault> {
        let unsent = std::mem::take(&mut self.unsent);
        join_all(unsent.iter().map(|unsent| unsent.send(&self.lease))).await.into_iter().collect()
    }
}

impl Unsent {
    async fn send(&self, lease: &Lease) -> Result<(), Fault> {
        let Self { what, sql } = self;
        let (statement, values, expected) = match sql {
            Sql::Text(text) => return lease.batch_execute(text).await.attempt(what),
            Sql::Prepared(statement, values, expected) => (statement, values, *expected),
        };
        let touched = lease.execute(statement, &values.parameters()).await.attempt(what)?;
        match expected.filter(|expected| *expected != touched) {
            None => Ok(()),
            Some(expected) => {
                let reason = format!("{what}: {touched} rows were touched, not {expected}");
                Err(StoreError::Internal { reason, source: None }.into())
            }
        }
    }
}
