#![doc = include_str!("../README.md")]

mod calls;
mod decode;
mod entries;
mod error;
mod event;
mod hash;
mod http;
mod json;
mod lake;
mod ledger;
mod proof;
mod results;
mod rpc;
mod source;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod verify;
mod watch;

pub use decode::{DEPTH_MAX, LEDGER_BYTES_MAX, PROTOCOL_KNOWN, decode_ledger};
pub use error::{LedgerError, Link, Undecodable};
pub use event::{UnverifiableTransaction, VerifiedEvent};
pub use hash::{Hash, NotAHash};
pub use http::{HttpClient, HttpLimits};
pub use json::{payload, value_to_json};
pub use lake::{LakeLayout, LakeSource};
pub use ledger::Ledger;
pub use proof::{EventProof, PROOF_BYTES_MAX, ProofError, ProvenEvent};
pub use rpc::{EventsFrom, RpcSource, UnprovenEvent, UnprovenPage};
pub use source::{
    Advice, Choice, EndpointState, EndpointStatus, Endpoints, ForkTrial, LedgerRange, LedgerSource, Page,
    SourceError, Testimony, Verdict, check_network, fetch,
};
pub use verify::{VerifiedLedger, verify};
pub use watch::{NotAContract, WatchList};

/// The XDR of the network. Ledgers are decoded with [`decode_ledger`], which limits depth and length.
pub use stellar_xdr::LedgerCloseMeta;
