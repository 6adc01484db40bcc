use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::{Class, Connection, Phase};
use crate::metrics::ConnectionMetrics;

/// The open connections of one thread, and those that wait for a head, in the order in which they began to wait.
///
/// A connection beyond the bound replaces the one that has waited longest. If every connection is being answered, it is
/// reserved for probes; beyond those, it is refused. Connections that follow the event feed are not counted: the feed bounds
/// them.
pub(crate) struct Registry {
    bounds: Bounds,
    metrics: Arc<ConnectionMetrics>,
    open: Cell<usize>,
    reserved: Cell<usize>,
    turns: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Weak<Connection>>>,
}

/// The most connections of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// For requests of every kind.
    pub(crate) open: usize,
    /// More for probes.
    pub(crate) reserved: usize,
}

impl Registry {
    /// A registry of one thread. `metrics` counts for all threads.
    pub(crate) fn new(bounds: Bounds, metrics: Arc<ConnectionMetrics>) -> Rc<Self> {
        let (open, reserved) = (Cell::new(0), Cell::new(0));
        Rc::new(Self { bounds, metrics, open, reserved, turns: Cell::new(0), waiting: RefCell::default() })
    }

    /// Counts a new connection, or refuses it.
    pub(super) fn open(self: &Rc<Self>) -> Option<Rc<Connection>> {
        let class = if self.open.get() < self.bounds.open || self.evict_longest_waiting() {
            Class::Open
        } else if self.reserved.get() < self.bounds.reserved {
            Class::Reserved
        } else {
            self.metrics.refuse();
            return None;
        };
        self.enter(class);
        let connection = Rc::new(Connection {
            registry: Rc::clone(self),
            class: Cell::new(class),
            phase: Cell::new(Phase::Waiting { draining: false }),
            requests: Cell::new(0),
            turn: Cell::new(None),
            reader: RefCell::default(),
        });
        self.wait(&connection);
        Some(connection)
    }

    pub(super) fn enter(&self, class: Class) {
        self.metrics.enter(class);
        if let Some(count) = self.count(class) {
            count.set(count.get().saturating_add(1));
        }
    }

    pub(super) fn leave(&self, class: Class) {
        self.metrics.leave(class);
        if let Some(count) = self.count(class) {
            count.set(count.get().saturating_sub(1));
        }
    }

    const fn count(&self, class: Class) -> Option<&Cell<usize>> {
        match class {
            Class::Open => Some(&self.open),
            Class::Reserved => Some(&self.reserved),
            Class::Follows => None,
        }
    }

    /// Adds a connection to the end of those that wait. Reserved ones serve one request and are not replaced.
    pub(super) fn wait(&self, connection: &Rc<Connection>) {
        if connection.class.get() != Class::Open {
            return;
        }
        let turn = self.turns.get();
        self.turns.set(turn.wrapping_add(1));
        connection.turn.set(Some(turn));
        self.waiting.borrow_mut().insert(turn, Rc::downgrade(connection));
    }

    pub(super) fn end_wait(&self, connection: &Connection) {
        if let Some(turn) = connection.turn.take() {
            self.waiting.borrow_mut().remove(&turn);
        }
    }

    fn evict_longest_waiting(&self) -> bool {
        let longest = self.waiting.borrow_mut().pop_first();
        let Some(connection) = longest.and_then(|(_, connection)| connection.upgrade()) else { return false };
        connection.turn.set(None);
        self.metrics.evict();
        connection.evict();
        true
    }
}
