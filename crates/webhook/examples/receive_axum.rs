//! A complete receiver on axum: verify, compare with the body, process once.
//!
//! ```text
//! FLUXORA_WEBHOOK_SECRET=whsec_… cargo run --example receive_axum --features http -- 127.0.0.1:8080
//! ```
#![allow(clippy::disallowed_methods, reason = "a whole program reads its clock and its environment")]
#![allow(missing_docs, reason = "an example is read as a whole")]
#![allow(clippy::print_stdout, reason = "the example says what it received")]

// [program]
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use fluxora_webhook::{
    BodyClaims, Claims, GuardFull, MAX_BODY_BYTES, MemoryGuard, ReceiveError, Refusal, Rejection,
    ReplayGuard, Secret, UnixSeconds, Verifier, name,
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
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>, // the raw bytes, of any content type
) -> Result<StatusCode, Answer> {
    let now = UnixSeconds::from(SystemTime::now());
    let body = body?; // 413
    let read = serde_json::from_slice::<Event>;
    let received = app.verifier.receive(&headers, &body, now, &app.guard, read)?; // 200, 400, 401, 425, 503
    if let Err(reason) = (app.process)(&received.event) {
        println!("not processed: {reason}"); // for the operator, not for the sender
        app.guard.abort(received.lease)?;
        return Err(Answer::new(500, "not_processed", &"The event could not be processed"));
    }
    app.guard.commit(received.lease, now)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to a delivery that was not processed by this request.
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

impl From<BytesRejection> for Answer {
    fn from(unread: BytesRejection) -> Self {
        if unread.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return ReceiveError::from(Rejection::PayloadTooLarge { max_bytes: MAX_BODY_BYTES }).into();
        }
        Self::new(400, "unreadable_body", &"The body did not arrive as a whole")
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::json!({ "error": self.code, "message": self.message }).to_string();
        let headers = [(name::CODE, self.code), (header::CONTENT_TYPE.as_str(), "application/json")];
        let mut response = (status, headers, body).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

pub fn router(app: App) -> Router {
    Router::new()
        .route("/webhooks/fluxora", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(app))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = Secret::new(std::env::var("FLUXORA_WEBHOOK_SECRET")?)?;
    let app = App {
        verifier: Verifier::new(&secret),
        guard: MemoryGuard::new(100_000), // for one process; several replicas share a table
        process: Box::new(|event| {
            println!("{} {}", event.kind, event.id);
            Ok(())
        }),
    };
    drop(secret);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/webhooks/fluxora", listener.local_addr()?);
    axum::serve(listener, router(app)).await?;
    Ok(())
}
// [/program]
