//! What an indexer pushes and reads, and what an operator undoes.

pub(crate) mod health;
pub(crate) mod list;
pub(crate) mod push;
mod pushed;
pub(crate) mod rewind;
