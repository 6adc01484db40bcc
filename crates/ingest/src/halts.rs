use fluxora_indexer::Batch;
use fluxora_indexer::vesting::{Decoded, HaltAction, decode};
use fluxora_store::chain::{HALT_TOPICS, Ingested};

/// Logs the events of emergency stops that a batch brought: they concern every stream of a contract.
pub(crate) fn log(ingested: &Ingested, batch: &Batch) {
    for event in ingested.inserted.iter().filter_map(|index| batch.events().get(*index)) {
        let topic = event.topic.as_str();
        if !HALT_TOPICS.contains(&topic) {
            continue;
        }
        let Ok(Decoded::Contract(action)) = decode(topic, &event.payload) else { continue };
        let (id, contract, ledger) = (&event.id, &event.contract, event.position.ledger);
        match action {
            HaltAction::OperatorSet { .. } => {
                tracing::info!(event = %id, %contract, ledger, "contract has an operator who can halt it");
            }
            HaltAction::Halted { .. } => tracing::warn!(
                event = %id,
                %contract,
                ledger,
                "contract halted: it refuses calls that change streams, accrual goes on"
            ),
            HaltAction::Resumed { halted_for, .. } => {
                tracing::info!(event = %id, %contract, ledger, halted_seconds = halted_for, "contract resumed");
            }
        }
    }
}
