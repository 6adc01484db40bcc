//! What the receiver prints.

use std::fmt::Write as _;
use std::net::SocketAddr;

use fluxora_webhook::Secret;
use http::StatusCode;

/// Where the receiver listens, and with a new secret how a server sends to it.
pub(super) fn guide(address: SocketAddr, new: Option<&Secret>) -> String {
    let mut guide = format!("Receiving webhooks on http://{address}/. Ctrl-C stops it.");
    if let Some(secret) = new {
        // Writing to a text cannot fail.
        write!(
            guide,
            "\nSend to it from a server on this machine:
  WEBHOOK_ALLOW_HTTP=true WEBHOOK_ALLOWED_NETWORKS={address} FLUXORA_WEBHOOK_URL=http://{address}/ \\
  FLUXORA_WEBHOOK_SECRET={} fluxora-server demo",
            secret.expose()
        )
        .ok();
    }
    guide
}

/// The headers that name a delivery.
pub(super) struct Shown<'a> {
    pub(super) event: &'a str,
    pub(super) delivery: &'a str,
    pub(super) attempt: &'a str,
}

impl Shown<'_> {
    /// A genuine delivery, with its body if that is shown.
    pub(super) fn genuine(&self, status: StatusCode, body: Option<&serde_json::Value>) -> String {
        let Self { event, delivery, attempt } = self;
        let status = status.as_u16();
        let mut text = format!("{event} delivery {delivery} attempt {attempt}: genuine, answered {status}");
        if let Some(body) = body {
            write!(text, "\n{body:#}").ok();
        }
        text
    }

    /// A delivery that is refused, with its probable causes.
    pub(super) fn refused(&self, code: &str, causes: &[String]) -> String {
        let Self { event, delivery, attempt } = self;
        let mut text = format!("{event} delivery {delivery} attempt {attempt}: refused, {code}");
        for cause in causes {
            write!(text, "\n  {cause}").ok();
        }
        text
    }
}
