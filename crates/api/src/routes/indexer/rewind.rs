use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::chain::{Rewind, Rewound};
use serde::Serialize;

use super::health::ReorgView;
use crate::body;
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::view::TipView;

pub(crate) const DOC: Doc = Doc {
    request: Some(content("Rewind", "`toLedger`, the last ledger that stays, and `reason`")),
    errors: &[ErrorKind::Unauthorized, ErrorKind::Forbidden, ErrorKind::Conflict],
    ..Doc::new(
        "Rewind the chain to a ledger",
        &[response(200, "Rewound", "The recorded reorg and the newest ledger")],
    )
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Rewound"))]
pub(crate) struct RewoundView<'a> {
    outcome: &'static str,
    rewind: ReorgView<'a>,
    tip: Option<TipView<'a>>,
    last_safe_ledger: Option<u32>,
    pending_count: u64,
}

/// The longest accepted reason, in characters.
const LONGEST_REASON: usize = 500;

/// `POST /api/admin/indexer/rewind`: undoes every ledger after `toLedger`, final ones included.
pub(crate) async fn rewind(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let mut fields = Fields::of(body::members(&request, payload).await?);
    let (to_ledger, reason) = (fields.count("toLedger"), fields.text("reason", LONGEST_REASON));
    fields.finish()?;
    // Without a fault, both fields were read.
    let (Some(to_ledger), Some(reason)) = (to_ledger, reason) else {
        return Err(ApiError::invalid(Vec::new()));
    };
    let rewind = Rewind { to_ledger, reason };
    let Rewound { reorg: done, state } = api
        .audited(&request, &format_args!("ledger {to_ledger}"))?
        .rewind(rewind, api.rules(), api.now())
        .await?
        .map_err(|refused| ApiError::new(ErrorKind::Conflict, refused.to_string()))?;
    tracing::warn!(
        to_ledger,
        removed_events = done.events_removed,
        rebuilt_streams = done.streams_rebuilt,
        "operator rewound the chain"
    );
    Ok(HttpResponse::Ok().json(RewoundView {
        outcome: "rewound",
        rewind: ReorgView::of(&done),
        tip: state.frontier.tip.as_ref().map(TipView::of),
        last_safe_ledger: state.frontier.last_safe,
        pending_count: state.pending,
    }))
}
