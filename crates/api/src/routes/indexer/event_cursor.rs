//! A cursor of the list of contract events in chain order: a [`Cursor`] for ledger and transaction, one for operation and
//! event, and the event id in hex.

use std::fmt;

use fluxora_indexer::{ChainPosition, Opaque};
use fluxora_store::chain::EventCursor;

use crate::cursor::Cursor;

pub(super) fn written(cursor: &EventCursor, list: &str) -> String {
    let ChainPosition { ledger, transaction, operation, event } = cursor.position;
    let pair = |high: u32, low: u32| Cursor::at(u64::from(high) << 32 | u64::from(low), list);
    format!("{}{}{}", pair(ledger, transaction), pair(operation, event), Hex(cursor.id.as_str()))
}

/// The bytes of a text in hex.
struct Hex<'a>(&'a str);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

pub(super) fn parse(text: &str, list: &str) -> Option<EventCursor> {
    let (first, rest) = text.split_at_checked(Cursor::LENGTH)?;
    let (second, id) = rest.split_at_checked(Cursor::LENGTH)?;
    let pair = |text| {
        let position = Cursor::parse(text, list)?.position;
        Some((u32::try_from(position >> 32).ok()?, u32::try_from(position & u64::from(u32::MAX)).ok()?))
    };
    let ((ledger, transaction), (operation, event)) = (pair(first)?, pair(second)?);
    let bytes = id.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let id = String::from_utf8(bytes.collect::<Option<_>>()?).ok()?;
    let position = ChainPosition { ledger, transaction, operation, event };
    Some(EventCursor { position, id: Opaque::new(&id).ok()? })
}
