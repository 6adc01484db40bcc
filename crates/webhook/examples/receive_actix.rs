//! A complete receiver on actix-web: verify, compare with the body, process once.
//!
//! ```text
//! FLUXORA_WEBHOOK_SECRET=whsec_… cargo run --example receive_actix -- 127.0.0.1:8080
//! ```
#![allow(clippy::disallowed_methods, reason = "a program of its own reads its clock and its environment")]
#![allow(missing_docs, reason = "an example is read as a whole")]
#![allow(clippy::print_stdout, reason = "the example says what it received")]

use std::fmt;
use std::time::SystemTime;

use actix_web::http::{StatusCode, header};
use actix_web::{App as Actix, HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use fluxora_webhook::{
    BodyClaims, GuardFull, HeaderFields, MAX_BODY_BYTES, MemoryGuard, Refusal, Rejection, ReplayGuard,
    Secret, UnixSeconds, Verifier, name,
};

pub struct App {
    pub verifier: Verifier,
    pub guard: MemoryGuard,
    /// What the service does with an event. An error means: not done, send it again.
    pub process: Process,
}

pub type Process = Box<dyn Fn(&Event) -> Result<(), String> + Send + Sync>;

/// The members of a body that every receiver needs.
#[derive(serde::Deserialize)]
pub struct Event {
    pub id: String,
    pub delivery_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
}

impl Event {
    fn claims(&self) -> BodyClaims<'_> {
        BodyClaims {
            delivery_id: self.delivery_id.as_deref(),
            event_id: Some(&self.id),
            event_type: &self.kind,
        }
    }
}

// [verify]
async fn receive(
    app: web::Data<App>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Answer> {
    let now = UnixSeconds::from(SystemTime::now());
    let headers: HeaderFields =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let verified = app.verifier.verify(&headers, &body, now)?; // 400, 401 or 413
    let event: Event = serde_json::from_slice(verified.body())?; // 400
    let key = verified.match_body(&event.claims())?; // 401
    let lease = app.guard.admit(&key, now)?; // 200 when known, 425, 503
    if let Err(reason) = (app.process)(&event) {
        app.guard.abort(lease)?;
        return Err(Answer::failed(&reason)); // 500
    }
    app.guard.commit(lease, now)?;
    Ok(HttpResponse::NoContent().finish())
}
// [/verify]

/// Whatever is not a processed event.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    code: &'static str,
    message: String,
    retry_after_seconds: Option<u64>,
}

impl Answer {
    fn failed(reason: &str) -> Self {
        println!("not processed: {reason}"); // for the operator, not for the sender
        let message = "The event could not be processed".to_owned();
        Self { status: 500, code: "not_processed", message, retry_after_seconds: None }
    }
}

impl From<serde_json::Error> for Answer {
    fn from(error: serde_json::Error) -> Self {
        Self { status: 400, code: "invalid_body", message: error.to_string(), retry_after_seconds: None }
    }
}

impl From<Rejection> for Answer {
    fn from(rejection: Rejection) -> Self {
        let (status, code) = (rejection.status(), rejection.code());
        Self { status, code, message: rejection.message(), retry_after_seconds: None }
    }
}

impl From<Refusal<GuardFull>> for Answer {
    fn from(refusal: Refusal<GuardFull>) -> Self {
        let (status, code) = (refusal.status(), refusal.code());
        Self {
            status,
            code,
            message: refusal.to_string(),
            retry_after_seconds: refusal.retry_after_seconds(),
        }
    }
}

impl From<GuardFull> for Answer {
    fn from(source: GuardFull) -> Self {
        Refusal::Unavailable { source }.into()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for Answer {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((name::CODE, self.code));
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.json(serde_json::json!({ "error": self.code, "message": self.message }))
    }
}

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
        .route("/webhooks/fluxora", web::post().to(receive));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = Secret::new(std::env::var("FLUXORA_WEBHOOK_SECRET")?)?;
    let app = web::Data::new(App {
        verifier: Verifier::new(&secret),
        guard: MemoryGuard::new(100_000), // several replicas share a table instead
        process: Box::new(|event| {
            println!("{} {}", event.kind, event.id);
            Ok(())
        }),
    });
    drop(secret);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server =
        HttpServer::new(move || Actix::new().app_data(app.clone()).configure(routes)).bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}/webhooks/fluxora");
    }
    server.run().await?;
    Ok(())
}
