use std::fmt;

use actix_web::{HttpRequest, HttpResponse};
use fluxora_indexer::{ChainPosition, Opaque, Verification};
use fluxora_store::chain::{ContractEventPage, ContractEventQuery, EventCursor, ListedEvent};
use fluxora_store::{CorruptRow, Store, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cursor::{self, Cursor, quoted};
use crate::doc::{CONTRACT, Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::page_bytes::MAX_BYTES;
use crate::query::Query;
use crate::routes::State;
use crate::view::Instant;

const MAX_LIMIT: u32 = 1_000;
const DEFAULT_LIMIT: u32 = 100;
/// Bytes of an event beside its payload, about.
const OTHER_BYTES: usize = 512;
/// Events that are read at a time.
const PART: u32 = 16;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query("fromLedger", "The first ledger, included", "1000"),
        query("toLedger", "The last ledger, included", "2000"),
        query("contractId", "Events of this contract", CONTRACT),
        query("topic", "Events with this topic", "created"),
        query("limit", "Events per page: 1 to 1000, 100 by default", "100"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
    ],
    errors: &[ErrorKind::Unauthorized, ErrorKind::IndexerNotConfigured],
    ..Doc::new(
        "List stored contract events",
        &[response(200, "ContractEvents", "A page of contract events in chain order, each as it was pushed")],
    )
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "ContractEvents"))]
pub(crate) struct Page {
    events: Vec<EventView>,
    /// The events of the page that the network proves. The others were pushed.
    proven_event_ids: Vec<String>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A contract event in the fields of its push.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "ContractEvent"))]
struct EventView {
    event_id: String,
    ledger: u32,
    ledger_hash: String,
    contract_id: String,
    topic: String,
    tx_hash: String,
    tx_index: u32,
    operation_index: u32,
    event_index: u32,
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    payload: Box<RawValue>,
    happened_at: Instant,
}

/// `GET /internal/indexer/events`: the stored contract events in chain order.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let limit = query.limit_up_to(MAX_LIMIT, DEFAULT_LIMIT);
    let ledger = |query: &mut Query, name| {
        query.parsed(name, FieldCode::InvalidValue, "a whole number from 0 to 4294967295", number)
    };
    let from_ledger = ledger(&mut query, "fromLedger");
    let to_ledger = ledger(&mut query, "toLedger");
    let opaque = |query: &mut Query, name| {
        query.parsed(name, FieldCode::InvalidValue, "1 to 128 characters", |text| Opaque::new(text).ok())
    };
    let contract = query.contract("contractId").and_then(|contract| Opaque::new(&contract.to_string()).ok());
    let topic = opaque(&mut query, "topic");
    let first = [
        from_ledger.map(|ledger| ledger.to_string()),
        to_ledger.map(|ledger| ledger.to_string()),
        contract.as_ref().map(|contract| quoted(contract.as_str())),
        topic.as_ref().map(|topic| quoted(topic.as_str())),
    ];
    let list = cursor::describe(&first, &[]);
    let after =
        query.parsed("cursor", FieldCode::InvalidCursor, "the nextCursor of this list's last page", |text| {
            Some((EventPosition::parse(text, &list)?, text.to_owned()))
        });
    query.finish()?;
    let (after, given) = after.unzip();
    let query = ContractEventQuery { from_ledger, to_ledger, contract, topic, after, limit };
    let page = page(api.store(), query).await?;
    let last = page.events.last().map(|last| EventPosition { event: last, list: &list }.to_string());
    // The last page has a cursor too: a client that follows the list sends it again.
    let next_cursor = last.or(given);
    let is_proven = |listed: &&ListedEvent| listed.verification == Verification::L3;
    let proven = page.events.iter().filter(is_proven);
    let proven_event_ids = proven.map(|listed| listed.event.id.to_string()).collect();
    let events = page.events.into_iter().map(EventView::of).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(Page { events, proven_event_ids, has_more: page.more, next_cursor }))
}

/// Reads a page in parts, so that neither it nor a part of it is larger than the events of [`PART`] above [`MAX_BYTES`].
async fn page(store: &dyn Store, query: ContractEventQuery) -> Result<ContractEventPage, StoreError> {
    let (mut page, mut query, mut bytes) =
        (ContractEventPage { events: Vec::new(), more: true }, query, 0_usize);
    let mut left = query.limit;
    while page.more && left > 0 && bytes < MAX_BYTES {
        query.limit = left.min(PART);
        let part = store.contract_events(&query).await?;
        page.more = part.more;
        for listed in part.events {
            if bytes >= MAX_BYTES {
                page.more = true;
                break;
            }
            let event = &listed.event;
            bytes = bytes.saturating_add(event.payload.as_ref().len()).saturating_add(OTHER_BYTES);
            left = left.saturating_sub(1);
            query.after = Some(EventCursor { position: event.position, id: event.id.clone() });
            page.events.push(listed);
        }
    }
    Ok(page)
}

/// Digits only: `u32::from_str` also accepts a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl EventView {
    fn of(listed: ListedEvent) -> Result<Self, StoreError> {
        let ListedEvent { event, ledger_hash, verification: _ } = listed;
        let payload =
            RawValue::from_string(event.payload.as_ref().to_owned()).map_err(|error| CorruptRow {
                table: "contract_events",
                column: "payload",
                row: event.id.to_string(),
                reason: format!("not JSON, at character {}", error.column()),
            })?;
        Ok(Self {
            event_id: event.id.to_string(),
            ledger: event.position.ledger,
            ledger_hash: ledger_hash.to_string(),
            contract_id: event.contract.to_string(),
            topic: event.topic.to_string(),
            tx_hash: event.tx_hash.to_string(),
            tx_index: event.position.transaction,
            operation_index: event.position.operation,
            event_index: event.position.event,
            payload,
            happened_at: Instant(event.happened_at),
        })
    }
}

/// A cursor of this list: a [`Cursor`] for ledger and transaction, one for operation and event, and the event id in hex.
struct EventPosition<'a> {
    event: &'a ListedEvent,
    list: &'a str,
}

impl fmt::Display for EventPosition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.event.event;
        let ChainPosition { ledger, transaction, operation, event: index } = event.position;
        let pair = |high: u32, low: u32| Cursor::at(u64::from(high) << 32 | u64::from(low), self.list);
        write!(f, "{}{}", pair(ledger, transaction), pair(operation, index))?;
        event.id.as_str().bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl EventPosition<'_> {
    fn parse(text: &str, list: &str) -> Option<EventCursor> {
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
}
