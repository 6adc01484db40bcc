//! The recorded scenarios (`fixtures/vesting`), read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::EventContext;
use crate::ChainPosition;
use fluxora_stream::UnixTime;

/// An independent chain with one contract.
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) abi: u8,
    pub(crate) contract: String,
    pub(crate) steps: Vec<Step>,
    /// State of every stream at the end.
    pub(crate) last: BTreeMap<u64, State>,
}

/// A transaction, or an observation without one.
pub(crate) struct Step {
    pub(crate) close_time: UnixTime,
    pub(crate) events: Vec<Emitted>,
    pub(crate) changed: BTreeMap<u64, State>,
    pub(crate) views: BTreeMap<u64, View>,
    pub(crate) globals: Globals,
    pub(crate) delegates: BTreeMap<u64, Value>,
}

/// What the contract stores of a stream, and what its pure functions answer about it at chosen instants.
#[derive(Clone, Deserialize)]
pub(crate) struct State {
    pub(crate) curve_points: Vec<(UnixTime, String, String)>,
    #[serde(flatten)]
    pub(crate) fields: Map<String, Value>,
}

/// Answers of the contract's views at the close time.
#[derive(Deserialize)]
pub(crate) struct View {
    pub(crate) vested: String,
    pub(crate) withdrawable: String,
    pub(crate) refundable: String,
    pub(crate) status: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Globals {
    pub(crate) stream_count: String,
    pub(crate) contract_balance: BTreeMap<String, String>,
    pub(crate) liability: BTreeMap<String, String>,
    pub(crate) halted: Option<bool>,
    pub(crate) halt_operator: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Emitted {
    id: String,
    pub(crate) contract_id: String,
    /// `{"topic": […], "value": …}`, as it is pushed.
    pub(crate) decoded: Value,
}

impl Emitted {
    pub(crate) fn topic(&self) -> &str {
        self.decoded["topic"][0].as_str().unwrap()
    }

    /// The id is `<ledger·2³² + transaction·2¹² + operation>-<event>`.
    pub(crate) fn context(&self, close_time: UnixTime) -> EventContext {
        let (order, event) = self.id.split_once('-').unwrap();
        let order: u64 = order.parse().unwrap();
        let part = |shift: u32, bits: u32| u32::try_from((order >> shift) & ((1 << bits) - 1)).unwrap();
        let position = ChainPosition {
            ledger: part(32, 32),
            transaction: part(12, 20),
            operation: part(0, 12),
            event: event.parse().unwrap(),
        };
        EventContext { position, close_time }
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line {
    Header {
        scenario: String,
        abi: u8,
        contract_id: String,
    },
    Step {
        close_time: UnixTime,
        events: Vec<Emitted>,
        changed: BTreeMap<String, State>,
        views: BTreeMap<String, View>,
        globals: Globals,
        #[serde(default)]
        delegates: BTreeMap<String, Value>,
    },
    Final {
        streams: BTreeMap<String, State>,
    },
}

/// Reads the lines of one or more scenarios.
pub(crate) fn read(lines: &str) -> Vec<Scenario> {
    let mut scenarios = Vec::<Scenario>::new();
    for line in lines.lines() {
        match serde_json::from_str(line).unwrap() {
            Line::Header { scenario, abi, contract_id } => scenarios.push(Scenario {
                name: scenario,
                abi,
                contract: contract_id,
                steps: Vec::new(),
                last: BTreeMap::new(),
            }),
            Line::Step { close_time, events, changed, views, globals, delegates } => {
                let (changed, views, delegates) = (by_id(changed), by_id(views), by_id(delegates));
                let step = Step { close_time, events, changed, views, globals, delegates };
                scenarios.last_mut().unwrap().steps.push(step);
            }
            Line::Final { streams } => scenarios.last_mut().unwrap().last = by_id(streams),
        }
    }
    scenarios
}

/// JSON object keys are texts.
fn by_id<T>(map: BTreeMap<String, T>) -> BTreeMap<u64, T> {
    map.into_iter().map(|(id, value)| (id.parse().unwrap(), value)).collect()
}

/// The handwritten scenarios.
pub(crate) fn handwritten() -> Vec<Scenario> {
    let mut paths: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vesting"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| read(&std::fs::read_to_string(path).unwrap())).collect()
}
