//! The usual case in one call: verify, compare the body with the headers, admit to the replay guard.

use crate::{
    AsyncReplayGuard, BodyClaims, DedupeKey, Headers, Lease, Refusal, Rejection, ReplayGuard, UnixSeconds,
    Verified, Verifier,
};

/// An event that knows which members of its body repeat the headers.
///
/// ```
/// use fluxora_webhook::{BodyClaims, Claims};
///
/// #[derive(serde::Deserialize)]
/// struct Event {
///     id: String,
///     delivery_id: String,
///     #[serde(rename = "type")]
///     kind: String,
/// }
///
/// impl Claims for Event {
///     fn claims(&self) -> BodyClaims<'_> {
///         BodyClaims {
///             delivery_id: Some(&self.delivery_id),
///             event_id: Some(&self.id),
///             event_type: &self.kind,
///         }
///     }
/// }
/// ```
pub trait Claims {
    /// The members to compare with the headers.
    fn claims(&self) -> BodyClaims<'_>;
}

impl Claims for BodyClaims<'_> {
    fn claims(&self) -> BodyClaims<'_> {
        *self
    }
}

/// A delivery that is genuine, agrees with its headers and is reserved for this call.
///
/// Process [`event`](Self::event), then commit [`lease`](Self::lease); abort it if processing failed.
#[derive(Debug)]
#[must_use = "process the event, then commit the lease, or abort it"]
#[non_exhaustive]
pub struct Received<'a, T> {
    /// What was read from the signed body.
    pub event: T,
    /// The right to process the delivery, for [`LEASE_SECONDS`](crate::LEASE_SECONDS).
    pub lease: Lease,
    /// The time of signing, the delivery id and the secret that matched.
    pub verified: Verified<'a>,
}

/// Why [`Verifier::receive`] does not hand over a delivery, and what to answer.
///
/// `B` is the error of reading the body, `G` that of the replay guard's store.
///
/// ```
/// use fluxora_webhook::{ReceiveError, Rejection};
///
/// type Error = ReceiveError<std::io::Error, std::io::Error>;
/// let error = Error::from(Rejection::SignatureMismatch);
/// assert_eq!((error.status(), error.code()), (401, "signature_mismatch"));
/// assert_eq!(error.to_string(), "Webhook signature verification failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError<B, G> {
    /// The delivery is not genuine, or its headers contradict its body.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The signature is right, but the body cannot be read as an event.
    #[error("Body cannot be read as an event")]
    InvalidBody {
        /// The error of the function that read it.
        source: B,
    },
    /// The delivery was processed before, is being processed, or the guard's store does not answer.
    #[error("{0}")]
    Refused(Refusal<G>),
}

impl<B, G> ReceiveError<B, G> {
    /// The HTTP status to answer with.
    ///
    /// ```
    /// # use fluxora_webhook::{ReceiveError, Refusal};
    /// let error = ReceiveError::<(), ()>::Refused(Refusal::Done);
    /// assert_eq!(error.status(), 200); // acknowledged, without processing it again
    /// assert_eq!(ReceiveError::<&str, ()>::InvalidBody { source: "no JSON" }.status(), 400);
    /// ```
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Rejected(rejection) => rejection.status(),
            Self::InvalidBody { .. } => 400,
            Self::Refused(refusal) => refusal.status(),
        }
    }

    /// The stable code for the answer's body or its `x-fluxora-code` header.
    ///
    /// ```
    /// # use fluxora_webhook::ReceiveError;
    /// assert_eq!(ReceiveError::<&str, ()>::InvalidBody { source: "no JSON" }.code(), "invalid_body");
    /// ```
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::InvalidBody { .. } => "invalid_body",
            Self::Refused(refusal) => refusal.code(),
        }
    }

    /// The value for `Retry-After`, in seconds, where the sender can know when to retry.
    ///
    /// ```
    /// # use fluxora_webhook::{ReceiveError, Refusal};
    /// let error = ReceiveError::<(), ()>::Refused(Refusal::InFlight { retry_after_seconds: 17 });
    /// assert_eq!(error.retry_after_seconds(), Some(17));
    /// ```
    #[must_use]
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after_seconds(),
            Self::Rejected(_) | Self::InvalidBody { .. } => None,
        }
    }
}

impl Verifier {
    /// Verifies a delivery, reads its body, compares it with the headers and admits it to the replay guard.
    ///
    /// `read` gets the signed bytes and parses them once, for example `serde_json::from_slice::<Event>`. It runs after the
    /// signature was verified and before anything is reserved.
    ///
    /// # Errors
    /// [`ReceiveError`], with its status and code. Nothing is reserved then.
    ///
    /// ```
    /// use fluxora_webhook::{BodyClaims, Claims, MemoryGuard, ReplayGuard};
    /// # use fluxora_webhook::{Delivery, Secret, Signer, UnixSeconds, Verifier};
    /// # #[derive(serde::Deserialize)]
    /// # struct Event { id: String, r#type: String }
    /// # impl Claims for Event {
    /// #     fn claims(&self) -> BodyClaims<'_> {
    /// #         BodyClaims { delivery_id: None, event_id: Some(&self.id), event_type: &self.r#type }
    /// #     }
    /// # }
    /// # let (secret, now) = (Secret::new("topsecret")?, UnixSeconds::new(1_700_000_000));
    /// # let body = br#"{"id":"evt_01","type":"stream.updated"}"#;
    /// # let headers = Signer::new(&secret).sign(&Delivery::new("dlv_01", "stream.updated", body)?, now)?;
    /// # let verifier = Verifier::new(&secret);
    ///
    /// let guard = MemoryGuard::new(100_000);
    /// let read = serde_json::from_slice::<Event>;
    /// match verifier.receive(&headers, body, now, &guard, read) {
    ///     Ok(received) => {
    ///         println!("process {}", received.event.id);
    ///         guard.commit(received.lease, now)?;
    ///     }
    ///     Err(error) => println!("answer {} {}", error.status(), error.code()),
    /// }
    /// assert_eq!(verifier.receive(&headers, body, now, &guard, read).err().unwrap().code(), "duplicate_delivery");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn receive<'a, H, G, T, B>(
        &self,
        headers: &'a H,
        body: &'a [u8],
        now: impl Into<UnixSeconds>,
        guard: &G,
        read: impl FnOnce(&'a [u8]) -> Result<T, B>,
    ) -> Result<Received<'a, T>, ReceiveError<B, G::Error>>
    where
        H: Headers + ?Sized,
        G: ReplayGuard + ?Sized,
        T: Claims,
    {
        let now = now.into();
        self.verify(headers, body, now)?.admit(now, guard, read)
    }

    /// [`receive`](Self::receive) with a guard whose store answers asynchronously.
    ///
    /// # Errors
    /// As [`receive`](Self::receive). If the future is dropped after the reservation was made, the reservation ends with
    /// its lease.
    pub async fn receive_async<'a, H, G, T, B>(
        &self,
        headers: &'a H,
        body: &'a [u8],
        now: impl Into<UnixSeconds>,
        guard: &G,
        read: impl FnOnce(&'a [u8]) -> Result<T, B>,
    ) -> Result<Received<'a, T>, ReceiveError<B, G::Error>>
    where
        H: Headers + ?Sized,
        G: AsyncReplayGuard,
        T: Claims,
    {
        let now = now.into();
        self.verify(headers, body, now)?.admit_async(now, guard, read).await
    }
}

impl<'a> Verified<'a> {
    /// The second half of [`Verifier::receive`], for a delivery that is verified already.
    ///
    /// # Errors
    /// [`ReceiveError`], with its status and code. Nothing is reserved then.
    pub fn admit<G, T, B>(
        self,
        now: UnixSeconds,
        guard: &G,
        read: impl FnOnce(&'a [u8]) -> Result<T, B>,
    ) -> Result<Received<'a, T>, ReceiveError<B, G::Error>>
    where
        G: ReplayGuard + ?Sized,
        T: Claims,
    {
        let (event, key) = self.matched(read)?;
        let lease = guard.admit(&key, now).map_err(ReceiveError::Refused)?;
        Ok(Received { event, lease, verified: self })
    }

    /// [`admit`](Self::admit) with a guard whose store answers asynchronously.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub async fn admit_async<G, T, B>(
        self,
        now: UnixSeconds,
        guard: &G,
        read: impl FnOnce(&'a [u8]) -> Result<T, B>,
    ) -> Result<Received<'a, T>, ReceiveError<B, G::Error>>
    where
        G: AsyncReplayGuard,
        T: Claims,
    {
        let (event, key) = self.matched(read)?;
        let lease = guard.admit(&key, now).await.map_err(ReceiveError::Refused)?;
        Ok(Received { event, lease, verified: self })
    }

    fn matched<T: Claims, B, G>(
        &self,
        read: impl FnOnce(&'a [u8]) -> Result<T, B>,
    ) -> Result<(T, DedupeKey), ReceiveError<B, G>> {
        let event = read(self.body()).map_err(|source| ReceiveError::InvalidBody { source })?;
        let key = self.match_body(&event.claims())?;
        Ok((event, key))
    }
}
