//! The proof of one event, which needs no network, no database and no trust in who hands it over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fluxora_indexer::{ContractEvent, EVENT_PROOF_FORMAT as FORMAT, NotOpaque, ProvenEvents};
use serde::{Deserialize, Serialize};
use stellar_xdr::{InvokeHostFunctionSuccessPreImage, LedgerHeader, TransactionResultSet};
use thiserror::Error;

use crate::decode::decode;
use crate::event::Emitter;
use crate::results::Outcome;
use crate::{Hash, Ledger, LedgerError};

/// The most bytes of a proof's JSON. The results of the fullest ledgers have about 1 MB.
pub const PROOF_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Everything between an event and the hash of its ledger.
///
/// [`EventProof::verify`] follows it from the event up: the preimage has the hash that the transaction's result names, the
/// results have the hash that the header names, and the header has the ledger's hash. Whether that ledger is on the public
/// chain is one look at any other node or explorer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventProof {
    ledger: Arc<LedgerProof>,
    /// 1-based position in the results.
    transaction: u32,
    preimage: Arc<[u8]>,
    /// Index in the events of the preimage.
    event: u32,
}

/// The part of a proof that all events of a ledger share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LedgerProof {
    /// XDR of `LedgerHeader`.
    pub(crate) header: Arc<[u8]>,
    /// XDR of `TransactionResultSet`.
    pub(crate) results: Arc<[u8]>,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEvent {
    /// The ledger. Compare its hash with that of an independent source.
    pub ledger: Ledger,
    /// The event, read from the proof's own bytes.
    pub event: ContractEvent,
}

/// Why a proof proves nothing.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The JSON has too many bytes.
    #[error("a proof has at most {PROOF_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// The text is not the JSON of a proof.
    #[error("not a proof")]
    Json(#[source] serde_json::Error),
    /// The proof has another format.
    #[error("the proof has the format {format:?}, this program reads {FORMAT:?}")]
    Format {
        /// The format it names.
        format: String,
    },
    /// A part is not base64.
    #[error("{part} is not base64")]
    Base64 {
        /// The member of the JSON.
        part: &'static str,
    },
    /// A part is not the XDR that it should be.
    #[error("{part} cannot be decoded")]
    Xdr {
        /// The member of the JSON.
        part: &'static str,
        /// What the decoder says.
        #[source]
        source: stellar_xdr::Error,
    },
    /// The header says something that no ledger does.
    #[error(transparent)]
    Ledger(LedgerError),
    /// The results are not those of the header.
    #[error("the results have the hash {computed}, the header commits to {committed}")]
    Results {
        /// `txSetResultHash` of the header.
        committed: Hash,
        /// The hash of the results.
        computed: Hash,
    },
    /// The results have no successful invocation at the named position.
    #[error("transaction {transaction} is not a successful invocation")]
    NotAnInvocation {
        /// 1-based position in the results.
        transaction: u32,
    },
    /// The preimage is not that of the result.
    #[error("the preimage has the hash {computed}, the result commits to {committed}")]
    Preimage {
        /// The hash in the result.
        committed: Hash,
        /// The hash of the preimage.
        computed: Hash,
    },
    /// The preimage has no event with the named index.
    #[error("the transaction has no event with index {event}")]
    NoSuchEvent {
        /// 0-based index.
        event: u32,
    },
    /// An id, a contract or a topic of the event has no valid text.
    #[error("the event cannot be named")]
    Unnamed(#[from] NotOpaque),
    /// The proof proves another event than it names.
    #[error("the proof names the event {named}, and proves {proven}")]
    OtherEvent {
        /// The event id in the JSON.
        named: String,
        /// The id of the event that is proven.
        proven: String,
    },
    /// The proof proves an event of another ledger than it names.
    #[error("the proof names the ledger {named}, and proves {proven}")]
    OtherLedger {
        /// The ledger's hash in the JSON.
        named: String,
        /// The hash of the ledger that is proven.
        proven: Hash,
    },
}

/// The JSON. `eventId` and `ledgerHash` only say what to expect; they are compared with what the rest proves.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    format: String,
    event_id: String,
    ledger_hash: String,
    header_xdr: String,
    result_set_xdr: String,
    transaction: u32,
    preimage_xdr: String,
    event: u32,
}

impl EventProof {
    pub(crate) fn new(ledger: Arc<LedgerProof>, transaction: u32, preimage: Arc<[u8]>, event: u32) -> Self {
        Self { ledger, transaction, preimage, event }
    }

    /// The proof as it is stored: of this event alone.
    pub(crate) fn of_ledger(&self, ledger: u32) -> fluxora_indexer::LedgerProof {
        fluxora_indexer::LedgerProof {
            ledger,
            header: Arc::clone(&self.ledger.header),
            results: Arc::clone(&self.ledger.results),
            preimages: BTreeMap::from([(self.transaction, Arc::clone(&self.preimage))]),
            events: ProvenEvents(BTreeSet::from([(self.transaction, self.event)])),
        }
    }

    /// Follows the proof from the event to the hash of the ledger.
    ///
    /// # Errors
    /// [`ProofError`] with the first step that does not hold.
    pub fn verify(&self) -> Result<ProvenEvent, ProofError> {
        let header: LedgerHeader = decode_part("headerXdr", &self.ledger.header)?;
        let ledger = Ledger::read(&header, Hash::of(&self.ledger.header)).map_err(ProofError::Ledger)?;

        let (committed, computed) = (Hash::from(&header.tx_set_result_hash), Hash::of(&self.ledger.results));
        if committed != computed {
            return Err(ProofError::Results { committed, computed });
        }
        let results: TransactionResultSet = decode_part("resultSetXdr", &self.ledger.results)?;
        let transaction = self.transaction;
        let place = transaction.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let pair = place.and_then(|place| results.results.get(place));
        let Some((pair, Outcome::Invoked(committed))) = pair.map(|pair| (pair, Outcome::of(&pair.result)))
        else {
            return Err(ProofError::NotAnInvocation { transaction });
        };

        let computed = Hash::of(&self.preimage);
        if committed != computed {
            return Err(ProofError::Preimage { committed, computed });
        }
        let preimage: InvokeHostFunctionSuccessPreImage = decode_part("preimageXdr", &self.preimage)?;
        let event = usize::try_from(self.event).ok().and_then(|index| preimage.events.get(index));
        let event = event.ok_or(ProofError::NoSuchEvent { event: self.event })?;
        let emitter = Emitter { ledger: &ledger, transaction, hash: Hash::from(&pair.transaction_hash) };
        Ok(ProvenEvent { ledger, event: emitter.event(self.event, event)? })
    }

    /// The proof as JSON.
    ///
    /// # Errors
    /// [`ProofError`] if it does not hold. What does not hold is not handed out.
    pub fn to_json(&self) -> Result<String, ProofError> {
        let ProvenEvent { ledger, event } = self.verify()?;
        let wire = Wire {
            format: FORMAT.to_owned(),
            event_id: event.id.to_string(),
            ledger_hash: ledger.hash.to_string(),
            header_xdr: BASE64_STANDARD.encode(&self.ledger.header),
            result_set_xdr: BASE64_STANDARD.encode(&self.ledger.results),
            transaction: self.transaction,
            preimage_xdr: BASE64_STANDARD.encode(&self.preimage),
            event: self.event,
        };
        serde_json::to_string_pretty(&wire).map_err(ProofError::Json)
    }

    /// Reads the JSON of a proof and verifies it.
    ///
    /// # Errors
    /// [`ProofError`]: the first fault.
    pub fn verify_json(json: &str) -> Result<ProvenEvent, ProofError> {
        if json.len() > PROOF_BYTES_MAX {
            return Err(ProofError::TooLong { bytes: json.len() });
        }
        let wire: Wire = serde_json::from_str(json).map_err(ProofError::Json)?;
        if wire.format != FORMAT {
            return Err(ProofError::Format { format: wire.format });
        }
        let ledger = LedgerProof {
            header: decode_base64("headerXdr", &wire.header_xdr)?.into(),
            results: decode_base64("resultSetXdr", &wire.result_set_xdr)?.into(),
        };
        let preimage = decode_base64("preimageXdr", &wire.preimage_xdr)?;
        let proven = Self::new(Arc::new(ledger), wire.transaction, preimage.into(), wire.event).verify()?;
        if proven.event.id.as_str() != wire.event_id {
            return Err(ProofError::OtherEvent { named: wire.event_id, proven: proven.event.id.to_string() });
        }
        if proven.ledger.hash.to_string() != wire.ledger_hash {
            return Err(ProofError::OtherLedger { named: wire.ledger_hash, proven: proven.ledger.hash });
        }
        Ok(proven)
    }
}

fn decode_part<T: stellar_xdr::ReadXdr>(part: &'static str, xdr: &[u8]) -> Result<T, ProofError> {
    decode(xdr).map_err(|source| ProofError::Xdr { part, source })
}

fn decode_base64(part: &'static str, text: &str) -> Result<Vec<u8>, ProofError> {
    BASE64_STANDARD.decode(text).map_err(|_| ProofError::Base64 { part })
}
