use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;
use stellar_xdr::{
    ContractEvent, ContractEventBody, ContractEventType, ContractEventV0, ContractId, ExtensionPoint, Hash,
    Int128Parts, LedgerCloseMeta, LedgerKey, ScMap, ScMapEntry, ScVal, ScVec,
};

use super::{Chain, Shape, TestTransaction, from_xdr, unzstd};

/// What the stream contracts emitted in recorded scenarios: transactions and events, line by line.
const RECORDED: &[u8] = include_bytes!("../../fixtures/recorded-events.jsonl.zst");

/// The entries of streams that vesting contracts wrote in these scenarios, line by line.
const ENTRIES: &[u8] = include_bytes!("../../fixtures/recorded-entries.jsonl.zst");

/// The same of contracts of version 9.
const ENTRIES_V9: &[u8] = include_bytes!("../../fixtures/recorded-entries-v9.jsonl.zst");

/// The calls that the version 9 contracts received in these scenarios, line by line. Each argument names its type.
const CALLS: &str = include_str!("../../../indexer/fixtures/calls.jsonl");

/// Seconds from one ledger to the next where nothing happened.
const PACE: u64 = 5;

/// A recorded history of one stream contract.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of the recording.
    pub name: String,
    /// The stream contract.
    pub contract: String,
    /// The transactions, in chain order.
    pub steps: Vec<Step>,
}

/// A recorded transaction.
#[derive(Clone, Debug)]
pub struct Step {
    /// The ledger's sequence.
    pub ledger: u32,
    /// When the ledger closed, in Unix seconds.
    pub close_time: u64,
    /// 1-based position in the ledger.
    pub transaction: u32,
    /// The contract function.
    pub function: String,
    /// Its arguments, as far as they are recorded: those of contracts of version 9.
    pub arguments: Vec<ScVal>,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Its events.
    pub events: Vec<RecordedEvent>,
    /// Keys and values of the entries of streams that it wrote.
    pub entries: Vec<(ScVal, ScVal)>,
}

/// A recorded event.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    /// The id that Stellar RPC gives to it.
    pub id: String,
    /// The contract that emitted it.
    pub contract: String,
    /// Its payload in the encoding of the push endpoint.
    pub payload: Value,
    /// Its XDR.
    pub event: ContractEvent,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line {
    Header { scenario: String, contract_id: String },
    Step { ledger: u32, close_time: u64, tx_index: u32, op: String, ok: bool, events: Vec<Emitted> },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Emitted {
    id: String,
    contract_id: String,
    topic: Vec<String>,
    value: String,
    decoded: Value,
}

#[derive(Deserialize)]
struct Entry {
    scenario: String,
    ledger: u32,
    transaction: u32,
    key: String,
    value: String,
}

#[derive(Deserialize)]
struct Call {
    scenario: String,
    ledger: u32,
    transaction: u32,
    arguments: Vec<Value>,
}

/// Every recorded scenario.
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = Vec::<Scenario>::new();
    for line in String::from_utf8(unzstd(RECORDED)).unwrap().lines() {
        match serde_json::from_str(line).unwrap() {
            Line::Header { scenario, contract_id } => {
                scenarios.push(Scenario { name: scenario, contract: contract_id, steps: Vec::new() });
            }
            Line::Step { ledger, close_time, tx_index, op, ok, events } => {
                scenarios.last_mut().unwrap().steps.push(Step {
                    ledger,
                    close_time,
                    transaction: tx_index,
                    function: op,
                    arguments: Vec::new(),
                    succeeded: ok,
                    events: events.into_iter().map(recorded).collect(),
                    entries: Vec::new(),
                });
            }
        }
    }
    for line in [ENTRIES, ENTRIES_V9].iter().flat_map(|file| lines(file)) {
        let Entry { scenario, ledger, transaction, key, value } = serde_json::from_str(&line).unwrap();
        let scenario = scenarios.iter_mut().find(|known| known.name == scenario).unwrap();
        let at = |step: &&mut Step| (step.ledger, step.transaction) == (ledger, transaction);
        let step = scenario.steps.iter_mut().find(at).unwrap();
        let LedgerKey::ContractData(key) = from_xdr(&BASE64_STANDARD.decode(key).unwrap()) else { continue };
        step.entries.push((key.key, from_xdr(&BASE64_STANDARD.decode(value).unwrap())));
    }
    for line in CALLS.lines() {
        let Call { scenario, ledger, transaction, arguments } = serde_json::from_str(line).unwrap();
        let scenario = scenarios.iter_mut().find(|known| known.name == scenario).unwrap();
        let at = |step: &&mut Step| (step.ledger, step.transaction) == (ledger, transaction);
        let step = scenario.steps.iter_mut().find(at).unwrap();
        step.arguments = arguments.iter().map(typed).collect();
    }
    scenarios
}

fn lines(compressed: &[u8]) -> Vec<String> {
    String::from_utf8(unzstd(compressed)).unwrap().lines().map(str::to_owned).collect()
}

/// The value of an argument that names its type.
fn typed(argument: &Value) -> ScVal {
    let Some((kind, value)) = argument.as_object().and_then(|object| object.iter().next()) else {
        return ScVal::Void;
    };
    let text = || value.as_str().unwrap();
    let map = |entries: Vec<ScMapEntry>| ScVal::Map(Some(ScMap(entries.try_into().unwrap())));
    match kind.as_str() {
        "u32" => ScVal::U32(value.as_u64().unwrap().try_into().unwrap()),
        "u64" => ScVal::U64(text().parse().unwrap()),
        "i128" => {
            let number = text().parse::<i128>().unwrap().to_be_bytes();
            let (hi, lo) = number.split_at(8);
            let (hi, lo) =
                (i64::from_be_bytes(hi.try_into().unwrap()), u64::from_be_bytes(lo.try_into().unwrap()));
            ScVal::I128(Int128Parts { hi, lo })
        }
        "bool" => ScVal::Bool(value.as_bool().unwrap()),
        "address" => ScVal::Address(text().parse().unwrap()),
        "bytes" => ScVal::Bytes(hex::decode(text().trim_start_matches("0x")).unwrap().try_into().unwrap()),
        "vec" => {
            let elements = value.as_array().unwrap().iter().map(typed).collect::<Vec<_>>();
            ScVal::Vec(Some(ScVec(elements.try_into().unwrap())))
        }
        "map" => {
            let entry = |(name, value): (&String, &Value)| ScMapEntry {
                key: ScVal::Symbol(name.as_str().try_into().unwrap()),
                val: typed(value),
            };
            map(value.as_object().unwrap().iter().map(entry).collect())
        }
        "pairs" => {
            let entry = |pair: &Value| ScMapEntry { key: typed(&pair[0]), val: typed(&pair[1]) };
            map(value.as_array().unwrap().iter().map(entry).collect())
        }
        other => panic!("{other} is no type of an argument"),
    }
}

impl Scenario {
    /// The same events with a false entry: every flag of the stream that was written last is the opposite, or without flags its number
    /// is another one.
    #[must_use]
    pub fn with_false_entry(mut self) -> Self {
        let last = self.steps.iter_mut().flat_map(|step| &mut step.entries).next_back();
        let (_, value) = last.expect("entries are recorded");
        let ScVal::Map(Some(fields)) = value else { panic!("an entry is a map") };
        let opposite = |entry: &ScMapEntry| {
            let val = match entry.val {
                ScVal::Bool(flag) => ScVal::Bool(!flag),
                ScVal::U64(number) if entry.key == ScVal::Symbol("stream_id".try_into().unwrap()) => {
                    ScVal::U64(number + 1)
                }
                ref other => other.clone(),
            };
            ScMapEntry { val, ..entry.clone() }
        };
        *fields = fields.iter().map(opposite).collect::<Vec<_>>().try_into().unwrap();
        self
    }

    /// The same events with a false entry of a stream that is written again in a later ledger, and the ledger of that entry.
    #[must_use]
    pub fn with_false_past_entry(mut self) -> (Self, u32) {
        let is_written_later = |ledger: u32, key: &ScVal| {
            let later = self.steps.iter().filter(|step| step.ledger > ledger);
            later.flat_map(|step| &step.entries).any(|(other, _)| other == key)
        };
        let is_past = |step: &&Step| {
            let last = step.entries.last();
            last.is_some_and(|(key, _)| is_written_later(step.ledger, key))
        };
        // The last one of its ledger, so that no other entry of the ledger replaces it.
        let last_of_ledger = |step: &&Step| {
            let mut of_ledger = self.steps.iter().filter(|other| other.ledger == step.ledger);
            of_ledger.rfind(|other| !other.entries.is_empty()).is_some_and(|last| std::ptr::eq(last, *step))
        };
        let past = self.steps.iter().filter(is_past).find(last_of_ledger).expect("a stream is written twice");
        let ledger = past.ledger;
        let until = self.steps.partition_point(|step| step.ledger <= ledger);
        let later = self.steps.split_off(until);
        let mut falsified = self.with_false_entry();
        falsified.steps.extend(later);
        (falsified, ledger)
    }

    /// The ledgers in which something happened. They name each other as parents although others lie between.
    pub fn eventful_ledgers(&self, shape: Shape) -> Vec<LedgerCloseMeta> {
        let mut chain = Chain::new(shape, &self.name);
        let ledgers = self.steps.chunk_by(|one, other| one.ledger == other.ledger);
        ledgers.map(|steps| self.close(&mut chain, steps)).collect()
    }

    /// Every ledger from the first to the last, most of them without transactions.
    pub fn ledgers(&self, shape: Shape) -> impl Iterator<Item = LedgerCloseMeta> {
        let mut chain = Chain::new(shape, &self.name);
        let mut last = None::<(u32, u64)>;
        let ledgers = self.steps.chunk_by(|one, other| one.ledger == other.ledger);
        ledgers.flat_map(move |steps| {
            let [first, ..] = steps else { return Vec::new() };
            let (sequence, mut time) = last.unwrap_or((first.ledger - 1, first.close_time));
            let mut closed = Vec::new();
            for quiet in sequence + 1..first.ledger {
                time = first.close_time.min(time + PACE);
                closed.push(chain.close(quiet, time, &[]));
            }
            closed.push(self.close(&mut chain, steps));
            last = Some((first.ledger, first.close_time));
            closed
        })
    }

    fn close(&self, chain: &mut Chain, steps: &[Step]) -> LedgerCloseMeta {
        let mut transactions = Vec::new();
        for step in steps {
            // The transactions of others, which the recording leaves out.
            while transactions.len() + 1 < usize::try_from(step.transaction).unwrap() {
                transactions.push(TestTransaction::Payment { events: Vec::new() });
            }
            let events =
                step.succeeded.then(|| step.events.iter().map(|event| event.event.clone()).collect());
            let function = step.function.clone();
            let contract = contract_bytes(&self.contract);
            transactions.push(TestTransaction::Invocation {
                contract,
                function,
                arguments: step.arguments.clone(),
                events,
                entries: step.entries.clone(),
                authorized: Vec::new(),
            });
        }
        let last = steps.last().unwrap();
        chain.close(last.ledger, last.close_time, &transactions)
    }
}

fn recorded(emitted: Emitted) -> RecordedEvent {
    let value = |text: &String| from_xdr::<ScVal>(&BASE64_STANDARD.decode(text).unwrap());
    let topics = emitted.topic.iter().map(value).collect::<Vec<_>>().try_into().unwrap();
    let body = ContractEventV0 { topics, data: value(&emitted.value) };
    let event = ContractEvent {
        ext: ExtensionPoint::V0,
        contract_id: Some(ContractId(Hash(contract_bytes(&emitted.contract_id)))),
        type_: ContractEventType::Contract,
        body: ContractEventBody::V0(body),
    };
    RecordedEvent { id: emitted.id, contract: emitted.contract_id, payload: emitted.decoded, event }
}

fn contract_bytes(strkey: &str) -> [u8; 32] {
    strkey.parse::<stellar_strkey::Contract>().unwrap().0
}
