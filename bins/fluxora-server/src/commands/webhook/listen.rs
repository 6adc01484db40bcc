//! `fluxora-server webhook listen`: a receiver on this machine that prints and verifies deliveries.

mod page;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use fluxora_seal::Keyring;
use fluxora_store::Clock as _;
use fluxora_webhook::diagnose::diagnose;
use fluxora_webhook::{
    BodyClaims, Claims, HeaderFields, MAX_BODY_BYTES, MemoryGuard, ReceiveError, Rejection, ReplayGuard as _,
    Secret, UnixSeconds, Verifier, name,
};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use super::super::{block_on, complain, print};
use crate::exit;
use crate::system::SystemClock;
use page::Shown;

/// How many deliveries are remembered, to recognize one that arrives again.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Port on 127.0.0.1. With 0 the system picks a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// File with the secret; one line break at its end is ignored. Without it, the secret is the environment variable
    /// FLUXORA_WEBHOOK_SECRET or the file named by FLUXORA_WEBHOOK_SECRET_FILE. Without any, a new one is made and printed.
    #[arg(long)]
    pub(super) secret_file: Option<std::path::PathBuf>,
    /// Status that genuine deliveries are answered with: 200 to 599. With one that is no success they are sent again.
    #[arg(long, default_value_t = 204, value_parser = clap::value_parser!(u16).range(200..=599))]
    status: u16,
    /// Print one line for each delivery, without its body.
    #[arg(long)]
    brief: bool,
}

/// What a delivery is verified and shown with.
struct Receiver {
    secret: Secret,
    verifier: Verifier,
    guard: MemoryGuard,
    status: StatusCode,
    brief: bool,
}

/// Receives until the process is stopped. `None` makes a secret.
pub(super) fn run(listen: &Listen, secret: Option<Secret>) -> u8 {
    match block_on(serve(listen, secret)) {
        Ok(()) => exit::OK,
        Err(error) => {
            complain(format_args!("fluxora-server webhook: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn serve(listen: &Listen, secret: Option<Secret>) -> anyhow::Result<()> {
    let is_new = secret.is_none();
    let secret = match secret {
        Some(secret) => secret,
        None => Keyring::default().new_secret().context("a secret cannot be made")?,
    };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, listen.port)))
        .await
        .with_context(|| format!("cannot listen on port {}", listen.port))?;
    print(page::guide(listener.local_addr()?, is_new.then_some(&secret)));
    let receiver = Arc::new(Receiver {
        verifier: Verifier::new(&secret),
        secret,
        guard: MemoryGuard::new(REMEMBERED),
        status: StatusCode::from_u16(listen.status)?,
        brief: listen.brief,
    });
    loop {
        // A connection that cannot be accepted is lost; the next one may work.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let receiver = Arc::clone(&receiver);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&receiver), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // What a broken connection leaves behind is sent again.
            drop(connection.await);
        });
    }
}

/// The members of a body that are compared with the headers.
struct Event(serde_json::Value);

impl Claims for Event {
    fn claims(&self) -> BodyClaims<'_> {
        let member = |name| self.0.get(name).and_then(serde_json::Value::as_str);
        BodyClaims {
            delivery_id: member("delivery_id"),
            event_id: member("id"),
            event_type: member("type").unwrap_or_default(),
        }
    }
}

async fn answer(
    receiver: Arc<Receiver>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, http::Error> {
    let (head, body) = request.into_parts();
    let headers: HeaderFields<'_> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
    let shown =
        Shown { event: text(name::EVENT), delivery: text(name::DELIVERY_ID), attempt: text(name::ATTEMPT) };
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else {
        let rejection = Rejection::PayloadTooLarge { max_bytes: MAX_BODY_BYTES };
        print(shown.refused(rejection.code(), &[]));
        return refusal(rejection.status(), rejection.code(), &rejection.to_string());
    };
    let body = body.to_bytes();
    let now = UnixSeconds::new(SystemClock.now().as_second());
    let read = |bytes: &[u8]| serde_json::from_slice(bytes).map(Event);
    match receiver.verifier.receive(&headers, &body, now, &receiver.guard, read) {
        Ok(received) => {
            // The lease is this request's own: to settle it cannot fail but by its age.
            if receiver.status.is_success() {
                receiver.guard.commit(received.lease, now).ok();
            } else {
                receiver.guard.abort(received.lease).ok();
            }
            print(shown.genuine(receiver.status, (!receiver.brief).then_some(&received.event.0)));
            Response::builder().status(receiver.status).body(Full::default())
        }
        Err(error) => {
            let causes = match &error {
                ReceiveError::Rejected(_) => {
                    let diagnosis = diagnose(receiver.secret.expose().as_bytes(), &headers, &body, now);
                    diagnosis.causes().iter().map(ToString::to_string).collect()
                }
                _ => Vec::new(),
            };
            print(shown.refused(error.code(), &causes));
            refusal(error.status(), error.code(), &error.to_string())
        }
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Result<Response<Full<Bytes>>, http::Error> {
    let body = serde_json::json!({ "error": code, "message": message }).to_string();
    Response::builder()
        .status(status)
        .header(name::CODE, code)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body))
}
