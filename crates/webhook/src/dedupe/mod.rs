//! Acting once on a delivery that arrives more than once.

pub(crate) mod asynchronous;
pub(crate) mod guard;
pub(crate) mod key;
pub(crate) mod memory;
