use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use fluxora_stream::Origin;

use super::contents::*;
use crate::conformance::fixtures::*;
use crate::copy::{CopyError, CopyStore, Put, Record, RecordKey, Section, Step, copy};
use crate::{Created, Outcome, Sequence, StoreError, StreamFilter, StreamStore};

const PAGE: u32 = 5;

async fn copied(source: &dyn CopyStore, target: &dyn CopyStore) -> Result<crate::copy::Copied, CopyError> {
    copy(source, target, PAGE, &mut |_| ()).await
}

fn expected() -> Vec<String> {
    contents().iter().flatten().map(|record| record.canonical().unwrap()).collect()
}

/// Every record arrives in order with its key, and the counts agree.
pub async fn everything_arrives_at_its_place(source: &impl CopyStore, target: &impl CopyStore) {
    fill(source).await;
    assert_eq!(all(source).await, expected());
    let mut steps = Vec::new();
    let done = copy(source, target, PAGE, &mut |progress| {
        assert!(progress.done <= progress.of, "{progress:?}");
        steps.push(progress.step);
    })
    .await
    .unwrap();
    assert_eq!(all(target).await, expected());
    for ((section, tally), records) in done.sections.iter().zip(contents()) {
        let count = u64::try_from(records.len()).unwrap();
        assert_eq!((*section, tally.records), (records[0].section(), count));
        assert_eq!(target.count(*section).await.unwrap(), count);
    }
    steps.dedup();
    assert_eq!(steps, [Step::Copying, Step::Verifying]);
}

/// The checksum distinguishes 100 from 100.000, and so does the target.
pub async fn amounts_arrive_with_their_decimals(source: &impl CopyStore, target: &impl CopyStore) {
    fill(source).await;
    copied(source, target).await.unwrap();
    let found = all(target).await.join("\n");
    assert!(found.contains("deposit:7=100.000;") && found.contains("deposit:3=100;"), "{found}");
}

/// Whenever it is cut off, also between a commit and its answer.
pub async fn a_copy_that_is_cut_off_goes_on_after_any_page(source: &impl CopyStore, target: &impl CopyStore) {
    fill(source).await;
    let pages: usize = contents().iter().map(|records| records.len().div_ceil(5)).sum();
    for _ in 0..pages {
        let cut = Cut { target, left: AtomicU32::new(1) };
        let error = copied(source, &cut).await.unwrap_err();
        assert_eq!(error.code(), "TARGET_FAILED", "{error}");
    }
    let last = copied(source, target).await.unwrap();
    assert_eq!(last.written, 0, "each run has written one page");
    assert_eq!(all(target).await, expected());
}

/// Not even its sections that are empty in the target are begun.
pub async fn a_target_that_holds_anything_else_is_refused_and_left_alone(
    source: &impl CopyStore,
    target: &impl CopyStore,
) {
    fill(source).await;
    // The last section first: what is compared is what was put last. An event is there together with its stream only.
    let sections = Section::ALL.into_iter().rev().filter(|section| *section != Section::Events);
    for (n, of_section) in (1..).zip(sections) {
        let foreign = altered(&of(of_section)[0]);
        let at = foreign.key();
        assert_eq!(target.put(vec![foreign]).await.unwrap(), Put::Done);
        let held = all(target).await;
        assert_eq!(held.len(), n);
        let error = copied(source, target).await.unwrap_err();
        assert!(
            matches!(&error, CopyError::Foreign { section, place } if (*section, place) == (of_section, &at)),
            "{error}"
        );
        assert_eq!(all(target).await, held);
    }
}

/// The same stream with another sequence is another record.
pub async fn a_target_that_holds_the_same_elsewhere_is_refused(
    source: &impl CopyStore,
    target: &impl CopyStore,
) {
    fill(source).await;
    let Some(Record::Stream(_, stream)) = of(Section::Streams).pop() else { panic!("a stream is last") };
    target.put(vec![Record::Stream(streams_place(1), stream)]).await.unwrap();
    let error = copied(source, target).await.unwrap_err();
    assert_eq!(error.code(), "FOREIGN_TARGET", "{error}");
    assert_eq!(all(target).await.len(), 1);
}

/// What a fresh database is made with is not a record of anything.
pub async fn nothing_is_copied_from_an_empty_store_to_an_empty_one(
    source: &impl CopyStore,
    target: &impl CopyStore,
) {
    let done = copied(source, target).await.unwrap();
    assert_eq!(done.written, 0);
    for (section, tally) in done.sections {
        assert_eq!((tally.records, source.count(section).await.unwrap()), (0, 0), "{}", section.name());
    }
}

/// It compares, verifies and is done.
pub async fn a_second_copy_writes_nothing(source: &impl CopyStore, target: &impl CopyStore) {
    fill(source).await;
    let first = copied(source, target).await.unwrap();
    let nothing = Cut { target, left: AtomicU32::new(0) };
    let second = copied(source, &nothing).await.unwrap();
    assert_eq!((second.sections, second.written), (first.sections, 0));
}

/// What came too late for its section must not go unnoticed.
pub async fn a_source_that_is_written_to_meanwhile_is_noticed(
    source: &impl CopyStore,
    target: &impl CopyStore,
) {
    let late = vec![of(Section::Streams).remove(0)];
    let Record::Stream(_, stream) = &late[0] else { panic!("a stream is first") };
    let of_it = |record: &Record| match record {
        Record::Stream(_, other) => other.id() == stream.id(),
        Record::Event(_, event) => event.stream == stream.id(),
        _ => false,
    };
    for mut records in contents() {
        records.retain(|record| !of_it(record));
        source.put(records).await.unwrap();
    }
    let restless =
        Restless { store: source, late, when: Section::IdempotencyRecords, quiet: AtomicU32::new(0) };
    let error = copied(&restless, target).await.unwrap_err();
    assert_eq!(error.code(), "SOURCE_CHANGED", "{error}");
}

/// A server that runs on the target already.
pub async fn a_target_that_is_written_to_meanwhile_is_noticed(
    source: &impl CopyStore,
    target: &impl CopyStore,
) {
    let late = vec![of(Section::IdempotencyRecords).remove(0)];
    for mut records in contents() {
        records.retain(|record| *record != late[0]);
        source.put(records).await.unwrap();
    }
    // The first look is the comparison; the next comes when everything has been written.
    let restless = Restless { store: target, late, when: Section::Streams, quiet: AtomicU32::new(1) };
    let error = copied(source, &restless).await.unwrap_err();
    assert_eq!(error.code(), "TARGET_CHANGED", "{error}");
}

/// So a page whose answer was lost can be sent again.
pub async fn putting_what_is_there_changes_nothing_and_another_record_is_refused(
    _: &impl CopyStore,
    target: &impl CopyStore,
) {
    fill(target).await;
    fill(target).await;
    assert_eq!(all(target).await, expected());
    for records in contents() {
        let put = target.put(vec![altered(&records[0])]).await.unwrap();
        assert_eq!(put, Put::Taken(records[0].key()), "{}", records[0].section().name());
    }
    assert_eq!(all(target).await, expected());
}

/// Its stream came too late to be copied.
pub async fn an_event_without_its_stream_is_refused(_: &impl CopyStore, target: &impl CopyStore) {
    target.put(vec![of(Section::Streams).remove(0)]).await.unwrap();
    let put = target.put(of(Section::Events)[..2].to_vec()).await.unwrap();
    assert_eq!(put, Put::Orphan(RecordKey::Number(Sequence(6))));
    assert_eq!(target.count(Section::Events).await.unwrap(), 0, "nothing of the page is written");
}

/// Cursors of readers stay good: nothing ever slips in before them.
pub async fn what_is_created_after_a_copy_comes_after_it(store: &(impl StreamStore + CopyStore)) {
    fill(store).await;
    put(store, 1_000, &draft(), t(600)).await;
    let outcome = store.cancel_stream(&stream_id(1_000), still(t(601))).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    let after = |section, place| async move { store.records(section, Some(&place), 10).await.unwrap() };
    let streams = after(Section::Streams, RecordKey::Number(removed_place())).await;
    assert!(matches!(&streams[..], [Record::Stream(_, stream)] if stream.id() == stream_id(1_000)));
    let last = of(Section::Events).last().map(Record::key).unwrap();
    assert_eq!(after(Section::Events, last).await.len(), 2);
    assert_eq!(walk(store, StreamFilter::default(), 600, 5).await[0], stream_id(1_000));
}

/// It lives on as if it had been made there.
pub async fn what_was_copied_is_listed_cancelled_and_repeated_as_before(
    store: &(impl StreamStore + CopyStore),
) {
    fill(store).await;
    let of_the_api = || StreamFilter { origin: Some(Origin::Api), ..StreamFilter::default() };
    let listed = walk(store, of_the_api(), 600, 5).await;
    assert!(listed.into_iter().eq((1..=23).rev().map(stream_id)));
    let first = store.list_streams(&query(of_the_api(), 600, 3)).await.unwrap();
    assert_eq!(first.next, Some(streams_place(21)));
    let outcome = store.cancel_stream(&stream_id(4), still(t(71))).await.unwrap();
    let Outcome::Done(cancelled) = outcome else { panic!("{outcome:?}") };
    let history = history(store, &stream_id(4)).await;
    assert_eq!(fluxora_stream::Stream::replay(&history).unwrap(), Some(cancelled));
    assert!(store.record_due(t(1_000), 100).await.unwrap().unreadable.is_empty());
    let Record::Idempotency(kept) = idempotency_record(3) else { panic!("an idempotency record") };
    let again = keyed(500, kept.key.as_str(), &kept.request, t(60));
    assert_eq!(store.create_stream(again).await.unwrap(), Created::Replayed(kept.response));
}

/// Another record with the same key.
fn altered(record: &Record) -> Record {
    let mut record = record.clone();
    match &mut record {
        Record::Stream(_, stream) => schedule_mut(stream).deposit = "100.00".parse().unwrap(),
        Record::Removed(removed) => removed.event_count += 1,
        Record::Event(_, event) => event.stream_seq = 99,
        Record::Idempotency(record) => record.request = "another".to_owned(),
        Record::Ledger(ledger) => ledger.closed_at = None,
        Record::ContractEvent(_, stored) => stored.event.payload = "{ }".into(),
        Record::LedgerProof(proof) => proof.header = [0].into(),
        Record::Coverage(coverage) => coverage.ledgers.add(900_000..=900_001),
        Record::RepeatedEvent(repeated) => repeated.stored.event.payload = "{ }".into(),
        Record::Reorg(reorg) => reorg.events_removed += 1,
        Record::ChainState(state, _) => state.pending = 0,
        Record::WebhookEndpoint(stored, _) => stored.endpoint.version += 1,
        Record::WebhookDelivery(stored) => stored.delivery.claims += 1,
        Record::WebhookAttempt(copied) => copied.attempt.result.excerpt = vec![7],
        Record::WebhookReplay(_, replay) => replay.replayed += 1,
        Record::WebhookFanOut(cursor) => cursor.0 += 1,
        Record::Audit(row) => row.count += 1,
        Record::ApiKey(stored) => stored.key.last_used_at = Some(t(99)),
        Record::StreamOwner(_, owner) => owner.push('x'),
        Record::StreamDrift(drift) => drift.ledger += 1,
    }
    record
}

/// A target that fails after it has been written to, `left` pages later.
struct Cut<'t, T> {
    target: &'t T,
    left: AtomicU32,
}

#[async_trait]
impl<T: CopyStore> CopyStore for Cut<'_, T> {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        self.target.count(section).await
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.target.records(section, after, limit).await
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        if self.left.load(Ordering::Relaxed) > 0 {
            self.target.put(records).await?;
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        Err(StoreError::Unavailable { reason: "it was cut off".to_owned(), source: None })
    }
}

/// A store that is written to when this section is read, except for the first `quiet` reads.
struct Restless<'s, S> {
    store: &'s S,
    late: Vec<Record>,
    when: Section,
    quiet: AtomicU32,
}

#[async_trait]
impl<S: CopyStore> CopyStore for Restless<'_, S> {
    async fn count(&self, section: Section) -> Result<u64, StoreError> {
        self.store.count(section).await
    }

    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let quiet = |left: u32| left.checked_sub(1);
        if section == self.when
            && self.quiet.fetch_update(Ordering::Relaxed, Ordering::Relaxed, quiet).is_err()
        {
            self.store.put(self.late.clone()).await?;
        }
        self.store.records(section, after, limit).await
    }

    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError> {
        self.store.put(records).await
    }
}
