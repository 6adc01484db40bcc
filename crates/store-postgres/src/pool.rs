use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::Runtime;
use deadpool::managed::{Object, Pool, PoolError, TimeoutType};
use deadpool_postgres::ClientWrapper;
use fluxora_store::{PoolUsage, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Options;
use crate::connect::{ConnectFault, Connector};

/// A pool of open connections. A unit of work waits for one for a limited time, in a queue of limited length.
#[derive(Debug)]
pub(crate) struct Connections {
    pool: Pool<Connector>,
    taken_on: Arc<Semaphore>,
}

/// A connection for one unit of work. Dropped before [`keep`](Self::keep), it is closed: its open transaction is rolled back, and
/// no later unit meets an open transaction or an unread result.
pub(crate) struct Lease {
    connection: Option<Object<Connector>>,
    kept: AtomicBool,
    extended: AtomicBool,
    _taken_on: OwnedSemaphorePermit,
}

impl Connections {
    pub(crate) fn new(connector: Connector, size: usize, options: &Options) -> Self {
        let size = size.max(1);
        let pool = Pool::builder(connector).max_size(size).runtime(Runtime::Tokio1);
        let pool = pool.wait_timeout(Some(options.wait)).build();
        #[expect(
            clippy::unwrap_used,
            reason = "building fails only where a time limit comes without a runtime"
        )]
        let pool = pool.unwrap();
        Self { pool, taken_on: Arc::new(Semaphore::new(size.saturating_add(options.waiting))) }
    }

    pub(crate) async fn lease(&self) -> Result<Lease, StoreError> {
        let taken_on = Arc::clone(&self.taken_on).try_acquire_owned();
        let taken_on = taken_on
            .map_err(|_| if self.pool.is_closed() { StoreError::closed() } else { StoreError::Overloaded })?;
        let connection = self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => StoreError::Overloaded,
            PoolError::Closed => StoreError::closed(),
            PoolError::Backend(fault) => unreachable(fault),
            other => {
                StoreError::Internal { reason: "taking a connection".to_owned(), source: Some(other.into()) }
            }
        })?;
        Ok(Lease {
            connection: Some(connection),
            kept: AtomicBool::new(false),
            extended: AtomicBool::new(false),
            _taken_on: taken_on,
        })
    }

    pub(crate) fn usage(&self) -> PoolUsage {
        let status = self.pool.status();
        let in_use = status.size.saturating_sub(status.available);
        PoolUsage { max: status.max_size, idle: status.available, in_use, waiting: status.waiting }
    }

    /// Refuses later units and closes idle connections. Running units finish.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

fn unreachable(fault: ConnectFault) -> StoreError {
    let reason = format!("the database server cannot be reached: {fault}");
    let source = match fault {
        ConnectFault::Driver(error) => Some(crate::faults::redact(error)),
        ConnectFault::Timeout | ConnectFault::RuntimeEnded | ConnectFault::Paused(_) => None,
    };
    StoreError::Unavailable { reason, source }
}

impl Lease {
    /// Returns the connection to the pool when it is dropped, because the unit of work is done.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Lets the unit of work take as long as a rebuild may.
    pub(crate) fn extend(&self) {
        self.extended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_extended(&self) -> bool {
        self.extended.load(Ordering::Relaxed)
    }
}

impl Deref for Lease {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        #[expect(clippy::unwrap_used, reason = "it is taken in drop alone")]
        self.connection.as_ref().unwrap()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !*self.kept.get_mut()
        {
            drop(Object::take(connection));
        }
    }
}
