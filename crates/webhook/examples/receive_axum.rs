//! A complete receiver on axum: verify, compare with the body, process once.
//!
//! ```text
//! FLUXORA_WEBHOOK_SECRET=whsec_… cargo run --example receive_axum --features http -- 127.0.0.1:8080
//! ```
#![allow(clippy::disallowed_methods, reason = "a program of its own reads its clock and its environment")]
#![allow(missing_docs, reason = "an example is read as a whole")]
#![allow(clippy::print_stdout, reason = "the example says what it received")]

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, serve};
use fluxora_webhook::{
    BodyClaims, GuardFull, MAX_BODY_BYTES, MemoryGuard, Refusal, Rejection, ReplayGuard, Secret, UnixSeconds,
    Verifier, name,
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
async fn receive(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Answer> {
    let now = UnixSeconds::from(SystemTime::now());
    let verified = app.verifier.verify(&headers, &body, now)?; // 400, 401 or 413
    let event: Event = serde_json::from_slice(verified.body())?; // 400
    let key = verified.match_body(&event.claims())?; // 401
    let lease = app.guard.admit(&key, now)?; // 200 when known, 425, 503
    if let Err(reason) = (app.process)(&event) {
        app.guard.abort(lease)?;
        return Err(Answer::failed(&reason)); // 500
    }
    app.guard.commit(lease, now)?;
    Ok(StatusCode::NO_CONTENT)
}
// [/verify]

/// Whatever is not a processed event.
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
        guard: MemoryGuard::new(100_000), // several replicas share a table instead
        process: Box::new(|event| {
            println!("{} {}", event.kind, event.id);
            Ok(())
        }),
    };
    drop(secret);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/webhooks/fluxora", listener.local_addr()?);
    serve(listener, router(app)).await?;
    Ok(())
}
