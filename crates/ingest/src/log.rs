use fluxora_indexer::projection::{Anomaly, ReportedAnomaly, Unprojected};
use fluxora_indexer::{Batch, Refusal, Rollback};
use fluxora_store::chain::{Ingested, OrphanEvent, Reorg, ReorgCause};

/// Logs what an operator should know about a stored batch.
pub(crate) fn stored(ingested: &Ingested) {
    if let Some(reorg) = &ingested.reorg {
        reorg_applied(reorg);
    }
    orphans(&ingested.orphans);
    ingested.unprojected.iter().for_each(unprojected);
    ingested.anomalies.iter().for_each(anomaly);
}

fn reorg_applied(reorg: &Reorg) {
    let Reorg { number, fork_ledger, depth, tip_before, events_removed, streams_rebuilt, cause, at: _ } =
        reorg;
    let (existing_hash, incoming_hash) = match cause {
        ReorgCause::Fork { existing_hash, incoming_hash } => (Some(existing_hash), Some(incoming_hash)),
        ReorgCause::Rewind { .. } => (None, None),
    };
    tracing::warn!(
        reorg = number,
        fork_ledger,
        depth,
        tip_before,
        events_removed,
        streams_rebuilt,
        existing_hash = existing_hash.map(tracing::field::display),
        incoming_hash = incoming_hash.map(tracing::field::display),
        "reorg applied"
    );
}

fn orphans(orphans: &[OrphanEvent]) {
    let Some(OrphanEvent { event, stream }) = orphans.first() else { return };
    tracing::warn!(
        events = orphans.len(),
        first_event = %event,
        first_stream = %stream,
        "contract events without a stream: the creation of their streams was never pushed, or cannot be read"
    );
}

fn unprojected(unprojected: &Unprojected) {
    let Unprojected { event, stream, marks_stream, reason } = unprojected;
    let stream = stream.map(tracing::field::display);
    if *marks_stream {
        tracing::warn!(%event, stream, reason, "contract event not projected: its stream is marked uncertain");
    } else {
        tracing::warn!(%event, stream, reason, "contract event not projected: no stream is stored for it");
    }
}

fn anomaly(anomaly: &ReportedAnomaly) {
    let ReportedAnomaly { event, stream, what } = anomaly;
    match what {
        Anomaly::PaidTwice { keeper_paid, again } => tracing::warn!(
            %event,
            %stream,
            %keeper_paid,
            paid_again = %again,
            "double payment: the contract paid a recipient again after a keeper's cancellation"
        ),
        what => tracing::warn!(
            %event,
            %stream,
            anomaly = %what,
            "a contract event breaks the contract's rules: its stream is marked uncertain"
        ),
    }
}

/// Logs why a batch was refused. Nothing of it was stored.
pub(crate) fn refused(refusal: &Refusal, batch: &Batch) {
    match refusal {
        Refusal::TooDeep { rollback, final_ledger } => {
            let Rollback { fork, depth, existing_hash, incoming_hash } = rollback;
            tracing::error!(
                fork_ledger = fork,
                depth,
                final_ledger,
                %existing_hash,
                %incoming_hash,
                "reorg refused: it reaches final ledgers, which only an operator can rewind"
            );
        }
        Refusal::EventConflict { indices } => {
            let first = indices.first().and_then(|index| batch.events().get(*index));
            let (event, ledger) = first.map(|event| (&event.id, event.position.ledger)).unzip();
            tracing::warn!(
                events = indices.len(),
                first_event = event.map(tracing::field::display),
                first_ledger = ledger,
                "batch refused: events are known with other contents at the same position or under the same id"
            );
        }
        Refusal::ImplausibleTip { ledger, tip, highest } => tracing::error!(
            ledger,
            tip,
            highest_plausible_ledger = highest,
            "batch refused: its newest ledger is higher than the chain can have grown"
        ),
        Refusal::LedgerConflict { ledger } => tracing::warn!(
            ledger,
            "batch refused: the ledger is stored under the same hash with another previous hash"
        ),
        Refusal::CloseTimeConflict { ledger } => tracing::warn!(
            ledger,
            "batch refused: the ledger is stored under the same hash with another close time"
        ),
        Refusal::LeaseLost { lease } => {
            tracing::warn!(lease, "batch refused: the lease under which it is written has another holder");
        }
    }
}
