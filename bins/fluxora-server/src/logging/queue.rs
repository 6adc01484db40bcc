//! A bounded queue between the threads that log and the one that writes: a reader of standard output that stops reading
//! blocks neither requests nor shutdown.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

thread_local! {
    /// On the writing thread while it reports dropped lines: the report, which skips the queue.
    static REPORT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// The writing end. Each `write` is one whole line; a line that does not fit is dropped and counted.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Wakes the writing thread.
    filled: Condvar,
    /// Wakes [`Flush`].
    drained: Condvar,
    /// Limit of the buffer, in bytes.
    capacity: usize,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// Lines dropped since the last report.
    dropped: u64,
    /// Whether the writing thread holds lines that are not written yet.
    writing: bool,
    closed: bool,
}

/// Writes the queued lines when dropped, and waits for them up to a limit.
pub(crate) struct Flush {
    queue: LogQueue,
    limit: Duration,
}

impl LogQueue {
    /// Starts a thread that writes to `output`. `report` logs how many lines were dropped, once there is room again.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(
        capacity: usize,
        output: impl Write + Send + 'static,
        report: fn(u64),
    ) -> io::Result<Self> {
        let (state, filled, drained) = (Mutex::default(), Condvar::new(), Condvar::new());
        let queue = Self(Arc::new(Shared { state, filled, drained, capacity }));
        let writer = queue.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_all_lines(output, report))?;
        Ok(queue)
    }

    /// Closes the queue when the result is dropped.
    pub(super) fn flush_on_drop(&self, limit: Duration) -> Flush {
        Flush { queue: self.clone(), limit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.state();
        // A line longer than the queue is accepted if the queue is empty.
        if state.buffer.is_empty() || state.buffer.len().saturating_add(line.len()) <= self.0.capacity {
            state.buffer.extend_from_slice(line);
            drop(state);
            self.0.filled.notify_one();
        } else {
            state.dropped = state.dropped.saturating_add(1);
        }
    }

    /// The writing thread: writes what is queued, as one piece, until the queue is closed and empty.
    fn write_all_lines(&self, mut output: impl Write, report: fn(u64)) {
        let mut lines = Vec::new();
        while let Some(dropped) = self.take(&mut lines) {
            if dropped > 0 {
                lines.append(&mut report_of(dropped, report));
            }
            // The error cannot be reported: the log is what failed.
            output.write_all(&lines).and_then(|()| output.flush()).ok();
            lines.clear();
        }
    }

    /// Waits for lines and takes all of them, with the number of lines dropped after them; `None` once the queue is
    /// closed and empty.
    fn take(&self, lines: &mut Vec<u8>) -> Option<u64> {
        let mut state = self.state();
        state.writing = false;
        self.0.drained.notify_all();
        let waiting = |state: &mut State| state.buffer.is_empty() && !state.closed;
        let mut state = self.0.filled.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.buffer, lines);
        state.writing = !lines.is_empty();
        state.writing.then(|| std::mem::take(&mut state.dropped))
    }
}

/// The report as the subscriber formats it.
fn report_of(dropped: u64, report: fn(u64)) -> Vec<u8> {
    REPORT.with(|line| *line.borrow_mut() = Some(Vec::new()));
    report(dropped);
    REPORT.with(RefCell::take).unwrap_or_default()
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let reported = REPORT.with(|report| {
            let mut report = report.borrow_mut();
            report.as_mut().map(|report| report.extend_from_slice(line)).is_some()
        });
        if !reported {
            self.push(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let LogQueue(shared) = &self.queue;
        let mut state = self.queue.state();
        state.closed = true;
        shared.filled.notify_one();
        let pending = |state: &mut State| state.writing || !state.buffer.is_empty();
        // After the limit the lines are lost: standard output is not read.
        drop(shared.drained.wait_timeout_while(state, self.limit, pending));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

    use super::*;

    const NO_LIMIT: Duration = Duration::from_secs(60);

    /// An output that announces each write and waits for permission.
    struct Gate {
        attempts: Sender<String>,
        permits: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.attempts.send(String::from_utf8(bytes.to_vec()).unwrap()).unwrap();
            self.permits.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated(capacity: usize, report: fn(u64)) -> (LogQueue, Receiver<String>, SyncSender<()>) {
        let (attempts, attempted) = channel();
        let (permit, permits) = sync_channel(100);
        let queue = LogQueue::start(capacity, Gate { attempts, permits }, report).unwrap();
        (queue, attempted, permit)
    }

    fn log(queue: &LogQueue, line: &str) {
        queue.clone().write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_written_in_order_and_queued_lines_together() {
        let (queue, attempted, permit) = gated(100, |_| {});
        log(&queue, "one\n");
        assert_eq!(attempted.recv().unwrap(), "one\n");
        log(&queue, "two\n");
        log(&queue, "three\n");
        permit.send(()).unwrap();
        assert_eq!(attempted.recv().unwrap(), "two\nthree\n");
        permit.send(()).unwrap();
        drop(queue.flush_on_drop(NO_LIMIT));
        assert!(attempted.try_recv().is_err());
    }

    #[test]
    fn lines_that_do_not_fit_are_dropped_whole_and_counted_in_a_line() {
        use std::sync::OnceLock;
        static QUEUE: OnceLock<LogQueue> = OnceLock::new();
        let (queue, attempted, permit) = gated(12, |dropped| {
            log(QUEUE.get().unwrap(), &format!("dropped {dropped}\n"));
        });
        assert!(QUEUE.set(queue.clone()).is_ok());
        log(&queue, "first\n");
        assert_eq!(attempted.recv().unwrap(), "first\n");
        for n in 0..10 {
            log(&queue, &format!("line {n}\n"));
        }
        for _ in 0..3 {
            permit.send(()).unwrap();
        }
        assert_eq!(attempted.recv().unwrap(), "line 0\ndropped 9\n");
        log(&queue, "last\n");
        assert_eq!(attempted.recv().unwrap(), "last\n", "each dropped line is counted once");
        drop(queue.flush_on_drop(NO_LIMIT));
    }

    #[test]
    fn a_line_longer_than_the_queue_is_written_if_the_queue_is_empty() {
        let (queue, attempted, permit) = gated(4, |_| {});
        permit.send(()).unwrap();
        log(&queue, "longer than four\n");
        assert_eq!(attempted.recv().unwrap(), "longer than four\n");
    }

    #[test]
    fn a_flush_waits_for_the_last_line_and_only_up_to_its_limit() {
        let (queue, attempted, permit) = gated(100, |_| {});
        log(&queue, "unread\n");
        attempted.recv().unwrap();
        // Returns although the output is blocked.
        drop(queue.flush_on_drop(Duration::ZERO));
        log(&queue, "late\n");
        permit.send(()).unwrap();
        permit.send(()).unwrap();
        drop(queue.flush_on_drop(NO_LIMIT));
        assert_eq!(attempted.try_recv().unwrap(), "late\n");
    }
}
