use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::quota::{Quota, Verdict};

/// Clients that one set of the table holds.
const WAYS: usize = 8;
const SETS: usize = 8_192;

/// Clients that a [`Limiter`] remembers at most.
pub const CAPACITY: usize = WAYS * SETS;

/// The arrival time of each client that made a request lately. Its size is fixed.
pub struct Limiter<S> {
    sets: Box<[Mutex<[Entry; WAYS]>]>,
    hasher: S,
}

/// A client by the hash of its key, and the theoretical arrival time of its next request in nanoseconds.
#[derive(Clone, Copy, Default)]
struct Entry {
    key: u64,
    arrival: u64,
}

impl<S: BuildHasher> Limiter<S> {
    /// A limiter that knows no client. The hasher should have random keys: with known ones a client can choose whom it shares
    /// an entry with.
    pub fn new(hasher: S) -> Self {
        let sets = (0..SETS).map(|_| Mutex::new([Entry::default(); WAYS])).collect();
        Self { sets, hasher }
    }

    /// What [`charge`](Self::charge) would decide. Counts nothing.
    pub fn peek(&self, client: &impl Hash, quota: Quota, now: Duration) -> Verdict {
        let key = self.hasher.hash_one(client);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let set = usize::try_from(key).unwrap_or_default() % SETS;
        let known = self.sets.get(set).and_then(|set| {
            let set = set.lock().unwrap_or_else(PoisonError::into_inner);
            set.iter().find(|entry| entry.key == key).copied()
        });
        quota.decide(known.unwrap_or_default().arrival, now).1
    }

    /// Counts a request of the client at `now`, the time since any fixed instant.
    pub fn charge(&self, client: &impl Hash, quota: Quota, now: Duration) -> Verdict {
        let key = self.hasher.hash_one(client);
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let set = usize::try_from(key).unwrap_or_default() % SETS;
        let Some(set) = self.sets.get(set) else { return quota.decide(0, now).1 };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let (arrival, verdict) = match set.iter_mut().find(|entry| entry.key == key) {
            Some(known) => {
                let (arrival, verdict) = quota.decide(known.arrival, now);
                known.arrival = arrival;
                return verdict;
            }
            None => quota.decide(0, now),
        };
        if let Some(first_to_forget) = set.iter_mut().min_by_key(|entry| entry.arrival) {
            *first_to_forget = Entry { key, arrival };
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn quota() -> Quota {
        Quota::per_minute(3).unwrap()
    }

    #[test]
    fn each_client_has_a_quota_for_itself() {
        let limiter = Limiter::new(RandomState::new());
        for client in ["a", "b"] {
            let allowed = (0..5).filter(|_| limiter.charge(&client, quota(), NOW).is_allowed());
            assert_eq!(allowed.count(), 3, "{client}");
        }
    }

    #[test]
    fn a_look_at_a_quota_counts_nothing_and_sees_what_was_counted() {
        let limiter = Limiter::new(RandomState::new());
        for left in [2, 1, 0] {
            for _ in 0..5 {
                assert_eq!(limiter.peek(&"a", quota(), NOW).remaining, left);
            }
            limiter.charge(&"a", quota(), NOW);
        }
        assert!(!limiter.peek(&"a", quota(), NOW).is_allowed());
        assert!(limiter.peek(&"b", quota(), NOW).is_allowed());
    }

    #[test]
    fn a_million_clients_do_not_free_one_that_used_up_its_quota() {
        let limiter = Limiter::new(RandomState::new());
        while limiter.charge(&"busy", quota(), NOW).is_allowed() {}
        for client in 0..1_000_000 {
            assert!(limiter.charge(&client, quota(), NOW).is_allowed(), "{client}");
        }
        assert!(!limiter.charge(&"busy", quota(), NOW).is_allowed());
    }

    #[test]
    fn the_table_is_as_large_for_a_million_clients_as_for_none() {
        let size = size_of::<Mutex<[Entry; WAYS]>>() * SETS;
        assert!(size <= 1_200_000, "{size}");
    }
}
