//! Ledgers with real hashes, for tests: built by hand ([`Chain`]) or from recorded scenarios ([`scenarios`]). They are served by
//! a Stellar RPC ([`FakeRpc`]) and a data lake ([`write_lake`], [`FileServer`]) that behave as real ones do, faults included.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod chain;
mod http_server;
mod lake;
mod recorded;
mod rpc;
mod rpc_answers;
mod transaction;

pub use chain::{Chain, NETWORK_PASSPHRASE, Shape, header_of, without_events};
pub use http_server::Fault;
pub use lake::{FileServer, write_lake};
pub use recorded::{RecordedEvent, Scenario, Step, scenarios};
pub use rpc::FakeRpc;
pub use transaction::TestTransaction;

use crate::decode::{decode, encode};

/// The XDR of a value.
pub fn to_xdr(value: &impl stellar_xdr::WriteXdr) -> Vec<u8> {
    encode(value).expect("a built value is within the limits")
}

/// The value that XDR stands for.
pub fn from_xdr<T: stellar_xdr::ReadXdr>(xdr: &[u8]) -> T {
    decode(xdr).expect("the XDR is that of the type")
}

/// Decompresses Zstandard data.
pub fn unzstd(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut decoder =
        ruzstd::decoding::StreamingDecoder::new(bytes).expect("the data has a Zstandard header");
    std::io::Read::read_to_end(&mut decoder, &mut decoded).expect("the data can be decompressed");
    decoded
}
