//! What a store measures of itself.

use std::time::{Duration, Instant};

use fluxora_metrics::{Counter, Histogram};

use crate::StoreError;

/// Bounds of durations, in nanoseconds: 50 µs to 10 s.
static DURATIONS: [u64; 12] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    50_000_000,
    250_000_000,
    1_000_000_000,
    10_000_000_000,
];
/// Bounds of the number of writes in one commit.
static SIZES: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How a piece of work reaches the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// SQLite: a read of a few rows, on the thread that asks.
    Read,
    /// SQLite: a read of many rows, on a blocking thread, with the wait for it.
    Scan,
    /// SQLite: every write. PostgreSQL: every create. From the queue to the commit.
    Write,
    /// PostgreSQL: a transaction on a connection of a pool, with the wait for it and with retries.
    Transaction,
    /// PostgreSQL: a transaction that changes the chain.
    Chain,
}

/// Durations, sizes and errors of a store's work since it was opened.
#[derive(Debug)]
pub struct StoreMetrics {
    durations: [Histogram<12>; 5],
    commit: Histogram<12>,
    commit_size: Histogram<9>,
    errors: [Counter; 4],
}

/// The connection pool of a store, as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUsage {
    /// The most connections it opens.
    pub max: usize,
    /// Open connections that no unit of work has.
    pub idle: usize,
    /// Connections that units of work have.
    pub in_use: usize,
    /// Units of work that wait for a connection.
    pub waiting: usize,
}

impl Work {
    /// Every way, in the order of the enum.
    pub const ALL: [Self; 5] = [Self::Read, Self::Scan, Self::Write, Self::Transaction, Self::Chain];

    /// The word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Scan => "scan",
            Self::Write => "write",
            Self::Transaction => "transaction",
            Self::Chain => "chain",
        }
    }
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl StoreMetrics {
    /// The words for kinds of [`StoreError`] in metrics.
    pub const ERRORS: [&str; 4] = ["overloaded", "unavailable", "corrupt", "internal"];

    /// Nothing measured.
    pub const fn new() -> Self {
        Self {
            durations: [const { Histogram::new(&DURATIONS) }; 5],
            commit: Histogram::new(&DURATIONS),
            commit_size: Histogram::new(&SIZES),
            errors: [const { Counter::new() }; 4],
        }
    }

    /// The instant at which a piece of work begins.
    #[expect(clippy::disallowed_methods, reason = "measures how long something takes")]
    pub fn begin() -> Instant {
        Instant::now()
    }

    /// Records a piece of work that ends at this moment.
    pub fn finish<T>(&self, work: Work, begun: Instant, result: &Result<T, StoreError>) {
        let [read, scan, write, transaction, chain] = &self.durations;
        let durations = match work {
            Work::Read => read,
            Work::Scan => scan,
            Work::Write => write,
            Work::Transaction => transaction,
            Work::Chain => chain,
        };
        durations.observe_duration(begun.elapsed());
        if let Err(error) = result {
            let [overloaded, unavailable, corrupt, internal] = &self.errors;
            let errors = match error {
                StoreError::Overloaded => overloaded,
                StoreError::Unavailable { .. } => unavailable,
                StoreError::Corrupt(_) => corrupt,
                StoreError::Internal { .. } => internal,
            };
            errors.increment();
        }
    }

    /// Records a commit of this many queued writes.
    pub fn committed(&self, writes: usize, took: Duration) {
        self.commit_size.observe(u64::try_from(writes).unwrap_or(u64::MAX));
        self.commit.observe_duration(took);
    }

    /// Durations of each way of work.
    pub fn durations(&self) -> impl Iterator<Item = (Work, &Histogram<12>)> {
        Work::ALL.into_iter().zip(&self.durations)
    }

    /// Durations of commits of queued writes.
    pub const fn commits(&self) -> &Histogram<12> {
        &self.commit
    }

    /// How many queued writes each commit had.
    pub const fn commit_sizes(&self) -> &Histogram<9> {
        &self.commit_size
    }

    /// The number of errors of each kind.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::ERRORS.into_iter().zip(self.errors.iter().map(Counter::value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_by_its_way_and_its_error() {
        let metrics = StoreMetrics::new();
        let begun = StoreMetrics::begin();
        metrics.finish(Work::Scan, begun, &Ok(()));
        metrics.finish::<()>(Work::Scan, begun, &Err(StoreError::Overloaded));
        metrics.finish::<()>(Work::Chain, begun, &Err(StoreError::unavailable("down")));
        let counts: Vec<_> = metrics.durations().map(|(work, times)| (work, times.read().count)).collect();
        assert_eq!(
            counts,
            Work::ALL.into_iter().zip([0, 2, 0, 0, 1]).collect::<Vec<_>>(),
            "each in the order of the enum"
        );
        let errors: Vec<_> = metrics.errors().collect();
        assert_eq!(errors, [("overloaded", 1), ("unavailable", 1), ("corrupt", 0), ("internal", 0)]);
    }
}
