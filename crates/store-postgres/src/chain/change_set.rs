//! Changes of streams, changes by what is done, as the columns of values that statements take.

use std::collections::HashMap;

use fluxora_store::StoreError;
use fluxora_store::chain::StreamWrite;
use fluxora_store::copy::RemovedStream;
use fluxora_store::rows::FamilyColumns;
use fluxora_stream::{Stream, StreamId};
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::terms::Terms;
use crate::columns::{self, seq};
use crate::parameters::Parameters;
use crate::streams::StreamValues;

/// Changes by what is done.
#[derive(Default)]
pub(crate) struct ChangeSet {
    pub(crate) inserted: ChainValues,
    pub(crate) updated: ChainValues,
    /// Those of the updated ones whose terms stay.
    pub(crate) status_only: StatusOnlyValues,
    pub(crate) restored: ChainValues,
    pub(crate) removed: Vec<RemovedStream>,
    /// Where the streams are that are not inserted.
    pub(crate) places: HashMap<StreamId, i64>,
}

impl ChangeSet {
    pub(crate) fn of(writes: &[StreamWrite], terms: &HashMap<i64, Terms>) -> Result<Self, StoreError> {
        let mut changes = Self::default();
        for write in writes {
            let (id, sequence) = match write {
                StreamWrite::Insert(stream) => {
                    changes.inserted.push(0, stream)?;
                    continue;
                }
                StreamWrite::Update(sequence, stream) => {
                    let sequence = seq(*sequence);
                    if terms.get(&sequence) == Some(&Terms::of(stream)) {
                        changes.status_only.push(sequence, stream)?;
                    } else {
                        changes.updated.push(sequence, stream)?;
                    }
                    (stream.id(), sequence)
                }
                StreamWrite::Restore(sequence, stream) => {
                    changes.restored.push(seq(*sequence), stream)?;
                    (stream.id(), seq(*sequence))
                }
                StreamWrite::Remove { sequence, id, event_count } => {
                    changes.removed.push(RemovedStream {
                        sequence: *sequence,
                        id: *id,
                        event_count: *event_count,
                    });
                    (*id, seq(*sequence))
                }
            };
            changes.places.insert(id, sequence);
        }
        Ok(changes)
    }
}

/// Streams and their sequences as columns of values, with the columns that only a chain stream has.
#[derive(Default)]
pub(crate) struct ChainValues {
    pub(crate) seqs: Vec<i64>,
    streams: StreamValues,
    contracts: Vec<Option<String>>,
    kinds: Vec<Option<&'static str>>,
    checkpoint_amounts: Vec<Option<String>>,
    checkpoint_times: Vec<Option<String>>,
    chains: Vec<Option<String>>,
    families: Vec<Option<&'static str>>,
}

impl ChainValues {
    pub(crate) fn push(&mut self, seq: i64, stream: &Stream) -> Result<(), StoreError> {
        let family = FamilyColumns::of(stream)?;
        self.seqs.push(seq);
        self.streams.push(stream, &family);
        self.contracts.push(stream.id().contract().map(|contract| contract.to_string()));
        let FamilyColumns { kind, checkpoint, chain, family, deposit: _, rate: _, withdrawn: _ } = family;
        self.kinds.push(kind);
        self.checkpoint_amounts.push(checkpoint.map(|checkpoint| checkpoint.amount.to_string()));
        self.checkpoint_times.push(checkpoint.map(|checkpoint| columns::time(checkpoint.at)));
        self.chains.push(chain);
        self.families.push(family);
        Ok(())
    }
}

impl Parameters for ChainValues {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let Self { seqs, streams, contracts, kinds, checkpoint_amounts, checkpoint_times, chains, families } =
            self;
        let mut parameters = Vec::from(streams.parameters());
        let chain: [&(dyn ToSql + Sync); 7] =
            [contracts, kinds, checkpoint_amounts, checkpoint_times, chains, families, seqs];
        parameters.extend(chain);
        parameters
    }
}

/// The columns of a chain stream that most events change, in the order of `UPDATE_STATUS_ONLY`.
#[derive(Default)]
pub(crate) struct StatusOnlyValues {
    pub(crate) seqs: Vec<i64>,
    ids: Vec<String>,
    withdrawn: Vec<Option<String>>,
    status: Vec<&'static str>,
    status_at: Vec<Option<Timestamp>>,
    updated_at: Vec<Timestamp>,
    counts: Vec<i64>,
    chains: Vec<Option<String>>,
}

impl StatusOnlyValues {
    fn push(&mut self, seq: i64, stream: &Stream) -> Result<(), StoreError> {
        let family = FamilyColumns::of(stream)?;
        self.seqs.push(seq);
        self.ids.push(stream.id().to_string());
        self.withdrawn.push(family.withdrawn);
        self.status.push(stream.status.name().as_str());
        self.status_at.push(stream.status.since().map(columns::instant));
        self.updated_at.push(columns::instant(stream.updated_at));
        self.counts.push(stream.event_count.into());
        self.chains.push(family.chain);
        Ok(())
    }
}

impl Parameters for StatusOnlyValues {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let Self { seqs, ids, withdrawn, status, status_at, updated_at, counts, chains } = self;
        vec![seqs, ids, withdrawn, status, status_at, updated_at, counts, chains]
    }
}
