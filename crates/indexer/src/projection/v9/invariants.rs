//! The invariants of the contract.

use fluxora_stream::{Status, UnixTime, V9Stream};

use super::Anomaly;

/// The invariants that a changed stream breaks. Members of a pool, and recipients whom a keeper has paid, may take out
/// more than the deposit. While something is inferred, accrued amounts prove nothing.
pub(super) fn broken(before: &V9Stream, after: &V9Stream) -> Vec<Anomaly> {
    let (flow, chain) = (&after.body.state.flow, &after.body.state.on_chain);
    let (withdrawn, deposit) = (flow.withdrawn, flow.schedule.deposit);
    let checkpoint = flow.schedule.checkpoint.amount;
    let exempt = chain.pooled || chain.keeper_paid_amount.is_some();
    let inferred = chain.inferred.kind || chain.inferred.checkpoint || chain.inferred.withdrawn;
    let (from, to) = (before.status.name(), after.status.name());
    let mut anomalies = Vec::new();
    if withdrawn > deposit && !exempt {
        anomalies.push(Anomaly::WithdrawnExceedsDeposit { withdrawn, deposit });
    } else if let Status::Cancelled { at } = after.status
        && !exempt
        && !inferred
    {
        let accrued = flow.schedule.accrued(UnixTime::of(at));
        if withdrawn > accrued {
            anomalies.push(Anomaly::WithdrawnExceedsAccrued { withdrawn, accrued });
        }
    }
    if checkpoint > deposit {
        anomalies.push(Anomaly::CheckpointExceedsDeposit { checkpoint, deposit });
    }
    if from.is_terminal() && from != to {
        anomalies.push(Anomaly::FinalStatusLeft { from, to });
    }
    anomalies
}
