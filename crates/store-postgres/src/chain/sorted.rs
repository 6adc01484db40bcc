//! Changes of streams, sorted by what is done, as the columns of values that statements take.

use std::collections::HashMap;

use fluxora_store::StoreError;
use fluxora_store::chain::StreamWrite;
use fluxora_store::transfer::RemovedStream;
use fluxora_stream::{Address, Schedule, Stream, StreamId};
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::streams::seq;
use super::transaction::Parameters;
use crate::columns;
use crate::streams::StreamValues;

/// Changes by what is done.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) inserted: ChainValues,
    pub(super) updated: ChainValues,
    /// Those of the updated ones whose terms stay.
    pub(super) lived: LifeValues,
    pub(super) restored: ChainValues,
    pub(super) removed: Vec<RemovedStream>,
    /// Where the streams are that are not inserted.
    pub(super) places: HashMap<StreamId, i64>,
}

impl Sorted {
    pub(super) fn of(writes: &[StreamWrite], terms: &HashMap<i64, Terms>) -> Result<Self, StoreError> {
        let mut sorted = Self::default();
        for write in writes {
            let (id, place) = match write {
                StreamWrite::Insert(stream) => {
                    sorted.inserted.push(0, stream)?;
                    continue;
                }
                StreamWrite::Update(place, stream) => {
                    let place = seq(*place);
                    if terms.get(&place) == Some(&Terms::of(stream)) {
                        sorted.lived.push(place, stream)?;
                    } else {
                        sorted.updated.push(place, stream)?;
                    }
                    (stream.id, place)
                }
                StreamWrite::Restore(place, stream) => {
                    sorted.restored.push(seq(*place), stream)?;
                    (stream.id, seq(*place))
                }
                StreamWrite::Remove { place, id, events } => {
                    sorted.removed.push(RemovedStream { place: *place, id: *id, events: *events });
                    (*id, seq(*place))
                }
            };
            sorted.places.insert(id, place);
        }
        Ok(sorted)
    }
}

/// Streams and their places as columns of values, those among them that only a stream of the chain has.
#[derive(Default)]
pub(super) struct ChainValues {
    pub(super) seqs: Vec<i64>,
    streams: StreamValues,
    contracts: Vec<Option<String>>,
    kinds: Vec<Option<&'static str>>,
    checkpoint_amounts: Vec<Option<String>>,
    checkpoint_times: Vec<Option<String>>,
    chains: Vec<Option<String>>,
}

impl ChainValues {
    pub(super) fn push(&mut self, seq: i64, stream: &Stream) -> Result<(), StoreError> {
        let chain = on_chain(stream)?;
        self.seqs.push(seq);
        self.streams.push(stream);
        self.contracts.push(stream.id.contract().map(|contract| contract.to_string()));
        let schedule = chain.is_some().then_some(&stream.schedule);
        self.kinds.push(schedule.map(|schedule| schedule.kind.as_str()));
        self.checkpoint_amounts.push(schedule.map(|schedule| schedule.checkpoint.amount.to_string()));
        self.checkpoint_times.push(schedule.map(|schedule| columns::time(schedule.checkpoint.at)));
        self.chains.push(chain);
        Ok(())
    }
}

impl Parameters for ChainValues {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let Self { seqs, streams, contracts, kinds, checkpoint_amounts, checkpoint_times, chains } = self;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![seqs];
        parameters.extend(streams.parameters());
        let chain: [&(dyn ToSql + Sync); 5] =
            [contracts, kinds, checkpoint_amounts, checkpoint_times, chains];
        parameters.extend(chain);
        parameters
    }
}

/// What a stream was made with. Most events leave it as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    id: StreamId,
    sender: Address,
    recipient: Address,
    schedule: Schedule,
    created_at: Timestamp,
}

impl Terms {
    pub(super) const fn of(stream: &Stream) -> Self {
        let Stream {
            id,
            sender,
            recipient,
            schedule,
            created_at,
            // What a change of its life writes.
            withdrawn: _,
            status: _,
            updated_at: _,
            events: _,
            chain: _,
        } = *stream;
        Self { id, sender, recipient, schedule, created_at }
    }
}

/// What else there is to a stream of the chain, as columns of values in the order of `UPDATE_LIFE`.
#[derive(Default)]
pub(super) struct LifeValues {
    pub(super) seqs: Vec<i64>,
    ids: Vec<String>,
    withdrawn: Vec<String>,
    status: Vec<&'static str>,
    status_at: Vec<Option<Timestamp>>,
    updated_at: Vec<Timestamp>,
    counts: Vec<i64>,
    chains: Vec<Option<String>>,
}

impl LifeValues {
    fn push(&mut self, seq: i64, stream: &Stream) -> Result<(), StoreError> {
        self.seqs.push(seq);
        self.ids.push(stream.id.to_string());
        self.withdrawn.push(stream.withdrawn.to_string());
        self.status.push(stream.status.name().as_str());
        self.status_at.push(stream.status.since().map(columns::instant));
        self.updated_at.push(columns::instant(stream.updated_at));
        self.counts.push(stream.events.into());
        self.chains.push(on_chain(stream)?);
        Ok(())
    }
}

impl Parameters for LifeValues {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let Self { seqs, ids, withdrawn, status, status_at, updated_at, counts, chains } = self;
        vec![seqs, ids, withdrawn, status, status_at, updated_at, counts, chains]
    }
}

fn on_chain(stream: &Stream) -> Result<Option<String>, StoreError> {
    stream.chain.as_ref().map(|chain| serde_json::to_string(&chain.sparse())).transpose().map_err(|error| {
        StoreError::Internal {
            reason: "writing what the chain knows of a stream".to_owned(),
            source: Some(error.into()),
        }
    })
}
