use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_stream::Address;

use super::body::List;
use super::list::{ROWS, respond};
use super::pages::Wanted;
use crate::doc::{Doc, path, response};
use crate::error::ApiError;
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    parameters: &[path(
        "address",
        "The account that is paid. One that is not known has an empty list",
        "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
    )],
    ..Doc::new("List the streams of a recipient for the front end", &[response(200, "FrontendRows", ROWS)])
};

/// `GET /compat/frontend/recipients/{address}/streams`. A text that is no address has no streams: the front end shows invented
/// ones where it gets an error.
pub(crate) async fn streams(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let list = match Address::parse(&path) {
        Ok(recipient) => List::read(&api, Wanted { recipient: Some(recipient), ..Wanted::default() }).await?,
        Err(_) => List::empty(),
    };
    Ok(respond(list, api, &request))
}
