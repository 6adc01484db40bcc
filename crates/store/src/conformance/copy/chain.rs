use std::sync::Arc;

use super::contents::all;
use crate::chain::{ContractEventQuery, EventCursor, Rebuild, Scope};
use crate::conformance::chain::{go_on, live_through_forks, removed_stream};
use crate::conformance::fixtures::*;
use crate::copy::{CopyStore, Section, copy};
use crate::{Outcome, Store, StreamFilter};

/// A chain with a past, among streams of the API, in both.
async fn moved(source: &(impl Store + CopyStore), target: &(impl Store + CopyStore)) {
    put(source, 1, &draft(), t(0)).await;
    live_through_forks(source).await;
    put(source, 2, &draft(), t(3_000)).await;
    let outcome = source.cancel_stream(&stream_id(1), still(t(50))).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    copy(source, target, 3, &mut |_| ()).await.unwrap();
    let absent = [
        Section::IdempotencyRecords,
        Section::RepeatedEvents,
        Section::WebhookEndpoints,
        Section::WebhookDeliveries,
        Section::WebhookAttempts,
        Section::WebhookReplays,
        Section::WebhookFanOut,
        Section::Audit,
        Section::ApiKeys,
        Section::StreamOwners,
        Section::StreamDrifts,
    ];
    for section in Section::ALL.into_iter().filter(|section| !absent.contains(section)) {
        assert_ne!(target.count(section).await.unwrap(), 0, "there are {}", section.name());
    }
}

/// All that can be asked about the chain, and what the answer is.
async fn answers(store: &impl Store) -> Vec<String> {
    let mut answers = vec![
        format!("{:?}", store.chain_state().await.unwrap()),
        format!("{:?}", store.reorgs(10).await.unwrap()),
    ];
    let mut ids = walk(store, StreamFilter::default(), 5_000, 2).await;
    ids.push(removed_stream());
    for id in &ids {
        answers.push(format!("{:?}", store.stream(id).await.unwrap()));
        answers.push(format!("{:?}", store.stream_events(id, 0, 1_000).await.unwrap()));
        answers.push(format!("{:?}", store.stream_at(id, second(60)).await.unwrap()));
    }
    let mut query = ContractEventQuery { limit: 2, ..ContractEventQuery::default() };
    loop {
        let page = store.contract_events(&query).await.unwrap();
        answers.extend(page.events.iter().map(|event| format!("{event:?}")));
        let Some(last) = page.events.last().filter(|_| page.more) else { return answers };
        query.after = Some(EventCursor { position: last.event.position, id: last.event.id.clone() });
    }
}

/// Chain state, reorgs, streams with their histories, and contract events.
pub async fn a_copied_chain_answers_as_before(
    source: &(impl Store + CopyStore),
    target: &(impl Store + CopyStore),
) {
    moved(source, target).await;
    assert_eq!(answers(target).await, answers(source).await);
}

/// Nothing is lost that streams are built from.
pub async fn a_copied_chain_is_what_its_events_make(
    source: &(impl Store + CopyStore),
    target: &(impl Store + CopyStore),
) {
    moved(source, target).await;
    let rebuild = Rebuild { scope: Scope::Everything, verify_only: true, progress: Arc::new(|_| ()) };
    let report = target.rebuild(rebuild, t(4_000)).await.unwrap();
    assert_eq!((report.streams, report.differences), (3, Vec::new()));
    assert_ne!(report.events, 0);
}

/// A removed stream is restored with its sequence and its history continues, reorgs are numbered on, known events are duplicates.
pub async fn a_copied_chain_goes_on_as_it_would_have(
    source: &(impl Store + CopyStore),
    target: &(impl Store + CopyStore),
) {
    moved(source, target).await;
    assert_eq!(source.stream(&removed_stream()).await.unwrap(), None);
    let taken = go_on(source).await;
    assert_eq!((&taken[0].inserted[..], &taken[0].duplicates[..]), (&[][..], &[0][..]));
    assert_eq!(taken[3].reorg.as_ref().map(|reorg| reorg.number), Some(4));
    assert_eq!(go_on(target).await, taken);
    let both: [&dyn Store; 2] = [source, target];
    for store in both {
        let cancelled = store.cancel_stream(&stream_id(2), still(t(3_001))).await.unwrap();
        assert!(matches!(cancelled, Outcome::Done(_)), "{cancelled:?}");
    }
    put(source, 3, &draft(), t(5_000)).await;
    put(target, 3, &draft(), t(5_000)).await;
    assert_eq!(answers(target).await, answers(source).await);
    assert_eq!(all(target).await, all(source).await, "places and all");
    assert_eq!(history(target, &removed_stream()).await, []);
}
