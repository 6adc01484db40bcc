use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::list::describe;
use super::money::{Asset, Money};
use super::pages::{Pages, Stored, Wanted};
use super::row::Row;
use crate::Api;
use crate::doc::{Doc, response};
use crate::error::ApiError;
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc::new(
    "Show the treasury metrics for the front end",
    &[response(
        200,
        "FrontendMetrics",
        "Counts and totals over the streams of the list, the total of each asset apart. The headers are those of the list",
    )],
);

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FrontendMetrics"))]
pub(crate) struct MetricsView {
    data: Vec<MetricView>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FrontendMetric"))]
struct MetricView {
    label: String,
    value: String,
    desc: String,
}

/// What the streams of one asset add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    streaming: i128,
    withdrawable: i128,
}

/// The sums over the streams of a list.
#[derive(Debug, Default)]
struct Sums {
    active: u32,
    left_out: u32,
    is_cut: bool,
    totals: BTreeMap<Asset, Totals>,
}

/// `GET /compat/frontend/treasury/metrics`. Amounts of two tokens are never added.
pub(crate) async fn metrics(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let sums = Sums::read(&api).await?;
    let mut response = HttpResponse::Ok();
    describe(&mut response, api.frontend(), sums.left_out, sums.is_cut);
    Ok(response.json(MetricsView { data: sums.into_view(&api) }))
}

impl Sums {
    async fn read(api: &Api) -> Result<Self, ApiError> {
        let at = api.present();
        let mut pages = Pages::of(Wanted::default(), at);
        let (mut sums, mut streams) = (Self::default(), 0_u32);
        while let Some(stored) = pages.next(api.store()).await? {
            if streams >= api.frontend().max_streams {
                sums.is_cut = true;
                break;
            }
            streams = streams.saturating_add(1);
            let row = match &stored {
                Stored::Stream(stream) => Row::current(stream, at, api.tokens(), api.frontend()),
                Stored::Unreadable => None,
            };
            match row {
                Some((row, money)) => sums.add(row.is_active(), money),
                None => sums.left_out = sums.left_out.saturating_add(1),
            }
        }
        Ok(sums)
    }

    fn add(&mut self, is_active: bool, money: Money) {
        let totals = self.totals.entry(money.asset).or_default();
        totals.withdrawable = totals.withdrawable.saturating_add(money.withdrawable);
        if is_active {
            self.active = self.active.saturating_add(1);
            totals.streaming = totals.streaming.saturating_add(money.deposit);
        }
    }

    fn into_view(mut self, api: &Api) -> Vec<MetricView> {
        if self.totals.is_empty() {
            self.totals.insert(Asset::unnamed(api.frontend()), Totals::default());
        }
        let of = if self.is_cut {
            format!(", of the newest {} streams", api.frontend().max_streams)
        } else {
            String::new()
        };
        let has_one_asset = self.totals.len() == 1;
        let label = |what: &str, asset: &Asset| match has_one_asset {
            true => what.to_owned(),
            false => format!("{what} ({})", asset.code),
        };
        let show = |asset: &Asset, amount| format!("{} {}", asset.show(amount), asset.code);
        let mut metrics = vec![MetricView {
            label: "Active Streams".to_owned(),
            value: self.active.to_string(),
            desc: format!("streams that have not ended{of}"),
        }];
        metrics.extend(self.totals.iter().map(|(asset, totals)| MetricView {
            label: label("Total Streaming", asset),
            value: show(asset, totals.streaming),
            desc: format!("deposits of active streams{of}"),
        }));
        metrics.extend(self.totals.iter().map(|(asset, totals)| MetricView {
            label: label("Withdrawable", asset),
            value: show(asset, totals.withdrawable),
            desc: format!("what recipients can withdraw{of}"),
        }));
        metrics
    }
}
