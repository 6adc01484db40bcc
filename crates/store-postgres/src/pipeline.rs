use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use fluxora_indexer::{Batch, Rules};
use fluxora_store::StoreError;
use futures_util::future::{MaybeDone, join_all, maybe_done};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::chain::prefetch::Prefetch;
use crate::chain::terms::Terms;
use crate::faults::{Attempt, Fault};
use crate::parameters::Parameters;
use crate::pool::Lease;

/// A statement that reads, and its values.
pub(crate) type Question<'q> = (&'q str, &'q [&'q (dyn ToSql + Sync)]);

type Prepared<'q> = (Statement, &'q [&'q (dyn ToSql + Sync)]);

/// A transaction on a dedicated connection.
///
/// Writes are queued here and sent together with the next query or with the commit: the server runs them in order, and only a result that is
/// needed costs a round trip. An error of a queued write is returned by that query, the commit, or a later query.
pub(crate) struct PipelinedTransaction {
    lease: Arc<Lease>,
    /// The limit of a rebuild, until the transaction is extended to it.
    rebuild_limit: Option<Duration>,
    unsent: Vec<Unsent>,
    /// What the server works on while something else is done here.
    underway: Vec<Underway>,
    pub(crate) prefetch: Prefetch,
    /// The terms of the streams that were read, by sequence: a change writes them only if they differ.
    pub(crate) terms: HashMap<i64, Terms>,
}

type Underway = Pin<Box<MaybeDone<Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>>>>;

struct Unsent {
    what: &'static str,
    sql: Sql,
}

enum Sql {
    Text(String),
    /// With how many rows it must touch, where that is known.
    Prepared(Statement, Box<dyn Parameters>, Option<u64>),
}

impl PipelinedTransaction {
    /// A transaction that changes the chain.
    pub(crate) fn begin(lease: Arc<Lease>) -> Self {
        Self::with(lease, "BEGIN".to_owned())
    }

    /// A transaction that ingests a batch. It may take `rebuild_limit` once it has been [extended](Self::extend).
    pub(crate) fn begin_for(lease: Arc<Lease>, batch: &Batch, rules: Rules, rebuild_limit: Duration) -> Self {
        let (prefetch, rebuild_limit) = (Prefetch::of(batch, rules), Some(rebuild_limit));
        Self { prefetch, rebuild_limit, ..Self::begin(lease) }
    }

    /// A transaction that changes the chain and may take this long, and may let the server wait as long.
    pub(crate) fn begin_long(lease: Arc<Lease>, limit: Duration) -> Self {
        Self::with(lease, format!("BEGIN; {}", limits(limit)))
    }

    /// Lets the rest of the transaction take as long as a rebuild may, where it has not been extended before.
    pub(crate) fn extend(&mut self) {
        if let Some(limit) = self.rebuild_limit.take() {
            self.lease.extend();
            let what = "extending a transaction of the chain";
            self.unsent.push(Unsent { what, sql: Sql::Text(limits(limit)) });
            // Sent at once: preparing a statement may wait for a lock too.
            self.dispatch();
        }
    }

    /// A transaction that only reads, in one snapshot.
    pub(crate) fn snapshot(lease: Arc<Lease>) -> Self {
        Self::with(lease, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned())
    }

    /// A transaction that only reads, in one snapshot, and may take this long.
    pub(crate) fn long_snapshot(lease: Arc<Lease>, limit: Duration) -> Self {
        Self::with(lease, format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", limits(limit)))
    }

    fn with(lease: Arc<Lease>, begin: String) -> Self {
        let begin = Unsent { what: "beginning a transaction", sql: Sql::Text(begin) };
        let (prefetch, terms) = (Prefetch::default(), HashMap::new());
        Self { lease, rebuild_limit: None, unsent: vec![begin], underway: Vec::new(), prefetch, terms }
    }

    pub(crate) async fn commit(mut self) -> Result<(), Fault> {
        let what = "committing a transaction";
        self.unsent.push(Unsent { what, sql: Sql::Text("COMMIT".to_owned()) });
        self.send().await
    }

    /// Ends without a trace: what waits is not sent, and what was sent is undone.
    pub(crate) async fn rollback(mut self) -> Result<(), Fault> {
        let what = "rolling a transaction back";
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
        let [rows] = self.query_all(what, [(sql, values)]).await?;
        Ok(rows)
    }

    /// Asks several things at once, none of which depends on the answer to another.
    pub(crate) async fn query_all<const N: usize>(
        &mut self,
        what: &'static str,
        questions: [Question<'_>; N],
    ) -> Result<[Vec<Row>; N], Fault> {
        let lease = Arc::clone(&self.lease);
        let prepared = self.prepare_all(what, questions).await?;
        self.dispatch();
        let rows = self.meanwhile(ask(&lease, what, prepared)).await;
        self.settle().await?;
        rows
    }

    /// Asks before what waits is sent, and must not depend on it.
    pub(crate) async fn query_before_queue(
        &mut self,
        what: &'static str,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Fault> {
        self.settle().await?;
        let prepared = self.prepare_all(what, [(sql, values)]).await?;
        let [rows] = ask(&self.lease, what, prepared).await?;
        Ok(rows)
    }

    /// Asks before what waits is sent, and must not depend on it. What waits follows at once: the server works on it while the
    /// answer is read here.
    pub(crate) async fn query_while_sending<const N: usize>(
        &mut self,
        what: &'static str,
        questions: [Question<'_>; N],
    ) -> Result<[Vec<Row>; N], Fault> {
        self.settle().await?;
        let lease = Arc::clone(&self.lease);
        let prepared = self.prepare_all(what, questions).await?;
        let mut asked = pin!(maybe_done(ask(&lease, what, prepared)));
        send_first(asked.as_mut());
        self.dispatch();
        asked.as_mut().await;
        asked.take_output().unwrap_or_else(|| Err(lost(what)))
    }

    async fn prepare_all<'q, const N: usize>(
        &mut self,
        what: &'static str,
        questions: [Question<'q>; N],
    ) -> Result<Vec<Prepared<'q>>, Fault> {
        let mut prepared = Vec::with_capacity(N);
        for (sql, values) in questions {
            prepared.push((self.prepare(what, sql).await?, values));
        }
        Ok(prepared)
    }

    /// Prepares a statement, once for the connection. Where that fails after something else has, that is the fault.
    async fn prepare(&mut self, what: &'static str, sql: &str) -> Result<Statement, Fault> {
        let lease = Arc::clone(&self.lease);
        let prepared = self.meanwhile(lease.prepare_cached(sql)).await;
        if prepared.is_err() {
            self.settle().await?;
        }
        prepared.attempt(what)
    }

    /// Writes, together with what comes next.
    pub(crate) async fn enqueue(
        &mut self,
        what: &'static str,
        sql: &str,
        values: impl Parameters + 'static,
        rows: Option<usize>,
    ) -> Result<(), Fault> {
        let statement = self.prepare(what, sql).await?;
        let rows = rows.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
        self.unsent.push(Unsent { what, sql: Sql::Prepared(statement, Box::new(values), rows) });
        Ok(())
    }

    /// Sends the queued writes and waits for their results. The first error is returned: the server refuses every statement after it.
    pub(crate) async fn send(&mut self) -> Result<(), Fault> {
        self.dispatch();
        self.settle().await
    }

    /// Sends what waits, and lets the server work on it.
    pub(crate) fn dispatch(&mut self) {
        for unsent in std::mem::take(&mut self.unsent) {
            let lease = Arc::clone(&self.lease);
            let sending: Pin<Box<dyn Future<Output = _> + Send>> =
                Box::pin(async move { unsent.send(&lease).await });
            let mut sending = Box::pin(maybe_done(sending));
            send_first(sending.as_mut());
            self.underway.push(sending);
        }
    }

    /// Waits for a result and polls earlier requests: the connection reads no further while their results are unread.
    async fn meanwhile<T>(&mut self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        poll_fn(|context| {
            for sent in &mut self.underway {
                let _done = sent.as_mut().poll(context);
            }
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Waits for the results of all sent requests, also after an error: the server may still run them.
    async fn settle(&mut self) -> Result<(), Fault> {
        let mut outcome = Ok(());
        for mut sent in std::mem::take(&mut self.underway) {
            sent.as_mut().await;
            outcome = outcome.and(sent.as_mut().take_output().unwrap_or(Ok(())));
        }
        outcome
    }
}

fn limits(limit: Duration) -> String {
    let limit = limit.as_millis();
    format!("SET LOCAL statement_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = {limit}")
}

/// Asks, in this order. It is sent when it is first polled.
async fn ask<const N: usize>(
    lease: &Lease,
    what: &'static str,
    prepared: Vec<Prepared<'_>>,
) -> Result<[Vec<Row>; N], Fault> {
    let asked = prepared.iter().map(|(statement, values)| lease.query(statement, values));
    let rows: Result<Vec<_>, _> = join_all(asked).await.into_iter().collect();
    rows.attempt(what)?.try_into().map_err(|_| lost(what))
}

/// Sends a request, which happens at its first poll. The code that awaits the result polls it again.
fn send_first(request: Pin<&mut impl Future>) {
    let _sent = request.poll(&mut Context::from_waker(Waker::noop()));
}

fn lost(what: &str) -> Fault {
    StoreError::Internal { reason: format!("{what}: no answer"), source: None }.into()
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
