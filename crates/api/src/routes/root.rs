use actix_web::HttpResponse;
use serde_json::json;

use super::State;

/// `GET /`: what this is and where to go from here.
pub(super) async fn show(api: State) -> HttpResponse {
    let service = api.service();
    HttpResponse::Ok().json(json!({
        "name": "Fluxora",
        "service": super::health::SERVICE,
        "version": service.version,
        "network": service.network_passphrase,
        "links": {
            "streams": "/api/streams",
            "health": "/health",
            "live": "/health/live",
            "ready": "/health/ready",
        },
    }))
}
