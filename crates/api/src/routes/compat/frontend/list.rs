use actix_web::http::Method;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use fluxora_stream::Address;
#[cfg(test)]
use serde::Serialize;

use super::body::List;
use super::pages::{Wanted, Word};
#[cfg(test)]
use super::row::Row;
use crate::Frontend;
use crate::doc::{Doc, query, response};
use crate::error::ApiError;
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;

/// How many streams were read and are not in an answer.
pub(crate) const LEFT_OUT: HeaderName = HeaderName::from_static("x-streams-left-out");
/// The bound of a list that was cut at it.
pub(crate) const CUT_AT: HeaderName = HeaderName::from_static("x-streams-cut-at");

const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query(
            "status",
            "Streams in this status: `Active`, `Paused` or `Completed`; `All` is every one",
            "Active",
        ),
        query("recipient", "Streams that pay this account", ACCOUNT),
        query("treasury", "Streams that this account pays", ACCOUNT),
    ],
    ..Doc::new("List streams for the front end", &[response(200, "FrontendRows", ROWS)])
};

pub(super) const ROWS: &str = "The streams, newest first. Those that the front end would refuse are left out and counted in \
                               `x-streams-left-out`. `x-streams-cut-at` is there if there are more than the list has";

/// The schema of a list.
#[cfg(test)]
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "FrontendRows")]
pub(crate) struct RowsView {
    data: Vec<Row>,
}

/// `GET /compat/frontend/streams`: every stream, or those that the filters name.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let needed = "one of Active, Paused, Completed, All";
    let word = query.parsed("status", FieldCode::InvalidValue, needed, |text| match text {
        "All" => Some(None),
        word => Word::parse(word).map(Some),
    });
    let recipient = address(&mut query, "recipient");
    let treasury = address(&mut query, "treasury");
    query.finish()?;
    let wanted = Wanted { word: word.flatten(), treasury, recipient };
    let list = List::read(&api, wanted).await?;
    Ok(respond(list, api, &request))
}

/// The answer with the rows of a list.
pub(super) fn respond(list: List, api: State, request: &HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    describe(&mut response, api.frontend(), list.left_out, list.is_cut);
    response.content_type("application/json");
    if request.method() == Method::HEAD {
        return response.finish();
    }
    response.streaming(Box::pin(list.into_bytes(api)))
}

/// Says in headers what an answer lacks.
pub(super) fn describe(response: &mut HttpResponseBuilder, frontend: &Frontend, left_out: u32, is_cut: bool) {
    response.insert_header((LEFT_OUT, left_out.to_string()));
    if is_cut {
        response.insert_header((CUT_AT, frontend.max_streams.to_string()));
    }
}

fn address(query: &mut Query, name: &'static str) -> Option<Address> {
    query.checked(name, |text| {
        Address::parse(text).map_err(|error| (error.into(), format!("{name}: {error}")))
    })
}
