//! Records of webhooks for a copy.

use fluxora_delivery::{Attempt, Replay};
use fluxora_store::Sequence;
use fluxora_store::copy::{CopiedAttempt, Record};
use fluxora_store::delivery::{StoredDelivery, StoredEndpoint};
use fluxora_store::rows::{ReadColumns, webhook_endpoint};
use jiff::Timestamp;

use super::section::{SectionQuery, continue_numbering_after};
use crate::columns::Columns;
use crate::faults::Fault;
use crate::pipeline::PipelinedTransaction;
use crate::webhooks::columns::{attempt_columns, delivery_columns, endpoint_columns, replay_columns};
use crate::webhooks::{deliveries, endpoints, replays, save_cursor};

pub(crate) const ENDPOINTS: SectionQuery = SectionQuery {
    table: "webhook_endpoints",
    select: concat!("SELECT ", endpoint_columns!(), ", deleted_at FROM webhook_endpoints"),
    holds: "true",
    after: "seq > $1 ORDER BY seq LIMIT $2",
    at: "seq = ANY ($1)",
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
    after: "d.seq > $1 ORDER BY d.seq LIMIT $2",
    at: "d.seq = ANY ($1)",
    decode: |row| deliveries::decode(row).map(|stored| Record::WebhookDelivery(Box::new(stored))),
};
pub(crate) const ATTEMPTS: SectionQuery = SectionQuery {
    table: "webhook_attempts",
    select: concat!("SELECT ", attempt_columns!(), " FROM webhook_attempts a"),
    holds: "true",
    after: "a.seq > $1 ORDER BY a.seq LIMIT $2",
    at: "a.seq = ANY ($1)",
    decode: |row| {
        let (sequence, delivery, attempt) = deliveries::decode_attempt(row)?;
        Ok(Record::WebhookAttempt(CopiedAttempt { sequence, delivery, attempt }))
    },
};
pub(crate) const REPLAYS: SectionQuery = SectionQuery {
    table: "webhook_replays",
    select: concat!("SELECT ", replay_columns!(), " FROM webhook_replays"),
    holds: "true",
    after: "seq > $1 ORDER BY seq LIMIT $2",
    at: "seq = ANY ($1)",
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
    after: "one > $1 ORDER BY one LIMIT $2",
    at: "one = ANY ($1)",
    decode: |row| {
        let mut columns = Columns::of(row, "webhook_fan_out");
        columns.skip();
        columns.sequence("cursor").map(Record::WebhookFanOut)
    },
};

/// Records of webhooks that are to be written, by section.
#[derive(Default)]
pub(super) struct Records<'r> {
    endpoints: Vec<(&'r StoredEndpoint, Option<Timestamp>)>,
    deliveries: Vec<&'r StoredDelivery>,
    attempts: Vec<(Sequence, Sequence, &'r Attempt)>,
    replays: Vec<(Sequence, &'r Replay)>,
    cursor: Option<Sequence>,
}

impl<'r> Records<'r> {
    /// Adds a record; one of another section is passed over.
    pub(super) fn push(&mut self, record: &'r Record) {
        match record {
            Record::WebhookEndpoint(stored, deleted_at) => self.endpoints.push((&**stored, *deleted_at)),
            Record::WebhookDelivery(stored) => self.deliveries.push(&**stored),
            Record::WebhookAttempt(CopiedAttempt { sequence, delivery, attempt }) => {
                self.attempts.push((*sequence, *delivery, attempt));
            }
            Record::WebhookReplay(sequence, replay) => self.replays.push((*sequence, &**replay)),
            Record::WebhookFanOut(cursor) => self.cursor = Some(*cursor),
            _ => {}
        }
    }

    /// Queues the writes.
    pub(super) async fn put(self, transaction: &mut PipelinedTransaction) -> Result<(), Fault> {
        let Self { endpoints, deliveries, attempts, replays, cursor } = self;
        for (stored, deleted_at) in &endpoints {
            endpoints::put(transaction, stored, *deleted_at).await?;
        }
        let last = endpoints.iter().map(|(stored, _)| stored.sequence).max();
        continue_numbering_after(transaction, "webhook_endpoints", last).await?;
        if !deliveries.is_empty() {
            deliveries::put(transaction, &deliveries).await?;
        }
        let last = deliveries.iter().map(|stored| stored.sequence).max();
        continue_numbering_after(transaction, "webhook_deliveries", last).await?;
        if !attempts.is_empty() {
            deliveries::put_attempts(transaction, &attempts).await?;
        }
        let last = attempts.iter().map(|(sequence, ..)| *sequence).max();
        continue_numbering_after(transaction, "webhook_attempts", last).await?;
        for (sequence, replay) in &replays {
            replays::put(transaction, *sequence, replay).await?;
        }
        let last = replays.iter().map(|(sequence, _)| *sequence).max();
        continue_numbering_after(transaction, "webhook_replays", last).await?;
        if let Some(cursor) = cursor {
            save_cursor(transaction, cursor).await?;
        }
        Ok(())
    }
}
