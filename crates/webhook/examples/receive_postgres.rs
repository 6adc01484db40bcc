//! A receiver whose replay guard is a table: several replicas share it, and the handler's writes are exactly once.
//!
//! ```text
//! FLUXORA_WEBHOOK_SECRET=whsec_… DATABASE_URL=postgres://… \
//!     cargo run --example receive_postgres --features http -- 127.0.0.1:8080
//! ```
#![allow(clippy::disallowed_methods, reason = "a whole program reads its clock and its environment")]
#![allow(missing_docs, reason = "an example is read as a whole")]
#![allow(clippy::print_stdout, reason = "the example says what it received")]

// [program]
use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Router, routing::post};
use fluxora_webhook::{
    AsyncReplayGuard, Begun, BodyClaims, Claims, DedupeKey, Headers, LEASE_SECONDS, Lease, MAX_BODY_BYTES,
    RETENTION_SECONDS, ReceiveError, Refusal, Secret, Settled, UnixSeconds, Verifier, name,
};
use tokio::sync::Mutex;
use tokio_postgres::{Client, GenericClient, NoTls};

/// Fences come from a sequence: a deleted reservation never gives its number to a later one.
pub const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS webhook_deliveries (
        key bytea PRIMARY KEY,
        fence bigserial NOT NULL,
        done boolean NOT NULL,
        ends_at bigint NOT NULL -- Unix seconds: the end of the lease, or of the retention
    );
    CREATE INDEX IF NOT EXISTS webhook_deliveries_ends_at ON webhook_deliveries (ends_at);
    CREATE TABLE IF NOT EXISTS received_events (id text PRIMARY KEY, kind text NOT NULL);
";

/// A replay guard over a connection or over a transaction.
pub struct PostgresGuard<'a, C>(pub &'a C);

impl<C: GenericClient + Sync> AsyncReplayGuard for PostgresGuard<'_, C> {
    type Error = tokio_postgres::Error;

    /// One statement reserves: of two callers the second waits for the row and then finds it taken.
    async fn begin(&self, key: &DedupeKey, now: UnixSeconds) -> Result<Begun, Self::Error> {
        let reserve = "
            INSERT INTO webhook_deliveries AS held (key, done, ends_at) VALUES ($1, false, $2)
            ON CONFLICT (key) DO UPDATE SET fence = excluded.fence, done = false, ends_at = excluded.ends_at
            WHERE held.ends_at <= $3 RETURNING fence";
        let (key_bytes, ends_at) = (key.as_bytes().as_slice(), now.plus(LEASE_SECONDS).get());
        if let Some(row) = self.0.query_opt(reserve, &[&key_bytes, &ends_at, &now.get()]).await? {
            return Ok(Begun::Fresh(Lease::new(*key, row.get::<_, i64>(0).unsigned_abs())));
        }
        let held = "SELECT done, ends_at FROM webhook_deliveries WHERE key = $1";
        Ok(match self.0.query_opt(held, &[&key_bytes]).await? {
            Some(row) if row.get(0) => Begun::Done,
            Some(row) => Begun::InFlight { retry_after_seconds: now.distance(UnixSeconds::new(row.get(1))) },
            None => Begun::InFlight { retry_after_seconds: 1 }, // given back between the two statements
        })
    }

    async fn commit(&self, lease: Lease, now: UnixSeconds) -> Result<Settled, Self::Error> {
        let record = "
            UPDATE webhook_deliveries SET done = true, ends_at = $3 WHERE key = $1 AND fence = $2 AND NOT done";
        let ends_at = now.plus(RETENTION_SECONDS).get();
        let (key, fence) = (lease.key().as_bytes().as_slice(), signed(lease.fence()));
        Ok(settled(self.0.execute(record, &[&key, &fence, &ends_at]).await?))
    }

    async fn abort(&self, lease: Lease) -> Result<Settled, Self::Error> {
        let give_back = "DELETE FROM webhook_deliveries WHERE key = $1 AND fence = $2 AND NOT done";
        let (key, fence) = (lease.key().as_bytes().as_slice(), signed(lease.fence()));
        Ok(settled(self.0.execute(give_back, &[&key, &fence]).await?))
    }
}

impl<C: GenericClient + Sync> PostgresGuard<'_, C> {
    /// Deletes what ended more than an hour ago, so that a late holder still finds its lease. Call it once an hour.
    pub async fn delete_expired(&self, now: UnixSeconds) -> Result<u64, tokio_postgres::Error> {
        let before = now.get().saturating_sub(3_600);
        self.0.execute("DELETE FROM webhook_deliveries WHERE ends_at <= $1", &[&before]).await
    }
}

/// The database counts fences from 1 to `i64::MAX`.
fn signed(fence: u64) -> i64 {
    i64::try_from(fence).unwrap_or(i64::MAX)
}

const fn settled(rows: u64) -> Settled {
    if rows == 0 { Settled::LeaseLost } else { Settled::Recorded }
}

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

pub type Error = ReceiveError<serde_json::Error, tokio_postgres::Error>;

fn unavailable(source: tokio_postgres::Error) -> Error {
    ReceiveError::Refused(Refusal::Unavailable { source })
}

/// What a service does with an event, within the transaction that also records the delivery.
async fn process(transaction: &impl GenericClient, event: &Event) -> Result<(), tokio_postgres::Error> {
    let insert = "INSERT INTO received_events (id, kind) VALUES ($1, $2)";
    transaction.execute(insert, &[&event.id, &event.kind]).await.map(|_| ())
}

/// Processes a delivery once: the reservation is committed at once, the work and the record of it together.
pub async fn receive(
    client: &mut Client,
    verifier: &Verifier,
    headers: &(impl Headers + Sync + ?Sized),
    body: &[u8],
    now: UnixSeconds,
) -> Result<(), Error> {
    let read = serde_json::from_slice::<Event>;
    let received = verifier.receive_async(headers, body, now, &PostgresGuard(client), read).await?;
    let transaction = client.transaction().await.map_err(unavailable)?;
    if let Err(error) = process(&transaction, &received.event).await {
        transaction.rollback().await.map_err(unavailable)?;
        PostgresGuard(client).abort(received.lease).await.map_err(unavailable)?;
        return Err(unavailable(error));
    }
    match PostgresGuard(&transaction).commit(received.lease, now).await.map_err(unavailable)? {
        Settled::Recorded => transaction.commit().await.map_err(unavailable),
        // Another request took the delivery over: what was written here is rolled back.
        Settled::LeaseLost => {
            Err(ReceiveError::Refused(Refusal::InFlight { retry_after_seconds: LEASE_SECONDS }))
        }
    }
}

/// A service has a pool of connections instead of the lock.
pub struct App {
    pub verifier: Verifier,
    pub client: Mutex<Client>,
}

async fn handle(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, String); 2]) {
    let now = UnixSeconds::from(SystemTime::now());
    let outcome = receive(&mut *app.client.lock().await, &app.verifier, &headers, &body, now).await;
    let (status, code, retry_after) = match outcome {
        Ok(()) => (204, "ok", 0),
        Err(error) => (error.status(), error.code(), error.retry_after_seconds().unwrap_or(0)),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(name::CODE, code.to_owned()), ("retry-after", retry_after.to_string())])
}

pub fn router(app: App) -> Router {
    Router::new()
        .route("/webhooks/fluxora", post(handle))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::new(app))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = Secret::new(std::env::var("FLUXORA_WEBHOOK_SECRET")?)?;
    let (client, connection) = tokio_postgres::connect(&std::env::var("DATABASE_URL")?, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(SCHEMA).await?;
    let app = App { verifier: Verifier::new(&secret), client: Mutex::new(client) };
    drop(secret);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}/webhooks/fluxora", listener.local_addr()?);
    axum::serve(listener, router(app)).await?;
    Ok(())
}
// [/program]
