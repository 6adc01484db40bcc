//! Records of webhooks for a copy.

use fluxora_delivery::Replay;
use fluxora_store::copy::{CopiedAttempt, Record};
use fluxora_store::delivery::{StoredDelivery, StoredEndpoint};
use fluxora_store::rows::{ReadColumns, webhook_endpoint};
use fluxora_store::{Sequence, StoreError};
use jiff::Timestamp;
use rusqlite::Connection;

use super::section::SectionQuery;
use crate::columns::{self, Columns};
use crate::webhooks::deliveries::{self, attempt_columns, delivery_columns};
use crate::webhooks::endpoints::{self, endpoint_columns};
use crate::webhooks::replays::{self, replay_columns};

pub(crate) const ENDPOINTS: SectionQuery = SectionQuery {
    table: "webhook_endpoints",
    select: concat!("SELECT ", endpoint_columns!(), ", deleted_at FROM webhook_endpoints"),
    holds: "true",
    after: "seq > ?1 ORDER BY seq LIMIT ?2",
    at: "seq = ?1",
    decode: |row| {
        let mut columns = Columns::of(row, "webhook_endpoints");
        let stored = webhook_endpoint(&mut columns)?;
        let deleted_at = columns.optional("deleted_at", Columns::instant)?;
        Ok(Record::WebhookEndpoint(Box::new(stored), deleted_at))
    },
};
pub(crate) const DELIVERIES: SectionQuery = SectionQuery {
    table: "webhook_deliveries",
    select: concat!("SELECT ", delivery_columns!(), " FROM webhook_deliveries d"),
    holds: "true",
    after: "d.seq > ?1 ORDER BY d.seq LIMIT ?2",
    at: "d.seq = ?1",
    decode: |row| deliveries::decode(row).map(|stored| Record::WebhookDelivery(Box::new(stored))),
};
pub(crate) const ATTEMPTS: SectionQuery = SectionQuery {
    table: "webhook_attempts",
    select: concat!("SELECT ", attempt_columns!(), " FROM webhook_attempts a"),
    holds: "true",
    after: "a.seq > ?1 ORDER BY a.seq LIMIT ?2",
    at: "a.seq = ?1",
    decode: |row| {
        let (sequence, delivery, attempt) = deliveries::decode_attempt(row)?;
        Ok(Record::WebhookAttempt(CopiedAttempt { sequence, delivery, attempt }))
    },
};
pub(crate) const REPLAYS: SectionQuery = SectionQuery {
    table: "webhook_replays",
    select: concat!("SELECT ", replay_columns!(), " FROM webhook_replays"),
    holds: "true",
    after: "seq > ?1 ORDER BY seq LIMIT ?2",
    at: "seq = ?1",
    decode: |row| {
        let (sequence, replay) = replays::decode(row)?;
        Ok(Record::WebhookReplay(sequence, Box::new(replay)))
    },
};
/// The row is there from the first.
pub(crate) const FAN_OUT: SectionQuery = SectionQuery {
    table: "webhook_fan_out",
    select: "SELECT one, cursor FROM webhook_fan_out",
    holds: "cursor > 0",
    after: "one > ?1 ORDER BY one LIMIT ?2",
    at: "one = ?1",
    decode: |row| {
        let mut columns = Columns::of(row, "webhook_fan_out");
        columns.skip();
        columns.sequence("cursor").map(Record::WebhookFanOut)
    },
};

pub(crate) fn put_endpoint(
    connection: &Connection,
    stored: &StoredEndpoint,
    deleted_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    endpoints::insert(connection, Some(columns::seq(stored.sequence)), stored, deleted_at).map(drop)
}

pub(crate) fn put_delivery(connection: &Connection, stored: &StoredDelivery) -> Result<(), StoreError> {
    deliveries::insert(connection, Some(columns::seq(stored.sequence)), &stored.delivery)
}

pub(crate) fn put_attempt(connection: &Connection, copied: &CopiedAttempt) -> Result<(), StoreError> {
    let sequence = Some(columns::seq(copied.sequence));
    deliveries::insert_attempt(connection, sequence, copied.delivery, &copied.attempt)
}

pub(crate) fn put_replay(
    connection: &Connection,
    sequence: Sequence,
    replay: &Replay,
) -> Result<(), StoreError> {
    replays::insert(connection, Some(columns::seq(sequence)), replay)
}
