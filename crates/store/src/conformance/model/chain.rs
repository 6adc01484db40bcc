//! The chain's side of the model: the primitives of a transaction on plain collections, each as simple as it is slow.

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use fluxora_indexer::projection::Class;
use fluxora_indexer::{
    Batch, ContractEvent, Frontier, Ledger, LedgerProof, Opaque, ProvenEvents, Refusal, RewindRefused, Rules,
};
use fluxora_stream::{Origin, Stream, StreamEvent, StreamId};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{Contents, Model};
use crate::chain::{
    self, Arrivals, CONTRACT_EVENT_WINDOW, ChainState, ChainTransaction, ComparedEntry, ContractEventPage,
    ContractEventQuery, ContractReport, ContractSummary, ContractTallies, Coverage, Drifts, EventCursor,
    EventEvidence, HALT_TOPICS, Ingested, ListedEvent, Mention, Rebuild, RebuildReport, Reorg, RepeatedEvent,
    Rewind, Rewound, StoredEvent, StoredStream, StreamWrite,
};
use crate::{ChainStore, Sequence, StoreError};

fn cursor(stored: &StoredEvent) -> EventCursor {
    EventCursor { position: stored.event.position, id: stored.event.id.clone() }
}

impl ChainTransaction for Contents {
    type Fault = StoreError;

    async fn state(&mut self) -> Result<ChainState, StoreError> {
        Ok(ChainState { last_reorg: self.chain.reorgs.last().cloned(), ..self.chain.state.clone() })
    }

    async fn frontier(&mut self) -> Result<Frontier, StoreError> {
        Ok(self.chain.state.frontier.clone())
    }

    async fn save(&mut self, state: &ChainState) -> Result<(), StoreError> {
        self.chain.state = state.clone();
        Ok(())
    }

    async fn ledgers(&mut self, sequences: &[u32]) -> Result<Vec<Ledger>, StoreError> {
        Ok(sequences.iter().filter_map(|sequence| self.chain.ledgers.get(sequence)).cloned().collect())
    }

    async fn ledgers_from(&mut self, sequence: u32) -> Result<Vec<Ledger>, StoreError> {
        Ok(self.chain.ledgers.range(sequence..).map(|(_, ledger)| ledger.clone()).collect())
    }

    async fn newest_ledger(&mut self, upto: u32) -> Result<Option<Ledger>, StoreError> {
        Ok(self.chain.ledgers.range(..=upto).next_back().map(|(_, ledger)| ledger.clone()))
    }

    async fn write_ledgers(&mut self, ledgers: &[Ledger]) -> Result<(), StoreError> {
        self.chain.ledgers.extend(ledgers.iter().map(|ledger| (ledger.sequence, ledger.clone())));
        Ok(())
    }

    async fn coverage(&mut self) -> Result<Vec<Coverage>, StoreError> {
        Ok(self.chain.coverage.clone())
    }

    async fn write_coverage(&mut self, coverage: &[Coverage]) -> Result<(), StoreError> {
        for written in coverage {
            self.chain.coverage.retain(|known| known.contract != written.contract);
            self.chain.coverage.extend(Some(written.clone()).filter(|written| !written.ledgers.is_empty()));
        }
        self.chain.coverage.sort_by(|a, b| a.contract.cmp(&b.contract));
        Ok(())
    }

    async fn ledger_proofs(&mut self, ledgers: &[u32]) -> Result<Vec<LedgerProof>, StoreError> {
        Ok(ledgers.iter().filter_map(|ledger| self.chain.proofs.get(ledger)).cloned().collect())
    }

    async fn write_ledger_proofs(&mut self, proofs: &[LedgerProof]) -> Result<(), StoreError> {
        self.chain.proofs.extend(proofs.iter().map(|proof| (proof.ledger, proof.clone())));
        Ok(())
    }

    async fn lease_token(&mut self, lease: &'static str) -> Result<Option<u64>, StoreError> {
        Ok(self.chain.leases.get(lease).map(|(_, token, _)| *token))
    }

    async fn known_events(&mut self, events: &[ContractEvent]) -> Result<Vec<ContractEvent>, StoreError> {
        let matches =
            |one: &ContractEvent, other: &ContractEvent| one.id == other.id || one.position == other.position;
        let found = self.chain.select(|stored| events.iter().any(|event| matches(event, &stored.event)));
        Ok(found.into_iter().map(|stored| stored.event).collect())
    }

    async fn repeated_events(&mut self) -> Result<Vec<RepeatedEvent>, StoreError> {
        Ok(Vec::new())
    }

    async fn insert_events(&mut self, events: &[StoredEvent]) -> Result<(), StoreError> {
        for stored in events {
            let other = |known: &StoredEvent| {
                known.event.id != stored.event.id && known.event.position != stored.event.position
            };
            assert!(self.chain.events.iter().all(other), "written twice");
            self.chain.last_arrival += 1;
            self.chain.arrivals.insert(stored.event.id.clone(), Sequence(self.chain.last_arrival));
        }
        self.chain.events.extend_from_slice(events);
        self.chain.events.sort_by(|a, b| a.event.order().cmp(&b.event.order()));
        Ok(())
    }

    async fn write_invocations(&mut self, events: &[ContractEvent]) -> Result<(), StoreError> {
        for event in events {
            let at = |known: &&mut StoredEvent| known.event.position == event.position;
            let known = self.chain.events.iter_mut().find(at).unwrap();
            known.event.invocation.clone_from(&event.invocation);
        }
        Ok(())
    }

    async fn reclassify(&mut self, events: &[StoredEvent]) -> Result<(), StoreError> {
        for StoredEvent { event, class, subjects } in events {
            let known = self.chain.events.iter_mut().find(|known| known.event.id == event.id).unwrap();
            (known.class, known.subjects) = (*class, *subjects);
        }
        Ok(())
    }

    async fn remove_ledgers(&mut self, ledgers: RangeInclusive<u32>) -> Result<Vec<StoredEvent>, StoreError> {
        self.chain.ledgers.retain(|known, _| !ledgers.contains(known));
        self.chain.proofs.retain(|known, _| !ledgers.contains(known));
        self.chain.drifts.retain(|_, drift| !ledgers.contains(&drift.ledger));
        let mut removed = self.chain.select(|stored| ledgers.contains(&stored.event.position.ledger));
        removed.iter_mut().for_each(|stored| stored.event.payload = "".into());
        self.chain.events.retain(|stored| !ledgers.contains(&stored.event.position.ledger));
        for stored in &removed {
            self.chain.arrivals.remove(&stored.event.id);
        }
        Ok(removed)
    }

    async fn events_between(
        &mut self,
        after: Option<u32>,
        upto: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let within = |ledger| Some(ledger) > after && ledger <= upto;
        Ok(self.chain.select(|stored| within(stored.event.position.ledger)))
    }

    async fn events_of_transactions(
        &mut self,
        transactions: &[(u32, u32)],
    ) -> Result<Vec<StoredEvent>, StoreError> {
        Ok(self.chain.select(|stored| transactions.contains(&stored.event.position.transaction())))
    }

    async fn expect_rebuild(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn dependents(
        &mut self,
        streams: &[StreamId],
        ledgers: RangeInclusive<u32>,
    ) -> Result<Vec<StreamId>, StoreError> {
        let depends = |stored: &&StoredEvent| {
            ledgers.contains(&stored.event.position.ledger)
                && stored.subjects.other.is_some_and(|other| streams.contains(&other))
        };
        Ok(self.chain.events.iter().filter(depends).filter_map(|stored| stored.subjects.stream).collect())
    }

    async fn mentions(&mut self, streams: &[StreamId], upto: u32) -> Result<Vec<Mention>, StoreError> {
        let about = |stored: &&StoredEvent| {
            let subjects = [stored.subjects.stream, stored.subjects.other];
            stored.event.position.ledger <= upto
                && subjects.into_iter().flatten().any(|subject| streams.contains(&subject))
        };
        let mention = |stored: &StoredEvent| Mention {
            transaction: stored.event.position.transaction(),
            stream: stored.subjects.stream,
            other: stored.subjects.other,
        };
        Ok(self.chain.events.iter().filter(about).map(mention).collect())
    }

    async fn events_after(
        &mut self,
        after: Option<&EventCursor>,
        upto: u32,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let mut page = self.chain.select(|stored| {
            stored.event.position.ledger <= upto && after.is_none_or(|after| cursor(stored) > *after)
        });
        page.truncate(usize::try_from(limit).unwrap());
        Ok(page)
    }

    async fn streams(&mut self, ids: &[StreamId]) -> Result<Vec<StoredStream>, StoreError> {
        let present = self.streams.iter().map(|(sequence, stream)| stored(*sequence, stream));
        let all = present.chain(self.chain.removed.iter().cloned());
        Ok(all.filter(|stored| ids.contains(&stored.id)).collect())
    }

    async fn streams_after(
        &mut self,
        after: Option<Sequence>,
        limit: u32,
    ) -> Result<Vec<StoredStream>, StoreError> {
        let present = self.streams.iter().filter(|(_, stream)| stream.origin() == Origin::Chain);
        let after = present.filter(|(sequence, _)| after.is_none_or(|after| **sequence > after));
        Ok(after
            .take(usize::try_from(limit).unwrap())
            .map(|(sequence, stream)| stored(*sequence, stream))
            .collect())
    }

    async fn write(&mut self, streams: &[StreamWrite], events: &[StreamEvent]) -> Result<(), StoreError> {
        for write in streams {
            match write.clone() {
                StreamWrite::Insert(stream) => {
                    assert_eq!(self.find(&stream.id()), None, "a stream is there already");
                    let sequence = self.next_place();
                    self.streams.insert(sequence, stream);
                }
                StreamWrite::Update(sequence, stream) => {
                    let before = self.streams.insert(sequence, stream);
                    assert!(before.is_some(), "a stream that is not there is changed");
                }
                StreamWrite::Restore(sequence, stream) => {
                    self.chain.removed.retain(|removed| removed.sequence != sequence);
                    self.streams.insert(sequence, stream);
                }
                StreamWrite::Remove { sequence, id, event_count } => {
                    self.streams.remove(&sequence);
                    self.chain.removed.push(StoredStream { id, sequence, event_count, stream: None });
                }
            }
        }
        for event in events {
            let before = self.events.iter().filter(|before| before.stream == event.stream).count();
            assert_eq!(u32::try_from(before + 1), Ok(event.stream_seq), "a history has no gap");
            self.events.push(event.clone());
        }
        Ok(())
    }

    async fn record_reorg(&mut self, reorg: &Reorg) -> Result<u64, StoreError> {
        let number = u64::try_from(self.chain.reorgs.len() + 1).unwrap();
        self.chain.reorgs.push(Reorg { number, ..reorg.clone() });
        Ok(number)
    }

    async fn tally(&mut self, contracts: &ContractTallies) -> Result<(), StoreError> {
        for (contract, tally) in &contracts.0 {
            let empty = ContractSummary::empty(contract.clone());
            self.chain.contracts.entry(contract.clone()).or_insert(empty).apply(tally);
        }
        self.chain.contracts.retain(|_, summary| summary.events > 0 || summary.anomalies > 0);
        Ok(())
    }

    async fn forget_contracts(&mut self) -> Result<(), StoreError> {
        self.chain.contracts.clear();
        Ok(())
    }
}

fn stored(sequence: Sequence, stream: &Stream) -> StoredStream {
    StoredStream {
        id: stream.id(),
        sequence,
        event_count: stream.event_count,
        stream: stream.clone().into_chain(),
    }
}

#[async_trait]
impl ChainStore for Model {
    async fn ingest(
        &self,
        batch: Arc<Batch>,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError> {
        let mut contents = self.contents();
        chain::ingest(&mut *contents, &batch, rules, now).now_or_never().unwrap()
    }

    async fn rewind(
        &self,
        rewind: Rewind,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError> {
        let mut contents = self.contents();
        let done = chain::rewind(&mut *contents, &rewind, rules, now).now_or_never().unwrap()?;
        Ok(self.record(&mut contents, done))
    }

    async fn chain_state(&self) -> Result<ChainState, StoreError> {
        self.contents().state().now_or_never().unwrap()
    }

    async fn ledgers(&self, range: RangeInclusive<u32>) -> Result<Vec<Ledger>, StoreError> {
        let contents = self.contents();
        let ledgers = contents.chain.ledgers.values();
        Ok(ledgers.filter(|ledger| range.contains(&ledger.sequence)).cloned().collect())
    }

    async fn record_comparisons(&self, compared: &[ComparedEntry]) -> Result<(), StoreError> {
        let drifts = &mut self.contents().chain.drifts;
        for compared in compared {
            let id = compared.stream.to_string();
            if drifts.get(&id).is_some_and(|known| known.ledger > compared.ledger) {
                continue;
            }
            drifts.remove(&id);
            drifts.extend((!compared.fields.is_empty()).then(|| (id, compared.clone())));
        }
        Ok(())
    }

    async fn drifts(&self, after: Option<&StreamId>, limit: u32) -> Result<Drifts, StoreError> {
        let drifts = &self.contents().chain.drifts;
        // In the order of the text, as the other stores.
        let after = after.map(ToString::to_string);
        let page = drifts.values().filter(|drift| Some(drift.stream.to_string()) > after);
        let listed = page.take(usize::try_from(limit).unwrap()).cloned().collect();
        Ok(Drifts { count: u64::try_from(drifts.len()).unwrap(), listed })
    }

    async fn coverage(&self) -> Result<Vec<Coverage>, StoreError> {
        Ok(self.contents().chain.coverage.clone())
    }

    async fn contract_event(&self, id: &Opaque) -> Result<Option<EventEvidence>, StoreError> {
        let contents = self.contents();
        let found = contents.chain.select(|stored| stored.event.id == *id).pop();
        Ok(found.map(|StoredEvent { event, .. }| EventEvidence {
            ledger_hash: contents.chain.ledgers[&event.position.ledger].hash.clone(),
            proof: contents.chain.proofs.get(&event.position.ledger).cloned(),
            event,
        }))
    }

    async fn contract_events(&self, query: &ContractEventQuery) -> Result<ContractEventPage, StoreError> {
        let contents = self.contents();
        let limit = usize::try_from(query.limit).unwrap();
        let arrival = |stored: &StoredEvent| contents.chain.arrivals[&stored.event.id];
        let is_in_range = |stored: &StoredEvent| {
            let ledger = stored.event.position.ledger;
            query.from_ledger.is_none_or(|from| ledger >= from)
                && query.to_ledger.is_none_or(|to| ledger <= to)
                && query.after.as_ref().is_none_or(|after| cursor(stored) > *after)
        };
        let is_filtered = query.contract.is_some() || query.topic.is_some();
        let until = match &query.until {
            None if is_filtered && query.arrivals.is_none() => {
                let last = usize::try_from(CONTRACT_EVENT_WINDOW).unwrap() - 1;
                contents.chain.select(is_in_range).get(last).map(cursor)
            }
            until => until.clone(),
        };
        let mut found = contents.chain.select(|stored| {
            let event = &stored.event;
            is_in_range(stored)
                && query.contract.as_ref().is_none_or(|contract| event.contract == *contract)
                && query.topic.as_ref().is_none_or(|topic| event.topic == *topic)
                && until.as_ref().is_none_or(|until| cursor(stored) <= *until)
                && query.arrivals.is_none_or(|Arrivals { after, upto }| {
                    (after..=upto).contains(&arrival(stored)) && arrival(stored) != after
                })
        });
        let mut more = found.len() > limit || until.is_some();
        if let Some(Arrivals { upto, .. }) = query.arrivals {
            found.sort_by_key(arrival);
            more |= contents.chain.arrivals.values().any(|number| *number > upto);
        }
        found.truncate(limit);
        let listed = found.into_iter().map(|stored| ListedEvent {
            ledger_hash: contents.chain.ledgers[&stored.event.position.ledger].hash.clone(),
            verification: {
                let proof = contents.chain.proofs.get(&stored.event.position.ledger);
                let proven = proof.map_or_else(ProvenEvents::default, |proof| proof.events.clone());
                proven.verification(stored.event.position)
            },
            arrival: arrival(&stored),
            event: stored.event,
        });
        Ok(ContractEventPage { events: listed.collect(), more, until })
    }

    async fn reorgs(&self, limit: u32) -> Result<Vec<Reorg>, StoreError> {
        let limit = usize::try_from(limit).unwrap();
        Ok(self.contents().chain.reorgs.iter().rev().take(limit).cloned().collect())
    }

    async fn contracts(&self, limit: u32) -> Result<Vec<ContractReport>, StoreError> {
        let contents = self.contents();
        let has_stream = |summary: &ContractSummary| {
            let mut contracts = contents.streams.values().filter_map(|stream| stream.id().contract());
            contracts.any(|contract| contract.to_string() == summary.contract.as_str())
        };
        let mut found: Vec<_> =
            contents.chain.contracts.values().map(|summary| (summary.clone(), has_stream(summary))).collect();
        found.sort_by_key(|(summary, has_stream)| {
            let usable = summary.unknown == 0 && summary.unreadable == 0;
            (usable, summary.transfers > 0, *has_stream, summary.contract.clone())
        });
        found.truncate(usize::try_from(limit).unwrap());
        let safe = contents.chain.state.frontier.last_safe;
        let halts = contents.chain.select(|stored| {
            Some(stored.event.position.ledger) <= safe
                && stored.class == Class::Protocol
                && HALT_TOPICS.contains(&stored.event.topic.as_str())
        });
        let halts: Vec<_> = halts.into_iter().map(|stored| stored.event).collect();
        Ok(chain::contract_reports(found, &halts))
    }

    async fn rebuild(&self, rebuild: Rebuild, now: Timestamp) -> Result<RebuildReport, StoreError> {
        let mut contents = self.contents();
        let report = chain::rebuild(&mut *contents, &rebuild, now).now_or_never().unwrap()?;
        Ok(if rebuild.verify_only { report } else { self.record(&mut contents, report) })
    }
}
