//! XDR into values, and values back into the bytes that hashes are computed from.

use std::io::Cursor;

use stellar_xdr::{
    Error, LedgerCloseMeta, LedgerCloseMetaExt, LedgerHeaderHistoryEntry, Limited, Limits, ReadXdr, WriteXdr,
};

use crate::Undecodable;

/// The most bytes of one ledger's XDR. The largest ledgers of the public network have about 2 MB.
pub const LEDGER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The deepest nesting of XDR that is decoded. Real ledgers need less than 100; the network itself limits a value to 500.
pub const DEPTH_MAX: u32 = 1000;

/// The newest protocol that the XDR definitions of this build describe.
pub const PROTOCOL_KNOWN: u32 = 30;

/// Decodes one `LedgerCloseMeta`. Trailing bytes are refused.
///
/// # Errors
/// [`Undecodable`], with the sequence and the protocol where the header can be read.
pub fn decode_ledger(xdr: &[u8]) -> Result<LedgerCloseMeta, Undecodable> {
    let decoded = if xdr.len() > LEDGER_BYTES_MAX { Err(Error::LengthLimitExceeded) } else { decode(xdr) };
    decoded.map_err(|source| {
        let header = peek(xdr).ok();
        Undecodable {
            ledger: header.as_ref().map(|header| header.header.ledger_seq),
            protocol: header.as_ref().map(|header| header.header.ledger_version),
            source,
        }
    })
}

/// Decodes a value that takes up all of `xdr`.
pub(crate) fn decode<T: ReadXdr>(xdr: &[u8]) -> Result<T, Error> {
    T::read_xdr_to_end(&mut Limited::new(Cursor::new(xdr), limits(xdr)))
}

/// Appends the XDR of a value.
pub(crate) fn append(to: &mut Vec<u8>, value: &impl WriteXdr) -> Result<(), Error> {
    value.write_xdr(&mut Limited::new(to, Limits { depth: DEPTH_MAX, len: LEDGER_BYTES_MAX }))
}

/// The XDR of a value.
pub(crate) fn encode(value: &impl WriteXdr) -> Result<Vec<u8>, Error> {
    let mut xdr = Vec::new();
    append(&mut xdr, value)?;
    Ok(xdr)
}

fn limits(xdr: &[u8]) -> Limits {
    Limits { depth: DEPTH_MAX, len: xdr.len() }
}

/// Reads the header of a ledger whose rest may be of a later protocol.
fn peek(xdr: &[u8]) -> Result<LedgerHeaderHistoryEntry, Error> {
    let from = &mut Limited::new(Cursor::new(xdr), limits(xdr));
    if i32::read_xdr(from)? > 0 {
        LedgerCloseMetaExt::read_xdr(from)?;
    }
    LedgerHeaderHistoryEntry::read_xdr(from)
}
