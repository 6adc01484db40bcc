use actix_web::{HttpRequest, HttpResponse};
use fluxora_stream::{Address, UnixTime};
use fluxora_treasury::{Party, Role};
use serde::Serialize;

use super::reading::{self, ACCOUNT, AsOfView};
use crate::doc::{Doc, required_query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;
use crate::view::treasury::AssetSummaryView;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        required_query("treasury", "The account or contract that pays", ACCOUNT),
        reading::AT,
        reading::ASSET,
        reading::TAG,
    ],
    errors: &[ErrorKind::TooMuchToRead],
    ..Doc::new(
        "Summarize a treasury",
        &[
            response(200, "TreasurySummary", "What its streams hold, owe and pay, by asset"),
            response(304, "Nothing", "The answer of the ETag in `If-None-Match` is still the answer"),
        ],
    )
};

/// What the streams of a treasury hold, owe and pay.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "TreasurySummary"))]
pub(crate) struct SummaryView {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    treasury: String,
    as_of: AsOfView,
    /// The first second at which time changes the course of a sum.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    linear_until: Option<UnixTime>,
    assets: Vec<AssetSummaryView>,
    /// Streams whose stored row cannot be decoded, of any asset. They are in no sum.
    unreadable_streams: u64,
}

/// `GET /api/treasury/summary`: what the streams of a treasury hold, owe and pay.
pub(crate) async fn summary(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let now = api.present();
    let mut query = Query::of(&request)?;
    let missing = !query.has("treasury");
    let address = query.checked("treasury", |text| {
        Address::parse(text).map_err(|error| (error.into(), format!("treasury: {error}")))
    });
    if missing {
        let message = "treasury is required: the account or contract that pays";
        query.fault(crate::error::FieldFault::new("treasury", FieldCode::Required, message));
    }
    // An address that cannot be read is a fault already.
    let address = address.unwrap_or(Address::Contract(fluxora_stream::ContractId::from_hash([0; 32])));
    let party = reading::parameters(&mut query, Party { role: Role::Sender, address }, now);
    query.finish()?;
    let reading = reading::read(&api, &party).await?;
    let assets = reading::assets(&api, &reading)?;
    let view = SummaryView {
        treasury: address.to_string(),
        as_of: AsOfView::of(&reading.as_of, now),
        linear_until: AssetSummaryView::linear_until(&assets),
        assets,
        unreadable_streams: reading.unreadable,
    };
    Ok(reading::answer(&request, &reading, &view))
}
