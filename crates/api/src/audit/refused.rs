use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluxora_audit::{Action, Actor, Entry, Outcome};
use fluxora_limit::{Limiter, Quota, network_of};
use jiff::{SignedDuration, Timestamp};

/// Rows of refused writes a minute: of one client, and of all clients.
const PER_CLIENT: u32 = 60;
const OF_ALL: u32 = 240;
/// Rows that wait at most, while storage is away.
const MOST_WAITING: usize = 1_000;
/// The shortest time between two rows that count refused writes without rows of their own.
pub const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// Writes that were refused and wait for their rows.
///
/// A client can make refused requests without end. So the rows of each client and of all are limited, and those beyond are counted and
/// summed up in one row a minute.
pub struct RefusedWrites {
    limiter: Limiter<RandomState>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// Refused writes that leave no row of their own, since the last summary.
    unreported: u64,
    /// Those since the start.
    suppressed: u64,
    last_summary: Option<Timestamp>,
}

/// Whose rows are limited.
#[derive(Hash)]
enum Budget {
    Client(Option<IpAddr>),
    All,
}

impl RefusedWrites {
    /// Without any. The keys should be random, so that no client can choose whose budget it uses up.
    pub fn new(keys: RandomState) -> Self {
        Self { limiter: Limiter::new(keys), waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the row of a refused write, or counts it.
    pub(crate) fn record(&self, client: Option<IpAddr>, entry: Entry) {
        let client = Budget::Client(client.map(network_of));
        let is_allowed =
            self.charge(&client, PER_CLIENT, entry.at) && self.charge(&Budget::All, OF_ALL, entry.at);
        let mut waiting = self.waiting();
        if is_allowed && waiting.entries.len() < MOST_WAITING {
            waiting.entries.push(entry);
        } else {
            waiting.suppress(1);
        }
    }

    fn charge(&self, budget: &Budget, per_minute: u32, now: Timestamp) -> bool {
        let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Quota::per_minute(per_minute)
            .is_none_or(|quota| self.limiter.charge(budget, quota, Duration::from_millis(now)).is_allowed())
    }

    /// Takes what is to be written: the rows that wait, and a summary if one is due. At the stop of a server, `is_last`, it is due if it
    /// counts anything.
    pub fn take(&self, now: Timestamp, is_last: bool) -> Vec<Entry> {
        let mut waiting = self.waiting();
        let mut entries = std::mem::take(&mut waiting.entries);
        let interval = SignedDuration::try_from(SUMMARY_INTERVAL).unwrap_or(SignedDuration::MAX);
        let is_due = |last: Timestamp| now.duration_since(last) >= interval || now < last;
        if waiting.unreported > 0 && (is_last || waiting.last_summary.is_none_or(is_due)) {
            let summary = Entry::new(now, Actor::server(), Action::AuditSuppressed, Outcome::Done);
            entries.push(Entry { count: std::mem::take(&mut waiting.unreported), ..summary });
            waiting.last_summary = Some(now);
        }
        entries
    }

    /// Takes rows back that could not be written, before those that were queued meanwhile.
    pub fn put_back(&self, entries: Vec<Entry>) {
        let mut waiting = self.waiting();
        let mut queued = std::mem::replace(&mut waiting.entries, entries);
        waiting.entries.append(&mut queued);
        let kept = waiting.entries.len().min(MOST_WAITING);
        let excess = waiting.entries.split_off(kept);
        waiting.suppress(excess.iter().map(|entry| entry.count).sum());
    }

    /// Refused writes without a row of their own since the start.
    pub fn suppressed(&self) -> u64 {
        self.waiting().suppressed
    }
}

impl Waiting {
    fn suppress(&mut self, count: u64) {
        self.unreported = self.unreported.saturating_add(count);
        self.suppressed = self.suppressed.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn refused(second: i64) -> Entry {
        let outcome = Outcome::Refused("FORBIDDEN".to_owned());
        Entry::new(at(second), Actor::anonymous(), Action::StreamCreate, outcome)
    }

    fn client(n: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, n]))
    }

    /// How many rows of refused writes were taken, and how many the summary counts.
    fn taken(refused: &RefusedWrites, second: i64) -> (usize, u64) {
        let (summaries, rows): (Vec<_>, Vec<_>) = refused
            .take(at(second), false)
            .into_iter()
            .partition(|entry| entry.action == Action::AuditSuppressed);
        assert!(summaries.len() <= 1);
        (rows.len(), summaries.iter().map(|summary| summary.count).sum())
    }

    #[test]
    fn a_flood_of_one_client_leaves_a_bounded_number_of_rows_and_one_summary() {
        let writes = RefusedWrites::new(RandomState::new());
        for _ in 0..10_000 {
            writes.record(client(1), refused(0));
        }
        writes.record(client(2), refused(0));
        assert_eq!(taken(&writes, 0), (61, 9_940), "another client has its row");
        writes.record(client(1), refused(1));
        writes.record(client(1), refused(1));
        assert_eq!(taken(&writes, 30), (1, 0), "the quota fills again; the summary is not due");
        assert_eq!(taken(&writes, 60), (0, 1));
        assert_eq!(taken(&writes, 200), (0, 0));
        assert_eq!(writes.suppressed(), 9_941);
    }

    #[test]
    fn a_flood_of_many_clients_is_bounded_too() {
        let writes = RefusedWrites::new(RandomState::new());
        for n in 0..20_000_u32 {
            let [a, b, c, d] = n.to_be_bytes();
            writes.record(Some(IpAddr::from([10 + a, b, c, d])), refused(0));
        }
        assert_eq!(taken(&writes, 0), (240, 19_760));
    }

    #[test]
    fn rows_that_could_not_be_written_come_again_in_order() {
        let writes = RefusedWrites::new(RandomState::new());
        writes.record(client(1), refused(0));
        let first = writes.take(at(0), false);
        writes.record(client(1), refused(1));
        writes.put_back(first);
        assert_eq!(writes.take(at(1), false), [refused(0), refused(1)]);
        writes.put_back(vec![refused(2); 1_500]);
        assert_eq!(taken(&writes, 2), (1_000, 500), "the rest is counted");
    }

    #[test]
    fn at_the_stop_a_summary_is_always_due() {
        let writes = RefusedWrites::new(RandomState::new());
        for _ in 0..100 {
            writes.record(client(1), refused(0));
        }
        taken(&writes, 0);
        writes.record(client(1), refused(0));
        assert_eq!(writes.take(at(1), false), []);
        assert_eq!(writes.take(at(1), true).first().map(|summary| summary.count), Some(1));
        assert_eq!(writes.take(at(1), true), []);
    }
}
