//! The contract's entries beside the projection. An entry is proven by nothing, so it changes nothing: a difference is shown.

use fluxora_indexer::{EntryDifference, StreamEntry};
use fluxora_stellar::VerifiedLedger;
use fluxora_store::chain::{ComparedEntry, DriftedField, Drifts};
use fluxora_store::{ChainStore, StoreError, StreamStore};

/// The most streams that differ and that health lists.
pub(crate) const DRIFTS_LISTED: u32 = 100;

/// Entries whose ledger is not safe yet.
#[derive(Debug, Default)]
pub(crate) struct PendingEntries(Vec<StreamEntry>);

impl PendingEntries {
    /// Takes the entries of ledgers. The last one of a stream replaces those before.
    pub(crate) fn take(&mut self, ledgers: &[VerifiedLedger]) {
        for entry in ledgers.iter().flat_map(|verified| &verified.unproven_entries) {
            self.0.retain(|known| known.id() != entry.id());
            self.0.push(entry.clone());
        }
    }

    /// Forgets everything, as the ledgers may be replaced.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Compares the entries of safe ledgers with the streams, which have every event of these ledgers, and records what differs.
    /// Returns the streams that differ since; `None` if nothing was compared. After a failure the entries are compared again.
    pub(crate) async fn compare(
        &mut self,
        streams: &dyn StreamStore,
        chain: &dyn ChainStore,
        safe: Option<u32>,
    ) -> Option<Drifts> {
        let is_safe = |entry: &StreamEntry| safe.is_some_and(|safe| entry.ledger <= safe);
        let (ready, waiting) = std::mem::take(&mut self.0).into_iter().partition::<Vec<_>, _>(is_safe);
        self.0 = waiting;
        if ready.is_empty() {
            return None;
        }
        match compare(&ready, streams, chain).await {
            Ok(drifts) => Some(drifts),
            Err(error) => {
                tracing::warn!(%error, "entries of streams are not compared: storage failed");
                let is_known = |entry: &StreamEntry| self.0.iter().any(|known| known.id() == entry.id());
                let again: Vec<_> = ready.into_iter().filter(|entry| !is_known(entry)).collect();
                self.0.extend(again);
                None
            }
        }
    }
}

async fn compare(
    entries: &[StreamEntry],
    streams: &dyn StreamStore,
    chain: &dyn ChainStore,
) -> Result<Drifts, StoreError> {
    let known = chain.drifts(None, DRIFTS_LISTED).await?;
    let is_listed_whole = u64::try_from(known.listed.len()) == Ok(known.count);
    let may_drift = |compared: &ComparedEntry| {
        !is_listed_whole || known.listed.iter().any(|known| known.stream == compared.stream)
    };
    let mut changed = Vec::new();
    for entry in entries {
        let Some(compared) = compared(entry, streams).await? else { continue };
        if !compared.fields.is_empty() {
            let names: Vec<_> = compared.fields.iter().map(|field| field.name.as_str()).collect();
            tracing::error!(
                stream = %compared.stream,
                ledger = compared.ledger,
                fields = names.join(", "),
                "projection drift: the contract's entry differs from the stream, or the source shows a false entry"
            );
        }
        // An entry that agrees, of a stream that agreed before, changes nothing.
        if !compared.fields.is_empty() || may_drift(&compared) {
            changed.push(compared);
        }
    }
    if changed.is_empty() {
        return Ok(known);
    }
    chain.record_comparisons(&changed).await?;
    chain.drifts(None, DRIFTS_LISTED).await
}

/// Compares one entry; `None` where the two cannot be compared.
async fn compared(
    entry: &StreamEntry,
    streams: &dyn StreamStore,
) -> Result<Option<ComparedEntry>, StoreError> {
    let id = entry.id();
    // A stream that was created before the first ledger that was read is not stored.
    let Some(stream) = streams.stream(&id).await? else { return Ok(None) };
    let stream = match entry.is_older_than(&stream) {
        true => streams.stream_at(&id, entry.second()).await?,
        false => Some(stream),
    };
    let differences = stream.and_then(|stream| entry.differences(&stream));
    Ok(differences.map(|differences| {
        let field =
            |EntryDifference { field, ours, theirs }| DriftedField { name: field.to_owned(), ours, theirs };
        let fields = differences.into_iter().map(field).collect();
        ComparedEntry { stream: id, ledger: entry.ledger, fields }
    }))
}
