//! One HTTP request: with a time limit and a size limit, and with errors that say what to do.

use std::sync::Arc;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};

use crate::SourceError;

/// The limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// From the request to the last byte of the answer.
    pub timeout: Duration,
    /// The most bytes of an answer's body.
    pub body_max: usize,
}

impl Default for HttpLimits {
    /// 30 seconds and 64 MiB.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), body_max: 64 * 1024 * 1024 }
    }
}

/// An HTTP/1.1 client for `http` and `https`. It follows no redirect. Certificates are checked against those of the system.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: HttpLimits,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// A client with these limits.
    ///
    /// # Errors
    /// [`SourceError::Setting`] if TLS cannot be set up.
    pub fn new(limits: HttpLimits) -> Result<Self, SourceError> {
        let mut roots = RootCertStore::empty();
        // Certificates that cannot be read leave out those servers; plain HTTP needs none.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| SourceError::Setting { what: "TLS cannot be set up" })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), limits })
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, to: &Uri, json: Vec<u8>) -> Result<Answer, SourceError> {
        let request = Request::post(to).header("content-type", "application/json").body(Full::from(json));
        self.send(request).await
    }

    /// Gets a file.
    pub(crate) async fn get(&self, from: &Uri) -> Result<Answer, SourceError> {
        self.send(Request::get(from).body(Full::default())).await
    }

    async fn send(&self, request: http::Result<Request<Full<Bytes>>>) -> Result<Answer, SourceError> {
        let request =
            request.map_err(|_| SourceError::Setting { what: "the URL of a source cannot be used" })?;
        let limit = self.limits.timeout;
        tokio::time::timeout(limit, self.exchange(request))
            .await
            .unwrap_or(Err(SourceError::Timeout { limit }))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, SourceError> {
        let answer =
            self.client.request(request).await.map_err(|error| SourceError::Connect(error.into()))?;
        let status = answer.status();
        let retry_after = retry_after(answer.headers());
        let body = self.body(answer.into_body()).await?;
        Ok(Answer { status, retry_after, body })
    }

    async fn body(&self, mut body: Incoming) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| SourceError::BrokenOff(error.into()))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len().saturating_add(data.len()) > self.limits.body_max {
                return Err(SourceError::TooLarge { limit: self.limits.body_max });
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }
}

impl Answer {
    /// The error of a status that is no success.
    pub(crate) fn error(&self) -> Option<SourceError> {
        let retry_after = self.retry_after;
        Some(match self.status.as_u16() {
            200..=299 => return None,
            status @ (401 | 403) => SourceError::AccessRefused { status },
            429 => SourceError::RateLimited { retry_after },
            503 => SourceError::Unavailable { retry_after, message: "HTTP 503".to_owned() },
            504 => SourceError::ProcessingLimit,
            status => SourceError::Status { status },
        })
    }
}

/// The seconds of `Retry-After`. Its form with a date is not used by providers and is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Scheme, host and port of a URL: what may be shown of it.
pub(crate) fn shown(url: &Uri) -> String {
    let scheme = url.scheme_str().unwrap_or("http");
    let host = url.host().unwrap_or_default();
    url.port_u16().map_or_else(|| format!("{scheme}://{host}"), |port| format!("{scheme}://{host}:{port}"))
}

/// Reads the URL of a source.
pub(crate) fn parse_url(url: &str) -> Result<Uri, SourceError> {
    let parsed = url.parse::<Uri>().ok().filter(|url| url.host().is_some_and(|host| !host.is_empty()));
    parsed.filter(|url| matches!(url.scheme_str(), Some("http" | "https"))).ok_or(SourceError::Setting {
        what: "the URL of a source must begin with http:// or https:// and name a host",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_has_no_key_in_it() {
        let url = parse_url("https://user:secret@rpc.example.org:8443/v1/secret?key=secret").unwrap();
        assert_eq!(shown(&url), "https://rpc.example.org:8443");
        assert_eq!(shown(&parse_url("http://localhost").unwrap()), "http://localhost");
    }

    #[test]
    fn a_url_needs_a_scheme_of_http_and_a_host() {
        for url in
            ["", "localhost:8000", "ftp://example.org", "s3://bucket/key", "https://", "/path", "http:"]
        {
            assert!(parse_url(url).is_err(), "{url:?}");
        }
    }
}
