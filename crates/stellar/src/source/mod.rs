//! Where ledgers come from. Nothing that a source says is believed: [`fetch`] verifies every ledger.

mod endpoints;
mod error;
mod fork;

use std::sync::Arc;

use async_trait::async_trait;
use stellar_xdr::LedgerCloseMeta;

pub use endpoints::{Choice, EndpointState, EndpointStatus, Endpoints};
pub use error::{Advice, SourceError};
pub use fork::{ForkTrial, Testimony, Verdict};

use crate::{VerifiedLedger, WatchList, verify};

/// A source of whole ledgers.
#[async_trait]
pub trait LedgerSource: Send + Sync {
    /// A name for logs and `GET /health`: scheme and host of a URL, never its path.
    fn name(&self) -> &str;

    /// The passphrase of the network; `None` if the source does not say.
    async fn network(&self) -> Result<Option<String>, SourceError>;

    /// The ledgers it has; `None` if it does not say.
    async fn range(&self) -> Result<Option<LedgerRange>, SourceError>;

    /// Consecutive ledgers, the first of which has the sequence `from`. They are at most `limit`, and may be fewer.
    /// None at all means that the source does not have the ledger yet.
    async fn ledgers(&self, from: u32, limit: usize) -> Result<Page<LedgerCloseMeta>, SourceError>;
}

/// The ledgers that a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerRange {
    /// The oldest.
    pub oldest: u32,
    /// The newest.
    pub latest: u32,
}

/// Consecutive ledgers.
#[derive(Clone, Debug)]
pub struct Page<L> {
    /// The ledgers, in order.
    pub ledgers: Vec<L>,
    /// The newest ledger of the source, if it says so.
    pub latest: Option<u32>,
}

/// Asks a source for ledgers and verifies them: each by itself, and each as the successor of the one before.
///
/// The work is done on a blocking thread. What follows a false ledger is left out; it is an error where it comes first.
///
/// # Errors
/// [`SourceError`]
pub async fn fetch(
    source: &dyn LedgerSource,
    from: u32,
    limit: usize,
    watched: &Arc<WatchList>,
) -> Result<Page<VerifiedLedger>, SourceError> {
    let page = source.ledgers(from, limit).await?;
    let watched = Arc::clone(watched);
    blocking(move || {
        let mut ledgers = Vec::<VerifiedLedger>::with_capacity(page.ledgers.len());
        for meta in &page.ledgers {
            let verified = verify(meta, &watched).and_then(|verified| {
                ledgers.last().map_or(Ok(()), |last| verified.ledger.follows(&last.ledger)).map(|()| verified)
            });
            match verified {
                Ok(verified) => ledgers.push(verified),
                Err(_) if !ledgers.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Page { ledgers, latest: page.latest })
    })
    .await
}

/// Checks that a source serves the network with this passphrase.
///
/// # Errors
/// [`SourceError::WrongNetwork`] if it says that it serves another one.
pub async fn check_network(source: &dyn LedgerSource, passphrase: &str) -> Result<(), SourceError> {
    match source.network().await? {
        Some(found) if found != passphrase => {
            Err(SourceError::WrongNetwork { expected: passphrase.to_owned(), found })
        }
        _ => Ok(()),
    }
}

/// Runs work that takes milliseconds of processor time off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(SourceError::Cancelled))
}

/// Decodes ledgers that must have the sequences from `from` on. What follows a false one is left out.
pub(crate) fn in_order(
    from: u32,
    ledgers: impl IntoIterator<Item = Result<LedgerCloseMeta, SourceError>>,
) -> Result<Vec<LedgerCloseMeta>, SourceError> {
    let mut taken = Vec::new();
    for (expected, ledger) in (from..).zip(ledgers) {
        let placed = ledger.and_then(|meta| match sequence(&meta) {
            found if found == expected => Ok(meta),
            found => Err(SourceError::Misplaced { expected, found }),
        });
        match placed {
            Ok(meta) => taken.push(meta),
            Err(_) if !taken.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// The sequence in the header.
pub(crate) fn sequence(meta: &LedgerCloseMeta) -> u32 {
    match meta {
        LedgerCloseMeta::V0(meta) => meta.ledger_header.header.ledger_seq,
        LedgerCloseMeta::V1(meta) => meta.ledger_header.header.ledger_seq,
        LedgerCloseMeta::V2(meta) => meta.ledger_header.header.ledger_seq,
    }
}
