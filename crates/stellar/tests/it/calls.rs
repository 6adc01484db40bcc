//! The calls that emitted events, from the envelopes of built ledgers.

use std::collections::BTreeMap;

use fluxora_indexer::{Invocation, InvocationSource};
use fluxora_stellar::testing::{
    Chain, NETWORK_PASSPHRASE, RecordedEvent, Scenario, Shape, Step, TestTransaction, scenarios,
};
use fluxora_stellar::{LedgerCloseMeta, WatchList, value_to_json, verify};
use stellar_xdr::{
    ContractId, Hash, InvokeContractArgs, ScAddress, ScMapEntry, ScVal, SorobanAddressCredentials,
    SorobanAuthorizationEntry, SorobanAuthorizedFunction, SorobanAuthorizedInvocation, SorobanCredentials,
    VecM,
};

/// A contract that calls the stream contract.
const ROUTER: [u8; 32] = [77; 32];

fn watched(scenario: &Scenario) -> WatchList {
    WatchList::new([scenario.contract.as_str()]).unwrap().on_network(NETWORK_PASSPHRASE)
}

/// The call of each event, by event id.
fn calls(meta: &LedgerCloseMeta, watched: &WatchList) -> BTreeMap<String, Invocation> {
    let events = verify(meta, watched).unwrap().events.into_iter().map(|verified| verified.event);
    let called = |event: fluxora_indexer::ContractEvent| {
        event.invocation.map(|call| (event.id.to_string(), Invocation::clone(&call)))
    };
    events.filter_map(called).collect()
}

fn leaves_open(event: &RecordedEvent) -> bool {
    ["created", "rate_upd", "withdrew"].iter().any(|topic| event.payload["topic"][0] == *topic)
}

#[test]
fn an_event_that_leaves_something_open_comes_with_the_call_that_emitted_it() {
    let mut compared = 0;
    for shape in [Shape::V1, Shape::V2] {
        for scenario in scenarios() {
            let mut found = BTreeMap::new();
            for meta in scenario.eventful_ledgers(shape) {
                found.extend(calls(&meta, &watched(&scenario)));
                let elsewhere = watched(&scenario).on_network("another network");
                assert_eq!(calls(&meta, &elsewhere), BTreeMap::new(), "hashes depend on the network");
            }
            for step in &scenario.steps {
                let arguments: serde_json::Value = step.arguments.iter().map(value_to_json).collect();
                for event in step.events.iter().filter(|event| leaves_open(event)) {
                    let call = found.remove(&event.id).unwrap();
                    assert_eq!(call.contract().as_str(), scenario.contract);
                    assert_eq!(
                        (call.function(), call.source()),
                        (&*step.function, &InvocationSource::Proven)
                    );
                    assert_eq!(call.arguments(), arguments.to_string());
                    compared += 1;
                }
            }
            assert_eq!(found, BTreeMap::new(), "{}: no other event has a call", scenario.name);
        }
    }
    assert!(compared > 200, "{compared}");
}

/// The first creation of a scenario, and the account of its sender.
fn creation() -> (Scenario, Step, ScAddress) {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == "signed_paths").unwrap();
    let step = scenario.steps[0].clone();
    let ScVal::Address(sender @ ScAddress::Account(_)) = step.arguments[0].clone() else {
        panic!("the sender is an account")
    };
    (scenario, step, sender)
}

fn call(contract: [u8; 32], function: &str, arguments: Vec<ScVal>) -> SorobanAuthorizedFunction {
    SorobanAuthorizedFunction::ContractFn(InvokeContractArgs {
        contract_address: ScAddress::Contract(ContractId(Hash(contract))),
        function_name: function.try_into().unwrap(),
        args: arguments.try_into().unwrap(),
    })
}

/// An authorization of calls through the router.
fn authorization(by: &ScAddress, calls: Vec<SorobanAuthorizedFunction>) -> SorobanAuthorizationEntry {
    let node = |function, sub_invocations| SorobanAuthorizedInvocation { function, sub_invocations };
    let within: Vec<_> = calls.into_iter().map(|call| node(call, VecM::default())).collect();
    SorobanAuthorizationEntry {
        credentials: SorobanCredentials::Address(SorobanAddressCredentials {
            address: by.clone(),
            nonce: 1,
            signature_expiration_ledger: 9,
            signature: ScVal::Void,
        }),
        root_invocation: node(call(ROUTER, "execute", Vec::new()), within.try_into().unwrap()),
    }
}

/// The call of the only creation of a transaction that calls the router with these authorizations.
fn through_the_router(authorized: Vec<SorobanAuthorizationEntry>) -> Option<Invocation> {
    let (scenario, step, _) = creation();
    let transaction = TestTransaction::Invocation {
        contract: ROUTER,
        function: "execute".to_owned(),
        arguments: Vec::new(),
        events: Some(step.events.iter().map(|event| event.event.clone()).collect()),
        entries: Vec::new(),
        authorized,
    };
    let meta = Chain::new(Shape::V2, "router").close(step.ledger, step.close_time, &[transaction]);
    assert_eq!(verify(&meta, &watched(&scenario)).unwrap().events.len(), 2, "a transfer and the creation");
    calls(&meta, &watched(&scenario)).into_values().next()
}

/// The same terms with another value of one field.
fn with_field(arguments: &[ScVal], name: &str, val: &ScVal) -> Vec<ScVal> {
    let [sender, ScVal::Map(Some(terms))] = arguments else { panic!("a sender and terms") };
    let is_named = |entry: &ScMapEntry| matches!(&entry.key, ScVal::Symbol(key) if key.to_string() == name);
    let entries = terms.iter().map(|entry| match is_named(entry) {
        true => ScMapEntry { val: val.clone(), ..entry.clone() },
        false => entry.clone(),
    });
    let terms: Vec<_> = entries.collect();
    vec![sender.clone(), ScVal::Map(Some(stellar_xdr::ScMap(terms.try_into().unwrap())))]
}

#[test]
fn a_call_through_another_contract_is_the_one_that_the_sender_authorizes() {
    let (scenario, step, sender) = creation();
    let contract = scenario.contract.parse::<stellar_strkey::Contract>().unwrap().0;
    let created = || call(contract, "create_stream", step.arguments.clone());
    let cancelled = || call(contract, "cancel_stream", vec![ScVal::U64(0)]);
    let other_deposit = with_field(
        &step.arguments,
        "deposit_amount",
        &ScVal::I128(stellar_xdr::Int128Parts { hi: 0, lo: 7 }),
    );
    let other_kind = with_field(&step.arguments, "kind", &ScVal::U32(2));
    let source =
        InvocationSource::Authorized { by: fluxora_indexer::Opaque::new(&sender.to_string()).unwrap() };
    let expect = |authorized, found: bool, what: &str| {
        let call = through_the_router(authorized);
        assert_eq!(call.as_ref().map(Invocation::source), found.then_some(&source), "{what}");
        assert!(call.is_none_or(|call| call.function() == "create_stream"), "{what}");
    };
    let by_sender = |calls| authorization(&sender, calls);
    expect(vec![], false, "nothing is authorized");
    expect(vec![by_sender(vec![created()])], true, "one call");
    expect(vec![by_sender(vec![created()]), by_sender(vec![created()])], true, "the same call twice");
    expect(vec![by_sender(vec![cancelled(), created()])], true, "beside a call of another function");
    let other = call(contract, "create_stream", other_deposit);
    expect(vec![by_sender(vec![other.clone()])], false, "other terms");
    expect(vec![by_sender(vec![other, created()])], true, "the terms decide");
    let ambiguous = call(contract, "create_stream", other_kind);
    expect(vec![by_sender(vec![ambiguous, created()])], false, "two kinds of the same terms");
    let contract = ScAddress::Contract(ContractId(Hash([9; 32])));
    expect(vec![authorization(&contract, vec![created()])], false, "by a contract");
    let stranger = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ".parse().unwrap();
    expect(vec![authorization(&stranger, vec![created()])], false, "by an account that is not the sender");
    let elsewhere = call(ROUTER, "create_stream", step.arguments.clone());
    expect(vec![by_sender(vec![elsewhere])], false, "of another contract");
    let too_many = vec![cancelled(); 256].into_iter().chain([created()]).collect();
    expect(vec![by_sender(too_many)], false, "more calls than are read");
}

#[test]
fn arguments_that_are_too_long_to_carry_are_left_out() {
    let (scenario, step, sender) = creation();
    let contract = scenario.contract.parse::<stellar_strkey::Contract>().unwrap().0;
    let long = ScVal::Bytes(vec![0; 20_000].try_into().unwrap());
    let arguments = with_field(&step.arguments, "memo", &long);
    let authorized = authorization(&sender, vec![call(contract, "create_stream", arguments)]);
    assert_eq!(through_the_router(vec![authorized]), None);
}
