//! What verified ledgers bring beside their events, and the lease of their reader.

use std::collections::BTreeMap;
use std::time::Duration;

use fluxora_indexer::{Evidence, Fence, LedgerProof, ProvenEvents, Refusal, Rules, Verification};

use super::events::*;
use super::*;
use crate::ChainStore;
use crate::chain::{ComparedEntry, ContractEventQuery, DriftedField, Drifts, Rewind};

const LEASE: &str = "follower";
const MINUTE: Duration = Duration::from_mins(1);

/// The batch as the reader of these contracts brings it, with a proof of each event.
pub(super) fn proven(batch: &Arc<Batch>, contracts: &[&str]) -> Arc<Batch> {
    let mut proofs = BTreeMap::<u32, LedgerProof>::new();
    for event in batch.events() {
        let at = event.position;
        let bytes = |what: &str| Arc::<[u8]>::from(format!("{what} of {}", at.ledger).as_bytes());
        let proof = proofs.entry(at.ledger).or_insert_with(|| LedgerProof {
            ledger: at.ledger,
            header: bytes("header"),
            results: bytes("results"),
            preimages: BTreeMap::new(),
            events: ProvenEvents::default(),
        });
        proof.preimages.insert(at.transaction, bytes("preimage"));
        proof.events.0.insert((at.transaction, at.event));
    }
    let evidence = Evidence {
        contracts: contracts.iter().map(|contract| Opaque::new(contract).unwrap()).collect(),
        proofs: proofs.into_values().collect(),
        fence: None,
    };
    Arc::new(Batch::clone(batch).with_evidence(evidence))
}

async fn take(store: &impl ChainStore, batch: Arc<Batch>) -> Ingested {
    store.ingest(batch, Rules::default(), t(1_000)).await.unwrap().unwrap()
}

/// Coverage as texts.
async fn covered(store: &impl ChainStore) -> Vec<(String, String)> {
    let coverage = store.coverage().await.unwrap();
    coverage.iter().map(|of| (of.contract.to_string(), of.ledgers.to_string())).collect()
}

/// The words of the stored events, in chain order.
async fn verifications(store: &impl ChainStore) -> Vec<&'static str> {
    let query = ContractEventQuery { limit: 100, ..ContractEventQuery::default() };
    let page = store.contract_events(&query).await.unwrap();
    page.events.iter().map(|listed| listed.verification.as_str()).collect()
}

/// Both ends included; none where none is stored.
pub async fn stored_ledgers_are_read_by_range_and_in_order(store: &impl Store) {
    for tip in [12, 10, 11, 14] {
        LINKED.push(store, &[], Some(tip)).await;
    }
    let read = async |range| store.ledgers(range).await.unwrap();
    assert_eq!(read(10..=12).await, [10, 11, 12].map(|ledger| LINKED.ledger(ledger)));
    let sequences = async |range| read(range).await.iter().map(|ledger| ledger.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(0..=u32::MAX).await, [10, 11, 12, 14]);
    assert!(sequences(13..=13).await.is_empty());
    assert_eq!(sequences(11..=11).await, [11]);
    #[expect(clippy::reversed_empty_ranges, reason = "an empty range has no ledger")]
    let empty = sequences(12..=11).await;
    assert!(empty.is_empty());
}

/// Contracts are covered one by one, in any order of the ledgers.
pub async fn coverage_grows_with_whole_ledgers_and_not_with_pushes(store: &impl Store) {
    assert_eq!(covered(store).await, []);
    LINKED.push(store, &[created(At(10, 1, 0), 0, 100, 1)], Some(11)).await;
    assert_eq!(covered(store).await, [], "a pusher shows what it wants");
    let of = |ledger: u32| LINKED.batch(&[], Some(ledger));
    for (ledger, contracts) in [(12, &["a"][..]), (13, &["a", "b"]), (15, &["a", "b"]), (11, &["b"])] {
        take(store, proven(&of(ledger), contracts)).await;
    }
    let pair = |contract: &str, ledgers: &str| (contract.to_owned(), ledgers.to_owned());
    assert_eq!(covered(store).await, [pair("a", "12-13,15-15"), pair("b", "11-11,13-13,15-15")]);
    take(store, proven(&of(14), &["a"])).await;
    take(store, proven(&of(14), &["a"])).await;
    assert_eq!(covered(store).await, [pair("a", "12-15"), pair("b", "11-11,13-13,15-15")]);
}

/// What is removed is read again.
pub async fn a_fork_and_a_rewind_cut_coverage_and_proofs(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(12, 1, 0), 0, 5)];
    take(store, proven(&LINKED.batch(&events, Some(13)), &["a", "b"])).await;
    take(store, proven(&LINKED.batch(&[], Some(11)), &["a"])).await;
    assert_eq!(verifications(store).await, ["L3", "L3"]);
    let pair = |contract: &str, ledgers: &str| (contract.to_owned(), ledgers.to_owned());
    assert_eq!(covered(store).await, [pair("a", "10-13"), pair("b", "10-10,12-13")]);
    let other = LINKED.forked("b", 12);
    let forked = take(store, other.batch(&[withdrew(At(12, 1, 0), 0, 7)], None)).await;
    assert_eq!(forked.reorg.unwrap().fork_ledger, 12);
    assert_eq!(covered(store).await, [pair("a", "10-11"), pair("b", "10-10")]);
    assert_eq!(verifications(store).await, ["L3", "pushed"], "the proof went with its ledger");
    let rewind = |to_ledger| Rewind { to_ledger, reason: "coverage".to_owned() };
    store.rewind(rewind(10), Rules::default(), t(2_000)).await.unwrap().unwrap();
    assert_eq!(covered(store).await, [pair("a", "10-10"), pair("b", "10-10")]);
    store.rewind(rewind(9), Rules::default(), t(2_001)).await.unwrap().unwrap();
    assert_eq!(covered(store).await, []);
    take(store, other.batch(&[created(At(10, 1, 0), 0, 100, 1)], None)).await;
    assert_eq!(verifications(store).await, ["pushed"]);
}

/// A pusher that adds an event to a proven transaction proves nothing.
pub async fn an_event_is_proven_at_its_position_and_no_other(store: &impl Store) {
    take(store, proven(&LINKED.batch(&[created(At(10, 1, 0), 0, 100, 1)], None), &["a"])).await;
    LINKED.push(store, &[withdrew(At(10, 1, 1), 0, 5)], None).await;
    take(store, proven(&LINKED.batch(&[withdrew(At(10, 2, 0), 0, 6)], None), &["b"])).await;
    assert_eq!(verifications(store).await, ["L3", "pushed", "L3"]);
    let event = created(At(10, 1, 0), 0, 100, 1);
    let found = store.contract_event(&event.id).await.unwrap().unwrap();
    assert_eq!((&found.event, &found.ledger_hash), (&event, &LINKED.hash(10)));
    let proof = found.proof.unwrap();
    let bytes = |what: &str| Arc::<[u8]>::from(what.as_bytes());
    let preimages = [(1, bytes("preimage of 10")), (2, bytes("preimage of 10"))];
    assert_eq!(
        proof,
        LedgerProof {
            ledger: 10,
            header: bytes("header of 10"),
            results: bytes("results of 10"),
            preimages: preimages.into(),
            events: ProvenEvents([(1, 0), (2, 0)].into()),
        },
        "what two batches prove of one ledger is kept together"
    );
    assert_eq!(proof.events.verification(event.position), Verification::L3);
}

/// The event is a duplicate, and its proof is stored.
pub async fn a_pushed_event_is_proven_when_its_ledger_is_read(store: &impl Store) {
    let event = created(At(10, 1, 0), 0, 100, 1);
    LINKED.push(store, std::slice::from_ref(&event), None).await;
    assert_eq!(store.contract_event(&event.id).await.unwrap().unwrap().proof, None);
    let read = take(store, proven(&LINKED.batch(&[event], None), &["a"])).await;
    assert_eq!((read.inserted, read.duplicates), (vec![], vec![0]));
    assert_eq!(verifications(store).await, ["L3"]);
}

/// By its id.
pub async fn an_unknown_contract_event_is_not_found(store: &impl Store) {
    LINKED.push(store, &[created(At(10, 1, 0), 0, 100, 1)], None).await;
    assert_eq!(store.contract_event(&Opaque::new("10-1-1").unwrap()).await.unwrap(), None);
}

/// Each other holder has a higher token.
pub async fn a_lease_has_one_holder_until_its_term_is_over(store: &impl Store) {
    let fence = |token| Some(Fence { lease: LEASE, token });
    let acquire = async |holder, term, now| store.acquire_lease(LEASE, holder, term, now).await.unwrap();
    assert_eq!(acquire("one", MINUTE, t(0)).await, fence(1));
    assert_eq!(acquire("two", MINUTE, t(1)).await, None);
    assert_eq!(acquire("one", MINUTE, t(30)).await, fence(1), "renewed");
    assert_eq!(acquire("one", Duration::from_millis(1), t(31)).await, fence(1), "shortened");
    // The clock of a database server is not injected: a term of a millisecond is over after some attempts.
    let mut taken = None;
    for attempt in 40..10_000 {
        taken = acquire("two", MINUTE, t(attempt)).await;
        if taken.is_some() {
            break;
        }
    }
    assert_eq!(taken, fence(2));
    assert_eq!(acquire("one", MINUTE, t(50)).await, None);
    assert_eq!(store.acquire_lease("another lease", "one", MINUTE, t(50)).await.unwrap().unwrap().token, 1);
}

/// A holder that stops does not make others wait.
pub async fn a_released_lease_is_free_at_once(store: &impl Store) {
    let acquire = async |holder| store.acquire_lease(LEASE, holder, MINUTE, t(0)).await.unwrap();
    acquire("one").await.unwrap();
    store.release_lease(LEASE, "two").await.unwrap();
    assert_eq!(acquire("two").await, None, "only its holder releases a lease");
    store.release_lease(LEASE, "one").await.unwrap();
    assert_eq!(acquire("two").await, Some(Fence { lease: LEASE, token: 2 }));
    store.release_lease("another lease", "one").await.unwrap();
}

/// The holder before it may be slow, not gone.
pub async fn a_batch_under_a_lost_lease_is_refused_and_leaves_no_trace(store: &impl Store) {
    let under = |fence: Fence, event: ContractEvent| {
        let batch = proven(&LINKED.batch(&[event], None), &["a"]);
        let evidence = Evidence { fence: Some(fence), ..batch.evidence().clone() };
        Arc::new(Batch::clone(&batch).with_evidence(evidence))
    };
    let ingest = async |batch| store.ingest(batch, Rules::default(), t(1_000)).await.unwrap();
    let never = Fence { lease: LEASE, token: 1 };
    let lost = Refusal::LeaseLost { lease: LEASE };
    assert_eq!(ingest(under(never, created(At(10, 1, 0), 0, 100, 1))).await.unwrap_err(), lost);
    let one = store.acquire_lease(LEASE, "one", MINUTE, t(0)).await.unwrap().unwrap();
    ingest(under(one, created(At(10, 1, 0), 0, 100, 1))).await.unwrap();
    store.release_lease(LEASE, "one").await.unwrap();
    ingest(under(one, withdrew(At(11, 1, 0), 0, 1))).await.unwrap();
    let two = store.acquire_lease(LEASE, "two", MINUTE, t(0)).await.unwrap().unwrap();
    let before = (store.chain_state().await.unwrap(), covered(store).await);
    assert_eq!(ingest(under(one, withdrew(At(12, 1, 0), 0, 2))).await.unwrap_err(), lost);
    assert_eq!((store.chain_state().await.unwrap(), covered(store).await), before);
    ingest(under(two, withdrew(At(12, 1, 0), 0, 2))).await.unwrap();
}

fn drifted(number: u64, ledger: u32, ours: &[&str]) -> ComparedEntry {
    let field = |ours: &&str| DriftedField {
        name: "kind".to_owned(),
        ours: serde_json::json!(ours),
        theirs: serde_json::json!({ "ü": [null, "\u{0}", 1] }),
    };
    ComparedEntry { stream: id(number), ledger, fields: ours.iter().map(field).collect() }
}

async fn drifts(store: &impl Store, limit: u32) -> (u64, Vec<ComparedEntry>) {
    let Drifts { count, listed } = store.drifts(None, limit).await.unwrap();
    (count, listed)
}

/// A comparison replaces that of an earlier or the same ledger, and an entry that agrees clears it.
pub async fn a_drift_lasts_until_a_later_entry_agrees(store: &impl Store) {
    assert_eq!(drifts(store, 10).await, (0, vec![]));
    let (one, two) = (drifted(1, 10, &["7", "8"]), drifted(2, 11, &["9"]));
    store.record_comparisons(&[two.clone(), one.clone(), drifted(3, 11, &[])]).await.unwrap();
    assert_eq!(drifts(store, 10).await, (2, vec![one.clone(), two.clone()]));
    assert_eq!(drifts(store, 1).await, (2, vec![one.clone()]));
    let rest = store.drifts(Some(&one.stream), 1).await.unwrap();
    assert_eq!((rest.count, rest.listed), (2, vec![two.clone()]));
    let none = store.drifts(Some(&two.stream), 1).await.unwrap();
    assert_eq!((none.count, none.listed), (2, vec![]));
    for earlier in [drifted(1, 9, &[]), drifted(1, 9, &["x"])] {
        store.record_comparisons(&[earlier]).await.unwrap();
        assert_eq!(
            drifts(store, 10).await,
            (2, vec![one.clone(), two.clone()]),
            "a later entry was compared"
        );
    }
    let again = drifted(1, 10, &["y"]);
    store.record_comparisons(std::slice::from_ref(&again)).await.unwrap();
    assert_eq!(drifts(store, 10).await, (2, vec![again, two.clone()]));
    store.record_comparisons(&[drifted(1, 12, &[])]).await.unwrap();
    assert_eq!(drifts(store, 10).await, (1, vec![two]));
    store.record_comparisons(&[]).await.unwrap();
}

/// The entry of a ledger that is not part of the chain any more says nothing.
pub async fn a_fork_and_a_rewind_remove_the_drifts_of_their_ledgers(store: &impl Store) {
    MAIN.push(store, &[], Some(10)).await;
    MAIN.push(store, &[], Some(12)).await;
    let kept = drifted(1, 9, &["7"]);
    store.record_comparisons(&[kept.clone(), drifted(2, 12, &["7"])]).await.unwrap();
    MAIN.forked("b", 12).push(store, &[], Some(12)).await;
    assert_eq!(drifts(store, 10).await, (1, vec![kept]));
    let rewind = Rewind { to_ledger: 8, reason: "test".to_owned() };
    store.rewind(rewind, Rules::default(), t(1_010)).await.unwrap().unwrap();
    assert_eq!(drifts(store, 10).await, (0, vec![]));
}
