use std::sync::Arc;

use fluxora_indexer::projection::{Class, ContractVersion, Subjects};
use fluxora_indexer::{ChainPosition, ContractEvent, Frontier, Hole, Invocation, Ledger, Opaque, Tip};
use fluxora_stream::{ContractId, StreamId};

use super::ReadColumns;
use crate::StoreError;
use crate::chain::{
    ChainState, ContractSummary, LedgerSet, Mention, RefusedReorg, RefusedTip, Reorg, ReorgCause,
    RepeatedEvent, StoredEvent,
};

/// Reads `id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, happened_at, payload, invocation` of `contract_events`.
pub fn contract_event<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<ContractEvent, StoreError> {
    Ok(ContractEvent {
        id: columns.parsed("id", Opaque::new)?,
        position: ChainPosition {
            ledger: columns.number("ledger")?,
            transaction: columns.number("tx_index")?,
            operation: columns.number("operation_index")?,
            event: columns.number("event_index")?,
        },
        contract: columns.parsed("contract_id", Opaque::new)?,
        topic: columns.parsed("topic", Opaque::new)?,
        tx_hash: columns.parsed("tx_hash", Opaque::new)?,
        happened_at: columns.instant("happened_at")?,
        payload: columns.text("payload")?.into(),
        invocation: columns
            .optional("invocation", |columns, name| columns.parsed(name, str::parse::<Invocation>))?
            .map(Arc::new),
    })
}

/// Reads a [`contract_event`] and `class, stream, other`.
pub fn stored_event<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredEvent, StoreError> {
    let event = contract_event(columns)?;
    let class = columns.parsed("class", str::parse::<Class>)?;
    let stream = columns.optional("stream", C::unsigned)?;
    let other = columns.optional("other", C::unsigned)?;
    let subjects = match stream {
        None => Subjects::default(),
        Some(stream) => {
            let contract = ContractId::parse(event.contract.as_str())
                .map_err(|error| columns.corrupt("contract_id", error))?;
            let id = |number| StreamId::chain(contract, number);
            Subjects { stream: Some(id(stream)), other: other.map(id) }
        }
    };
    Ok(StoredEvent { event, class, subjects })
}

/// Reads `number, kept` and a [`stored_event`] of `repeated_contract_events`.
pub fn repeated_event<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<RepeatedEvent, StoreError> {
    Ok(RepeatedEvent {
        number: columns.number("number")?,
        kept: columns.parsed("kept", Opaque::new)?,
        stored: stored_event(columns)?,
    })
}

/// Reads `id, ledger, tx_index, contract_id, stream, other` of `contract_events`.
pub fn mention<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<Mention, StoreError> {
    columns.skip();
    let transaction = (columns.number("ledger")?, columns.number("tx_index")?);
    let contract = columns.parsed("contract_id", ContractId::parse)?;
    let id = |number| StreamId::chain(contract, number);
    let stream = columns.optional("stream", C::unsigned)?.map(id);
    let other = columns.optional("other", C::unsigned)?.map(id);
    Ok(Mention { transaction, stream, other })
}

/// Reads `sequence, hash, previous_hash, closed_at` of `ledgers`.
pub fn ledger<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<Ledger, StoreError> {
    Ok(Ledger {
        sequence: columns.number("sequence")?,
        hash: columns.parsed("hash", Opaque::new)?,
        previous_hash: columns.optional("previous_hash", opaque)?,
        closed_at: columns.optional("closed_at", C::instant)?,
    })
}

/// Reads `one, tip_ledger, tip_hash, last_safe, final_ledger, events, pending, unknown_events, unreadable_events, synced_at, refused_at,
/// refused_fork, tip_at, hole_from, hole_to, orphan_events, resync, refused_tip_at, refused_tip` of `chain_state`: everything but the last reorg.
pub fn chain_state<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<ChainState, StoreError> {
    columns.integer("one")?;
    let tip_ledger = columns.optional("tip_ledger", C::number)?;
    let tip_hash = columns.optional("tip_hash", opaque)?;
    let last_safe = columns.optional("last_safe", C::number)?;
    let final_ledger = columns.optional("final_ledger", C::number)?;
    let events = columns.number("events")?;
    let pending = columns.number("pending")?;
    let unknown = columns.number("unknown_events")?;
    let unreadable = columns.number("unreadable_events")?;
    let synced_at = columns.optional("synced_at", C::instant)?;
    let refused_at = columns.optional("refused_at", C::instant)?;
    let refused_fork = columns.optional("refused_fork", C::number)?;
    let refused = refused_at.zip(refused_fork).map(|(at, fork_ledger)| RefusedReorg { at, fork_ledger });
    let at = columns.optional("tip_at", C::instant)?;
    let hole_from = columns.optional("hole_from", C::number)?;
    let hole_to = columns.optional("hole_to", C::number)?;
    let frontier = Frontier {
        tip: tip_ledger.zip(tip_hash).map(|(ledger, hash)| Tip { ledger, hash, at }),
        last_safe,
        final_ledger,
        hole: hole_from.zip(hole_to).map(|(from, to)| Hole { from, to }),
    };
    let orphans = columns.number("orphan_events")?;
    let resync = columns.parsed("resync", str::parse::<LedgerSet>)?;
    let refused_tip_at = columns.optional("refused_tip_at", C::instant)?;
    let refused_tip = columns.optional("refused_tip", C::number)?;
    let refused_tip = refused_tip_at.zip(refused_tip).map(|(at, ledger)| RefusedTip { at, ledger });
    Ok(ChainState {
        frontier,
        events,
        pending,
        unknown,
        unreadable,
        synced_at,
        last_reorg: None,
        orphans,
        resync,
        refused,
        refused_tip,
    })
}

/// Reads `contract_id, events, unknown_events, unreadable_events, transfer_events, anomalies, version, first_ledger, first_topic` of
/// `contracts`, and whether the contract has a stream.
pub fn contract_summary<'r, C: ReadColumns<'r>>(
    columns: &mut C,
) -> Result<(ContractSummary, bool), StoreError> {
    let summary = ContractSummary {
        contract: columns.parsed("contract_id", Opaque::new)?,
        events: columns.number("events")?,
        unknown: columns.number("unknown_events")?,
        unreadable: columns.number("unreadable_events")?,
        transfers: columns.number("transfer_events")?,
        anomalies: columns.number("anomalies")?,
        version: columns
            .optional("version", |columns, name| columns.parsed(name, str::parse::<ContractVersion>))?,
        first_unusable: {
            let ledger = columns.optional("first_ledger", C::number)?;
            ledger.zip(columns.optional("first_topic", opaque)?)
        },
    };
    Ok((summary, columns.integer("has_stream")? != 0))
}

/// Reads `number, at, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, existing_hash, incoming_hash, reason` of `reorgs`.
pub fn reorg<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<Reorg, StoreError> {
    let number = columns.number("number")?;
    let at = columns.instant("at")?;
    let fork_ledger = columns.number("fork_ledger")?;
    let depth = columns.number("depth")?;
    let tip_before = columns.optional("tip_before", C::number)?;
    let events_removed = columns.number("events_removed")?;
    let streams_rebuilt = columns.number("streams_rebuilt")?;
    let existing_hash = columns.optional("existing_hash", opaque)?;
    let incoming_hash = columns.optional("incoming_hash", opaque)?;
    let reason = columns.optional("reason", C::text)?;
    let cause = match (existing_hash, incoming_hash, reason) {
        (Some(existing_hash), Some(incoming_hash), None) => ReorgCause::Fork { existing_hash, incoming_hash },
        (None, None, Some(reason)) => ReorgCause::Rewind { reason: reason.to_owned() },
        _ => return Err(columns.corrupt("reason", "neither a reorg's hashes nor a rewind's reason")),
    };
    Ok(Reorg { number, at, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, cause })
}

fn opaque<'r>(columns: &mut impl ReadColumns<'r>, column: &'static str) -> Result<Opaque, StoreError> {
    columns.parsed(column, Opaque::new)
}
