use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use fluxora_store::{OutageTracker, StoreError, StoreMetrics, Work};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::Options;
use crate::probe;
use crate::write_connection::WriteConnection;

mod activity;
mod commit;

#[cfg(test)]
mod tests;

use activity::Activity;
use commit::GroupCommit;

/// The thread that owns the writing connection, and the queue to it.
///
/// Group commit: the thread takes all units that wait (up to [`Options::batch`]), runs them, commits once, and only then answers
/// all of them. A unit that fails does not affect the others.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    outages: Arc<OutageTracker>,
    metrics: Arc<StoreMetrics>,
    activity: Arc<Activity>,
}

/// A commit that takes longer is no proof that writes work.
const LONGEST_COMMIT: Duration = Duration::from_secs(1);

enum Message {
    Unit(Box<dyn Unit>),
    Close(oneshot::Sender<()>),
}

/// A queued atomic unit.
trait Unit: Send {
    /// Runs the work, for the first time or again after a rollback. Returns the error for which it has to be rolled back.
    fn run(&mut self, connection: &Connection) -> Option<&StoreError>;
    /// Sends the result, or the error that rolled the whole batch back.
    fn answer(self: Box<Self>, undone: Option<StoreError>);
}

struct Job<T, W> {
    work: W,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Unit for Job<T, W>
where
    T: Send,
    W: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Option<&StoreError> {
        // A panic is the defect of one unit: the thread, and with it all later writes, must outlive it.
        let result = catch_unwind(AssertUnwindSafe(|| (self.work)(connection))).unwrap_or_else(|_| {
            Err(StoreError::Internal { reason: "a unit of work panicked".to_owned(), source: None })
        });
        self.result.insert(result).as_ref().err()
    }

    fn answer(self: Box<Self>, undone: Option<StoreError>) {
        let result = match (undone, self.result) {
            (None, Some(result)) => result,
            (Some(fault), _) => Err(fault),
            (None, None) => Err(StoreError::closed()),
        };
        // The caller may have stopped waiting.
        self.reply.send(result).ok();
    }
}

impl Writer {
    pub(crate) fn start(opened: WriteConnection, options: Options) -> std::io::Result<Self> {
        let (queue, units) = sync_channel(options.queue);
        let outages = Arc::new(OutageTracker::default());
        let metrics = Arc::new(StoreMetrics::new());
        let activity = Arc::new(Activity::default());
        let commit = GroupCommit::new(
            opened,
            options,
            Arc::clone(&outages),
            Arc::clone(&metrics),
            Arc::clone(&activity),
        );
        thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || commit.serve(&units))?;
        Ok(Self { queue, outages, metrics, activity })
    }

    pub(crate) fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    /// Queues a unit of work and waits until it has been committed. A caller that stops waiting does not cancel it. The work may run
    /// again after a rollback, so it must change nothing but the database.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begun = StoreMetrics::begin();
        let done = self.queue(work).await;
        self.metrics.finish(Work::Write, begun, &done);
        done
    }

    async fn queue<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work, result: None, reply };
        self.queue.try_send(Message::Unit(Box::new(job))).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::closed(),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::closed()))
    }

    /// Proves that a write can be committed: by taking the lock, and after an outage by really writing.
    ///
    /// A commit that writes nothing succeeds on a full disk too, so only a proof ends the doubt that an outage has cast. Without a
    /// doubt, a batch for which the thread has the lock proves as much, unless it takes long: a check does not queue behind writes.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        let Some(doubt) = self.outages.doubt() else {
            return if self.activity.is_committing(LONGEST_COMMIT) {
                Ok(())
            } else {
                self.run(|_| Ok(())).await
            };
        };
        self.run(probe::write).await?;
        self.run(probe::clear).await?;
        self.outages.prove(doubt);
        Ok(())
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
