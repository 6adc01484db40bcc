//! Records as text, for comparing and checksums.

use std::fmt::{Display, Write};

use fluxora_audit::Row;
use fluxora_indexer::projection::Subjects;
use fluxora_indexer::{ChainPosition, ContractEvent, Frontier, Hole, Ledger, LedgerProof};
use fluxora_stream::vesting::{Times, VestingRecord};
use fluxora_stream::{
    Body, ChainBody, ContractState, RateFlow, Schedule, Sequence, Stream, StreamEvent, V9State,
};
use serde::Serialize;

use super::{Record, RemovedStream, keys, webhooks};
use crate::chain::{
    ChainState, ComparedEntry, Coverage, RefusedReorg, RefusedTip, Reorg, ReorgCause, RepeatedEvent,
    StoredEvent,
};
use crate::{IdempotencyRecord, StoreError, rows};

/// Fields of a record one after the other, each as name, length and value: no two different records have the same text.
///
/// Every record is taken apart by naming all its fields, so that a field that is added does not compile until it is written here.
#[derive(Default)]
pub(super) struct Fields(String);

impl Fields {
    pub(super) fn put(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.text(name, &value.to_string())
    }

    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        // Writing to a string cannot fail.
        write!(self.0, "{name}:{}={value};", value.len()).ok();
        self
    }

    pub(super) fn optional(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.put(name, value),
            None => {
                write!(self.0, "{name}:-;").ok();
                self
            }
        }
    }

    fn json(&mut self, name: &str, value: &impl Serialize) -> Result<&mut Self, StoreError> {
        let json = serde_json::to_string(value).map_err(|error| StoreError::Internal {
            reason: format!("writing {name} of a record"),
            source: Some(error.into()),
        })?;
        Ok(self.text(name, &json))
    }
}

impl Record {
    /// All values of the record as one text. It is equal for two records that are the same to the last decimal of an amount (to `==`, 100
    /// and 100.0 are one amount).
    ///
    /// # Errors
    /// [`StoreError::Internal`] if a value cannot be written as JSON.
    pub fn canonical(&self) -> Result<String, StoreError> {
        let mut fields = Fields::default();
        fields.put("section", self.section().name());
        match self {
            Self::Stream(sequence, record) => stream(fields.put("sequence", sequence.0), record)?,
            Self::Removed(removed) => removed_stream(&mut fields, removed),
            Self::Event(sequence, record) => event(&mut fields, *sequence, record)?,
            Self::Idempotency(record) => idempotency_record(&mut fields, record),
            Self::Ledger(record) => ledger(&mut fields, record),
            Self::ContractEvent(arrival, record) => stored_event(fields.put("arrival", arrival.0), record),
            Self::LedgerProof(record) => ledger_proof(&mut fields, record),
            Self::Coverage(record) => coverage(&mut fields, record),
            Self::RepeatedEvent(record) => repeated_event(&mut fields, record),
            Self::Reorg(record) => reorg(&mut fields, record),
            Self::ChainState(record, arrival) => chain_state(fields.put("lastArrival", arrival.0), record),
            Self::WebhookEndpoint(stored, deleted_at) => {
                webhooks::endpoint(&mut fields, stored, deleted_at.as_ref())?;
            }
            Self::WebhookDelivery(stored) => webhooks::delivery(&mut fields, stored),
            Self::WebhookAttempt(attempt) => webhooks::attempt(&mut fields, attempt)?,
            Self::WebhookReplay(sequence, replay) => webhooks::replay(&mut fields, *sequence, replay)?,
            Self::WebhookFanOut(cursor) => {
                fields.put("cursor", cursor.0);
            }
            Self::Audit(row) => audit_row(&mut fields, row),
            Self::ApiKey(stored) => keys::key(&mut fields, stored),
            Self::StreamOwner(stream, owner) => {
                fields.put("stream", stream).text("owner", owner);
            }
            Self::StreamDrift(ComparedEntry { stream, ledger, fields: drifted }) => {
                fields.put("stream", stream).put("ledger", ledger).json("fields", drifted)?;
            }
        }
        Ok(fields.0)
    }
}

fn stream(fields: &mut Fields, stream: &Stream) -> Result<(), StoreError> {
    let Stream { body, sender, recipient, status, created_at, updated_at, event_count } = stream;
    fields.put("sender", sender).put("recipient", recipient);
    fields.put("status", status.name()).optional("statusAt", status.since());
    fields.put("createdAt", created_at).put("updatedAt", updated_at).put("eventCount", event_count);
    match body {
        Body::Api { id, flow } => rate_flow(fields.put("id", id), flow),
        Body::Chain(chain) => {
            let ChainBody { contract, number, state } = &**chain;
            fields.put("contract", contract).put("number", number);
            match state {
                ContractState::V9(state) => {
                    let V9State { flow, on_chain } = &**state;
                    rate_flow(fields, flow);
                    fields.json("v9", on_chain)?;
                }
                ContractState::Vesting(state) => {
                    let Times { start, cliff, end } = stream.times();
                    fields.put("start", start).put("cliff", cliff).put("end", end);
                    fields.json("vesting", &VestingRecord::of(state))?;
                }
            }
        }
    }
    Ok(())
}

fn rate_flow(fields: &mut Fields, flow: &RateFlow) {
    let RateFlow { schedule, withdrawn } = flow;
    let Schedule { deposit, rate, start, cliff, end, kind, checkpoint } = schedule;
    fields.put("withdrawn", withdrawn).put("deposit", deposit).put("rate", rate);
    fields.put("start", start).put("cliff", cliff).put("end", end).put("kind", kind.as_str());
    fields.put("checkpointAmount", checkpoint.amount).put("checkpointAt", checkpoint.at);
}

fn removed_stream(fields: &mut Fields, removed: &RemovedStream) {
    let RemovedStream { sequence, id, event_count } = removed;
    fields.put("sequence", sequence.0).put("id", id).put("eventCount", event_count);
}

fn event(fields: &mut Fields, sequence: Sequence, event: &StreamEvent) -> Result<(), StoreError> {
    let StreamEvent { stream, stream_seq, occurred_at, recorded_at, kind, data } = event;
    fields.put("sequence", sequence.0).put("stream", stream).put("streamSeq", stream_seq);
    fields.put("occurredAt", occurred_at).put("recordedAt", recorded_at).put("kind", kind.name());
    fields.json("data", data).map(drop)
}

fn idempotency_record(fields: &mut Fields, record: &IdempotencyRecord) {
    let IdempotencyRecord { scope, key, request, response, at } = record;
    fields.text("scope", scope).text("key", key.as_str()).text("request", request);
    fields.text("response", &hex(response));
    fields.put("at", at);
}

fn ledger(fields: &mut Fields, ledger: &Ledger) {
    let Ledger { sequence, hash, previous_hash, closed_at } = ledger;
    fields.put("sequence", sequence).put("hash", hash);
    fields.optional("previousHash", previous_hash.as_ref()).optional("closedAt", closed_at.as_ref());
}

fn stored_event(fields: &mut Fields, stored: &StoredEvent) {
    let StoredEvent { event, class, subjects: Subjects { stream, other } } = stored;
    let ContractEvent { id, position, contract, topic, tx_hash, happened_at, payload, invocation } = event;
    let ChainPosition { ledger, transaction, operation, event } = position;
    fields.put("id", id).put("ledger", ledger).put("transaction", transaction).put("operation", operation);
    fields.put("event", event).put("contract", contract).put("topic", topic).put("txHash", tx_hash);
    fields.put("happenedAt", happened_at).text("payload", payload).put("class", class.as_str());
    fields.optional("invocation", invocation.as_ref());
    fields.optional("stream", stream.as_ref()).optional("other", other.as_ref());
}

fn ledger_proof(fields: &mut Fields, proof: &LedgerProof) {
    let LedgerProof { ledger, header, results, preimages, events } = proof;
    fields.put("ledger", ledger).text("header", &hex(header)).text("results", &hex(results));
    fields.text("preimages", &rows::preimages(preimages)).put("events", events);
}

fn coverage(fields: &mut Fields, coverage: &Coverage) {
    let Coverage { contract, ledgers } = coverage;
    fields.put("contract", contract).put("ledgers", ledgers);
}

fn audit_row(fields: &mut Fields, row: &Row) {
    // All other fields, each with its length.
    let Row { previous_hash, hash, .. } = row;
    fields.text("encoded", &hex(&row.encode())).put("previousHash", previous_hash).put("hash", hash);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn repeated_event(fields: &mut Fields, repeated: &RepeatedEvent) {
    let RepeatedEvent { number, kept, stored } = repeated;
    fields.put("number", number).put("kept", kept);
    stored_event(fields, stored);
}

fn reorg(fields: &mut Fields, reorg: &Reorg) {
    let Reorg { number, at, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, cause } = reorg;
    fields.put("number", number).put("at", at).put("forkLedger", fork_ledger).put("depth", depth);
    fields.optional("tipBefore", tip_before.as_ref());
    fields.put("eventsRemoved", events_removed).put("streamsRebuilt", streams_rebuilt);
    match cause {
        ReorgCause::Fork { existing_hash, incoming_hash } => {
            fields.put("existingHash", existing_hash).put("incomingHash", incoming_hash);
        }
        ReorgCause::Rewind { reason } => {
            fields.text("reason", reason);
        }
    }
}

/// Without the last reorg, which is a record of another section.
fn chain_state(fields: &mut Fields, state: &ChainState) {
    let ChainState {
        frontier,
        events,
        pending,
        unknown,
        unreadable,
        synced_at,
        last_reorg: _,
        orphans,
        resync,
        refused,
        refused_tip,
    } = state;
    let Frontier { tip, last_safe, final_ledger, hole } = frontier;
    fields.optional("tipLedger", tip.as_ref().map(|tip| tip.ledger));
    fields.optional("tipHash", tip.as_ref().map(|tip| &tip.hash));
    fields.optional("tipAt", tip.as_ref().and_then(|tip| tip.at));
    fields
        .optional("holeFrom", hole.map(|Hole { from, to: _ }| from))
        .optional("holeTo", hole.map(|hole| hole.to));
    fields.optional("lastSafe", last_safe.as_ref()).optional("finalLedger", final_ledger.as_ref());
    fields
        .put("events", events)
        .put("pending", pending)
        .put("unknown", unknown)
        .put("unreadable", unreadable);
    fields.optional("syncedAt", synced_at.as_ref());
    let refused = refused.as_ref();
    fields.optional("refusedAt", refused.map(|RefusedReorg { at, fork_ledger: _ }| at));
    fields.optional("refusedFork", refused.map(|refused| refused.fork_ledger));
    fields.put("orphans", orphans).put("resync", resync);
    let refused_tip = refused_tip.as_ref();
    fields.optional("refusedTipAt", refused_tip.map(|RefusedTip { at, ledger: _ }| at));
    fields.optional("refusedTip", refused_tip.map(|refused| refused.ledger));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdempotencyKey;

    fn record(key: &str, request: &str) -> Record {
        Record::Idempotency(IdempotencyRecord {
            scope: "create".to_owned(),
            key: IdempotencyKey::parse(key).unwrap(),
            request: request.to_owned(),
            response: vec![0, 255],
            at: jiff::Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn a_record_is_its_section_and_its_fields_with_their_lengths() {
        assert_eq!(
            record("k", "a\nb").canonical().unwrap(),
            "section:19=idempotency records;scope:6=create;key:1=k;request:3=a\nb;response:4=00ff;at:20=1970-01-01T00:00:00Z;"
        );
    }

    #[test]
    fn no_value_reads_as_the_beginning_of_the_next() {
        let one = record("a", ";request:1=b").canonical().unwrap();
        assert_ne!(one, record("a;request:1=b", "").canonical().unwrap());
    }
}
