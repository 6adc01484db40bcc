//! Counts of stored events by contract: which contracts are recognised, and which are not.

use std::collections::BTreeMap;

use fluxora_indexer::projection::vesting::{ContractHalt, Decoded, EventContext, decode};
use fluxora_indexer::projection::{Class, Classified, ContractVersion, classify};
use fluxora_indexer::{ContractEvent, Opaque};
use fluxora_stream::{Body, ContractId, Stream};

use super::StoredEvent;

/// First topics of the events that halt and resume a contract.
pub const HALT_TOPICS: [&str; 3] = ["halt_operator_set", "contract_halted", "contract_resumed"];

/// What is stored of one contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractSummary {
    /// The contract.
    pub contract: Opaque,
    /// Number of its events.
    pub events: u64,
    /// Number of its events with a topic or a shape that no known contract has.
    pub unknown: u64,
    /// Number of its events that lack a field or have a wrong one.
    pub unreadable: u64,
    /// Number of its events that are transfers of a token.
    pub transfers: u64,
    /// Number of its events that showed an anomaly.
    pub anomalies: u64,
    /// The latest version that one of its events showed. A contract's code never changes, so it is kept while the
    /// contract has events.
    pub version: Option<ContractVersion>,
    /// Ledger and topic of the first unknown or unreadable event; of several in one ledger, the least topic. If that event
    /// is removed by a fork, it stays named while the contract has other such events.
    pub first_unusable: Option<(u32, Opaque)>,
}

/// What is known of one contract: its events, its streams and its emergency stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractReport {
    /// Its events.
    pub summary: ContractSummary,
    /// Whether it has a stream.
    pub has_stream: bool,
    /// Its emergency stop, by the events of safe ledgers.
    pub halt: ContractHalt,
    /// Number of contradictions among the events of its emergency stop.
    pub halt_anomalies: usize,
}

impl ContractReport {
    /// Whether events of the contract are pushed and come to nothing: some are unknown or unreadable, and it has no
    /// stream. A token, whose transfers are read, is none.
    pub const fn is_unusable(&self) -> bool {
        let ContractSummary { unknown, unreadable, transfers, .. } = self.summary;
        (unknown > 0 || unreadable > 0) && transfers == 0 && !self.has_stream
    }
}

/// A change of a [`ContractSummary`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractTally {
    /// Added to the number of events.
    pub events: i64,
    /// Added to the number of unknown events.
    pub unknown: i64,
    /// Added to the number of unreadable events.
    pub unreadable: i64,
    /// Added to the number of transfers.
    pub transfers: i64,
    /// Added to the number of events with an anomaly.
    pub anomalies: i64,
    /// A version that an event shows.
    pub version: Option<ContractVersion>,
    /// Ledger and topic of an unknown or unreadable event.
    pub first_unusable: Option<(u32, Opaque)>,
}

/// Changes of summaries, by contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractTallies(pub BTreeMap<Opaque, ContractTally>);

impl ContractTallies {
    /// The counts of stored events.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e StoredEvent>) -> Self {
        let mut tallies = Self::default();
        for StoredEvent { event, class, subjects } in events {
            let (class, subjects) = (*class, *subjects);
            tallies.add(event, Classified { class, subjects, version: classify(event).version });
        }
        tallies
    }

    /// The counts of anomalies of stored streams.
    pub fn of_streams<'s>(streams: impl IntoIterator<Item = &'s Stream>) -> Self {
        let mut tallies = Self::default();
        for stream in streams {
            if let Body::Chain(chain) = &stream.body {
                tallies.add_anomalies(chain.contract, chain.state.anomalies().into());
            }
        }
        tallies
    }

    /// Counts an event that is stored.
    pub(super) fn add(&mut self, event: &ContractEvent, classified: Classified) {
        let tally = self.count(event, classified.class, 1);
        tally.version = tally.version.max(classified.version);
        if matches!(classified.class, Class::Unknown | Class::Unreadable) {
            let first = (event.position.ledger, event.topic.clone());
            if tally.first_unusable.as_ref().is_none_or(|known| first < *known) {
                tally.first_unusable = Some(first);
            }
        }
    }

    /// Counts an event that is removed.
    pub(super) fn remove(&mut self, stored: &StoredEvent) {
        self.count(&stored.event, stored.class, -1);
    }

    /// Adds to the number of events with an anomaly.
    pub(super) fn add_anomalies(&mut self, contract: ContractId, added: i64) {
        if added != 0
            && let Ok(contract) = Opaque::new(&contract.to_string())
        {
            let tally = self.0.entry(contract).or_default();
            tally.anomalies = tally.anomalies.saturating_add(added);
        }
    }

    fn count(&mut self, event: &ContractEvent, class: Class, added: i64) -> &mut ContractTally {
        let tally = self.0.entry(event.contract.clone()).or_default();
        tally.events = tally.events.saturating_add(added);
        let of_class = match class {
            Class::Unknown => &mut tally.unknown,
            Class::Unreadable => &mut tally.unreadable,
            Class::Transfer => &mut tally.transfers,
            Class::Stream | Class::Protocol => return tally,
        };
        *of_class = of_class.saturating_add(added);
        tally
    }
}

impl ContractSummary {
    /// Nothing is known of a contract.
    pub const fn empty(contract: Opaque) -> Self {
        Self {
            contract,
            events: 0,
            unknown: 0,
            unreadable: 0,
            transfers: 0,
            anomalies: 0,
            version: None,
            first_unusable: None,
        }
    }

    /// Applies a change. Databases do the same in SQL.
    pub fn apply(&mut self, tally: &ContractTally) {
        self.events = self.events.saturating_add_signed(tally.events);
        self.unknown = self.unknown.saturating_add_signed(tally.unknown);
        self.unreadable = self.unreadable.saturating_add_signed(tally.unreadable);
        self.transfers = self.transfers.saturating_add_signed(tally.transfers);
        self.anomalies = self.anomalies.saturating_add_signed(tally.anomalies);
        self.version = self.version.max(tally.version);
        let both = self.first_unusable.take().into_iter().chain(tally.first_unusable.clone());
        self.first_unusable = both.min().filter(|_| self.unknown > 0 || self.unreadable > 0);
    }
}

/// Reports of contracts, from their summaries and from the halt events of safe ledgers in chain order.
pub fn contract_reports(
    summaries: impl IntoIterator<Item = (ContractSummary, bool)>,
    halt_events: &[ContractEvent],
) -> Vec<ContractReport> {
    let mut halts = BTreeMap::<&Opaque, (ContractHalt, usize)>::new();
    for event in halt_events {
        if let Ok(Decoded::Contract(action)) = decode(event.topic.as_str(), &event.payload) {
            let (halt, anomalies) = halts.entry(&event.contract).or_default();
            *anomalies = anomalies.saturating_add(halt.apply(&action, EventContext::of(event)).len());
        }
    }
    let report = |(summary, has_stream): (ContractSummary, bool)| {
        let (halt, halt_anomalies) = halts.get(&summary.contract).copied().unwrap_or_default();
        ContractReport { summary, has_stream, halt, halt_anomalies }
    };
    summaries.into_iter().map(report).collect()
}
