mod health;
mod indexer;
mod root;
mod streams;

use std::future::ready;
use std::sync::Arc;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{Resource, guard};

use crate::Api;
use crate::error::{ApiError, ErrorKind};

/// Adds every route to an app.
pub(crate) fn configure(config: &mut ServiceConfig, api: &Arc<Api>) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    config
        .app_data(Data::new(Arc::clone(api)))
        .service(only("GET, HEAD", web::resource("/").route(read().to(root::show))))
        .service(only("GET, HEAD", web::resource("/health").route(read().to(health::health))))
        .service(only("GET, HEAD", web::resource("/health/live").route(read().to(health::live))))
        .service(only("GET, HEAD", web::resource("/health/ready").route(read().to(health::ready))))
        .service(only(
            "GET, HEAD, POST",
            web::resource("/api/streams")
                .route(read().to(streams::list))
                .route(web::post().to(streams::create)),
        ))
        .service(only(
            "GET, HEAD, DELETE",
            web::resource("/api/streams/{id}")
                .route(read().to(streams::read))
                .route(web::delete().to(streams::cancel)),
        ))
        .service(only(
            "GET, HEAD",
            web::resource("/api/streams/{id}/events").route(read().to(streams::events)),
        ))
        .service(only(
            "POST",
            web::resource("/internal/indexer/contract-events").route(web::post().to(indexer::push)),
        ))
        .service(only("GET, HEAD", web::resource("/internal/indexer/events").route(read().to(indexer::list))))
        .service(only(
            "POST",
            web::resource("/api/admin/indexer/rewind").route(web::post().to(indexer::rewind)),
        ))
        .default_service(web::to(async || -> Result<&'static str, ApiError> {
            Err(ApiError::new(
                ErrorKind::NotFound,
                "there is nothing at this path: GET / lists what there is",
            ))
        }));
}

/// A resource that refuses other methods than these.
fn only(allow: &'static str, resource: Resource) -> Resource {
    let refuse = move || {
        let message = format!("this path takes {allow}");
        let error = ApiError { allow: Some(allow), ..ApiError::new(ErrorKind::MethodNotAllowed, message) };
        ready(Err::<&'static str, _>(error))
    };
    resource.default_service(web::to(refuse))
}

/// What every handler takes to reach the API's state.
type State = Data<Arc<Api>>;
