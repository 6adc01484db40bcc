use jiff::Timestamp;

use super::*;
use crate::plan::{Hole, Tip};
use crate::{BatchFault, BatchSource, ChainPosition, Pushed};

/// Most events of a batch in these tests.
const LIMIT: usize = 100;
const RULES: Rules = Rules { safety_margin: 1, max_reorg_depth: 5, max_tip_jump: 1_000 };

fn opaque(text: &str) -> Opaque {
    Opaque::new(text).unwrap()
}

/// A ledger from its hash and the hash before it: `"b12<a11"`; without a parent `"b12"`.
fn ledger(text: &str) -> Ledger {
    let (hash, previous) = text.split_once('<').map_or((text, None), |(hash, before)| (hash, Some(before)));
    Ledger {
        sequence: hash.trim_start_matches(char::is_alphabetic).parse().unwrap(),
        hash: opaque(hash),
        previous_hash: previous.map(opaque),
        closed_at: None,
    }
}

/// An event whose index in its operation is the number of its id: `x2` lies where `2` does.
fn event(id: &str, ledger: u32, payload: &str) -> ContractEvent {
    let event = id.trim_start_matches('x').parse().unwrap();
    ContractEvent {
        id: opaque(id),
        position: ChainPosition { ledger, transaction: 0, operation: 0, event },
        contract: opaque("contract"),
        topic: opaque("topic"),
        tx_hash: opaque("tx"),
        happened_at: Timestamp::UNIX_EPOCH,
        payload: payload.into(),
        invocation: None,
    }
}

fn pushed(id: &str, of: &str) -> Pushed {
    let Ledger { sequence, hash, previous_hash, .. } = ledger(of);
    Pushed { event: event(id, sequence, "{}"), ledger_hash: hash, previous_hash }
}

/// The stored state with these ledgers, and the frontier that they have without a fork.
fn view(ledgers: &[&str], batch: &Batch) -> StoredView {
    let stored: BTreeMap<_, _> =
        ledgers.iter().map(|text| ledger(text)).map(|ledger| (ledger.sequence, ledger)).collect();
    let newest = stored.values().next_back();
    let tip = newest.map(|ledger| Tip { ledger: ledger.sequence, hash: ledger.hash.clone(), at: None });
    let below = |depth| newest.and_then(|newest| newest.sequence.checked_sub(depth));
    let frontier = Frontier { last_safe: below(1), final_ledger: below(6), tip, hole: None };
    let around = batch.neighbourhood();
    let ledgers = stored.clone().into_iter().filter(|(sequence, _)| around.contains(sequence)).collect();
    let mut view = StoredView { frontier, synced_at: None, ledgers, events: Vec::new() };
    if let Some(from) = ledgers_needed_from(&view, batch, RULES) {
        view.ledgers.extend(stored.range(from..).map(|(sequence, ledger)| (*sequence, ledger.clone())));
    }
    view
}

fn tip(text: &str) -> Batch {
    Batch::new(Vec::new(), Some(ledger(text)), LIMIT).unwrap()
}

/// Checks the fork that a batch shows, with the two hashes that contradict each other.
#[track_caller]
fn forks(stored: &[&str], batch: &str, expect: Option<(u32, &str, &str)>) {
    let batch = tip(batch);
    let plan = plan(&view(stored, &batch), &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    let found = plan
        .rollback
        .as_ref()
        .map(|rollback| (rollback.fork, rollback.existing_hash.as_str(), rollback.incoming_hash.as_str()));
    assert_eq!(found, expect);
}

#[test]
fn only_a_hash_contradicts() {
    forks(&[], "a10<a9", None);
    forks(&["a10<a9"], "a10<a9", None);
    forks(&["a10<a9"], "a11<a10", None);
    forks(&["a10<a9"], "a11", None);
    forks(&["a10<a9"], "a20<a19", None);
    forks(&["a10<a9", "a11<a10"], "a9<a8", None);
    forks(&["a10<a9"], "b10<a9", Some((10, "a10", "b10")));
    forks(&["a10<a9", "a11<a10"], "b10", Some((10, "a10", "b10")));
}

#[test]
fn a_link_contradicts_the_ledger_before() {
    forks(&["a10<a9"], "b11<b10", Some((10, "a10", "b10")));
    forks(&["a10<a9", "a11<a10"], "b11<b10", Some((10, "a10", "b10")));
}

#[test]
fn a_late_ledger_contradicts_the_one_after_it() {
    forks(&["a10<a9", "a12<a11"], "b11", Some((12, "a11", "b11")));
    forks(&["a10<a9", "a12"], "b11", None);
}

#[test]
fn the_lowest_contradiction_is_the_fork() {
    let batch = Batch::new(vec![pushed("1", "b12<b11"), pushed("2", "b11<a10")], None, LIMIT).unwrap();
    let plan =
        plan(&view(&["a10", "a11<a10", "a12<a11"], &batch), &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(plan.rollback.map(|rollback| (rollback.fork, rollback.depth)), Some((11, 1)));
}

#[test]
fn a_ledger_has_one_parent() {
    let batch = tip("a10<b9");
    let refused = plan(&view(&["a10<a9"], &batch), &batch, RULES, Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(refused, Refusal::LedgerConflict { ledger: 10 });
}

#[test]
fn a_reorg_deeper_than_the_rules_allow_is_refused() {
    let stored: Vec<_> = (1..=20).map(|sequence| format!("a{sequence}")).collect();
    let stored: Vec<_> = stored.iter().map(String::as_str).collect();
    let fork_at = |text| {
        let batch = tip(text);
        plan(&view(&stored, &batch), &batch, RULES, Timestamp::UNIX_EPOCH)
            .map(|plan| plan.rollback.map(|rollback| rollback.depth))
    };
    assert_eq!(fork_at("b15"), Ok(Some(5)));
    assert!(matches!(fork_at("b14"), Err(Refusal::TooDeep { final_ledger: 14, .. })));
    assert!(
        matches!(fork_at("b15<b14"), Err(Refusal::TooDeep { final_ledger: 14, .. })),
        "its parent is final"
    );
}

/// Checks the frontier after a batch, and the ledger up to which projected streams stay valid.
#[track_caller]
fn advances(stored: &[&str], batch: &str, margin: u32, expect: (u32, Option<u32>, Option<u32>)) {
    let batch = tip(batch);
    let rules = Rules { safety_margin: margin, ..RULES };
    let plan = plan(&view(stored, &batch), &batch, rules, Timestamp::UNIX_EPOCH).unwrap();
    let tip = plan.frontier.tip.unwrap().ledger;
    assert_eq!((tip, plan.frontier.last_safe, plan.keep), expect);
}

#[test]
fn the_last_safe_ledger_lies_the_margin_below_the_tip() {
    advances(&[], "a10", 1, (10, Some(9), None));
    advances(&[], "a10", 0, (10, Some(10), None));
    advances(&[], "a0", 1, (0, None, None));
    advances(&["a10"], "a15", 1, (15, Some(14), Some(9)));
    advances(&["a10"], "a8", 1, (10, Some(9), Some(9)));
}

#[test]
fn a_wider_margin_does_not_lower_the_last_safe_ledger() {
    advances(&["a10"], "a11", 5, (11, Some(9), Some(9)));
}

#[test]
fn a_fork_lowers_the_last_safe_ledger_no_further_than_the_margin() {
    advances(&["a9", "a10"], "b10", 1, (10, Some(9), Some(9)));
    advances(&["a8", "a9", "a10"], "b9", 1, (9, Some(8), Some(8)));
    advances(&["a9", "a10"], "b10", 3, (10, Some(7), Some(7)));
}

/// Checks the ledgers that a batch removes of these, and those of them of which no hash tells the branch.
#[track_caller]
fn replaces(stored: &[&str], batch: &str, removed: &[u32], unproven: &[u32]) {
    let batch = tip(batch);
    let view = view(stored, &batch);
    let plan = plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    let gone = |sequence: &&u32| plan.remove.iter().any(|range| range.contains(sequence));
    assert_eq!(view.ledgers.keys().filter(gone).copied().collect::<Vec<_>>(), removed);
    assert_eq!(plan.unproven.iter().copied().collect::<Vec<_>>(), unproven);
    let kept = view.ledgers.keys().filter(|sequence| !gone(sequence)).copied();
    let pushed = batch.ledgers().map(|ledger| ledger.sequence);
    assert_eq!(plan.frontier.tip.map(|tip| tip.ledger), kept.chain(pushed).max());
}

#[test]
fn stored_ledgers_that_link_to_the_batch_stay() {
    replaces(&["a12", "b14<b13"], "b13<b12", &[12], &[]);
    replaces(&["a12", "b14<b13", "b15<b14"], "b13<b12", &[12], &[]);
    replaces(&["a12", "b14<b13", "b15<b14", "b17<b16"], "b13<b12", &[12, 17], &[17]);
    replaces(&["a12", "a13<a12", "a14<a13"], "b12", &[12, 13, 14], &[]);
}

#[test]
fn a_stored_ledger_without_a_link_to_either_branch_is_removed_and_unproven() {
    replaces(&["a12", "b14"], "b13<b12", &[12, 14], &[14]);
    replaces(&["a13", "x14", "x15<x14"], "b13", &[13, 14, 15], &[14, 15]);
    replaces(&["a13", "a14<a13", "x15"], "b13", &[13, 14, 15], &[15]);
}

#[test]
fn a_stored_ledger_that_the_batch_repeats_stays() {
    let batch = Batch::new(vec![pushed("1", "b13<b12"), pushed("2", "b14")], None, LIMIT).unwrap();
    let view = view(&["a12", "b14"], &batch);
    let plan = plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(plan.remove, [12..=13, 15..=u32::MAX]);
}

#[test]
fn a_ledger_that_links_to_the_batch_and_is_contradicted_by_it_goes() {
    let batch = Batch::new(vec![pushed("1", "b13<b12"), pushed("2", "b15<c14")], None, LIMIT).unwrap();
    let view = view(&["a12", "b14<b13"], &batch);
    let plan = plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((plan.remove, plan.unproven.len()), (vec![12..=u32::MAX], 0));
}

/// Checks the hole and the last safe ledger after a batch.
#[track_caller]
fn hole(stored: &[&str], before: Option<(u32, u32)>, batch: &str, expect: Option<(u32, u32)>, safe: u32) {
    let batch = tip(batch);
    let mut view = view(stored, &batch);
    view.frontier.hole = before.map(|(from, to)| Hole { from, to });
    view.frontier.last_safe = before.map_or(view.frontier.last_safe, |(from, _)| from.checked_sub(1));
    if let Some(from) = ledgers_needed_from(&view, &batch, RULES) {
        let all = stored.iter().map(|text| ledger(text)).filter(|ledger| ledger.sequence >= from);
        view.ledgers.extend(all.map(|ledger| (ledger.sequence, ledger)));
    }
    let frontier = plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap().frontier;
    let found = frontier.hole.map(|Hole { from, to }| (from, to));
    assert_eq!((found, frontier.last_safe), (expect, Some(safe)));
}

#[test]
fn a_link_to_a_ledger_that_was_never_pushed_proves_a_hole() {
    hole(&["a10<a9"], None, "a12<a11", Some((11, 11)), 10);
    hole(&["a10<a9"], None, "a15<a14", Some((11, 14)), 10);
    hole(&["a10<a9"], None, "a12", None, 11);
    hole(&["a10<a9"], None, "a11<a10", None, 10);
}

#[test]
fn the_last_safe_ledger_stays_below_a_hole_until_it_is_filled() {
    hole(&["a10", "a13<a12"], Some((11, 12)), "a14<a13", Some((11, 12)), 10);
    hole(&["a10", "a13<a12"], Some((11, 12)), "a12<a11", Some((11, 11)), 10);
    hole(&["a10", "a13<a12"], Some((11, 12)), "a11<a10", Some((12, 12)), 11);
    hole(&["a10", "a12<a11", "a13<a12"], Some((11, 11)), "a11<a10", None, 12);
    hole(&["a10", "a12<a11", "a15<a14"], Some((11, 11)), "a11<a10", Some((13, 14)), 12);
}

#[test]
fn a_ledger_without_a_link_at_the_end_of_a_hole_closes_it() {
    hole(&["a10", "a15<a14"], Some((11, 14)), "a14", None, 14);
    hole(&["a10", "a15<a14"], Some((11, 14)), "a12", Some((13, 14)), 12);
}

#[test]
fn a_hole_below_the_last_safe_ledger_is_passed() {
    hole(&["a10", "a13<a12"], None, "a14<a13", None, 13);
    hole(&["a5", "a10", "a12"], None, "a6<a5", None, 11);
}

/// Checks the highest ledger that a batch may name, so many seconds after the tip closed.
#[track_caller]
fn plausible(tip_ledger: u32, seconds: i64, highest: u32) {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let now = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    let planned = |ledger: u32| {
        let batch = tip(&format!("a{ledger}"));
        let mut view = view(&[&format!("a{tip_ledger}")], &batch);
        view.frontier.tip.as_mut().unwrap().at = Some(at);
        plan(&view, &batch, RULES, now).map(drop)
    };
    assert_eq!(planned(highest), Ok(()));
    let refused = Refusal::ImplausibleTip { ledger: highest + 1, tip: Some(tip_ledger), highest };
    assert_eq!(planned(highest + 1), Err(refused));
}

#[test]
fn a_tip_rises_by_a_ledger_a_second_and_the_permitted_jump() {
    plausible(100, 0, 1_100);
    plausible(100, 60, 1_160);
    plausible(100, -60, 1_100);
}

#[test]
fn the_first_tip_is_bounded_by_the_age_of_the_network() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let planned = |ledger: u32| {
        let batch = tip(&format!("a{ledger}"));
        plan(&view(&[], &batch), &batch, RULES, now).map(drop)
    };
    let highest = 1_800_000_000 - 1_443_571_200 + 1_000;
    assert_eq!(planned(highest), Ok(()));
    let refused = Refusal::ImplausibleTip { ledger: 1_800_000_000, tip: None, highest };
    assert_eq!(planned(1_800_000_000), Err(refused), "Unix seconds in place of a ledger");
}

/// Checks when a new tip closed at the earliest, in seconds after the stored ledger 100 closed; the batch arrives after
/// `arrival` of them.
#[track_caller]
fn closed(is_known: bool, batch: &Batch, arrival: i64, expect: i64) {
    let second = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
    let mut view = view(&["a100"], batch);
    view.frontier.tip.as_mut().unwrap().at = is_known.then(|| second(0));
    let rules = Rules { max_tip_jump: u32::MAX, ..RULES };
    let tip = plan(&view, batch, rules, second(arrival)).unwrap().frontier.tip.unwrap();
    assert_eq!(tip.at, Some(second(expect)));
}

fn with_time(text: &str, seconds: i64) -> Ledger {
    Ledger { closed_at: Some(Timestamp::from_second(1_800_000_000 + seconds).unwrap()), ..ledger(text) }
}

#[test]
fn a_new_tip_without_a_close_time_leaves_the_highest_plausible_ledger_as_it_is() {
    closed(true, &tip("a110"), 60, 10);
    closed(true, &tip("a110"), 5, 5);
    closed(true, &tip("a99"), 60, 0);
    closed(false, &tip("a110"), 60, 60);
    let reported = Batch::new(Vec::new(), Some(with_time("a110", 50)), LIMIT).unwrap();
    closed(true, &reported, 60, 50);
    closed(true, &reported, 30, 30);
    let mut first = pushed("1", "a105");
    first.event.happened_at = Timestamp::from_second(1_800_000_025).unwrap();
    let after_an_event = Batch::new(vec![first], Some(ledger("a110")), LIMIT).unwrap();
    closed(true, &after_an_event, 60, 30);
    closed(false, &after_an_event, 60, 30);
}

#[test]
fn the_past_is_pushed_as_fast_as_a_source_can() {
    let second = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut frontier = Frontier::default();
    for sequence in [1_000_u32, 200_000, 9_000_000] {
        let mut event = pushed("1", &format!("a{sequence}"));
        event.event.happened_at = second(5 * i64::from(sequence));
        let next = ledger(&format!("a{}", sequence + 1));
        let batch = Batch::new(vec![event], Some(next), LIMIT).unwrap();
        let view = StoredView { frontier, synced_at: Some(now), ..StoredView::default() };
        frontier = plan(&view, &batch, RULES, now).unwrap().frontier;
    }
}

#[test]
fn a_tip_of_an_earlier_version_is_as_old_as_the_last_batch() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let batch = tip("a1200");
    let mut view = view(&["a100"], &batch);
    view.synced_at = Some(now);
    assert!(plan(&view, &batch, RULES, now).is_err());
    view.synced_at = Some(Timestamp::from_second(1_799_999_900).unwrap());
    plan(&view, &batch, RULES, now).unwrap();
}

#[test]
fn stored_new_and_changed_events_are_distinguished() {
    let batch =
        Batch::new(vec![pushed("1", "a10"), pushed("2", "a10"), pushed("3", "a11")], None, LIMIT).unwrap();
    let mut view = view(&["a10"], &batch);
    view.events.push(event("2", 10, " { } "));
    let taken = plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!((taken.insert, taken.duplicates), (vec![0, 2], vec![1]));
    view.events.extend([event("1", 10, r#"{"a":1}"#), event("3", 10, "{}")]);
    assert_eq!(
        plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH),
        Err(Refusal::EventConflict { indices: vec![0, 2] })
    );
}

#[test]
fn payloads_that_differ_beyond_the_precision_of_a_float_are_a_conflict() {
    let huge = |rest: &str| format!(r#"{{"a":1e400,"x":{rest}}}"#);
    let mut one = pushed("1", "a10");
    one.event.payload = huge("9007199254740993").into();
    let batch = Batch::new(vec![one], None, LIMIT).unwrap();
    let mut view = view(&["a10"], &batch);
    view.events = vec![event("1", 10, &huge("9007199254740993.0"))];
    assert_eq!(plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap().duplicates, [0]);
    view.events = vec![event("1", 10, &huge("9007199254740992"))];
    assert_eq!(
        plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH),
        Err(Refusal::EventConflict { indices: vec![0] })
    );
}

/// Checks the indexes of events that are written and that are duplicates, or of those that conflict.
#[track_caller]
fn known(stored: &[ContractEvent], events: Vec<Pushed>, expect: Result<(&[usize], &[usize]), &[usize]>) {
    let batch = Batch::new(events, None, LIMIT).unwrap();
    let mut view = view(&["a10", "a11"], &batch);
    view.events = stored.to_vec();
    let planned =
        plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).map(|plan| (plan.insert, plan.duplicates));
    let expect = expect.map(|(insert, duplicates)| (insert.to_vec(), duplicates.to_vec()));
    assert_eq!(planned, expect.map_err(|indices| Refusal::EventConflict { indices: indices.to_vec() }));
}

#[test]
fn an_event_is_known_by_its_position_whatever_its_id() {
    let other = |id| Pushed { event: event(id, 10, r#"{"a":1}"#), ..pushed(id, "a10") };
    known(&[event("2", 10, "{}")], vec![pushed("x2", "a10")], Ok((&[], &[0])));
    known(&[event("2", 10, "{}")], vec![other("x2")], Err(&[0]));
    known(&[event("2", 10, "{}")], vec![pushed("x2", "a11")], Ok((&[0], &[])));
}

#[test]
fn an_id_names_one_position() {
    let moved =
        Pushed { event: ContractEvent { id: opaque("2"), ..event("3", 10, "{}") }, ..pushed("3", "a10") };
    known(&[event("2", 10, "{}")], vec![moved], Err(&[0]));
}

#[test]
fn a_position_given_twice_in_a_batch_is_a_duplicate_or_a_conflict() {
    let other = Pushed { event: event("xx2", 10, r#"{"a":1}"#), ..pushed("2", "a10") };
    known(&[], vec![pushed("2", "a10"), pushed("x2", "a10"), pushed("3", "a10")], Ok((&[0, 2], &[1])));
    known(&[], vec![pushed("2", "a10"), pushed("x2", "a10"), other], Err(&[2]));
    let both = [pushed("2", "a10"), pushed("x2", "a10")];
    known(&[event("x2", 10, "{}")], both.to_vec(), Ok((&[], &[0, 1])));
}

#[test]
fn events_that_a_fork_removes_count_as_new() {
    let batch = Batch::new(vec![pushed("1", "b10")], None, LIMIT).unwrap();
    let mut view = view(&["a10"], &batch);
    view.events.push(event("1", 10, r#"{"other":1}"#));
    assert_eq!(plan(&view, &batch, RULES, Timestamp::UNIX_EPOCH).unwrap().insert, [0]);
}

#[test]
fn a_report_adds_fields_to_a_stored_ledger() {
    let batch = tip("a10<a9");
    let taken = plan(&view(&["a10"], &batch), &batch, RULES, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(taken.ledgers, [ledger("a10<a9")]);
    let batch = tip("a10");
    assert_eq!(plan(&view(&["a10<a9"], &batch), &batch, RULES, Timestamp::UNIX_EPOCH).unwrap().ledgers, []);
}

#[test]
fn a_stored_ledger_has_one_close_time() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let timed = |id: &str, of: &str, second| {
        let mut one = pushed(id, of);
        one.event.happened_at = at(second);
        one
    };
    let closed = |of: &str, second| Some(Ledger { closed_at: Some(at(second)), ..ledger(of) });
    let conflict = Err(Refusal::CloseTimeConflict { ledger: 10 });
    for (events, tip, expect) in [
        (vec![timed("3", "a10", 60)], None, Ok(())),
        (vec![timed("3", "a10", 61)], None, conflict.clone()),
        (vec![timed("3", "a10", 61), timed("x3", "a10", 61)], None, conflict.clone()),
        (vec![], closed("a10", 60), Ok(())),
        (vec![], closed("a10", 61), conflict),
        // Stored by an earlier version with another time than its ledger.
        (vec![timed("2", "a10", 62)], None, Ok(())),
        (vec![timed("2", "a10", 62), timed("3", "a10", 62)], None, Ok(())),
        // Another ledger, of a new branch.
        (vec![timed("3", "b10", 61)], None, Ok(())),
    ] {
        let batch = Batch::new(events, tip, LIMIT).unwrap();
        let mut view = view(&["a9", "a10"], &batch);
        if let Some(stored) = view.ledgers.get_mut(&10) {
            stored.closed_at = Some(at(60));
        }
        view.events = [timed("1", "a10", 60), timed("2", "a10", 62)].map(|stored| stored.event).to_vec();
        assert_eq!(plan(&view, &batch, RULES, at(100)).map(drop), expect, "{batch:?}");
    }
}

#[track_caller]
fn no_batch(events: Vec<Pushed>, tip: Option<&str>, expect: &[BatchFault]) {
    assert_eq!(Batch::new(events, tip.map(ledger), LIMIT).unwrap_err(), expect);
}

#[test]
fn an_inconsistent_batch_is_refused() {
    no_batch(vec![], None, &[BatchFault::Empty { limit: LIMIT }]);
    let many = (0..101).map(|n| pushed(&n.to_string(), "a10")).collect();
    no_batch(many, None, &[BatchFault::TooMany { count: 101, limit: LIMIT }]);
    let two = |second| vec![pushed("1", "a10<a9"), pushed("2", second)];
    let reported_by = BatchSource::Event(1);
    no_batch(two("b10"), None, &[BatchFault::TwoHashes { ledger: 10, reported_by }]);
    no_batch(two("a10<b9"), None, &[BatchFault::TwoPreviousHashes { ledger: 10, reported_by }]);
    let timed = |second| Some(Timestamp::from_second(second).unwrap());
    let mut late = pushed("2", "a10");
    late.event.happened_at = timed(1).unwrap();
    no_batch(vec![pushed("1", "a10"), late], None, &[BatchFault::TwoCloseTimes { ledger: 10, reported_by }]);
    let tip = Ledger { closed_at: timed(1), ..ledger("a10") };
    let fault = BatchFault::TwoCloseTimes { ledger: 10, reported_by: BatchSource::Tip };
    assert_eq!(Batch::new(vec![pushed("1", "a10")], Some(tip), LIMIT).unwrap_err(), [fault]);
    no_batch(two("a11<b10"), None, &[BatchFault::BrokenLink { ledger: 11 }]);
    no_batch(two("a12"), Some("a11"), &[BatchFault::TipTooLow { ledger: 12 }]);
    let tip = [BatchFault::TwoHashes { ledger: 10, reported_by: BatchSource::Tip }];
    no_batch(vec![pushed("1", "a10")], Some("b10"), &tip);
    no_batch(vec![pushed("1", "a10"), pushed("1", "a10")], None, &[BatchFault::DuplicateId { index: 1 }]);
}

#[test]
fn a_batch_merges_its_reports_of_one_ledger() {
    let batch =
        Batch::new(vec![pushed("1", "a10"), pushed("2", "a10<a9")], Some(ledger("a10")), LIMIT).unwrap();
    let known: Vec<_> = batch.ledgers().map(|ledger| ledger.previous_hash.clone()).collect();
    assert_eq!(known, [Some(opaque("a9"))]);
    assert_eq!(batch.neighbourhood(), [9, 10, 11]);
}
