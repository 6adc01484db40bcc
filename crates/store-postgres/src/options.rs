use std::time::Duration;

/// Sizes and time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many connections the pool holds at most; at least 1. Creates have one more to themselves, and so has what changes the
    /// chain.
    pub pool: usize,
    /// How many units of work may wait for a connection; one more is refused with
    /// [`StoreError::Overloaded`](fluxora_store::StoreError::Overloaded).
    pub waiting: usize,
    /// How long a unit of work waits for a connection before it is refused with
    /// [`StoreError::Overloaded`](fluxora_store::StoreError::Overloaded).
    pub wait: Duration,
    /// How long making a connection may take: TCP, TLS and authentication together.
    pub connect_timeout: Duration,
    /// How long the server works on one statement, waits for locks included. A whole unit of work gets a second more.
    pub statement_timeout: Duration,
    /// How long a rebuild or a rewind may take, each statement and all together: it may read every stored row. Other changes of the chain are refused with
    /// [`StoreError::Overloaded`](fluxora_store::StoreError::Overloaded) or
    /// [`StoreError::Unavailable`](fluxora_store::StoreError::Unavailable) during that time.
    pub rebuild_timeout: Duration,
    /// How many creates one commit takes at most. 1 commits each alone.
    pub batch: usize,
    /// How many creates may wait; one more is refused with
    /// [`StoreError::Overloaded`](fluxora_store::StoreError::Overloaded).
    pub queue: usize,
    /// How long bringing the schema up to date may take, including the wait for another process that migrates.
    pub migration_timeout: Duration,
    /// Whether deliveries are due and leases end by the instants of callers. Several processes need one clock: they take the
    /// database's. A test that moves time takes its own.
    pub callers_time: bool,
}

impl Default for Options {
    /// 10 connections, 256 units waiting for one, each up to 2 seconds; 3 seconds to connect, 5 for a statement; an hour to
    /// rebuild; up to 256 creates in a commit and 1,024 waiting; 5 minutes for migrations.
    fn default() -> Self {
        Self {
            pool: 10,
            waiting: 256,
            wait: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            rebuild_timeout: Duration::from_secs(3_600),
            batch: 256,
            queue: 1_024,
            migration_timeout: Duration::from_secs(300),
            callers_time: false,
        }
    }
}
