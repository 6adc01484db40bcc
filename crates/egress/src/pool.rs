//! Unused connections, each to an address that was checked when it was opened.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::Limits;
use crate::io::Budget;
use crate::limits::IDLE_PER_RECEIVER;
use crate::target::{Host, Target};
use crate::timings::TlsVersion;

/// An open connection. It closes when it is dropped.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    pub(crate) budget: Budget,
    /// What it is connected to.
    pub(crate) peer: Peer,
    pub(crate) _driver: Driver,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsVersion>,
}

/// The task that reads and writes; it ends when this is dropped.
pub(crate) struct Driver(pub(crate) JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Scheme, host and port.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Receiver {
    is_https: bool,
    host: Host,
    port: u16,
}

impl From<&Target> for Receiver {
    fn from(target: &Target) -> Self {
        Self { is_https: target.is_https(), host: target.host().clone(), port: target.port() }
    }
}

struct Idle {
    connection: Connection,
    since: Instant,
}

#[derive(Default)]
pub(crate) struct Pool(Mutex<Shelves>);

#[derive(Default)]
struct Shelves {
    by_receiver: HashMap<Receiver, Vec<Idle>>,
    count: usize,
}

impl Pool {
    /// The connection that was used last, if it is open and has not been unused for too long.
    pub(crate) fn take(&self, receiver: &Receiver, limits: &Limits) -> Option<Connection> {
        let mut shelves = self.lock();
        let Shelves { by_receiver, count } = &mut *shelves;
        let idle = by_receiver.get_mut(receiver)?;
        let mut found = None;
        while let Some(Idle { connection, since }) = idle.pop() {
            *count = count.saturating_sub(1);
            if since.elapsed() < limits.idle && !connection.sender.is_closed() {
                found = Some(connection);
                break;
            }
        }
        if idle.is_empty() {
            by_receiver.remove(receiver);
        }
        found
    }

    /// Keeps a connection for the next request, unless there are enough.
    pub(crate) fn put(&self, receiver: &Receiver, connection: Connection, limits: &Limits) {
        let mut shelves = self.lock();
        if shelves.count >= limits.idle_connections {
            shelves.drop_stale(limits);
        }
        if shelves.count >= limits.idle_connections {
            return;
        }
        let Shelves { by_receiver, count } = &mut *shelves;
        let idle = by_receiver.entry(receiver.clone()).or_default();
        if idle.len() < IDLE_PER_RECEIVER {
            idle.push(Idle { connection, since: Instant::now() });
            *count = count.saturating_add(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn drop_stale(&mut self, limits: &Limits) {
        self.by_receiver.retain(|_, idle| {
            idle.retain(|idle| idle.since.elapsed() < limits.idle && !idle.connection.sender.is_closed());
            !idle.is_empty()
        });
        self.count = self.by_receiver.values().map(Vec::len).fold(0, usize::saturating_add);
    }
}
