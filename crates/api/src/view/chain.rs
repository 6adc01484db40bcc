//! What only a chain stream has, by the family of its contract.

use fluxora_decimal::Amount;
use fluxora_stream::vesting::{DelegateOperation, Grant, Units, VestingState};
use fluxora_stream::{Address, Body, ContractState, OnChain, Status, Stream, UnixTime, V9State};
use serde::Serialize;

use super::Instant;
use crate::Tokens;
use crate::tokens::TokenView;

/// `chain`: identity, and what the contract keeps as far as its events report it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "ChainStream"))]
pub(super) struct ChainView {
    contract_id: String,
    stream_id: String,
    family: &'static str,
    #[serde(flatten)]
    state: StateView,
}

#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum StateView {
    V9(Box<V9View>),
    Vesting(Box<VestingStateView>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "V9State"))]
struct V9View {
    kind: &'static str,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    checkpointed_amount: Amount,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    checkpointed_at: UnixTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_at: Option<Instant>,
    /// Whether the stream may differ from the contract's.
    uncertain: bool,
    #[serde(flatten)]
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::OnChain"))]
    known: OnChain,
}

/// The fields of the contract. Amounts are integers of the token's smallest unit, as the contract has them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "VestingState"))]
struct VestingStateView {
    abi: u8,
    token: TokenView,
    curve: &'static str,
    cliff_mode: &'static str,
    cancellable: bool,
    pausable: bool,
    transferable: bool,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Units"))]
    deposited: Units,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Units"))]
    withdrawn: Units,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Units"))]
    refunded: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_at: Option<Instant>,
    paused_total: u64,
    /// The end of the schedule, moved by the pauses; `null` while a pause lasts.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    effective_end_time: Option<UnixTime>,
    /// The opening of the cliff, moved by the pauses where its mode says so; `null` while a pause moves it.
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    cliff_opens_at: Option<UnixTime>,
    /// Deposit and end before the cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Units>"))]
    cancelled_deposit: Option<Units>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    cancelled_end_time: Option<UnixTime>,
    delegates: Vec<GrantView>,
    reference: Option<String>,
    created_ledger: u32,
    last_ledger: u32,
    tx_hash: String,
    /// Whether the stream may differ from the contract's.
    uncertain: bool,
    unprojected_events: u32,
    anomalies: u32,
}

/// What one delegate may do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Grant"))]
struct GrantView {
    delegate: String,
    grantor: String,
    /// The operations of the bits that are known.
    operations: Vec<&'static str>,
    /// All bits, as the contract has them.
    ops: u32,
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    expires_at: Option<UnixTime>,
}

impl ChainView {
    /// `None` for an API stream.
    pub(super) fn of(stream: &Stream, tokens: &Tokens) -> Option<Self> {
        let Body::Chain(chain) = &stream.body else { return None };
        let (family, state) = match &chain.state {
            ContractState::V9(state) => ("v9", StateView::V9(Box::new(V9View::of(stream.status, state)))),
            ContractState::Vesting(state) => {
                ("vesting", StateView::Vesting(Box::new(VestingStateView::of(state, tokens))))
            }
        };
        Some(Self {
            contract_id: chain.contract.to_string(),
            stream_id: chain.number.to_string(),
            family,
            state,
        })
    }
}

impl V9View {
    fn of(status: Status, state: &V9State) -> Self {
        let V9State { flow, on_chain } = state;
        let decimals = flow.schedule.decimals();
        Self {
            kind: flow.schedule.kind.as_str(),
            checkpointed_amount: flow.schedule.checkpoint.amount.with_decimals(decimals),
            checkpointed_at: flow.schedule.checkpoint.at,
            paused_at: match status {
                Status::Paused { at } => Some(Instant(at)),
                _ => None,
            },
            uncertain: on_chain.unprojected_events > 0 || on_chain.anomalies > 0,
            known: OnChain {
                withdraw_dust_threshold: on_chain.withdraw_dust_threshold.with_decimals(decimals),
                ..on_chain.clone()
            },
        }
    }
}

impl VestingStateView {
    fn of(state: &VestingState, tokens: &Tokens) -> Self {
        let schedule = &state.schedule;
        Self {
            abi: state.abi.number(),
            token: tokens.view(state.token),
            curve: schedule.curve.as_str(),
            cliff_mode: schedule.cliff_mode.as_str(),
            cancellable: state.cancellable,
            pausable: state.pausable,
            transferable: state.transferable,
            deposited: Units(schedule.deposited),
            withdrawn: Units(state.withdrawn),
            refunded: Units(state.refunded),
            paused_at: schedule.pauses.paused_at.map(|at| Instant(at.instant())),
            paused_total: schedule.pauses.paused_total,
            effective_end_time: schedule.effective_end(),
            cliff_opens_at: schedule.gate_opens(),
            cancelled_deposit: state.cancellation.map(|replaced| Units(replaced.deposited)),
            cancelled_end_time: state.cancellation.map(|replaced| replaced.end),
            delegates: state.delegates.iter().map(GrantView::of).collect(),
            reference: state.reference.clone(),
            created_ledger: state.created_ledger,
            last_ledger: state.last_ledger,
            tx_hash: state.tx_hash.clone(),
            uncertain: state.unprojected_events > 0 || state.anomalies > 0,
            unprojected_events: state.unprojected_events,
            anomalies: state.anomalies,
        }
    }
}

impl GrantView {
    fn of((delegate, grant): (&Address, &Grant)) -> Self {
        let granted = |operation: &DelegateOperation| grant.operations & operation.bit() != 0;
        Self {
            delegate: delegate.to_string(),
            grantor: grant.grantor.to_string(),
            operations: DelegateOperation::ALL
                .into_iter()
                .filter(granted)
                .map(DelegateOperation::as_str)
                .collect(),
            ops: grant.operations,
            expires_at: grant.expires_at,
        }
    }
}
