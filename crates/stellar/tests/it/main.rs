//! The crate from outside: real ledgers, recorded events, and ledgers that lie.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up must fail"
)]

mod bit_flips;
mod calls;
mod decoding;
mod entries;
mod events;
mod forgeries;
mod lake;
mod proofs;
mod real_ledgers;
mod recorded_events;
mod rpc;
mod samples;
