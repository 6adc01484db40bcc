//! Limits of one TCP connection: one request at a time, time limits for every head, body and answer, and a bound on open
//! connections.
//!
//! The framework bounds the time of a connection's first head only, and decodes every pipelined request that is readable.
//! [`GuardedStream`] stands between it and the socket: it passes one request at a time, and ends a connection whose peer
//! makes no progress. [`hold`] reports when a request begins and when its answer has been handed over.

mod cut;
mod hold;
mod registry;
mod stream;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

pub(crate) use hold::{body_ended, follows, hold, is_reserved};
pub(crate) use registry::{Bounds, Registry};
pub(crate) use stream::GuardedStream;

/// What a connection counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It serves every request.
    Open,
    /// Accepted beyond the bound: it serves probes only, and one request.
    Reserved,
    /// Its request follows the event feed, until it is answered.
    Follows,
}

impl Class {
    /// Every class.
    pub(crate) const ALL: [Self; 3] = [Self::Open, Self::Reserved, Self::Follows];

    /// Its name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reserved => "reserved",
            Self::Follows => "follows",
        }
    }
}

/// What a connection may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The next head. `draining`: the last request was answered before its body had ended, and the rest is still to come.
    Waiting { draining: bool },
    /// The body of the request that is being answered.
    Busy(Body),
    /// Nothing: the whole answer was handed over, and the socket has not taken all of it.
    Flushing { draining: bool },
    /// Nothing: the connection was closed in favour of another.
    Evicted,
}

/// The rest of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// At most so many bytes.
    Sized(u64),
    /// Chunks, up to the last one.
    Chunked,
}

impl Body {
    const NONE: Self = Self::Sized(0);
}

/// The state that a stream shares with the requests that arrive on it.
pub(crate) struct Connection {
    registry: Rc<Registry>,
    class: Cell<Class>,
    phase: Cell<Phase>,
    /// The requests that have begun.
    requests: Cell<u64>,
    /// The order among the waiting connections of the registry.
    turn: Cell<Option<u64>>,
    reader: RefCell<Option<Waker>>,
}

impl Connection {
    fn begin(&self, body: Body) {
        self.phase.set(Phase::Busy(body));
        self.requests.set(self.requests.get().wrapping_add(1));
        self.registry.end_wait(self);
    }

    fn body_ended(&self) {
        if let Phase::Busy(_) = self.phase.get() {
            self.phase.set(Phase::Busy(Body::NONE));
        }
    }

    fn follow(&self) {
        if self.class.get() == Class::Open {
            self.set_class(Class::Follows);
        }
    }

    fn set_class(&self, class: Class) {
        self.registry.leave(self.class.replace(class));
        self.registry.enter(class);
    }

    fn answered(&self) {
        if self.class.get() == Class::Follows {
            self.set_class(Class::Open);
        }
        if let Phase::Busy(body) = self.phase.get() {
            self.phase.set(Phase::Flushing { draining: body != Body::NONE });
        }
    }

    /// The socket has taken everything that was handed over. From here on the connection may be closed in favour of another.
    fn flushed(self: &Rc<Self>) {
        if let Phase::Flushing { draining } = self.phase.get() {
            self.phase.set(Phase::Waiting { draining });
            self.registry.wait(self);
            self.wake();
        }
    }

    fn evict(&self) {
        self.phase.set(Phase::Evicted);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.reader.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.registry.end_wait(self);
        self.registry.leave(self.class.get());
    }
}
