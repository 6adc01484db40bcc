//! A guard in memory, of bounded size.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Begun, DedupeKey, LEASE_SECONDS, Lease, RETENTION_SECONDS, ReplayGuard, Settled, UnixSeconds};

/// The first half of a [`DedupeKey`]: 128 bits of SHA-256 tell any number of ids apart that fit in memory.
type ShortKey = [u8; 16];

/// Settled reservations that may wait in the queue before it is swept.
const SWEEP_SLACK: usize = 64;

/// A [`ReplayGuard`] for one process: it forgets on restart, and shares nothing with other replicas.
///
/// It holds at most `capacity` deliveries, in about 70 bytes each once they are done (1 million: under 80 MB, which a test
/// holds). When it is full the oldest *processed* delivery is forgotten before its time, which
/// [`evicted`](Self::evicted) counts; one in flight never is.
///
/// ```
/// use fluxora_webhook::{DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
///
/// let guard = MemoryGuard::new(1);
/// let now = UnixSeconds::new(1_700_000_000);
/// let first = guard.admit(&DedupeKey::of_delivery("dlv_01"), now)?;
/// assert_eq!(guard.admit(&DedupeKey::of_delivery("dlv_02"), now).unwrap_err().status(), 503);
/// guard.commit(first, now)?;
/// assert!(guard.admit(&DedupeKey::of_delivery("dlv_02"), now).is_ok());
/// assert_eq!(guard.evicted(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MemoryGuard {
    capacity: usize,
    retention_seconds: u64,
    state: Mutex<State>,
}

/// As many deliveries are being processed as the guard may hold.
///
/// ```
/// # use fluxora_webhook::{DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
/// let guard = MemoryGuard::new(0);
/// let error = guard.begin(&DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(0)).unwrap_err();
/// assert_eq!(error.to_string(), "all 0 places for deliveries in flight are taken");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all {capacity} places for deliveries in flight are taken")]
pub struct GuardFull {
    capacity: usize,
}

#[derive(Default)]
struct State {
    in_flight: HashMap<ShortKey, Reservation>,
    /// Reservations in the order they were made, so that abandoned ones are found without a scan.
    reserved: VecDeque<(ShortKey, u64)>,
    done: HashSet<ShortKey>,
    /// Processed deliveries in the order they were, with the instant at which each may be forgotten.
    remembered: VecDeque<(ShortKey, UnixSeconds)>,
    last_fence: u64,
    evicted: u64,
}

#[derive(Clone, Copy)]
struct Reservation {
    fence: u64,
    until: UnixSeconds,
}

impl MemoryGuard {
    /// Holds at most `capacity` deliveries, each for [`RETENTION_SECONDS`] after it was processed.
    ///
    /// ```
    /// # use fluxora_webhook::MemoryGuard;
    /// assert!(MemoryGuard::new(100_000).is_empty());
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, retention_seconds: RETENTION_SECONDS, state: Mutex::default() }
    }

    /// Remembers processed deliveries for another time than [`RETENTION_SECONDS`].
    ///
    /// Less than the sender's retry horizon means that a late retry is processed again.
    ///
    /// ```
    /// # use fluxora_webhook::MemoryGuard;
    /// let guard = MemoryGuard::new(100_000).with_retention_seconds(7 * 86_400);
    /// ```
    #[must_use]
    pub fn with_retention_seconds(mut self, retention_seconds: u64) -> Self {
        self.retention_seconds = retention_seconds;
        self
    }

    /// Deliveries held, in flight or done.
    ///
    /// ```
    /// # use fluxora_webhook::{DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
    /// let guard = MemoryGuard::new(10);
    /// let lease = guard.admit(&DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(0));
    /// assert_eq!(guard.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().len()
    }

    /// Whether nothing is held.
    ///
    /// ```
    /// # use fluxora_webhook::MemoryGuard;
    /// assert!(MemoryGuard::new(10).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Processed deliveries that were forgotten before their time because the guard was full. Watch it: above 0 the
    /// capacity is too small.
    ///
    /// ```
    /// # use fluxora_webhook::MemoryGuard;
    /// assert_eq!(MemoryGuard::new(10).evicted(), 0);
    /// ```
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.state().evicted
    }

    /// Nothing in this file panics while it holds the lock, so a poisoned one holds consistent data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReplayGuard for MemoryGuard {
    type Error = GuardFull;

    fn begin(&self, key: &DedupeKey, now: UnixSeconds) -> Result<Begun, GuardFull> {
        let short = shorten(key);
        let mut state = self.state();
        state.forget(now);
        if state.done.contains(&short) {
            return Ok(Begun::Done);
        }
        let held = state.in_flight.get(&short).copied();
        match held {
            Some(held) if held.until > now => {
                return Ok(Begun::InFlight { retry_after_seconds: held.until.distance(now) });
            }
            None if state.len() >= self.capacity && !state.evict() => {
                return Err(GuardFull { capacity: self.capacity });
            }
            Some(_) | None => {}
        }
        Ok(Begun::Fresh(Lease::new(*key, state.reserve(short, now))))
    }

    fn commit(&self, lease: Lease, now: UnixSeconds) -> Result<Settled, GuardFull> {
        let short = shorten(lease.key());
        let mut state = self.state();
        if !state.may_settle(&short, lease.fence()) {
            return Ok(Settled::LeaseLost);
        }
        if state.in_flight.remove(&short).is_none() && state.len() >= self.capacity && !state.evict() {
            return Err(GuardFull { capacity: self.capacity });
        }
        state.done.insert(short);
        state.remembered.push_back((short, now.plus(self.retention_seconds)));
        Ok(Settled::Recorded)
    }

    fn abort(&self, lease: Lease) -> Result<Settled, GuardFull> {
        let short = shorten(lease.key());
        let mut state = self.state();
        if !state.may_settle(&short, lease.fence()) {
            return Ok(Settled::LeaseLost);
        }
        state.in_flight.remove(&short);
        Ok(Settled::Recorded)
    }
}

impl State {
    fn len(&self) -> usize {
        self.in_flight.len().saturating_add(self.done.len())
    }

    /// Drops abandoned reservations and processed deliveries whose time is over.
    fn forget(&mut self, now: UnixSeconds) {
        while let Some((key, fence)) = self.reserved.front() {
            match self.in_flight.get(key) {
                Some(held) if held.fence == *fence && held.until > now => break,
                Some(held) if held.fence == *fence => self.in_flight.remove(key),
                Some(_) | None => None,
            };
            self.reserved.pop_front();
        }
        while let Some((key, until)) = self.remembered.front() {
            if *until > now {
                break;
            }
            self.done.remove(key);
            self.remembered.pop_front();
        }
    }

    /// Forgets the oldest processed delivery; false when there is none.
    fn evict(&mut self) -> bool {
        let Some((key, _)) = self.remembered.pop_front() else { return false };
        self.done.remove(&key);
        self.evicted = self.evicted.saturating_add(1);
        true
    }

    fn reserve(&mut self, key: ShortKey, now: UnixSeconds) -> u64 {
        self.last_fence = self.last_fence.wrapping_add(1);
        let fence = self.last_fence;
        self.in_flight.insert(key, Reservation { fence, until: now.plus(LEASE_SECONDS) });
        self.reserved.push_back((key, fence));
        self.sweep();
        fence
    }

    /// Settled reservations leave the queue only at its front; behind one that is held they would pile up.
    fn sweep(&mut self) {
        if self.reserved.len() > self.in_flight.len().saturating_mul(2).saturating_add(SWEEP_SLACK) {
            let in_flight = &self.in_flight;
            self.reserved.retain(|(key, fence)| in_flight.get(key).is_some_and(|held| held.fence == *fence));
        }
    }

    /// A lease may be settled by its holder, even late, as long as no other process took the delivery since.
    fn may_settle(&self, key: &ShortKey, fence: u64) -> bool {
        !self.done.contains(key) && self.in_flight.get(key).is_none_or(|held| held.fence == fence)
    }
}

fn shorten(key: &DedupeKey) -> ShortKey {
    let mut short = ShortKey::default();
    for (short, byte) in short.iter_mut().zip(key.as_bytes()) {
        *short = *byte;
    }
    short
}

impl fmt::Debug for MemoryGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryGuard")
            .field("capacity", &self.capacity)
            .field("held", &self.len())
            .finish_non_exhaustive()
    }
}
