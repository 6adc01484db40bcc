use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::{Sequence, StreamCount, StreamFilter, StreamQuery};
use fluxora_stream::{Address, UnixTime};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::Api;
use crate::cursor::{self, Cursor, quoted};
use crate::doc::{CONTRACT, Doc, query, response};
use crate::error::ApiError;
use crate::field_code::FieldCode;
use crate::instant;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;
use crate::view::{self, StreamView};

const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query("status", "Streams in this status at present", "active"),
        query("sender", "Streams this account or contract pays", ACCOUNT),
        query("recipient", "Streams that pay this account or contract", ACCOUNT),
        query("origin", "`api` or `chain`", "chain"),
        query("contractId", "Chain streams of this contract", CONTRACT),
        query("updatedSince", "Streams whose `updatedAt` is not before this instant", "2026-01-01T00:00:00Z"),
        query("limit", "Streams per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
        query(
            "includeTotal",
            "`true` adds `total`, the number of streams the filters match, or `totalAtLeast` if they are too many to be counted",
            "true",
        ),
    ],
    ..Doc::new(
        "List streams",
        &[response(
            200,
            "StreamList",
            "A page of streams, newest first. It may be shorter than `limit` and not the last",
        )],
    )
};

const INSTANT: &str = "whole Unix seconds, or an instant of the years 1970 to 9999 in RFC 3339";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamList"))]
pub(crate) struct ListView {
    #[cfg_attr(test, schemars(with = "Vec<StreamView>"))]
    pub(crate) streams: Vec<Box<RawValue>>,
    pub(crate) has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    /// How many streams match at least, if they are too many to be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_at_least: Option<u64>,
    /// The streams of this page that cannot be decoded and are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<usize>,
}

/// `GET /api/streams`: streams, newest first, page by page.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let view = page(&api, Query::of(&request)?, "includeTotal").await?;
    Ok(HttpResponse::Ok().json(view))
}

/// The page that a query names; `total` is the name of the parameter that asks for the number of all streams.
pub(crate) async fn page(api: &Api, mut query: Query, total: &'static str) -> Result<ListView, ApiError> {
    let filter = filter(&mut query);
    let limit = query.limit();
    let with_total = query.word(total, "true or false").unwrap_or(false);
    let list = describe(&filter);
    let before = query.parsed(
        "cursor",
        FieldCode::InvalidCursor,
        "the nextCursor of a page with the same filters",
        |text| Cursor::parse(text, &list),
    );
    query.finish()?;

    let at = api.present();
    let before = before.map(|cursor| Sequence(cursor.position));
    let query = StreamQuery { filter, at, before, limit };
    let read = async |limit| api.store().list_streams(&StreamQuery { limit, ..query.clone() }).await;
    let (page, streams) = page_bytes::fitting(limit, read, |page| {
        BoundedPage::of(page.streams.iter().map(|stream| StreamView::current(stream, at, api.tokens())))
    })
    .await?;
    let (total, total_at_least) = match with_total {
        true => totals(api.store().count_streams(&query.filter, at).await?),
        false => (None, None),
    };
    let now = api.now();
    page.unreadable.iter().for_each(|row| api.corrupt_rows().report(row, now));
    Ok(ListView {
        streams,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|Sequence(position)| Cursor::at(position, &list).to_string()),
        total,
        total_at_least,
        unreadable: Some(page.unreadable.len()).filter(|count| *count > 0),
    })
}

fn filter(query: &mut Query) -> StreamFilter {
    StreamFilter {
        status: query.word("status", &view::status_words()),
        sender: address(query, "sender"),
        recipient: address(query, "recipient"),
        origin: query.word("origin", "api or chain"),
        contract: query.contract("contractId").map(|contract| contract.to_string()),
        updated_since: query.parsed("updatedSince", FieldCode::InvalidValue, INSTANT, |text| {
            seconds(text).or_else(|| instant::parse_up_to_millisecond(text))
        }),
    }
}

/// `total` and `totalAtLeast` of a count: one of the two.
fn totals(counted: StreamCount) -> (Option<u64>, Option<u64>) {
    let total = counted.total();
    (total, Some(counted.count).filter(|_| total.is_none()))
}

/// A number of Unix seconds; one past the last instant reads as the last instant.
fn seconds(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?.map(|seconds| UnixTime::from_seconds(seconds).instant())
}

fn address(query: &mut Query, name: &'static str) -> Option<Address> {
    query.checked(name, |text| {
        Address::parse(text).map_err(|error| (error.into(), format!("{name}: {error}")))
    })
}

/// The filters as text: what a cursor is bound to.
fn describe(filter: &StreamFilter) -> String {
    let StreamFilter { status, sender, recipient, origin, contract, updated_since } = filter;
    let address = |address: &Option<Address>| address.map(|address| quoted(&address.to_string()));
    let first = [
        status.map(|status| quoted(status.as_str())),
        address(sender),
        address(recipient),
        origin.map(|origin| quoted(origin.as_str())),
        contract.as_deref().map(quoted),
    ];
    let since = updated_since.map(|instant| instant.as_millisecond().to_string());
    cursor::describe(&first, &[("updatedSince", since)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_is_not_whole_is_a_lower_bound() {
        assert_eq!(totals(StreamCount { count: 7, is_complete: true }), (Some(7), None));
        assert_eq!(totals(StreamCount { count: 7, is_complete: false }), (None, Some(7)));
    }
}
