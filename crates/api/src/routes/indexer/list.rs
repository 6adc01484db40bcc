use actix_web::{HttpRequest, HttpResponse};
use fluxora_indexer::{InvocationSource, Opaque, Verification};
use fluxora_store::chain::{Arrivals, ContractEventPage, ContractEventQuery, EventCursor, ListedEvent};
use fluxora_store::{CorruptRow, Sequence, Store, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::event_cursor;
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
        query("order", "`chain` (default), or `arrival`: the order in which events were stored", "arrival"),
        query("limit", "Events per page: 1 to 1000, 100 by default", "100"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
    ],
    errors: &[ErrorKind::Unauthorized, ErrorKind::IndexerNotConfigured],
    ..Doc::new(
        "List stored contract events",
        &[response(
            200,
            "ContractEvents",
            "A page of contract events, in the form in which they were pushed",
        )],
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
    /// The events of the page whose invocation is the transaction itself, which the network proves.
    proven_invocations: Vec<String>,
    /// The events of the page whose invocation the transaction authorizes. Those of the others were pushed.
    authorized_invocations: Vec<String>,
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
    /// The call in which the event was emitted, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation: Option<InvocationView>,
}

/// A call of the contract.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Invocation"))]
struct InvocationView {
    contract_id: String,
    function: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Arguments"))]
    arguments: Box<RawValue>,
}

/// The order of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Chain,
    Arrival,
}

/// `GET /internal/indexer/events`: the stored contract events, in chain order or in the order of arrival.
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
    let order = query.parsed("order", FieldCode::InvalidValue, "chain or arrival", |text| match text {
        "chain" => Some(Order::Chain),
        "arrival" => Some(Order::Arrival),
        _ => None,
    });
    let by_arrival = order == Some(Order::Arrival);
    let first = [
        from_ledger.map(|ledger| ledger.to_string()),
        to_ledger.map(|ledger| ledger.to_string()),
        contract.as_ref().map(|contract| quoted(contract.as_str())),
        topic.as_ref().map(|topic| quoted(topic.as_str())),
    ];
    let list = cursor::describe(&first, &[("order", by_arrival.then(|| "arrival".to_owned()))]);
    let after =
        query.parsed("cursor", FieldCode::InvalidCursor, "the nextCursor of this list's last page", |text| {
            let position = match by_arrival {
                true => Position::Arrival(Sequence(Cursor::parse(text, &list)?.position)),
                false => Position::Chain(event_cursor::parse(text, &list)?),
            };
            Some((position, text.to_owned()))
        });
    query.finish()?;
    let (after, given) = after.unzip();
    let query = ContractEventQuery {
        from_ledger,
        to_ledger,
        contract,
        topic,
        limit,
        ..ContractEventQuery::default()
    };
    let query = match after {
        Some(Position::Chain(after)) => ContractEventQuery { after: Some(after), ..query },
        Some(Position::Arrival(after)) => {
            ContractEventQuery { arrivals: Some(Arrivals::after(after)), ..query }
        }
        None if by_arrival => ContractEventQuery { arrivals: Some(Arrivals::after(Sequence(0))), ..query },
        None => query,
    };
    let (page, next) = page(api.store(), query).await?;
    // The last page has a cursor too: a client that follows the list sends it again.
    let begin = by_arrival.then(|| Position::Arrival(Sequence(0)).written(&list));
    let next_cursor = next.map(|next| next.written(&list)).or(given).or(begin);
    let is_proven = |listed: &&ListedEvent| listed.verification == Verification::L3;
    let proven = page.events.iter().filter(is_proven);
    let proven_event_ids = proven.map(|listed| listed.event.id.to_string()).collect();
    let by_source = |is_meant: fn(&InvocationSource) -> bool| {
        let meant = page
            .events
            .iter()
            .filter(|listed| listed.event.invocation.as_ref().is_some_and(|call| is_meant(call.source())));
        meant.map(|listed| listed.event.id.to_string()).collect::<Vec<_>>()
    };
    let proven_invocations = by_source(|source| *source == InvocationSource::Proven);
    let authorized_invocations = by_source(|source| matches!(source, InvocationSource::Authorized { .. }));
    let events = page.events.into_iter().map(EventView::of).collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(Page {
        events,
        proven_event_ids,
        proven_invocations,
        authorized_invocations,
        has_more: page.more,
        next_cursor,
    }))
}

/// Where a page ends.
enum Position {
    Chain(EventCursor),
    Arrival(Sequence),
}

impl Position {
    fn written(&self, list: &str) -> String {
        match self {
            Self::Chain(cursor) => event_cursor::written(cursor, list),
            Self::Arrival(Sequence(number)) => Cursor::at(*number, list).to_string(),
        }
    }

    /// The position of a listed event, in the order of the query.
    fn of(listed: &ListedEvent, query: &ContractEventQuery) -> Self {
        match query.arrivals {
            Some(_) => Self::Arrival(listed.arrival),
            None => Self::Chain(EventCursor { position: listed.event.position, id: listed.event.id.clone() }),
        }
    }
}

/// Reads a page in parts, so that neither it nor a part of it is larger than the events of [`PART`] above [`MAX_BYTES`].
/// All parts look through one window of events. The position is the last one that was looked at.
async fn page(
    store: &dyn Store,
    mut query: ContractEventQuery,
) -> Result<(ContractEventPage, Option<Position>), StoreError> {
    let mut page = ContractEventPage { more: true, ..ContractEventPage::default() };
    let (mut next, mut bytes, mut left) = (None, 0_usize, query.limit);
    while page.more && left > 0 && bytes < MAX_BYTES {
        query.limit = left.min(PART);
        let part = store.contract_events(&query).await?;
        page.more = part.more;
        query.until = part.until;
        let is_full = u32::try_from(part.events.len()) == Ok(query.limit);
        for listed in part.events {
            if bytes >= MAX_BYTES {
                page.more = true;
                break;
            }
            let event = &listed.event;
            let call = event.invocation.as_ref().map_or(0, |call| call.arguments().len());
            bytes = bytes.saturating_add(event.payload.as_ref().len()).saturating_add(call);
            bytes = bytes.saturating_add(OTHER_BYTES);
            left = left.saturating_sub(1);
            let position = Position::of(&listed, &query);
            match (&position, &mut query.arrivals) {
                (Position::Arrival(number), Some(arrivals)) => arrivals.after = *number,
                (Position::Chain(cursor), _) => query.after = Some(cursor.clone()),
                (Position::Arrival(_), None) => {}
            }
            next = Some(position);
            page.events.push(listed);
        }
        // A part that is not full has looked at the rest of the window.
        if page.more && !is_full {
            if bytes < MAX_BYTES {
                let end = query.arrivals.map(|arrivals| Position::Arrival(arrivals.upto));
                next = end.or_else(|| query.until.take().map(Position::Chain)).or(next);
            }
            break;
        }
    }
    Ok((page, next))
}

/// Digits only: `u32::from_str` also accepts a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl EventView {
    fn of(listed: ListedEvent) -> Result<Self, StoreError> {
        let ListedEvent { event, ledger_hash, verification: _, arrival: _ } = listed;
        let raw = |column, text: &str| {
            RawValue::from_string(text.to_owned()).map_err(|error| CorruptRow {
                table: "contract_events",
                column,
                row: event.id.to_string(),
                reason: format!("not JSON, at character {}", error.column()),
            })
        };
        let payload = raw("payload", &event.payload)?;
        let invocation = match &event.invocation {
            Some(call) => Some(InvocationView {
                contract_id: call.contract().to_string(),
                function: call.function().to_owned(),
                arguments: raw("invocation", call.arguments())?,
            }),
            None => None,
        };
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
            invocation,
        })
    }
}
