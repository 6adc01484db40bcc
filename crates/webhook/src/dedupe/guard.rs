//! Processing once, in two phases.

use crate::{DedupeKey, UnixSeconds};

/// How long a delivery that was begun stays reserved for the process that began it.
pub const LEASE_SECONDS: u64 = 60;

/// How long a processed delivery is remembered: the sender's last retry comes after at most three days, and operators
/// replay.
pub const RETENTION_SECONDS: u64 = 4 * 24 * 60 * 60;

/// Remembers which deliveries were processed.
///
/// Two phases, because one is wrong either way: to mark before processing loses the event when the handler fails, to mark
/// afterwards processes it twice when two attempts arrive together.
///
/// 1. [`begin`](Self::begin) reserves a delivery for [`LEASE_SECONDS`];
/// 2. the handler does its work;
/// 3. [`commit`](Self::commit) remembers it for [`RETENTION_SECONDS`], or [`abort`](Self::abort) lets the next attempt in.
///
/// A guard that shares the transaction of the handler's own writes (a table with `INSERT … ON CONFLICT`) makes the whole
/// exactly once. [`MemoryGuard`](crate::MemoryGuard) is for one process that may forget on restart.
/// [`AsyncReplayGuard`](crate::AsyncReplayGuard) is for a store with an asynchronous driver.
///
/// ```
/// use fluxora_webhook::{Begun, DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
///
/// let guard = MemoryGuard::new(100_000);
/// let (key, now) = (DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(1_700_000_000));
/// let Begun::Fresh(lease) = guard.begin(&key, now)? else { panic!("never seen before") };
/// assert!(matches!(guard.begin(&key, now)?, Begun::InFlight { retry_after_seconds: 60 }));
/// guard.commit(lease, now)?;
/// assert!(matches!(guard.begin(&key, now)?, Begun::Done));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ReplayGuard {
    /// Why the store could not answer.
    type Error;

    /// Reserves a delivery, unless it is done or in another's hands. Atomic: of two callers one gets
    /// [`Begun::Fresh`]. A reservation older than [`LEASE_SECONDS`] counts as abandoned.
    ///
    /// # Errors
    /// The store's own. Nothing may then be processed: answer 503, and the sender comes again.
    ///
    /// ```
    /// # use fluxora_webhook::{Begun, DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
    /// let guard = MemoryGuard::new(10);
    /// let begun = guard.begin(&DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(0))?;
    /// assert!(matches!(begun, Begun::Fresh(_)));
    /// # Ok::<(), fluxora_webhook::GuardFull>(())
    /// ```
    fn begin(&self, key: &DedupeKey, now: UnixSeconds) -> Result<Begun, Self::Error>;

    /// Remembers the delivery as processed.
    ///
    /// # Errors
    /// The store's own. The work is done but not remembered: answer 503 and expect to see the delivery again.
    ///
    /// ```
    /// # use fluxora_webhook::{Begun, DedupeKey, MemoryGuard, ReplayGuard, Settled, UnixSeconds};
    /// # let (guard, now) = (MemoryGuard::new(10), UnixSeconds::new(0));
    /// # let Begun::Fresh(lease) = guard.begin(&DedupeKey::of_delivery("dlv_01"), now)? else { panic!() };
    /// assert_eq!(guard.commit(lease, now)?, Settled::Recorded);
    /// # Ok::<(), fluxora_webhook::GuardFull>(())
    /// ```
    fn commit(&self, lease: Lease, now: UnixSeconds) -> Result<Settled, Self::Error>;

    /// Gives the reservation back, because the handler failed: the next attempt is [`Begun::Fresh`] again.
    ///
    /// # Errors
    /// The store's own. The reservation then ends by itself.
    ///
    /// ```
    /// # use fluxora_webhook::{Begun, DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
    /// # let (guard, now) = (MemoryGuard::new(10), UnixSeconds::new(0));
    /// # let key = DedupeKey::of_delivery("dlv_01");
    /// # let Begun::Fresh(lease) = guard.begin(&key, now)? else { panic!() };
    /// guard.abort(lease)?;
    /// assert!(matches!(guard.begin(&key, now)?, Begun::Fresh(_)));
    /// # Ok::<(), fluxora_webhook::GuardFull>(())
    /// ```
    fn abort(&self, lease: Lease) -> Result<Settled, Self::Error>;

    /// [`begin`](Self::begin) for a receiver: a lease, or the answer to give, so that no refusal can be taken for success.
    ///
    /// # Errors
    /// [`Refusal`], with its status and code.
    ///
    /// ```
    /// # use fluxora_webhook::{DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
    /// # let (guard, key, now) = (MemoryGuard::new(10), DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(0));
    /// match guard.admit(&key, now) {
    ///     Ok(lease) => { /* process, then */ guard.commit(lease, now)?; }
    ///     Err(refusal) => println!("answer {} {}", refusal.status(), refusal.code()),
    /// }
    /// assert_eq!(guard.admit(&key, now).unwrap_err().code(), "duplicate_delivery");
    /// # Ok::<(), fluxora_webhook::GuardFull>(())
    /// ```
    fn admit(&self, key: &DedupeKey, now: UnixSeconds) -> Result<Lease, Refusal<Self::Error>> {
        admitted(self.begin(key, now))
    }
}

/// A lease, or the answer to give instead.
pub(super) fn admitted<E>(begun: Result<Begun, E>) -> Result<Lease, Refusal<E>> {
    match begun {
        Ok(Begun::Fresh(lease)) => Ok(lease),
        Ok(Begun::InFlight { retry_after_seconds }) => Err(Refusal::InFlight { retry_after_seconds }),
        Ok(Begun::Done) => Err(Refusal::Done),
        Err(source) => Err(Refusal::Unavailable { source }),
    }
}

/// The answer to [`ReplayGuard::begin`].
///
/// ```
/// # use fluxora_webhook::{Begun, DedupeKey, MemoryGuard, ReplayGuard, UnixSeconds};
/// # let guard = MemoryGuard::new(10);
/// match guard.begin(&DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(0))? {
///     Begun::Fresh(lease) => { guard.abort(lease)?; }
///     Begun::InFlight { retry_after_seconds } => println!("come again in {retry_after_seconds} s"),
///     Begun::Done => println!("known"),
/// }
/// # Ok::<(), fluxora_webhook::GuardFull>(())
/// ```
#[derive(Debug)]
#[must_use]
pub enum Begun {
    /// Never seen, given back, or abandoned: process it, then commit or abort this lease.
    Fresh(Lease),
    /// Another call is processing it. Its end is not known yet, so this is no success.
    InFlight {
        /// When the other call's lease ends.
        retry_after_seconds: u64,
    },
    /// Processed before.
    Done,
}

/// The right to process one delivery, for [`LEASE_SECONDS`].
///
/// The fence tells a late holder from its successor: a store refuses a fence that is not its latest for the key.
///
/// ```
/// use fluxora_webhook::{DedupeKey, Lease};
///
/// let lease = Lease::new(DedupeKey::of_delivery("dlv_01"), 7); // in an implementation of `ReplayGuard`
/// assert_eq!(lease.fence(), 7);
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "commit the lease when the work is done, abort it when it failed"]
pub struct Lease {
    key: DedupeKey,
    fence: u64,
}

impl Lease {
    /// Makes a lease, for implementations of [`ReplayGuard`].
    ///
    /// ```
    /// # use fluxora_webhook::{DedupeKey, Lease};
    /// let lease = Lease::new(DedupeKey::of_delivery("dlv_01"), 1);
    /// ```
    pub const fn new(key: DedupeKey, fence: u64) -> Self {
        Self { key, fence }
    }

    /// The delivery that is leased.
    ///
    /// ```
    /// # use fluxora_webhook::{DedupeKey, Lease};
    /// let key = DedupeKey::of_delivery("dlv_01");
    /// assert_eq!(Lease::new(key, 1).key(), &key);
    /// ```
    #[must_use]
    pub const fn key(&self) -> &DedupeKey {
        &self.key
    }

    /// The number that is higher for each later lease of the same key.
    ///
    /// ```
    /// # use fluxora_webhook::{DedupeKey, Lease};
    /// assert_eq!(Lease::new(DedupeKey::of_delivery("dlv_01"), 1).fence(), 1);
    /// ```
    #[must_use]
    pub const fn fence(&self) -> u64 {
        self.fence
    }
}

/// Whether a lease was still the holder's when it was settled.
///
/// ```
/// # use fluxora_webhook::{Begun, DedupeKey, LEASE_SECONDS, MemoryGuard, ReplayGuard, Settled, UnixSeconds};
/// # let (guard, now) = (MemoryGuard::new(10), UnixSeconds::new(0));
/// # let key = DedupeKey::of_delivery("dlv_01");
/// # let Begun::Fresh(slow) = guard.begin(&key, now)? else { panic!() };
/// let Begun::Fresh(next) = guard.begin(&key, now.plus(LEASE_SECONDS))? else { panic!("abandoned") };
/// assert_eq!(guard.commit(slow, now.plus(LEASE_SECONDS))?, Settled::LeaseLost);
/// # Ok::<(), fluxora_webhook::GuardFull>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was, and the settlement is recorded.
    Recorded,
    /// It had ended and another call took the delivery: roll back if that is possible, nothing was recorded.
    LeaseLost,
}

/// Why a genuine delivery is not processed by this call, and what to answer.
///
/// ```
/// use fluxora_webhook::Refusal;
///
/// let refusal = Refusal::<std::io::Error>::InFlight { retry_after_seconds: 17 };
/// assert_eq!((refusal.status(), refusal.code()), (425, "delivery_in_flight"));
/// assert_eq!(refusal.retry_after_seconds(), Some(17));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Refusal<E> {
    /// Processed before: acknowledge it, do not act again.
    #[error("Duplicate delivery id")]
    Done,
    /// Another call is processing it, and may yet fail: the sender has to come again.
    #[error("Delivery is being processed; retry in {retry_after_seconds} seconds")]
    InFlight {
        /// The value for `Retry-After`.
        retry_after_seconds: u64,
    },
    /// The guard's store does not answer: the sender has to come again.
    #[error("Delivery cannot be deduplicated at the moment")]
    Unavailable {
        /// The store's error.
        source: E,
    },
}

impl<E> Refusal<E> {
    /// The HTTP status to answer with: 200, 425 or 503.
    ///
    /// For [`Done`](Self::Done) the contract also allows 409, which
    /// [`Rejection::DuplicateDelivery`](crate::Rejection::DuplicateDelivery) has; Fluxora takes both for an
    /// acknowledgement when the code says `duplicate_delivery`.
    ///
    /// ```
    /// # use fluxora_webhook::Refusal;
    /// assert_eq!(Refusal::Unavailable { source: "disk full" }.status(), 503);
    /// ```
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Done => 200,
            Self::InFlight { .. } => 425,
            Self::Unavailable { .. } => 503,
        }
    }

    /// The code for the answer's body or its `x-fluxora-code` header.
    ///
    /// ```
    /// # use fluxora_webhook::Refusal;
    /// assert_eq!(Refusal::<()>::Done.code(), "duplicate_delivery");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Done => "duplicate_delivery",
            Self::InFlight { .. } => "delivery_in_flight",
            Self::Unavailable { .. } => "dedupe_unavailable",
        }
    }

    /// The value for `Retry-After`, if the sender should wait for a known time.
    ///
    /// ```
    /// # use fluxora_webhook::Refusal;
    /// assert_eq!(Refusal::<()>::Done.retry_after_seconds(), None);
    /// ```
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::InFlight { retry_after_seconds } => Some(*retry_after_seconds),
            Self::Done | Self::Unavailable { .. } => None,
        }
    }
}
