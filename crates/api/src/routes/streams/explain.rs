use std::collections::BTreeMap;

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_stream::{Stream, UnixTime};
use fluxora_treasury::{Accrual, Asset, Explanation, Figures, Value};
use serde::Serialize;

use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;
use crate::view::treasury::{AssetView, FiguresView, PhaseView, Shown};

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        super::ID,
        query("at", "The second to explain, in Unix seconds; the present by default", "1767225600"),
    ],
    errors: &[ErrorKind::NotFound],
    ..Doc::new(
        "Explain the amounts of a stream",
        &[response(200, "StreamExplanation", "The terms behind each amount at `asOf`")],
    )
};

/// The terms behind the amounts of a stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamExplanation"))]
pub(crate) struct ExplanationView {
    id: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    as_of: UnixTime,
    asset: AssetView,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Status"))]
    status: &'static str,
    #[serde(flatten)]
    phase: PhaseView,
    accrual: AccrualView,
    figures: FiguresView,
    /// How each figure follows from others.
    formulas: BTreeMap<&'static str, &'static str>,
}

/// How the accrued amount is computed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "AccrualExplanation"))]
struct AccrualView {
    rule: &'static str,
    formula: &'static str,
    /// Amounts as strings, instants and counts as numbers, by their name in the formula.
    terms: BTreeMap<&'static str, TermView>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    result: String,
    /// What the second after `asOf` adds on average, rounded down.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Amount>"))]
    rate_per_second: Option<String>,
    /// The next second at which the rate changes by time.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    linear_until: Option<UnixTime>,
}

#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum TermView {
    Text(String),
    Number(u64),
}

const FORMULAS: [(&str, &str); 6] = [
    ("accrued", "accrual.result"),
    ("owed", "max(0, accrued - withdrawn)"),
    ("overdrawn", "max(0, withdrawn - accrued)"),
    ("unstreamed", "deposited - accrued - refunded"),
    ("held", "deposited - withdrawn - refunded"),
    ("withdrawable", "owed; 0 while a version 9 contract holds withdrawals"),
];

/// `GET /api/streams/{id}/explain`: the terms behind the amounts, now or at the second `at`.
pub(crate) async fn explain(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let at = query.parsed("at", FieldCode::InvalidValue, "a whole number of Unix seconds", |text| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok())?.map(UnixTime::from_seconds)
    });
    query.finish()?;
    let id = super::id(&path)?;
    let stream = match at {
        None => api.store().stream(&id).await?,
        Some(at) => api.store().stream_at(&id, at).await?,
    };
    let stream = stream.ok_or_else(ApiError::stream_not_found)?;
    let at = at.unwrap_or_else(|| api.present().max(UnixTime::of(stream.updated_at)));
    Ok(HttpResponse::Ok().json(view(&stream, at, &Shown::of(Asset::of(&stream), api.tokens()))))
}

fn view(stream: &Stream, at: UnixTime, shown: &Shown<'_>) -> ExplanationView {
    let Explanation { rule, formula, terms, accrued } = fluxora_treasury::explain(stream, at);
    let term = |value| match value {
        Value::Amount(amount) => TermView::Text(shown.amount(amount)),
        Value::Time(at) => TermView::Number(at.seconds()),
        Value::Number(number) => TermView::Number(number),
        Value::Word(word) => TermView::Text(word.to_owned()),
    };
    let piece = Accrual::of(stream).piece(at);
    ExplanationView {
        id: stream.id().to_string(),
        as_of: at,
        asset: shown.asset(),
        status: stream.status_at(at).as_str(),
        phase: PhaseView::of(stream, at),
        accrual: AccrualView {
            rule,
            formula,
            terms: terms.into_iter().map(|named| (named.name, term(named.value))).collect(),
            result: shown.amount(accrued),
            rate_per_second: shown.rate(piece.rate, 1),
            linear_until: piece.until,
        },
        figures: FiguresView::of(&Figures::of(stream, at), shown),
        formulas: FORMULAS.into_iter().collect(),
    }
}
