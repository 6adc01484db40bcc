use std::sync::atomic::{AtomicU64, Ordering};

use fluxora_metrics::Counter;

use crate::connection::Class;

/// The connections of the server, all its threads together.
#[derive(Debug, Default)]
pub(crate) struct ConnectionMetrics {
    open: [AtomicU64; Class::ALL.len()],
    refused: Counter,
    evicted: Counter,
}

impl ConnectionMetrics {
    fn of(&self, class: Class) -> &AtomicU64 {
        let [open, reserved, follows] = &self.open;
        match class {
            Class::Open => open,
            Class::Reserved => reserved,
            Class::Follows => follows,
        }
    }

    /// Counts a connection in a class.
    pub(crate) fn enter(&self, class: Class) {
        self.of(class).fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back what [`enter`](Self::enter) counted.
    pub(crate) fn leave(&self, class: Class) {
        self.of(class).fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self) {
        self.refused.increment();
    }

    pub(crate) fn evict(&self) {
        self.evicted.increment();
    }

    /// Open connections by class.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Class::ALL.into_iter().map(|class| (class.as_str(), self.of(class).load(Ordering::Relaxed)))
    }

    /// Connections that were closed at once.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.value()
    }

    /// Waiting connections that were closed for others.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.value()
    }
}
