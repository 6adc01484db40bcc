//! `getEvents`: cheap, and proves nothing. A server can leave events out, add and change them, and it shows events of classic
//! transactions, which no hash covers.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use fluxora_indexer::{ChainPosition, ContractEvent, Opaque};
use stellar_xdr::ScVal;

use super::RpcSource;
use super::wire::{EventFilter, EventItem, Events, EventsParams, Pagination};
use crate::decode::decode;
use crate::event::{event_id, topic};
use crate::{Hash, SourceError, WatchList, payload};

/// The most contracts of one filter, and the most filters of one request.
const FILTER_MAX: usize = 5;
const METHOD: &str = "getEvents";

/// A contract event that only a source vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnprovenEvent(pub ContractEvent);

/// Where a page of events begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventsFrom {
    /// With this ledger.
    Ledger(u32),
    /// Where another page ended.
    Cursor(String),
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnprovenPage {
    /// The events of watched contracts in successful transactions.
    pub events: Vec<UnprovenEvent>,
    /// Where the next page begins. It moves on without events too.
    pub cursor: String,
    /// The newest ledger of which the source has given every event, by its own word.
    pub covered_to: u32,
    /// The newest ledger of the source.
    pub latest: u32,
}

impl RpcSource {
    /// Asks for the events of watched contracts, without the tokens' transfers.
    ///
    /// # Errors
    /// [`SourceError`]
    pub async fn events(
        &self,
        watched: &WatchList,
        from: &EventsFrom,
        limit: usize,
    ) -> Result<UnprovenPage, SourceError> {
        let (start_ledger, cursor) = match from {
            EventsFrom::Ledger(ledger) => (Some(*ledger), None),
            EventsFrom::Cursor(cursor) => (None, Some(cursor.clone())),
        };
        let filters = filters(watched)?;
        let params = EventsParams { start_ledger, filters, pagination: Pagination { cursor, limit } };
        let page: Events = self.call(METHOD, Some(params)).await?;
        if matches!(from, EventsFrom::Cursor(cursor) if *cursor == page.cursor && !page.events.is_empty()) {
            return Err(SourceError::RepeatedCursor { cursor: page.cursor });
        }
        let covered_to = covered_to(&page.cursor).ok_or(SourceError::Malformed { expected: METHOD })?;
        let taken = page.events.iter().filter(|event| watched.names(&event.contract_id) && succeeded(event));
        let events = taken.map(|event| read(event).ok_or(SourceError::Malformed { expected: METHOD }));
        Ok(UnprovenPage {
            events: events.collect::<Result<_, _>>()?,
            covered_to: covered_to.min(page.latest_ledger),
            cursor: page.cursor,
            latest: page.latest_ledger,
        })
    }
}

/// Filters of one shape: servers up to 27.1.0 leave events out where filters differ in shape.
fn filters(watched: &WatchList) -> Result<Vec<EventFilter>, SourceError> {
    let contracts: Vec<_> = watched.contracts().collect();
    let limit = FILTER_MAX * FILTER_MAX;
    if contracts.len() > limit {
        return Err(SourceError::TooManyContracts { contracts: contracts.len(), limit });
    }
    let filter = |ids: &[String]| EventFilter { kind: "contract", contract_ids: ids.to_vec() };
    Ok(contracts.chunks(FILTER_MAX).map(filter).collect())
}

fn succeeded(event: &EventItem) -> bool {
    event.kind == "contract" && event.in_successful_contract_call != Some(false)
}

fn read(event: &EventItem) -> Option<UnprovenEvent> {
    let value = |text: &String| decode::<ScVal>(&BASE64_STANDARD.decode(text).ok()?).ok();
    let topics = event.topic.iter().map(value).collect::<Option<Vec<_>>>()?;
    let position = position(&event.id)?;
    Some(UnprovenEvent(ContractEvent {
        id: Opaque::new(&event_id(position)).ok()?,
        position,
        contract: Opaque::new(&event.contract_id).ok()?,
        topic: topic(&topics).ok()?,
        tx_hash: Opaque::new(&event.tx_hash.parse::<Hash>().ok()?.to_string()).ok()?,
        happened_at: event.ledger_closed_at.parse().ok()?,
        payload: Arc::from(payload(&topics, &value(&event.value)?)),
        invocation: None,
    }))
}

/// The position that an event id stands for.
fn position(id: &str) -> Option<ChainPosition> {
    let (place, event) = id.split_once('-')?;
    let (place, event) = (place.parse::<u64>().ok()?, event.parse().ok()?);
    Some(ChainPosition {
        ledger: u32::try_from(place >> 32).ok()?,
        transaction: u32::try_from((place >> 12) & 0xF_FFFF).ok()?,
        operation: u32::try_from(place & 0xFFF).ok()?,
        event,
    })
}

/// The last ledger that a cursor has left behind: its own if it stands at the end of it, the one before if it stands at an event.
fn covered_to(cursor: &str) -> Option<u32> {
    let ChainPosition { ledger, transaction, operation, event } = position(cursor)?;
    let at_end = transaction == 0xF_FFFF && operation == 0xFFF && event == u32::MAX;
    if at_end { Some(ledger) } else { ledger.checked_sub(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_its_position_stand_for_each_other() {
        let id = "0004294967296012288-0000000002";
        let position = position(id).unwrap();
        assert_eq!(position, ChainPosition { ledger: 1_000_000, transaction: 3, operation: 0, event: 2 });
        assert_eq!(event_id(position), id);
        for text in ["", "1", "-", "a-1", "1-a", "1-4294967296", "18446744073709551616-1"] {
            assert_eq!(super::position(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_cursor_at_the_end_of_a_ledger_covers_it_and_one_at_an_event_only_the_ledger_before() {
        let end =
            event_id(ChainPosition { ledger: 7, transaction: 0xF_FFFF, operation: 0xFFF, event: u32::MAX });
        assert_eq!(covered_to(&end), Some(7));
        let event = event_id(ChainPosition { ledger: 7, transaction: 3, operation: 0, event: 2 });
        assert_eq!(covered_to(&event), Some(6));
        assert_eq!(covered_to("0000000000000000000-0000000000"), None);
    }

    #[test]
    fn contracts_are_named_in_filters_of_five_up_to_25_in_all() {
        let list = |count: u8| {
            let id = |id| stellar_strkey::Contract([id; 32]).to_string().as_str().to_owned();
            let ids: Vec<_> = (0..count).map(id).collect();
            WatchList::new(ids.iter().map(String::as_str)).unwrap()
        };
        let sizes = |count| {
            filters(&list(count)).unwrap().iter().map(|filter| filter.contract_ids.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(7), [5, 2]);
        assert_eq!(sizes(25), [5; 5]);
        assert!(matches!(
            filters(&list(26)),
            Err(SourceError::TooManyContracts { contracts: 26, limit: 25 })
        ));
    }
}
