//! Cost of projecting contract events: the recorded scenarios with the tokens' transfers, as emitted by a hundred contracts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench may stop at a fault")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fluxora_indexer::projection::{Streams, classify, project};
use fluxora_indexer::{ChainPosition, ContractEvent, Opaque};
use fluxora_stream::ContractId;
use serde_json::Value;

const CONTRACTS: u8 = 100;

/// The events of all scenarios, each scenario under a different contract.
fn events(copy: u8) -> Vec<ContractEvent> {
    let mut paths: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    let scenarios = paths.into_iter().zip(0..);
    scenarios.flat_map(|(path, scenario)| scenario_events(&path, copy, scenario)).collect()
}

fn scenario_events(path: &std::path::Path, copy: u8, scenario: u8) -> Vec<ContractEvent> {
    let text = std::fs::read_to_string(path).unwrap();
    let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let mut hash = [copy; 32];
    hash[0] = scenario;
    let text = text.replace(header["contractId"].as_str().unwrap(), &ContractId::from_hash(hash).to_string());
    let mut events = Vec::new();
    for step in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let emitted = step["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        events.extend(emitted.iter().map(|emitted| event(&step, emitted)));
    }
    events
}

fn event(step: &Value, emitted: &Value) -> ContractEvent {
    let opaque = |value: &Value| Opaque::new(value.as_str().unwrap()).unwrap();
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let position = ChainPosition {
        ledger: number(&step["ledger"]),
        transaction: number(&step["txIndex"]),
        operation: number(&emitted["operationIndex"]),
        event: emitted["id"].as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap(),
    };
    ContractEvent {
        id: opaque(&emitted["id"]),
        position,
        contract: opaque(&emitted["contractId"]),
        topic: opaque(&emitted["decoded"]["topic"][0]),
        tx_hash: opaque(&step["txHash"]),
        happened_at: step["closedAt"].as_str().unwrap().parse().unwrap(),
        payload: emitted["decoded"].to_string().into(),
        invocation: None,
    }
}

fn throughput(criterion: &mut Criterion) {
    let events: Vec<_> = (0..CONTRACTS).flat_map(events).collect();
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(events.len().try_into().unwrap()));
    group.sample_size(20);
    group.bench_function("project", |bencher| {
        bencher.iter_batched_ref(
            Streams::new,
            |streams| project(streams, |_| true, black_box(&events)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("classify", |bencher| {
        bencher.iter(|| {
            for event in &events {
                black_box(classify(black_box(event)));
            }
        });
    });
}

criterion_group!(benches, throughput);
criterion_main!(benches);
