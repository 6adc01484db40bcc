use fluxora_store::rows::FamilyColumns;
use fluxora_stream::Stream;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use crate::columns;

/// Streams as columns of values, the way `unnest` takes them.
#[derive(Default)]
pub(crate) struct StreamValues {
    pub(crate) ids: Vec<String>,
    origins: Vec<&'static str>,
    senders: Vec<String>,
    recipients: Vec<String>,
    deposits: Vec<Option<String>>,
    rates: Vec<Option<String>>,
    starts: Vec<String>,
    cliffs: Vec<String>,
    ends: Vec<String>,
    withdrawn: Vec<Option<String>>,
    status: Vec<&'static str>,
    status_at: Vec<Option<Timestamp>>,
    created_at: Vec<Timestamp>,
    updated_at: Vec<Timestamp>,
    counts: Vec<i64>,
}

impl StreamValues {
    pub(crate) fn push(&mut self, stream: &Stream, family: &FamilyColumns) {
        let times = stream.times();
        self.ids.push(stream.id().to_string());
        self.origins.push(stream.origin().as_str());
        self.senders.push(stream.sender.to_string());
        self.recipients.push(stream.recipient.to_string());
        self.deposits.push(family.deposit.clone());
        self.rates.push(family.rate.clone());
        self.starts.push(columns::time(times.start));
        self.cliffs.push(columns::time(times.cliff));
        self.ends.push(columns::time(times.end));
        self.withdrawn.push(family.withdrawn.clone());
        self.status.push(stream.status.name().as_str());
        self.status_at.push(stream.status.since().map(columns::instant));
        self.created_at.push(columns::instant(stream.created_at));
        self.updated_at.push(columns::instant(stream.updated_at));
        self.counts.push(stream.event_count.into());
    }

    /// In the order of the fields.
    pub(crate) fn parameters(&self) -> [&(dyn ToSql + Sync); 15] {
        [
            &self.ids,
            &self.origins,
            &self.senders,
            &self.recipients,
            &self.deposits,
            &self.rates,
            &self.starts,
            &self.cliffs,
            &self.ends,
            &self.withdrawn,
            &self.status,
            &self.status_at,
            &self.created_at,
            &self.updated_at,
            &self.counts,
        ]
    }
}
