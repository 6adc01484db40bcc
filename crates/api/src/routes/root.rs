use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;

use super::State;
use super::health::SERVICE;
use crate::doc::{Doc, response};
use crate::table::ROUTES;

pub(crate) const DOC: Doc = Doc::new(
    "Describe the service",
    &[response(200, "Root", "Name, version, Stellar network, and the paths to start from")],
);

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Root"))]
pub(crate) struct RootView<'a> {
    name: &'static str,
    service: &'static str,
    version: &'static str,
    network: &'a str,
    /// Present if the chain is simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    demo: Option<bool>,
    links: BTreeMap<&'static str, &'static str>,
}

/// `GET /`: names the service and the paths to start from.
pub(crate) async fn show(api: State) -> HttpResponse {
    let service = api.service();
    HttpResponse::Ok().json(RootView {
        name: "Fluxora",
        service: SERVICE,
        version: service.version,
        network: &service.network_passphrase,
        demo: service.demo.then_some(true),
        links: ROUTES.iter().filter_map(|route| Some((route.link?, route.path))).collect(),
    })
}
