use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use fluxora_store::{OutageTracker, RepeatedFailures, StoreError, StoreMetrics, error_chain};
use tokio::sync::oneshot;

use super::activity::Activity;
use super::{Message, Unit};
use crate::Options;
use crate::faults::Attempt;
use crate::write_connection::WriteConnection;

/// The far end of the queue.
pub(super) struct GroupCommit {
    opened: WriteConnection,
    options: Options,
    outages: Arc<OutageTracker>,
    rollbacks: Cell<RepeatedFailures>,
    metrics: Arc<StoreMetrics>,
    activity: Arc<Activity>,
}

/// How long the thread waits at most for the queue to fill; less where a commit takes less than twice that.
const LONGEST_WAIT: Duration = Duration::from_millis(5);

pub(super) type Batch = Vec<Box<dyn Unit>>;
type Closing = Option<oneshot::Sender<()>>;

/// What the last commit was like: the next is expected to be so too.
#[derive(Clone, Copy, Default)]
struct LastCommit {
    units: usize,
    took: Duration,
}

/// Commits between two looks at the free space of the disk.
const LOG_BOUNDED_EVERY: u64 = 64;

impl GroupCommit {
    pub(super) fn new(
        opened: WriteConnection,
        options: Options,
        outages: Arc<OutageTracker>,
        metrics: Arc<StoreMetrics>,
        activity: Arc<Activity>,
    ) -> Self {
        Self { opened, options, outages, rollbacks: Cell::default(), metrics, activity }
    }

    /// Works until it is asked to close or every sender is gone.
    pub(super) fn serve(self, queue: &Receiver<Message>) {
        let mut closing = None;
        let mut batch = Batch::new();
        let mut last_commit = LastCommit::default();
        let mut commits = 0_u64;
        while closing.is_none() {
            let Ok(first) = queue.recv() else { break };
            self.gather(&mut batch, &mut closing, first, queue, last_commit);
            if batch.is_empty() {
                continue;
            }
            let begun = now();
            last_commit.units = batch.len();
            if let Err(fault) = self.commit(&mut batch) {
                // Units queued behind would wait as long again for the same error.
                take(&mut batch, &mut closing, queue.try_iter().take(self.options.queue));
                self.answer(&mut batch, Some(&fault));
            }
            self.activity.end();
            last_commit.took = begun.elapsed();
            self.metrics.committed(last_commit.units, last_commit.took);
            commits = commits.wrapping_add(1);
            if commits.is_multiple_of(LOG_BOUNDED_EVERY) {
                self.opened.bound_log();
            }
        }
        self.checkpoint();
        drop(self.opened);
        if let Some(closed) = closing {
            closed.send(()).ok();
        }
    }

    /// Takes what waits, and waits for as many units as came the last time: those who were answered then are about to ask again,
    /// and one commit for all of them is cheaper than two. One who writes alone never waits.
    fn gather(
        &self,
        batch: &mut Batch,
        closing: &mut Closing,
        first: Message,
        queue: &Receiver<Message>,
        last_commit: LastCommit,
    ) {
        let most = self.options.batch.max(1);
        take(batch, closing, std::iter::once(first).chain(queue.try_iter()).take(most));
        let begun = now();
        let max_wait = LONGEST_WAIT.min(last_commit.took / 2);
        while batch.len() < last_commit.units.min(most) && closing.is_none() {
            let Some(left) = max_wait.checked_sub(begun.elapsed()) else { break };
            let Ok(next) = queue.recv_timeout(left) else { break };
            take(batch, closing, [next]);
        }
    }

    /// Runs and commits a batch and answers each of its units.
    ///
    /// # Errors
    /// The reason why no transaction could be begun; no unit has been answered.
    pub(super) fn commit(&self, batch: &mut Batch) -> Result<(), StoreError> {
        self.begin()?;
        self.activity.begin();
        // Checked again before anything is acknowledged: the files may have changed since the transaction was begun.
        let written = self.run(batch).and_then(|()| self.execute("COMMIT"));
        let undone = written.and_then(|()| self.opened.check()).err();
        if undone.is_some()
            && let Err(fault) = self.undo()
        {
            tracing::error!(
                error = error_chain(&fault),
                "rollback of a failed batch is retried before the next one"
            );
        }
        self.answer(batch, undone.as_ref());
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &rusqlite::Connection {
        &self.opened.connection
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.opened.check()?;
        self.undo()?;
        self.execute("BEGIN IMMEDIATE")
    }

    /// Runs the units together, which nearly always does. Where one of them fails they are all run again, each so that it can
    /// fail alone: a savepoint costs a fifth of what a create does.
    fn run(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.iter_mut().any(|unit| unit.run(&self.opened.connection).is_some()) {
            self.undo()?;
            self.execute("BEGIN IMMEDIATE")?;
            batch.iter_mut().try_for_each(|unit| self.run_in_savepoint(unit.as_mut()))?;
        }
        Ok(())
    }

    fn run_in_savepoint(&self, unit: &mut dyn Unit) -> Result<(), StoreError> {
        self.execute("SAVEPOINT unit")?;
        if let Some(fault) = unit.run(&self.opened.connection) {
            if matches!(fault, StoreError::Unavailable { .. }) {
                self.outages.record();
            }
            // After some faults (a full disk) SQLite undoes the whole transaction, with the units that went before.
            if self.opened.connection.is_autocommit() {
                return Err(fault.repeat());
            }
            self.execute("ROLLBACK TO unit")?;
        }
        self.execute("RELEASE unit")
    }

    pub(super) fn answer(&self, batch: &mut Batch, undone: Option<&StoreError>) {
        if undone.is_some() {
            self.outages.record();
        }
        self.log(undone);
        for unit in batch.drain(..) {
            unit.answer(undone.map(StoreError::repeat));
        }
    }

    /// Logs an outage of writes and its end, not each batch.
    fn log(&self, undone: Option<&StoreError>) {
        let mut rollbacks = self.rollbacks.take();
        if let Some(fault) = undone {
            if let Some(batches) = rollbacks.fail(now()) {
                tracing::error!(batches, error = error_chain(fault), "batch of writes rolled back");
            }
        } else if self.outages.doubt().is_none()
            && let Some(batches) = rollbacks.succeed()
        {
            tracing::info!(batches, "writes succeed again");
        }
        self.rollbacks.set(rollbacks);
    }

    /// Ends a transaction that is still open.
    fn undo(&self) -> Result<(), StoreError> {
        if self.opened.connection.is_autocommit() { Ok(()) } else { self.execute("ROLLBACK") }
    }

    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        let run = || self.opened.connection.prepare_cached(sql)?.execute([]);
        run().map(drop).attempt(sql)
    }

    /// Leaves one file behind: the log is folded into the database.
    fn checkpoint(&self) {
        if !self.opened.may_checkpoint() {
            return;
        }
        let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
        match self.opened.connection.query_row(fold, [], |row| row.get("busy")) {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!(
                    "the database is in use: its write-ahead log stays beside it until the next start"
                );
            }
            Err(error) => {
                tracing::warn!(%error, "the write-ahead log stays beside the database until the next start");
            }
        }
    }
}

fn take(batch: &mut Batch, closing: &mut Closing, messages: impl IntoIterator<Item = Message>) {
    for message in messages {
        match message {
            Message::Unit(unit) => batch.push(unit),
            Message::Close(closed) => *closing = Some(closed),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "measures how long something took")]
pub(super) fn now() -> std::time::Instant {
    std::time::Instant::now()
}
