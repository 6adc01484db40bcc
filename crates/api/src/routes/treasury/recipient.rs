use std::collections::BTreeMap;

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::treasury::{PartyQuery, PartyReading};
use fluxora_stream::{Address, UnixTime};
use fluxora_treasury::{Asset, Figures, Party, Role};
use serde::Serialize;

use super::reading::{self, ACCOUNT, AsOfView};
use crate::Api;
use crate::doc::{Doc, path, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::view::treasury::{AssetSummaryView, AssetView, FiguresView, Shown};

/// Streams of a recipient that are divided by sender.
const MOST_BY_SENDER: u32 = 1_000;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        path("address", "The account or contract that is paid", ACCOUNT),
        reading::AT,
        reading::ASSET,
        reading::TAG,
    ],
    errors: &[ErrorKind::NotFound, ErrorKind::TooMuchToRead],
    ..Doc::new(
        "Summarize a recipient",
        &[
            response(200, "RecipientSummary", "What it has earned and can withdraw, by asset and by sender"),
            response(304, "Nothing", "The answer of the ETag in `If-None-Match` is still the answer"),
        ],
    )
};

/// What a recipient has earned and can withdraw.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "RecipientSummary"))]
pub(crate) struct RecipientView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    recipient: String,
    as_of: AsOfView,
    /// The first second at which time changes the course of a sum.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    linear_until: Option<UnixTime>,
    assets: Vec<AssetSummaryView>,
    /// The same by sender; `null` for a recipient of more than 1,000 streams.
    by_sender: Option<Vec<SenderView>>,
    /// Streams whose stored row cannot be decoded, of any asset. They are in no sum.
    unreadable_streams: u64,
}

/// What one sender owes a recipient in one asset.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "SenderSummary"))]
struct SenderView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    sender: String,
    asset: AssetView,
    streams: usize,
    #[serde(flatten)]
    figures: FiguresView,
}

/// `GET /api/recipients/{address}/summary`: what a recipient has earned and can withdraw.
pub(crate) async fn recipient(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let now = api.present();
    let address = Address::parse(&path)
        .map_err(|_| ApiError::new(ErrorKind::NotFound, "Recipient not found: not a Stellar address"))?;
    let mut query = Query::of(&request)?;
    let party = reading::parameters(&mut query, Party { role: Role::Recipient, address }, now);
    let party = PartyQuery { with_streams: MOST_BY_SENDER, ..party };
    query.finish()?;
    let reading = reading::read(&api, &party).await?;
    let assets = reading::assets(&api, &reading)?;
    let view = RecipientView {
        recipient: address.to_string(),
        as_of: AsOfView::of(&reading.as_of, now),
        linear_until: AssetSummaryView::linear_until(&assets),
        assets,
        by_sender: by_sender(&api, &reading),
        unreadable_streams: reading.unreadable,
    };
    Ok(reading::answer(&request, &reading, &view))
}

/// `None` where there are too many streams, or a sum is beyond 128 bits.
fn by_sender(api: &Api, reading: &PartyReading) -> Option<Vec<SenderView>> {
    let streams = reading.streams.as_ref()?;
    let mut sums = BTreeMap::<(Address, Asset), (usize, Figures)>::new();
    for stream in streams {
        let (count, sum) = sums.entry((stream.sender, Asset::of(stream))).or_default();
        *count = count.saturating_add(1);
        *sum = sum.checked_add(&Figures::of(stream, reading.as_of.at))?;
    }
    let views = sums.into_iter().map(|((sender, asset), (streams, figures))| {
        let shown = Shown::of(asset, api.tokens());
        let figures = FiguresView::of(&figures, &shown);
        SenderView { sender: sender.to_string(), asset: shown.asset(), streams, figures }
    });
    Some(views.collect())
}
