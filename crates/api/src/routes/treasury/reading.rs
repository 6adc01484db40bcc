//! What both summaries share: the parameters, the state that is shown, the tag of the answer.

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::treasury::{AsOf, PARTY_STREAMS, PartyOutcome, PartyQuery, PartyReading};
use fluxora_stream::UnixTime;
use fluxora_treasury::{Asset, Party, SumOutOfRange, summarize};
use serde::Serialize;

use crate::Api;
use crate::doc::{self, Parameter};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::view::Instant;
use crate::view::treasury::{AssetSummaryView, Shown};

pub(super) const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

pub(super) const AT: Parameter = doc::query(
    "at",
    "The second at which the money counts, in Unix seconds: the close of the last safe ledger by default",
    "4102444800",
);
pub(super) const ASSET: Parameter =
    doc::query("asset", "Only this asset: `api`, a token contract, or a version 9 contract", "api");
pub(super) const TAG: Parameter =
    doc::header("If-None-Match", "The `ETag` of an earlier answer: 304 while it is still the answer", "");

/// The state of the database that an answer shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AsOf"))]
pub(crate) struct AsOfView {
    /// The last safe ledger; `null` before the first.
    ledger: Option<u32>,
    ledger_hash: Option<String>,
    closed_at: Option<Instant>,
    /// The second at which the money counts.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    at: UnixTime,
    /// Seconds since the ledger closed.
    lag_seconds: Option<u64>,
    /// `L3` if the ledger was read from the network and verified, `pushed` if not.
    verification: Option<&'static str>,
    /// Newest position of the event log.
    sequence: u64,
}

/// Reads the parameters of a summary.
pub(super) fn parameters(query: &mut Query, party: Party, now: UnixTime) -> PartyQuery {
    let needed = "Unix seconds up to 253402300799 (the end of 9999)";
    let at = query.parsed("at", FieldCode::InvalidValue, needed, |text| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let at = digits.then(|| text.parse().ok())?.map(UnixTime::from_seconds);
        at.filter(|at| *at <= UnixTime::LAST_OF_9999)
    });
    let needed = "api, or the address of a contract (C…)";
    let assets = query.parsed("asset", FieldCode::InvalidValue, needed, Asset::parse).unwrap_or_default();
    PartyQuery { party, assets, at, now, with_streams: 0 }
}

/// Reads a party.
pub(super) async fn read(api: &Api, query: &PartyQuery) -> Result<PartyReading, ApiError> {
    match api.store().party(query).await? {
        PartyOutcome::Read(reading) => Ok(*reading),
        PartyOutcome::TooEarly(from) => Err(ApiError::invalid_field(
            "at",
            FieldCode::OutOfRange,
            format!("at must not lie before {from}: earlier sums are not kept"),
        )),
        PartyOutcome::TooMany => {
            let message = format!("more than {PARTY_STREAMS} streams would have to be read: try again later");
            Err(ApiError {
                retry_after_seconds: Some(10),
                ..ApiError::new(ErrorKind::TooMuchToRead, message)
            })
        }
    }
}

/// The sums of every asset, in order.
pub(super) fn assets(api: &Api, reading: &PartyReading) -> Result<Vec<AssetSummaryView>, ApiError> {
    let at = reading.as_of.at;
    let summaries = reading.assets.iter().map(|(asset, facts)| {
        let summary = summarize(facts, at)?;
        Ok(AssetSummaryView::of(&summary, at, &Shown::of(*asset, api.tokens())))
    });
    let summaries: Result<_, SumOutOfRange> = summaries.collect();
    summaries.map_err(|error| ApiError::invalid_field("at", FieldCode::OutOfRange, error.to_string()))
}

impl AsOfView {
    pub(super) fn of(as_of: &AsOf, now: UnixTime) -> Self {
        let closed_at = as_of.ledger.as_ref().and_then(|ledger| ledger.closed_at);
        Self {
            ledger: as_of.ledger.as_ref().map(|ledger| ledger.sequence),
            ledger_hash: as_of.ledger.as_ref().map(|ledger| ledger.hash.to_string()),
            closed_at: closed_at.map(Instant),
            at: as_of.at,
            lag_seconds: closed_at.map(|closed_at| now.seconds_since(UnixTime::of(closed_at))),
            verification: as_of.ledger.as_ref().map(|_| if as_of.is_verified { "L3" } else { "pushed" }),
            sequence: as_of.head.0,
        }
    }
}

/// Answers with a body, or with 304 if the client has it. The tag is weak: `lagSeconds` grows while the money stays.
pub(super) fn answer(request: &HttpRequest, reading: &PartyReading, body: &impl Serialize) -> HttpResponse {
    let tag = tag(reading);
    let given = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let known = given.flat_map(|value| value.split(',')).map(str::trim).any(|known| known == tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "no-cache"));
    if known { response.finish() } else { response.json(body) }
}

/// One ledger and one position of the event log give one answer at an instant, for the rows that can be decoded.
fn tag(reading: &PartyReading) -> String {
    let PartyReading { as_of, unreadable, .. } = reading;
    let (ledger, hash) =
        as_of.ledger.as_ref().map_or((0, ""), |ledger| (ledger.sequence, ledger.hash.as_str()));
    let hash: String = hash.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    format!("W/\"{ledger}-{hash}-{}-{}-{unreadable}\"", as_of.head.0, as_of.at)
}
