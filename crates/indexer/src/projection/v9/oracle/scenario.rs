//! Reading of the recorded scenarios (`fixtures/oracle`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::projection::invocation_of;
use crate::{ChainPosition, ContractEvent, Invocation, InvocationSource, Opaque};

/// One recorded scenario: a fresh network with one contract.
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) contract: String,
    pub(super) steps: Vec<Step>,
    /// Every stream at the end, by number.
    pub(super) last: BTreeMap<String, State>,
}

/// A transaction, or a probe that changes nothing.
pub(super) struct Step {
    pub(super) ledger: u32,
    pub(super) close_time: u64,
    pub(super) operation: String,
    pub(super) events: Vec<ContractEvent>,
    /// `None` for a stream that was removed.
    pub(super) changed: BTreeMap<String, Option<State>>,
    pub(super) views: BTreeMap<String, View>,
    pub(super) contract_balance: i128,
}

/// The contract's state of a stream and its answers about it.
#[derive(Clone, Deserialize)]
pub(super) struct State {
    pub(super) side: Map<String, Value>,
    pub(super) curve: Vec<(u64, String, String)>,
    #[serde(flatten)]
    pub(super) fields: Map<String, Value>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) accrued: String,
    pub(super) withdrawable: String,
    pub(super) claimable_now: String,
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line {
    Header {
        scenario: String,
        contract_id: String,
    },
    Step {
        ledger: u32,
        close_time: u64,
        closed_at: String,
        tx_hash: String,
        op: String,
        events: Vec<Emitted>,
        changed: BTreeMap<String, Option<State>>,
        views: BTreeMap<String, View>,
        globals: Globals,
    },
    Final {
        streams: BTreeMap<String, State>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Emitted {
    id: String,
    contract_id: String,
    transaction_index: u32,
    operation_index: u32,
    decoded: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Globals {
    contract_balance: String,
}

/// Reads the lines of one or more scenarios.
pub(super) fn read(lines: &str) -> Vec<Scenario> {
    let mut scenarios = Vec::<Scenario>::new();
    for line in lines.lines() {
        match serde_json::from_str(line).unwrap() {
            Line::Header { scenario, contract_id } => scenarios.push(Scenario {
                name: scenario,
                contract: contract_id,
                steps: Vec::new(),
                last: BTreeMap::new(),
            }),
            Line::Step { ledger, close_time, closed_at, tx_hash, op, events, changed, views, globals } => {
                // Events of a probe are outside of any transaction.
                let events = events.into_iter().filter(|_| op != "probe");
                let events = events.map(|emitted| event(&emitted, ledger, &tx_hash, &closed_at)).collect();
                let contract_balance = globals.contract_balance.parse().unwrap();
                let step =
                    Step { ledger, close_time, operation: op, events, changed, views, contract_balance };
                scenarios.last_mut().unwrap().steps.push(step);
            }
            Line::Final { streams } => scenarios.last_mut().unwrap().last = streams,
        }
    }
    scenarios
}

fn event(emitted: &Emitted, ledger: u32, tx_hash: &str, closed_at: &str) -> ContractEvent {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    ContractEvent {
        position: ChainPosition {
            ledger,
            transaction: emitted.transaction_index,
            operation: emitted.operation_index,
            event: emitted.id.rsplit_once('-').unwrap().1.parse().unwrap(),
        },
        id: opaque(&emitted.id),
        contract: opaque(&emitted.contract_id),
        topic: opaque(emitted.decoded["topic"][0].as_str().unwrap()),
        tx_hash: opaque(tx_hash),
        happened_at: closed_at.parse().unwrap(),
        payload: emitted.decoded.to_string().into(),
        invocation: None,
    }
}

/// The call of a transaction. Each argument names its type.
#[derive(Deserialize)]
struct Called {
    scenario: String,
    ledger: u32,
    transaction: u32,
    function: String,
    arguments: Vec<Value>,
}

/// Recorded calls by scenario, ledger and transaction.
pub(super) struct Calls(HashMap<(String, u32, u32), (String, String)>);

impl Calls {
    /// Those of the handwritten scenarios.
    pub(super) fn handwritten() -> Self {
        Self::read(include_str!("../../../../fixtures/calls.jsonl"))
    }

    pub(super) fn read(lines: &str) -> Self {
        let call = |line: &str| {
            let Called { scenario, ledger, transaction, function, arguments } =
                serde_json::from_str(line).unwrap();
            let arguments = Value::Array(arguments.iter().map(untyped).collect());
            ((scenario, ledger, transaction), (function, arguments.to_string()))
        };
        Self(lines.lines().map(call).collect())
    }

    /// Gives each event of a scenario the call that emitted it.
    pub(super) fn attach(&self, scenario: &mut Scenario, source: &InvocationSource) {
        let Scenario { name, contract, steps, .. } = scenario;
        for event in steps.iter_mut().flat_map(|step| &mut step.events) {
            let at = (name.clone(), event.position.ledger, event.position.transaction);
            let (function, arguments) = &self.0[&at];
            let contract = Opaque::new(contract).unwrap();
            let call = Invocation::new(contract, function, arguments, source.clone()).unwrap();
            event.invocation = invocation_of(event, &[call]).cloned().map(Arc::new);
        }
    }
}

/// An argument in the encoding of payloads.
fn untyped(argument: &Value) -> Value {
    let Some((kind, value)) = argument.as_object().and_then(|object| object.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "vec" => value.as_array().unwrap().iter().map(untyped).collect(),
        "map" => {
            let entries = value.as_object().unwrap().iter();
            Value::Object(entries.map(|(name, value)| (name.clone(), untyped(value))).collect())
        }
        "pairs" => {
            let pair = |pair: &Value| (untyped(&pair[0]).as_str().unwrap().to_owned(), untyped(&pair[1]));
            Value::Object(value.as_array().unwrap().iter().map(pair).collect())
        }
        _ => value.clone(),
    }
}

/// The handwritten scenarios.
pub(super) fn handwritten() -> Vec<Scenario> {
    let mut paths: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| read(&std::fs::read_to_string(path).unwrap())).collect()
}
