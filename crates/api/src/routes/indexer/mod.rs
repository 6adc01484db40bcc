//! What an indexer pushes and reads, and what an operator undoes.

mod health;
mod list;
mod push;
mod pushed;
mod rewind;

use actix_web::HttpRequest;

pub(crate) use health::IndexerHealth;
pub(crate) use list::list;
pub(crate) use push::push;
pub(crate) use rewind::rewind;

use crate::error::{ApiError, ErrorKind};
use crate::state::{Api, Indexer};

/// The header in which a pusher proves who it is.
const WORKER_TOKEN: &str = "x-indexer-worker-token";
/// The header in which an operator does.
const OPERATOR_TOKEN: &str = "x-operator-token";

/// The indexer, for a worker that has its token.
fn for_worker<'a>(api: &'a Api, request: &HttpRequest) -> Result<&'a Indexer, ApiError> {
    let indexer = api.indexer().ok_or_else(|| {
        let message = "this server takes no contract events: an operator has to set INDEXER_WORKER_TOKEN";
        ApiError::new(ErrorKind::IndexerNotConfigured, message)
    })?;
    indexer.worker_token.check(request, WORKER_TOKEN)?;
    Ok(indexer)
}
