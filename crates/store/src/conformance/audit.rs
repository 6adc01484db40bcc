use std::sync::Arc;

use fluxora_audit::{Action, Actor, ActorKind, Entry, Outcome as AuditOutcome, Row, Verifier};
use fluxora_indexer::Rules;
use futures_util::future::join_all;

use super::chain::MAIN;
use super::fixtures::*;
use super::webhooks::{deliver_all, endpoint, endpoint_id};
use crate::audit::AuditQuery;
use crate::chain::{Rebuild, Rewind, Scope};
use crate::delivery::{EndpointUpdate, ResumeFrom, StartReplay, StateChange};
use crate::{CreateStream, Created, Outcome, Sequence, Store};

fn entry(action: Action) -> Entry {
    let actor = Actor { id: Some("key 7".to_owned()), ..Actor::of(ActorKind::Key, "partner") };
    let entry = Entry::new(t(9), actor, action, AuditOutcome::Done);
    Entry { request_id: Some("request 1".to_owned()), client_address: Some("192.0.2.1".to_owned()), ..entry }
}

/// All rows, which make a chain.
async fn rows(store: &impl Store) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = Sequence(rows.last().map_or(0, |row| row.seq));
        let page = store.audit_rows(after, 7).await.unwrap();
        if page.is_empty() {
            break;
        }
        rows.extend(page);
    }
    let mut verifier = Verifier::default();
    for row in &rows {
        verifier.check(row).unwrap();
    }
    verifier.finish().unwrap();
    rows
}

async fn actions(store: &impl Store) -> Vec<String> {
    rows(store).await.into_iter().map(|row| row.action).collect()
}

fn create(n: u64) -> CreateStream {
    super::fixtures::create(n, &draft(), t(0))
}

/// Every write of a caller, one after the other.
pub async fn a_done_write_leaves_one_audit_row(store: &impl Store) {
    let audited = |action| store.audited(entry(action));
    let done = audited(Action::StreamCreate).create_stream(create(1)).await.unwrap();
    assert_eq!(done, Created::Done);
    audited(Action::EndpointCreate).create_endpoint(endpoint(1), false, 9).await.unwrap();
    store.fan_out(10, t(1)).await.unwrap();
    let sent = deliver_all(store, t(1)).await.remove(0).delivery.id;
    let cancelled = audited(Action::StreamCancel).cancel_stream(&stream_id(1), still(t(20))).await.unwrap();
    assert!(matches!(cancelled, Outcome::Done(_)));
    let stored = store.endpoint(endpoint_id(1)).await.unwrap().unwrap();
    let update = EndpointUpdate { endpoint: stored.endpoint, expected_version: None };
    audited(Action::EndpointUpdate).update_endpoint(update, t(21)).await.unwrap();
    let pause = StateChange::Pause { reason: "a payload".to_owned() };
    audited(Action::EndpointPause).change_endpoint_state(endpoint_id(1), pause, t(22)).await.unwrap();
    let resume = StateChange::Resume(ResumeFrom::Now);
    audited(Action::EndpointResume).change_endpoint_state(endpoint_id(1), resume, t(23)).await.unwrap();
    let (_, replayed) = audited(Action::DeliveryReplay).replay(sent, None, t(24)).await.unwrap().unwrap();
    assert!(replayed);
    let id = fluxora_delivery::ReplayId::new(uuid(5));
    let start = StartReplay {
        id,
        endpoint: endpoint_id(1),
        filter: fluxora_delivery::ReplayFilter::default(),
        fresh_ids: false,
    };
    audited(Action::ReplayCreate).start_replay(start, t(25)).await.unwrap().unwrap();
    audited(Action::ReplayCancel).cancel_replay(id, t(26)).await.unwrap().unwrap();
    assert!(audited(Action::EndpointDelete).delete_endpoint(endpoint_id(1), t(27)).await.unwrap());
    MAIN.push(store, &[], Some(10)).await;
    MAIN.push(store, &[], Some(20)).await;
    let rewind = Rewind { to_ledger: 10, reason: "a payload".to_owned() };
    audited(Action::IndexerRewind).rewind(rewind, Rules::default(), t(28)).await.unwrap().unwrap();
    for verify_only in [true, false] {
        let rebuild = Rebuild { scope: Scope::Everything, verify_only, progress: Arc::new(|_| ()) };
        audited(Action::IndexerReindex).rebuild(rebuild, t(29)).await.unwrap();
    }
    let expect = [
        Action::StreamCreate,
        Action::EndpointCreate,
        Action::StreamCancel,
        Action::EndpointUpdate,
        Action::EndpointPause,
        Action::EndpointResume,
        Action::DeliveryReplay,
        Action::ReplayCreate,
        Action::ReplayCancel,
        Action::EndpointDelete,
        Action::IndexerRewind,
        Action::IndexerReindex,
    ];
    assert_eq!(actions(store).await, expect.map(|action| action.as_str().to_owned()));
}

/// Refusals of the rules, what is not there, and repetitions of an earlier write.
pub async fn a_write_that_changes_nothing_leaves_no_audit_row(store: &impl Store) {
    let audited = |action| store.audited(entry(action));
    store.create_stream(keyed(1, "key", "the request", t(0))).await.unwrap();
    let create = audited(Action::StreamCreate);
    let again = create.create_stream(keyed(2, "key", "the request", t(0))).await.unwrap();
    assert!(matches!(again, Created::Replayed(_)));
    let other = create.create_stream(keyed(3, "key", "another", t(0))).await.unwrap();
    assert_eq!(other, Created::KeyReused);
    store.cancel_stream(&stream_id(1), still(t(20))).await.unwrap();
    let cancel = audited(Action::StreamCancel);
    for id in [1, 9] {
        let refused = cancel.cancel_stream(&stream_id(id), still(t(21))).await.unwrap();
        assert!(!matches!(refused, Outcome::Done(_)));
    }
    let pause = StateChange::Pause { reason: String::new() };
    audited(Action::EndpointPause).change_endpoint_state(endpoint_id(7), pause, t(1)).await.unwrap();
    assert!(!audited(Action::EndpointDelete).delete_endpoint(endpoint_id(7), t(1)).await.unwrap());
    store.create_endpoint(endpoint(1), false, 9).await.unwrap();
    audited(Action::EndpointCreate).create_endpoint(endpoint(1), false, 9).await.unwrap();
    audited(Action::EndpointCreate).create_endpoint(endpoint(2), false, 1).await.unwrap();
    let id = fluxora_delivery::ReplayId::new(uuid(5));
    let start = StartReplay {
        id,
        endpoint: endpoint_id(1),
        filter: fluxora_delivery::ReplayFilter::default(),
        fresh_ids: false,
    };
    store.start_replay(start.clone(), t(2)).await.unwrap();
    audited(Action::ReplayCreate).start_replay(start, t(2)).await.unwrap();
    let rewind = Rewind { to_ledger: 5, reason: "nothing is there".to_owned() };
    assert!(audited(Action::IndexerRewind).rewind(rewind, Rules::default(), t(3)).await.unwrap().is_err());
    assert_eq!(actions(store).await, [""; 0]);
}

/// Steps of workers.
pub async fn a_store_without_an_entry_leaves_no_audit_row(store: &impl Store) {
    put(store, 1, &draft(), t(0)).await;
    store.record_due(t(1_000), 10).await.unwrap();
    assert_eq!(actions(store).await, [""; 0]);
}

/// A row for each, and none is lost or numbered twice.
pub async fn concurrent_writes_and_their_audit_rows_make_one_chain(store: &impl Store) {
    let write = |n: u64| async move {
        let audited = store.audited(entry(Action::StreamCreate).with_target(&stream_id(n)));
        audited.create_stream(create(n)).await.unwrap();
        let audited = store.audited(entry(Action::StreamCancel).with_target(&stream_id(n)));
        audited.cancel_stream(&stream_id(n), still(t(20))).await.unwrap();
        store.append_audit(vec![entry(Action::LogLevel); 2]).await.unwrap();
    };
    join_all((1..=40).map(write)).await;
    let rows = rows(store).await;
    assert_eq!(rows.len(), 160);
    for n in 1..=40 {
        let target = Some(stream_id(n).to_string());
        let of_stream = rows.iter().filter(|row| row.target == target).map(|row| row.action.as_str());
        assert_eq!(of_stream.collect::<Vec<_>>(), ["stream.create", "stream.cancel"]);
    }
}

/// With all that is optional, and without.
pub async fn an_audit_row_reads_back_as_it_was_appended(store: &impl Store) {
    let refused = Entry {
        outcome: AuditOutcome::Refused("VALIDATION_ERROR".to_owned()),
        count: u64::from(u32::MAX),
        ..entry(Action::StreamCreate).with_target("ünïcode, \"quoted\"")
    };
    let bare = Entry::new(t(3), Actor::anonymous(), Action::LogLevel, AuditOutcome::Done);
    store.append_audit(vec![refused.clone(), bare.clone()]).await.unwrap();
    store.append_audit(Vec::new()).await.unwrap();
    let first = Row::seal(fluxora_audit::Head::EMPTY, &refused);
    let second = Row::seal(first.head(), &bare);
    assert_eq!(rows(store).await, [first, second]);
}

/// By everything that an operator may ask for, in pages.
pub async fn audit_rows_are_listed_newest_first_and_filtered(store: &impl Store) {
    for n in 0..10_u32 {
        let action = if n.is_multiple_of(2) { Action::StreamCreate } else { Action::StreamCancel };
        let outcome = match n % 3 {
            0 => AuditOutcome::Done,
            1 => AuditOutcome::Refused("NOT_FOUND".to_owned()),
            _ => AuditOutcome::Failed("SERVICE_UNAVAILABLE".to_owned()),
        };
        let actor = if n < 5 { Actor::anonymous() } else { entry(action).actor };
        let appended = Entry { at: t(i64::from(n)), actor, outcome, ..entry(action) };
        store.append_audit(vec![appended.with_target(&format!("target {}", n % 4))]).await.unwrap();
    }
    let check = async |query: AuditQuery, expect: &[u64]| {
        let mut found = Vec::new();
        let mut query = AuditQuery { limit: 2, ..query };
        loop {
            let page = store.audit_page(&query).await.unwrap();
            assert!(page.rows.len() <= 2);
            found.extend(page.rows.iter().map(|row| row.seq));
            let Some(next) = page.next else { break };
            query.before = Some(next);
        }
        assert_eq!(found, expect, "{query:?}");
    };
    let all = AuditQuery::default();
    check(all.clone(), &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).await;
    check(AuditQuery { before: Some(Sequence(4)), ..all.clone() }, &[3, 2, 1]).await;
    check(AuditQuery { actor: Some("anonymous".to_owned()), ..all.clone() }, &[5, 4, 3, 2, 1]).await;
    check(AuditQuery { actor: Some("key 7".to_owned()), ..all.clone() }, &[10, 9, 8, 7, 6]).await;
    check(AuditQuery { actor: Some("nobody".to_owned()), ..all.clone() }, &[]).await;
    check(AuditQuery { action: Some(Action::StreamCreate), ..all.clone() }, &[9, 7, 5, 3, 1]).await;
    check(AuditQuery { target: Some("target 3".to_owned()), ..all.clone() }, &[8, 4]).await;
    check(AuditQuery { outcome: Some("refused".to_owned()), ..all.clone() }, &[8, 5, 2]).await;
    check(AuditQuery { from: Some(t(3)), to: Some(t(6)), ..all.clone() }, &[6, 5, 4]).await;
    let several = AuditQuery {
        action: Some(Action::StreamCancel),
        outcome: Some("done".to_owned()),
        from: Some(t(4)),
        ..all
    };
    check(several, &[10]).await;
}

/// The first row that is kept follows one that is gone.
pub async fn expired_audit_rows_are_deleted_and_the_rest_verifies(store: &impl Store) {
    let at = |second| Entry { at: t(second), ..entry(Action::StreamCreate) };
    store.append_audit([1, 2, 3, 9, 4].map(at).to_vec()).await.unwrap();
    assert_eq!(store.expire_audit(t(1), t(50)).await.unwrap(), 0);
    assert_eq!(rows(store).await.len(), 5, "a step that deletes nothing leaves no row");
    assert_eq!(store.expire_audit(t(5), t(50)).await.unwrap(), 3);
    let left = rows(store).await;
    let seqs = |rows: &[Row]| rows.iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(seqs(&left), [4, 5, 6], "an old row behind a newer one stays");
    assert_eq!((left[2].action.as_str(), left[2].actor_kind.as_str()), ("audit.expire", "server"));
    assert_eq!(store.expire_audit(t(51), t(60)).await.unwrap(), 3, "all of them");
    assert_eq!(seqs(&rows(store).await), [7]);
}
