//! The two-phase guard.

use std::sync::Barrier;

use fluxora_webhook::{
    Begun, DedupeKey, LEASE_SECONDS, Lease, MemoryGuard, RETENTION_SECONDS, Refusal, ReplayGuard, Settled,
    UnixSeconds,
};

use crate::NOW;

fn key(id: &str) -> DedupeKey {
    DedupeKey::of_delivery(id)
}

#[track_caller]
fn fresh(guard: &MemoryGuard, id: &str, now: UnixSeconds) -> Lease {
    match guard.begin(&key(id), now).unwrap() {
        Begun::Fresh(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(guard: &MemoryGuard, id: &str, now: UnixSeconds, expect: &str) {
    let found = match guard.begin(&key(id), now).unwrap() {
        Begun::Fresh(_) => "fresh".to_owned(),
        Begun::InFlight { retry_after_seconds } => format!("in flight for {retry_after_seconds}"),
        Begun::Done => "done".to_owned(),
    };
    assert_eq!(found, expect);
}

#[test]
fn a_processed_delivery_is_done() {
    let guard = MemoryGuard::new(10);
    assert_eq!(guard.commit(fresh(&guard, "a", NOW), NOW), Ok(Settled::Recorded));
    check(&guard, "a", NOW, "done");
    check(&guard, "b", NOW, "fresh");
}

#[test]
fn a_redelivery_is_processed_when_the_handler_failed_after_begin() {
    let guard = MemoryGuard::new(10);
    assert_eq!(guard.abort(fresh(&guard, "a", NOW)), Ok(Settled::Recorded));
    let again = fresh(&guard, "a", NOW);
    guard.commit(again, NOW).unwrap();
    check(&guard, "a", NOW, "done");
}

#[test]
fn a_redelivery_is_processed_when_the_process_died_after_begin() {
    let guard = MemoryGuard::new(10);
    drop(fresh(&guard, "a", NOW)); // neither committed nor aborted
    check(&guard, "a", NOW.plus(1), "in flight for 59");
    check(&guard, "a", NOW.plus(LEASE_SECONDS - 1), "in flight for 1");
    check(&guard, "a", NOW.plus(LEASE_SECONDS), "fresh");
}

#[test]
fn of_two_concurrent_calls_one_is_fresh() {
    for round in 0..200 {
        let (guard, barrier, id) = (MemoryGuard::new(10), Barrier::new(2), format!("dlv_{round}"));
        let begin = || {
            barrier.wait();
            matches!(guard.begin(&key(&id), NOW).unwrap(), Begun::Fresh(_))
        };
        let fresh = std::thread::scope(|scope| {
            let other = scope.spawn(begin);
            usize::from(begin()) + usize::from(other.join().unwrap())
        });
        assert_eq!(fresh, 1);
    }
}

#[test]
fn a_late_holder_cannot_settle_what_another_took_over() {
    let guard = MemoryGuard::new(10);
    let slow = fresh(&guard, "a", NOW);
    let later = NOW.plus(LEASE_SECONDS);
    let next = fresh(&guard, "a", later);
    assert!(next.fence() > slow.fence());
    assert_eq!(guard.commit(slow, later), Ok(Settled::LeaseLost));
    check(&guard, "a", later, "in flight for 60");
    assert_eq!(guard.commit(next, later), Ok(Settled::Recorded));
}

#[test]
fn a_late_holder_cannot_abort_what_another_took_over_or_finished() {
    let guard = MemoryGuard::new(10);
    let (slow, slower) = (fresh(&guard, "a", NOW), fresh(&guard, "b", NOW));
    let later = NOW.plus(LEASE_SECONDS);
    let next = fresh(&guard, "a", later);
    assert_eq!(guard.abort(slow), Ok(Settled::LeaseLost));
    check(&guard, "a", later, "in flight for 60");
    guard.commit(next, later).unwrap();

    guard.commit(fresh(&guard, "b", later), later).unwrap();
    assert_eq!(guard.abort(slower), Ok(Settled::LeaseLost));
    check(&guard, "b", later, "done");
}

#[test]
fn a_late_holder_may_commit_when_nobody_took_over() {
    let guard = MemoryGuard::new(10);
    let slow = fresh(&guard, "a", NOW);
    let later = NOW.plus(LEASE_SECONDS * 2);
    check(&guard, "b", later, "fresh"); // sweeps the reservation that ended
    assert_eq!(guard.commit(slow, later), Ok(Settled::Recorded));
    check(&guard, "a", later, "done");
}

#[test]
fn a_processed_delivery_is_remembered_for_four_days() {
    assert_eq!(RETENTION_SECONDS, 345_600);
    let guard = MemoryGuard::new(10);
    guard.commit(fresh(&guard, "a", NOW), NOW).unwrap();
    check(&guard, "a", NOW.plus(RETENTION_SECONDS - 1), "done");
    assert_eq!(guard.len(), 1);
    check(&guard, "a", NOW.plus(RETENTION_SECONDS), "fresh");
    assert_eq!(guard.len(), 1);
    assert_eq!(guard.evicted(), 0);
}

#[test]
fn the_retention_can_be_chosen() {
    let guard = MemoryGuard::new(10).with_retention_seconds(5);
    guard.commit(fresh(&guard, "a", NOW), NOW).unwrap();
    check(&guard, "a", NOW.plus(4), "done");
    check(&guard, "a", NOW.plus(5), "fresh");
}

#[test]
fn a_store_that_is_down_is_answered_with_503_and_never_with_200() {
    let down = MemoryGuard::new(0); // its store never has room
    let refusal = down.admit(&key("a"), NOW).unwrap_err();
    assert!(matches!(refusal, Refusal::Unavailable { .. }));
    assert_eq!((refusal.status(), refusal.code()), (503, "dedupe_unavailable"));
}

#[test]
fn a_known_delivery_is_acknowledged_and_one_in_flight_is_not() {
    let guard = MemoryGuard::new(10);
    let lease = guard.admit(&key("a"), NOW).unwrap();
    let refusal = guard.admit(&key("a"), NOW.plus(20)).unwrap_err();
    // Not 409 with `duplicate_delivery`: a sender takes that for success, and the first call may yet fail.
    assert_eq!((refusal.status(), refusal.code()), (425, "delivery_in_flight"));
    assert_eq!(refusal.retry_after_seconds(), Some(40));
    guard.commit(lease, NOW).unwrap();
    let refusal = guard.admit(&key("a"), NOW).unwrap_err();
    assert_eq!((refusal.status(), refusal.code()), (200, "duplicate_delivery"));
}

#[test]
fn a_full_guard_forgets_the_oldest_processed_delivery_and_counts_it() {
    let guard = MemoryGuard::new(2);
    for id in ["a", "b", "c"] {
        guard.commit(fresh(&guard, id, NOW), NOW).unwrap();
    }
    assert_eq!((guard.len(), guard.evicted()), (2, 1));
    check(&guard, "b", NOW, "done");
    check(&guard, "c", NOW, "done");
}

#[test]
fn a_full_guard_never_forgets_a_delivery_in_flight() {
    let guard = MemoryGuard::new(2);
    let (a, b) = (fresh(&guard, "a", NOW), fresh(&guard, "b", NOW));
    assert_eq!(guard.admit(&key("c"), NOW).unwrap_err().status(), 503);
    check(&guard, "a", NOW, "in flight for 60");
    guard.commit(a, NOW).unwrap();
    guard.commit(b, NOW).unwrap();
    check(&guard, "c", NOW, "fresh");
}

#[test]
fn a_clock_that_jumps_loses_nothing() {
    let guard = MemoryGuard::new(10);
    let (end, start) = (UnixSeconds::new(i64::MAX), UnixSeconds::new(i64::MIN));
    let lease = fresh(&guard, "a", end);
    check(&guard, "a", start, &format!("in flight for {}", u64::MAX));
    guard.commit(lease, end).unwrap();
    guard.commit(fresh(&guard, "b", NOW), NOW).unwrap();
    check(&guard, "b", start, "done");
    check(&guard, "b", NOW.plus(RETENTION_SECONDS - 1), "done");
}

/// Cheaper than a digest, and as different.
fn numbered(id: u32) -> DedupeKey {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&id.to_le_bytes());
    DedupeKey::from_bytes(bytes)
}

#[test]
fn a_million_ids_stay_within_eighty_megabytes() {
    const IDS: u32 = 1_000_000;
    let mut bytes = 0;
    let measured = allocation_counter::measure(|| {
        let guard = MemoryGuard::new(1_000_000);
        for id in 0..IDS + 50_000 {
            let key = numbered(id);
            let lease = guard.admit(&key, NOW).unwrap();
            guard.commit(lease, NOW).unwrap();
        }
        assert_eq!((guard.len(), guard.evicted()), (1_000_000, 50_000));
        bytes = size_of_val(&guard);
    });
    // The peak includes the moment at which the table doubles and both of its copies are there.
    let peak = measured.bytes_max + u64::try_from(bytes).unwrap();
    println!("1 million ids: {} MB at the peak", peak / 1_000_000);
    assert!(peak < 80_000_000, "{peak}");
}

#[test]
fn settled_reservations_do_not_pile_up_behind_one_that_is_held() {
    let guard = MemoryGuard::new(200_000);
    let held = fresh(&guard, "held", NOW);
    let measured = allocation_counter::measure(|| {
        for id in 0..100_000 {
            let lease = fresh(&guard, &format!("dlv_{id}"), NOW);
            guard.abort(lease).unwrap();
        }
    });
    assert!(measured.bytes_max < 100_000, "{}", measured.bytes_max);
    guard.commit(held, NOW).unwrap();
}
