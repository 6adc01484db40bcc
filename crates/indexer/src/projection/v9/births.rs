//! Creation of streams: by `created`, and as shares, clones and renewals of other streams.

use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use fluxora_stream::{
    ChainBody, Checkpoint, ContractId, Inferred, Kind, OnChain, RateFlow, Schedule, Status, StreamNumber,
    V9State, V9Stream,
};

use super::effect::EventContext;
use super::inference;
use super::invocation::Settled;
use super::payload::Hex;
use super::values::{Created, ShareDelegated};

/// The stream of a `created` event, of the kind that its invocation says.
pub(super) fn created(
    contract: ContractId,
    value: Created,
    tx_hash: &str,
    now: &EventContext<'_>,
    settled: Settled<Kind>,
) -> V9Stream {
    let mut schedule = Schedule::linear(
        value.deposit_amount.amount(),
        value.rate_per_second.amount(),
        value.start_time.0,
        value.cliff_time.0,
        value.end_time.0,
    );
    let (kind, inferred) = match settled {
        Settled::As(kind) => (kind, false),
        Settled::Open | Settled::Contradicted => inference::kind_of(&schedule),
    };
    schedule.kind = kind;
    let state = OnChain {
        created_ledger: now.ledger,
        last_ledger: now.ledger,
        tx_hash: tx_hash.to_owned(),
        withdraw_dust_threshold: value.withdraw_dust_threshold.amount(),
        memo: value.memo.map(|Hex(memo)| memo),
        metadata: value.metadata.map(plain),
        pooled: value.sender == value.recipient,
        inferred: Inferred { kind: inferred, ..Inferred::default() },
        ..OnChain::default()
    };
    let flow = RateFlow { schedule, withdrawn: Amount::from_stroops(0) };
    V9Stream {
        body: ChainBody { contract, number: value.stream_id.0, state: V9State { flow, on_chain: state } },
        sender: value.sender.0,
        recipient: value.recipient.0,
        status: Status::Active,
        created_at: now.recorded,
        updated_at: now.recorded,
        event_count: 0,
    }
}

fn plain(metadata: BTreeMap<Hex, Hex>) -> BTreeMap<String, String> {
    metadata.into_iter().map(|(Hex(name), Hex(value))| (name, value)).collect()
}

/// Splits a share off the parent: the accrued amount is kept, the deposit becomes what the lower rate still needs.
pub(super) fn give_share(parent: &mut V9Stream, value: &ShareDelegated, now: &EventContext<'_>) {
    inference::is_linear(parent);
    let schedule = &mut parent.body.state.flow.schedule;
    let accrued = schedule.accrued(now.at);
    let rate = value.new_parent_rate.amount();
    let left = i128::from(schedule.end.seconds_since(now.at));
    let flow = rate.stroops().saturating_mul(left);
    schedule.checkpoint = Checkpoint { amount: accrued, at: now.at };
    schedule.rate = rate;
    schedule.deposit = Amount::from_stroops(accrued.stroops().saturating_add(flow));
}

/// The stream of a share, from its parent before and after the split.
pub(super) fn share(
    before: &V9Stream,
    after: &V9Stream,
    value: &ShareDelegated,
    tx_hash: &str,
    now: &EventContext<'_>,
) -> V9Stream {
    let deposit = before
        .body
        .state
        .flow
        .schedule
        .deposit
        .stroops()
        .saturating_sub(after.body.state.flow.schedule.deposit.stroops())
        .max(0);
    let schedule = Schedule::linear(
        Amount::from_stroops(deposit),
        value.child_rate.amount(),
        now.at,
        before.body.state.flow.schedule.cliff.max(now.at),
        before.body.state.flow.schedule.end,
    );
    let parent = &before.body.state.on_chain;
    let state = OnChain {
        created_ledger: now.ledger,
        last_ledger: now.ledger,
        tx_hash: tx_hash.to_owned(),
        parent_stream_id: Some(StreamNumber(value.stream_id.0)),
        delegation_depth: parent.delegation_depth.saturating_add(1),
        withdraw_dust_threshold: parent.withdraw_dust_threshold,
        memo: parent.memo.clone(),
        metadata: parent.metadata.clone(),
        // The split of the parent's deposit depends on a checkpoint that may be inferred.
        inferred: Inferred { checkpoint: parent.inferred.checkpoint, ..Inferred::default() },
        ..OnChain::default()
    };
    let flow = RateFlow { schedule, withdrawn: Amount::from_stroops(0) };
    V9Stream {
        body: ChainBody {
            contract: before.body.contract,
            number: value.child_stream_id.0,
            state: V9State { flow, on_chain: state },
        },
        sender: before.sender,
        recipient: value.delegatee.0,
        status: Status::Active,
        created_at: now.recorded,
        updated_at: now.recorded,
        event_count: 0,
    }
}

/// The kind of a stream and whether it is inferred. Clones and renewals inherit both.
pub(super) fn kind(stream: &V9Stream) -> (Kind, bool) {
    (stream.body.state.flow.schedule.kind, stream.body.state.on_chain.inferred.kind)
}

/// Makes a stream a clone or a renewal of another. Terms that allow one kind only take precedence over the inherited
/// kind.
pub(super) fn inherit(stream: &mut V9Stream, source: u64, kind: Option<(Kind, bool)>) {
    let own = inference::kind_of(&stream.body.state.flow.schedule);
    if let (Kind::Linear, Some((kind, inferred))) = (own.0, kind) {
        stream.body.state.flow.schedule.kind = kind;
        stream.body.state.on_chain.inferred.kind = inferred && own.1;
    }
    stream.body.state.on_chain.source_stream_id = Some(StreamNumber(source));
}
