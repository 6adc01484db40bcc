//! Sends traces to an OpenTelemetry collector.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use fluxora_egress::{TlsError, tls_config};
use fluxora_store::error_chain;
use fluxora_supervise::{ShutdownToken, Worker, WorkerError};
use fluxora_trace::{Batch, Span, Spans, Tracer};
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::{Collector, Traces};

/// Spans of one request.
const BATCH: usize = 512;
/// Time between two looks into the queue.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time limit of one request.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// What a stop gives to the last spans.
const STOP_LIMIT: Duration = Duration::from_millis(1_500);

/// The worker that sends finished spans.
#[derive(Clone)]
pub(crate) struct Exporter {
    collector: Arc<Collector>,
    spans: Spans,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why spans did not arrive.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error("the collector cannot be reached: {0}")]
    Connection(String),
    #[error("the collector did not answer in time")]
    Timeout,
    #[error("the collector answered {0}")]
    Status(StatusCode),
}

/// What gives ids to spans, and what sends them, if they are recorded.
///
/// # Errors
/// TLS cannot be set up.
pub(crate) fn start(traces: &Traces) -> Result<(Arc<Tracer>, Option<Exporter>), TlsError> {
    let keys = RandomState::new();
    let Traces(Some(collector)) = traces else { return Ok((Arc::new(Tracer::disabled(keys)), None)) };
    let (tracer, spans) = Tracer::new(collector.sampler, keys);
    let mut tls = tls_config(None)?.as_ref().clone();
    // The connector sets it, and refuses a configuration that has it.
    tls.alpn_protocols.clear();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    Ok((Arc::new(tracer), Some(Exporter { collector: Arc::new(collector.clone()), spans, client })))
}

impl Exporter {
    /// Sends spans for ever. Keeps a batch until it has arrived or is refused; logs the first failure and the recovery.
    async fn follow(&self, batch: &mut Vec<Span>) {
        let mut is_away = false;
        loop {
            if batch.is_empty() {
                *batch = self.spans.take(BATCH);
            }
            if !batch.is_empty() {
                match self.send(batch).await {
                    Ok(()) => {
                        self.spans.count_sent(batch.len());
                        if std::mem::take(&mut is_away) {
                            tracing::info!("the trace collector accepts spans again");
                        }
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut is_away, true) {
                            let error = error.to_string();
                            tracing::warn!(
                                error,
                                "spans do not arrive at the trace collector: requests are not affected"
                            );
                        }
                        if error_is_lasting(&error) {
                            self.spans.count_refused(batch.len());
                        } else {
                            sleep(INTERVAL).await;
                            continue;
                        }
                    }
                }
                batch.clear();
            }
            if self.spans.waiting() < BATCH {
                sleep(INTERVAL).await;
            }
        }
    }

    async fn send(&self, spans: &[Span]) -> Result<(), Unsent> {
        let body = Batch { resource: &self.collector.resource, version: env!("CARGO_PKG_VERSION"), spans };
        let mut request = Request::post(&self.collector.url).header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.collector.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::from(body.to_json()))
            .map_err(|error| Unsent::Connection(error.to_string()))?;
        let status = timeout(TIME_LIMIT, self.exchange(request)).await.unwrap_or(Err(Unsent::Timeout))?;
        if status.is_success() { Ok(()) } else { Err(Unsent::Status(status)) }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<StatusCode, Unsent> {
        let response =
            self.client.request(request).await.map_err(|error| Unsent::Connection(error_chain(&error)))?;
        let status = response.status();
        // Read to its end, so that the connection is used again.
        let mut body = http_body_util::Limited::new(response.into_body(), 64 * 1024);
        while let Some(Ok(_)) = body.frame().await {}
        Ok(status)
    }

    /// Sends this batch and what is left, once, within the time of a stop.
    async fn flush(&self, mut batch: Vec<Span>) {
        let now = Instant::now();
        let deadline = now.checked_add(STOP_LIMIT).unwrap_or(now);
        loop {
            if batch.is_empty() {
                batch = self.spans.take(BATCH);
            }
            if batch.is_empty() || !matches!(timeout_at(deadline, self.send(&batch)).await, Ok(Ok(()))) {
                return;
            }
            batch.clear();
        }
    }
}

/// Whether the same spans would be refused again.
fn error_is_lasting(error: &Unsent) -> bool {
    match error {
        Unsent::Connection(_) | Unsent::Timeout => false,
        Unsent::Status(status) => !matches!(status.as_u16(), 429 | 502..=504),
    }
}

impl Worker for Exporter {
    fn name(&self) -> &'static str {
        "trace_export"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        let mut batch = Vec::new();
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.follow(&mut batch) => {}
        }
        self.flush(batch).await;
        Ok(())
    }
}
