//! What the stream contracts emitted, through built ledgers, is what the push endpoint would have been given.

use fluxora_stellar::testing::{RecordedEvent, Scenario, Shape, Step, header_of, scenarios};
use fluxora_stellar::{WatchList, verify};

/// The events of a step that are to be taken, by the texts of the recording: those of the contract, and if there is one, the
/// transfers to and from it.
fn expected<'a>(scenario: &Scenario, step: &'a Step) -> Vec<&'a RecordedEvent> {
    if !step.events.iter().any(|event| event.contract == scenario.contract) {
        return Vec::new();
    }
    let party =
        |event: &RecordedEvent| [1, 2].iter().any(|place| event.payload["topic"][place] == scenario.contract);
    let transfer = |event: &RecordedEvent| event.payload["topic"][0] == "transfer" && party(event);
    step.events.iter().filter(|event| event.contract == scenario.contract || transfer(event)).collect()
}

#[test]
fn every_recorded_event_of_every_scenario_comes_out_of_a_ledger_as_it_was_recorded() {
    let mut compared = 0;
    for shape in [Shape::V1, Shape::V2] {
        for scenario in scenarios() {
            let watched = WatchList::new([scenario.contract.as_str()]).unwrap();
            let ledgers = scenario.eventful_ledgers(shape);
            let taken = ledgers.iter().flat_map(|meta| verify(meta, &watched).unwrap().events);
            let mut taken = taken.map(|verified| verified.event);
            for step in &scenario.steps {
                for recorded in expected(&scenario, step) {
                    let event = taken.next().unwrap();
                    assert_eq!(event.id.as_str(), recorded.id, "{}", scenario.name);
                    assert_eq!(event.contract.as_str(), recorded.contract);
                    assert_eq!(event.topic.as_str(), recorded.payload["topic"][0]);
                    assert_eq!(event.position.ledger, step.ledger);
                    assert_eq!(event.position.transaction, step.transaction);
                    assert_eq!(event.happened_at.as_second(), i64::try_from(step.close_time).unwrap());
                    assert_eq!(*event.payload, recorded.payload.to_string());
                    compared += 1;
                }
            }
            assert!(taken.next().is_none(), "{}", scenario.name);
        }
    }
    // 57 scenarios in two shapes; the count guards against a filter that takes nothing.
    assert!(compared > 3000, "{compared}");
}

#[test]
fn the_ledgers_of_a_scenario_form_a_chain_without_gaps() {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == "same_ledger").unwrap();
    for shape in [Shape::V1, Shape::V2] {
        let ledgers: Vec<_> = scenario
            .ledgers(shape)
            .map(|meta| verify(&meta, &WatchList::default()).unwrap().ledger)
            .collect();
        ledgers.windows(2).for_each(|pair| pair[1].follows(&pair[0]).unwrap());
        let span = scenario.steps.last().unwrap().ledger - scenario.steps[0].ledger + 1;
        assert_eq!(u32::try_from(ledgers.len()), Ok(span));
    }
}

#[test]
fn the_eventful_ledgers_are_those_in_which_something_happened() {
    let scenario = &scenarios()[0];
    let sequences = scenario
        .eventful_ledgers(Shape::V2)
        .iter()
        .map(|meta| header_of(meta).header.ledger_seq)
        .collect::<Vec<_>>();
    let mut expected: Vec<_> = scenario.steps.iter().map(|step| step.ledger).collect();
    expected.dedup();
    assert_eq!(sequences, expected);
}
