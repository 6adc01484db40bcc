//! A complete receiver on actix-web: verify, compare with the body, process once.
//!
//! ```text
//! FLUXORA_WEBHOOK_SECRET=whsec_… cargo run --example receive_actix -- 127.0.0.1:8080
//! ```
#![allow(clippy::disallowed_methods, reason = "a whole program reads its clock and its environment")]
#![allow(missing_docs, reason = "an example is read as a whole")]
#![allow(clippy::print_stdout, reason = "the example says what it received")]

// [program]
use std::fmt;
use std::time::SystemTime;

use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpServer, ResponseError, web};
use fluxora_webhook::{
    BodyClaims, Claims, GuardFull, HeaderFields, MAX_BODY_BYTES, MemoryGuard, ReceiveError, Refusal,
    Rejection, ReplayGuard, Secret, UnixSeconds, Verifier, name,
};

/// The members of a body that every receiver needs. Add `data`.
#[derive(serde::Deserialize)]
pub struct Event {
    pub id: String,
    pub delivery_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
}

impl Claims for Event {
    fn claims(&self) -> BodyClaims<'_> {
        let (delivery_id, event_id) = (self.delivery_id.as_deref(), Some(self.id.as_str()));
        BodyClaims { delivery_id, event_id, event_type: &self.kind }
    }
}

/// Processes an event. An error means: not done, send it again.
pub type Process = Box<dyn Fn(&Event) -> Result<(), String> + Send + Sync>;

pub struct App {
    pub verifier: Verifier,
    pub guard: MemoryGuard,
    pub process: Process,
}

async fn receive(
    app: web::Data<App>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>, // the raw bytes, of any content type
) -> Result<HttpResponse, Answer> {
    let now = UnixSeconds::from(SystemTime::now());
    let headers: HeaderFields =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let body = body.map_err(|error| Answer::unread(&error))?; // 413
    let read = serde_json::from_slice::<Event>;
    let received = app.verifier.receive(&headers, &body, now, &app.guard, read)?; // 200, 400, 401, 425, 503
    if let Err(reason) = (app.process)(&received.event) {
        println!("not processed: {reason}"); // for the operator, not for the sender
        app.guard.abort(received.lease)?;
        return Err(Answer::new(500, "not_processed", &"The event could not be processed"));
    }
    app.guard.commit(received.lease, now)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The answer to a delivery that was not processed by this request.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    code: &'static str,
    message: String,
    retry_after_seconds: Option<u64>,
}

impl Answer {
    fn new(status: u16, code: &'static str, message: &impl ToString) -> Self {
        Self { status, code, message: message.to_string(), retry_after_seconds: None }
    }

    fn unread(error: &actix_web::Error) -> Self {
        match error.as_error::<PayloadError>() {
            Some(PayloadError::Overflow) => {
                ReceiveError::from(Rejection::PayloadTooLarge { max_bytes: MAX_BODY_BYTES }).into()
            }
            _ => Self::new(400, "unreadable_body", &"The body did not arrive as a whole"),
        }
    }
}

impl From<ReceiveError<serde_json::Error, GuardFull>> for Answer {
    fn from(error: ReceiveError<serde_json::Error, GuardFull>) -> Self {
        let retry_after_seconds = error.retry_after_seconds();
        Self { retry_after_seconds, ..Self::new(error.status(), error.code(), &error) }
    }
}

impl From<GuardFull> for Answer {
    fn from(source: GuardFull) -> Self {
        ReceiveError::Refused(Refusal::Unavailable { source }).into()
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
        guard: MemoryGuard::new(100_000), // for one process; several replicas share a table
        process: Box::new(|event| {
            println!("{} {}", event.kind, event.id);
            Ok(())
        }),
    });
    drop(secret);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = HttpServer::new(move || actix_web::App::new().app_data(app.clone()).configure(routes))
        .bind(address)?;
    for address in server.addrs() {
        println!("listening on http://{address}/webhooks/fluxora");
    }
    server.run().await?;
    Ok(())
}
// [/program]
