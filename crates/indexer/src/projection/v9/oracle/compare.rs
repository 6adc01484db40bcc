//! Comparison of a projected stream with the contract's own.

use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use fluxora_stream::{Kind, RateFlow, Schedule, Status, StatusName, UnixTime, V9Stream};
use serde_json::{Map, Value, json};

use super::scenario::{State, View};

/// Fields of the contract's stream that no event reports. In the last two the contract counts what some of its
/// functions do and not what others do, and their events are the same: it counts no withdrawal by `withdraw_to`, by a
/// pool's member or on a cancellation in bulk, and no change by `update_rate`. We count all.
pub(super) const UNREPORTED: [&str; 4] =
    ["irrevocable", "witness", "last_withdraw_ledger", "last_rate_change_ledger"];
/// Settings that no event reports. Of the auto-renew setting, events report only the effect of a renewal.
pub(super) const UNREPORTED_SETTINGS: [&str; 3] = ["auto_renew", "max_lookback_ledgers", "pending_recipient"];

/// Seconds that the contract counts for one ledger of the look-back setting.
const SECONDS_PER_LEDGER: u64 = 5;

/// A value with its name, what the contract says and what we say.
pub(super) struct Compared {
    pub(super) what: String,
    pub(super) contract: String,
    pub(super) ours: String,
}

impl Compared {
    fn new(what: impl Into<String>, contract: &Value, ours: &Value) -> Self {
        Self { what: what.into(), contract: contract.to_string(), ours: ours.to_string() }
    }

    pub(super) fn differs(&self) -> bool {
        self.contract != self.ours
    }
}

/// How often the contract answered less than had accrued and was not withdrawn.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Caps {
    pub(super) lookback: usize,
    pub(super) balance: usize,
}

/// Compares every field that events report.
pub(super) fn fields(stream: &V9Stream, state: &State) -> Vec<Compared> {
    let ours = ours(stream, state);
    let mut names: Vec<&str> = ours.keys().map(String::as_str).chain(UNREPORTED).collect();
    names.sort_unstable();
    let xdr = |name: &&str| !name.ends_with("Xdr");
    let theirs: Vec<&str> = state.fields.keys().map(String::as_str).filter(xdr).collect();
    assert_eq!(names, theirs, "every field of the contract is compared or listed as unreported");
    let mut compared: Vec<_> =
        ours.iter().map(|(name, value)| Compared::new(name, &stated(&state.fields, name), value)).collect();

    let chain = &stream.body.state.on_chain;
    let counted = |name: &str, ours: u32| state.fields[name].as_u64().unwrap() <= ours.into();
    assert!(counted("last_withdraw_ledger", chain.last_withdraw_ledger), "what the contract counts, we do");
    assert!(counted("last_rate_change_ledger", chain.last_rate_change_ledger), "and here too");
    let destination = json!(chain.auto_claim_destination.map(|address| address.to_string()));
    compared.push(Compared::new(
        "auto_claim_destination",
        &state.side["auto_claim_destination"],
        &destination,
    ));
    let side = ["auto_claim_destination"].into_iter().chain(UNREPORTED_SETTINGS);
    assert!(state.side.keys().map(String::as_str).eq(side), "and so is each setting beside them");
    compared
}

/// The contract's value, with the default of a field that it leaves out.
fn stated(fields: &Map<String, Value>, name: &str) -> Value {
    match (name, &fields[name]) {
        ("decommissioned" | "is_pooled", Value::Null) => json!(false),
        (_, value) => value.clone(),
    }
}

fn ours(stream: &V9Stream, state: &State) -> Map<String, Value> {
    let RateFlow { schedule, withdrawn } = &stream.body.state.flow;
    let chain = &stream.body.state.on_chain;
    let since = stream.status.since().map(|at| UnixTime::of(at).seconds());
    let paused_at = match stream.status {
        Status::Paused { .. } => json!(since),
        // The contract keeps it when a paused stream is cancelled, and does not use it then.
        _ => state.fields["paused_at_timestamp"].clone(),
    };
    let kind = match schedule.kind {
        Kind::Linear => "Linear",
        Kind::CliffOnly => "CliffOnly",
        Kind::CliffSlope => "CliffSlope",
    };
    let number = stream.id().to_string().split_once('-').unwrap().1.to_owned();
    let Value::Object(fields) = json!({
        "cancelled_at": since.filter(|_| stream.status.name() == StatusName::Cancelled),
        "checkpointed_amount": stroops(schedule.checkpoint.amount),
        "checkpointed_at": schedule.checkpoint.at.seconds(),
        "claim_owner": chain.claim_owner.map(|address| address.to_string()),
        "cliff_time": schedule.cliff.seconds(),
        "cumulative_paused_duration": chain.paused_seconds,
        "decommissioned": chain.decommissioned,
        "delegation_depth": chain.delegation_depth,
        "deposit_amount": stroops(schedule.deposit),
        "end_time": schedule.end.seconds(),
        "is_pooled": chain.pooled,
        "kind": kind,
        "last_pause_toggle_ledger": chain.last_pause_toggle_ledger,
        "memo": chain.memo,
        "metadata": chain.metadata,
        "parent_stream_id": chain.parent_stream_id.map(|id| id.to_string()),
        "paused_at_timestamp": paused_at,
        "rate_per_second": stroops(schedule.rate),
        "recipient": stream.recipient.to_string(),
        "sender": stream.sender.to_string(),
        "start_time": schedule.start.seconds(),
        "status": status(stream.status.name()),
        "stream_id": number,
        "withdraw_dust_threshold": stroops(chain.withdraw_dust_threshold),
        "withdrawn_amount": stroops(*withdrawn),
    }) else {
        panic!("an object")
    };
    fields
}

fn status(name: StatusName) -> &'static str {
    match name {
        StatusName::Scheduled => "Scheduled",
        StatusName::Active => "Active",
        StatusName::Paused => "Paused",
        StatusName::Completed => "Completed",
        StatusName::Cancelled => "Cancelled",
        StatusName::Depleted => "Depleted",
    }
}

fn stroops(amount: Amount) -> String {
    amount.stroops().to_string()
}

/// Compares the auto-renew setting after a renewal.
pub(super) fn renewed(stream: &V9Stream, state: &State) -> Vec<Compared> {
    let renew = stream.body.state.on_chain.auto_renew;
    vec![Compared::new("auto_renew", &state.side["auto_renew"], &json!(renew))]
}

/// Compares the contract's answers at the end of a step.
pub(super) fn views(
    stream: &V9Stream,
    state: &State,
    view: &View,
    now: u64,
    contract_balance: i128,
    caps: &mut Caps,
) -> Vec<Compared> {
    let balance = stream.balance_at(UnixTime::from_seconds(now)).unwrap();
    let (streamed, uncapped) = (balance.streamed.stroops(), balance.withdrawable.stroops());
    // This view looks back from now, also for a cancelled stream.
    let lookback = capped(stream, state, UnixTime::from_seconds(now), balance.streamed, uncapped);
    let withdrawable = lookback.min(contract_balance).max(0);
    caps.lookback += usize::from(lookback < uncapped);
    caps.balance += usize::from(contract_balance < lookback);
    let mut compared = vec![
        Compared::new("status", &json!(view.status), &json!(status(stream.status.name()))),
        Compared::new("accrued", &json!(view.accrued), &json!(streamed.to_string())),
        Compared::new("withdrawable", &json!(view.withdrawable), &json!(withdrawable.to_string())),
    ];
    compared.push(claimable(stream, state, now, &view.claimable_now));
    compared
}

/// Compares accrual and claimable amount at the recorded times.
pub(super) fn curve(stream: &V9Stream, state: &State) -> Vec<Compared> {
    let mut compared = Vec::new();
    for (at, accrued, claim) in &state.curve {
        let streamed = stream.balance_at(UnixTime::from_seconds(*at)).unwrap().streamed.stroops().to_string();
        compared.push(Compared::new(format!("accrued at {at}"), &json!(accrued), &json!(streamed)));
        compared.push(claimable(stream, state, *at, claim));
    }
    compared
}

/// `get_claimable_at` ignores pauses and the balance, and evaluates a cancelled stream at that time.
fn claimable(stream: &V9Stream, state: &State, at: u64, contract: &str) -> Compared {
    let at = UnixTime::from_seconds(at);
    let until = match stream.status {
        Status::Cancelled { at: cancelled } => at.min(UnixTime::of(cancelled)),
        _ => at,
    };
    let accrued = stream.body.state.flow.schedule.accrued(until);
    let uncapped = accrued.stroops() - stream.body.state.flow.withdrawn.stroops();
    let ours = match stream.status {
        Status::Completed => 0,
        _ => capped(stream, state, until, accrued, uncapped).max(0),
    };
    Compared::new(format!("claimable at {at}"), &json!(contract), &json!(ours.to_string()))
}

/// The contract pays out only what accrued within a stream's look-back setting, which no event reports.
fn capped(stream: &V9Stream, state: &State, now: UnixTime, accrued: Amount, claim: i128) -> i128 {
    let Some(ledgers) = state.side["max_lookback_ledgers"].as_u64() else { return claim };
    let schedule: &Schedule = &stream.body.state.flow.schedule;
    let end = now.min(schedule.end);
    let begin = UnixTime::from_seconds(end.seconds().saturating_sub(ledgers * SECONDS_PER_LEDGER));
    let recent = schedule.accrued(end).stroops() - schedule.accrued(begin).stroops();
    let whole = schedule.kind == Kind::CliffOnly && accrued.is_positive();
    claim.min(if whole { accrued.stroops() } else { recent.max(0) })
}

/// Differing values by place and field: the contract's and ours.
pub(super) type Differences = BTreeMap<String, (String, String)>;
