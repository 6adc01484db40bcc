//! A projected stream beside the contract's own.

use std::collections::BTreeMap;

use fluxora_stream::UnixTime;
use fluxora_stream::vesting::{VestingStatus, VestingStream};
use serde_json::{Map, Value, json};

use super::super::{ContractHalt, liabilities};
use super::scenario::{Globals, State, View};

/// A value with its name, by the contract and by the projection.
pub(super) struct Compared {
    pub(super) what: String,
    pub(super) contract: String,
    pub(super) ours: String,
}

impl Compared {
    fn new(what: impl Into<String>, contract: &impl ToString, ours: &impl ToString) -> Self {
        Self { what: what.into(), contract: contract.to_string(), ours: ours.to_string() }
    }

    pub(super) fn differs(&self) -> bool {
        self.contract != self.ours
    }
}

/// Fields that only ABI 2 stores.
const ABI_2: [&str; 3] = ["curve", "cliff_mode", "reference"];

/// Every field that the contract stores.
pub(super) fn fields(stream: &VestingStream, state: &State, abi: u8) -> Vec<Compared> {
    let mut ours = projected(stream);
    if abi == 1 {
        ours.retain(|name, _| !ABI_2.contains(&name.as_str()));
    }
    let recorded = || state.fields.keys().filter(|name| !name.ends_with("Xdr"));
    assert!(ours.keys().eq(recorded()), "each recorded field is projected");
    ours.iter().map(|(name, value)| Compared::new(name, &state.fields[name], value)).collect()
}

fn projected(stream: &VestingStream) -> Map<String, Value> {
    let schedule = stream.body.state.schedule;
    let Value::Object(fields) = json!({
        "cancellable": stream.body.state.cancellable,
        "cliff_mode": schedule.cliff_mode.code(),
        "cliff_time": schedule.cliff,
        "curve": schedule.curve.code(),
        "deposited": schedule.deposited.to_string(),
        "end_time": schedule.end,
        "pausable": stream.body.state.pausable,
        "paused_at": schedule.pauses.paused_at,
        "paused_total": schedule.pauses.paused_total,
        "recipient": stream.recipient.to_string(),
        "reference": stream.body.state.reference,
        "sender": stream.sender.to_string(),
        "start_time": schedule.start,
        "status": code(stream),
        "token": stream.body.state.token.to_string(),
        "transferable": stream.body.state.transferable,
        "withdrawn": stream.body.state.withdrawn.to_string(),
    }) else {
        panic!("an object")
    };
    fields
}

fn code(stream: &VestingStream) -> u32 {
    VestingStatus::of(stream.status.name()).unwrap().code()
}

/// What has vested and what can be withdrawn, at every recorded instant.
pub(super) fn curve(stream: &VestingStream, state: &State) -> Vec<Compared> {
    let points = state.curve_points.iter().flat_map(|(at, vested, withdrawable)| {
        [
            Compared::new(format!("vested at {at}"), vested, &stream.body.state.vested(*at)),
            Compared::new(
                format!("withdrawable at {at}"),
                withdrawable,
                &stream.body.state.withdrawable(*at),
            ),
        ]
    });
    points.collect()
}

/// The contract's views at the close time.
pub(super) fn views(stream: &VestingStream, view: &View, now: UnixTime) -> Vec<Compared> {
    vec![
        Compared::new("vested", &view.vested, &stream.body.state.vested(now)),
        Compared::new("withdrawable", &view.withdrawable, &stream.body.state.withdrawable(now)),
        Compared::new("refundable", &view.refundable, &stream.body.state.refundable(now)),
        Compared::new("status", &view.status, &code(stream)),
    ]
}

/// Grants of a stream; a stream without any is not recorded.
pub(super) fn delegates(stream: &VestingStream, recorded: Option<&Value>) -> Compared {
    let grants = stream.body.state.delegates.iter().map(|(delegate, grant)| {
        let value = json!({"expires_at": grant.expires_at, "ops": grant.operations});
        (delegate.to_string(), value)
    });
    let ours = Value::Object(grants.collect());
    Compared::new("delegates", recorded.unwrap_or(&json!({})), &ours)
}

/// What the contract says of all its streams together, and of its emergency stop.
pub(super) fn globals(
    streams: &BTreeMap<u64, VestingStream>,
    halt: ContractHalt,
    balances: &BTreeMap<String, i128>,
    recorded: &Globals,
) -> Vec<Compared> {
    let ours = liabilities(streams.values());
    let ours: BTreeMap<_, _> = ours.into_iter().map(|(token, total)| (token.to_string(), total)).collect();
    let mut compared = vec![Compared::new("streamCount", &recorded.stream_count, &streams.len())];
    assert!(ours.keys().all(|token| recorded.liability.contains_key(token)), "each token is recorded");
    for (token, liability) in &recorded.liability {
        let total = ours.get(token).copied().unwrap_or_default();
        compared.push(Compared::new(format!("liability of {token}"), liability, &total));
    }
    for (token, balance) in &recorded.contract_balance {
        let total = balances.get(token).copied().unwrap_or_default();
        compared.push(Compared::new(format!("balance of {token}"), balance, &total));
    }
    if let Some(halted) = recorded.halted {
        compared.push(Compared::new("halted", &halted, &halt.halted_at.is_some()));
        let operator = json!(halt.operator.map(|operator| operator.to_string()));
        let recorded = recorded.halt_operator.clone().unwrap_or_default();
        compared.push(Compared::new("haltOperator", &recorded, &operator));
    }
    compared
}
