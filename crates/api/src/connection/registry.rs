use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::{Connection, Phase};

/// The open connections of one thread, and those that wait for a head, in the order in which they began to wait.
///
/// A connection beyond the bound replaces the one that has waited longest. If every connection is being answered, it is
/// reserved for probes.
pub(crate) struct Registry {
    max: usize,
    open: Cell<usize>,
    turns: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Weak<Connection>>>,
}

impl Registry {
    pub(crate) fn new(max: usize) -> Rc<Self> {
        Rc::new(Self { max, open: Cell::new(0), turns: Cell::new(0), waiting: RefCell::default() })
    }

    pub(super) fn open(self: &Rc<Self>) -> Rc<Connection> {
        let is_full = self.open.get() >= self.max;
        let reserved = is_full && !self.evict_longest_waiting();
        self.open.set(self.open.get().saturating_add(1));
        let connection = Rc::new(Connection {
            registry: Rc::clone(self),
            reserved,
            phase: Cell::new(Phase::Waiting { draining: false }),
            requests: Cell::new(0),
            turn: Cell::new(None),
            reader: RefCell::default(),
        });
        self.wait(&connection);
        connection
    }

    pub(super) fn wait(&self, connection: &Rc<Connection>) {
        let turn = self.turns.get();
        self.turns.set(turn.wrapping_add(1));
        connection.turn.set(Some(turn));
        self.waiting.borrow_mut().insert(turn, Rc::downgrade(connection));
    }

    pub(super) fn leave(&self, connection: &Connection) {
        if let Some(turn) = connection.turn.take() {
            self.waiting.borrow_mut().remove(&turn);
        }
    }

    pub(super) fn close(&self, connection: &Connection) {
        self.leave(connection);
        self.open.set(self.open.get().saturating_sub(1));
    }

    fn evict_longest_waiting(&self) -> bool {
        let longest = self.waiting.borrow_mut().pop_first();
        let Some(connection) = longest.and_then(|(_, connection)| connection.upgrade()) else { return false };
        connection.turn.set(None);
        connection.evict();
        true
    }
}
