use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use fluxora_store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::Options;
use crate::faults::Attempt;

/// The thread that owns the writing connection, and the queue to it.
///
/// Group commit: the thread takes all units that wait (up to [`Options::batch`]), runs each in a savepoint of its own, commits
/// once, and only then answers all of them.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    /// Whether the last commit failed: the next health check then proves with a real write that it is over.
    failing: Arc<AtomicBool>,
}

enum Message {
    Unit(Box<dyn Unit>),
    Close(oneshot::Sender<()>),
}

/// An atomic unit that waits for its turn.
trait Unit: Send {
    /// Does its work; `false` if what it wrote has to be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Hands out the result, or the fault that undid the whole batch.
    fn answer(self: Box<Self>, undone: Option<StoreError>);
}

struct Job<T, W> {
    work: Option<W>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Unit for Job<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, undone: Option<StoreError>) {
        let result = match (undone, self.result) {
            (None, Some(result)) => result,
            (Some(fault), _) => Err(fault),
            (None, None) => Err(gone()),
        };
        // A caller that has gone away does not want to know.
        self.reply.send(result).ok();
    }
}

impl Writer {
    pub(crate) fn start(connection: Connection, options: Options) -> std::io::Result<Self> {
        let (queue, units) = sync_channel(options.queue);
        let failing = Arc::new(AtomicBool::new(false));
        let commit = Commit { connection, batch: options.batch.max(1), failing: Arc::clone(&failing) };
        thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || commit.serve(&units))?;
        Ok(Self { queue, failing })
    }

    /// Queues a unit of work and waits until it has been committed.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Some(work), result: None, reply };
        self.queue.try_send(Message::Unit(Box::new(job))).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => gone(),
        })?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Proves that a write can be committed: by taking the lock, and after a failure by really writing.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        let failing = self.failing.load(Ordering::Relaxed);
        self.run(move |connection| {
            if failing {
                let version: i64 = connection
                    .pragma_query_value(None, "user_version", |row| row.get(0))
                    .attempt("reading the header")?;
                connection.pragma_update(None, "user_version", version).attempt("writing the header")?;
            }
            Ok(())
        })
        .await
    }

    /// Finishes what is queued and ends the thread.
    pub(crate) async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        let queue = self.queue.clone();
        let asked = tokio::task::spawn_blocking(move || queue.send(Message::Close(closed))).await;
        if matches!(asked, Ok(Ok(()))) {
            // An error means that the thread is gone, which is what was asked for.
            drop(wait.await);
        }
    }
}

struct Commit {
    connection: Connection,
    batch: usize,
    failing: Arc<AtomicBool>,
}

impl Commit {
    fn serve(self, units: &Receiver<Message>) {
        let mut closing = None;
        let mut batch = Vec::with_capacity(self.batch);
        while closing.is_none() {
            let Ok(first) = units.recv() else { break };
            let waiting = std::iter::once(first).chain(units.try_iter()).take(self.batch);
            for message in waiting {
                match message {
                    Message::Unit(unit) => batch.push(unit),
                    Message::Close(closed) => closing = Some(closed),
                }
            }
            self.commit(&mut batch);
        }
        self.leave_tidy();
        drop(self);
        if let Some(closed) = closing {
            closed.send(()).ok();
        }
    }

    /// Runs and commits a batch and answers each of its units.
    fn commit(&self, batch: &mut Vec<Box<dyn Unit>>) {
        let undone = self.transact(batch).err();
        if let Some(fault) = &undone {
            tracing::error!(units = batch.len(), error = error_chain(fault), "a batch of writes was undone");
        }
        self.failing.store(undone.is_some(), Ordering::Relaxed);
        for unit in batch.drain(..) {
            unit.answer(undone.as_ref().map(repeat));
        }
    }

    fn transact(&self, batch: &mut [Box<dyn Unit>]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.execute("BEGIN IMMEDIATE")?;
        let done = batch.iter_mut().try_for_each(|unit| self.savepoint(unit.as_mut()));
        let done = done.and_then(|()| self.execute("COMMIT"));
        if done.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        done
    }

    /// Runs one unit so that it can fail alone. Some faults (a full disk) make SQLite undo the whole transaction.
    fn savepoint(&self, unit: &mut dyn Unit) -> Result<(), StoreError> {
        self.execute("SAVEPOINT unit")?;
        if !unit.run(&self.connection) {
            if self.connection.is_autocommit() {
                return Err(StoreError::Unavailable {
                    reason: "the disk or memory ran out in the middle of a write".to_owned(),
                    source: None,
                });
            }
            self.execute("ROLLBACK TO unit")?;
        }
        self.execute("RELEASE unit")
    }

    fn execute(&self, sql: &'static str) -> Result<(), StoreError> {
        let run = || self.connection.prepare_cached(sql)?.execute([]);
        run().map(drop).attempt(sql)
    }

    /// Leaves one file behind: the log is folded into the database.
    fn leave_tidy(&self) {
        let tidy = "PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);";
        if let Err(error) = self.connection.execute_batch(tidy) {
            tracing::warn!(%error, "the write-ahead log stays beside the database: the next start folds it in");
        }
    }
}

/// The same fault for each unit of a batch; the first to see it has logged its source.
fn repeat(fault: &StoreError) -> StoreError {
    match fault {
        StoreError::Unavailable { reason, .. } => {
            StoreError::Unavailable { reason: reason.clone(), source: None }
        }
        StoreError::Overloaded => StoreError::Overloaded,
        StoreError::Corrupt(row) => StoreError::Corrupt(row.clone()),
        StoreError::Internal { reason, .. } => StoreError::Internal { reason: reason.clone(), source: None },
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

fn gone() -> StoreError {
    StoreError::Unavailable { reason: "the store is closed".to_owned(), source: None }
}
