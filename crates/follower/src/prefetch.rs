//! Ranges of ledgers are fetched in parallel and given in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluxora_stellar::VerifiedLedger;
use tokio::task::JoinSet;

use crate::Sources;
use crate::sources::Answer;

/// Ranges that are fetched at once or wait to be taken.
const PARALLEL: usize = 4;
/// Ledgers of a range.
const RANGE: u32 = 200;

/// Fetches ledgers ahead of their reader.
pub(crate) struct Prefetch {
    sources: Arc<Sources>,
    tasks: JoinSet<Fetched>,
    ready: BTreeMap<u32, Answer>,
    /// The first ledger of the next range that is fetched.
    ahead: u32,
    /// The ledger that the reader takes next.
    expected: u32,
    /// Whether the last answer filled its range, so that more ledgers follow where a source does not say so.
    is_full: bool,
}

struct Fetched {
    from: u32,
    answer: Answer,
}

impl Prefetch {
    pub(crate) fn new(sources: Arc<Sources>) -> Self {
        let (tasks, ready) = (JoinSet::new(), BTreeMap::new());
        Self { sources, tasks, ready, ahead: 0, expected: 0, is_full: false }
    }

    /// Takes ledgers from this one on. None above `upto` is asked for.
    pub(crate) async fn take(&mut self, from: u32, upto: u32) -> Answer {
        if from != self.expected || self.ahead < from {
            self.reset(from);
        }
        self.fill(upto);
        let answer = loop {
            if let Some(answer) = self.ready.remove(&from) {
                break answer;
            }
            match self.tasks.join_next().await {
                Some(Ok(Fetched { from, answer })) => _ = self.ready.insert(from, answer),
                Some(Err(_)) => self.reset(from),
                None => break self.sources.ask(from, limit(from, upto)).await,
            }
        };
        let taken = match &answer {
            Answer::Ledgers { ledgers, .. } => count(ledgers),
            Answer::NotYet | Answer::Resting(_) | Answer::Halt(_) => 0,
        };
        self.expected = from.saturating_add(taken);
        self.is_full = taken >= RANGE;
        if !self.is_full {
            // The ranges that were fetched ahead begin elsewhere.
            self.reset(self.expected);
        }
        answer
    }

    /// Forgets what was fetched.
    fn reset(&mut self, from: u32) {
        self.tasks.abort_all();
        self.tasks.detach_all();
        self.ready.clear();
        (self.ahead, self.expected) = (from, from);
    }

    fn fill(&mut self, upto: u32) {
        let known = match self.sources.latest() {
            Some(latest) => latest,
            None if self.is_full => self.expected.saturating_add(RANGE.saturating_mul(4)),
            None => return,
        };
        // A single range is asked for directly: at the tip nothing is fetched ahead.
        let last = known.min(upto);
        let is_far = last.saturating_sub(self.expected) > RANGE;
        while is_far && self.tasks.len().saturating_add(self.ready.len()) < PARALLEL {
            let Some(end) = self.ahead.checked_add(RANGE.saturating_sub(1)).filter(|end| *end <= last) else {
                break;
            };
            let (from, sources) = (self.ahead, Arc::clone(&self.sources));
            self.tasks.spawn(async move { Fetched { from, answer: range(&sources, from, end).await } });
            self.ahead = end.saturating_add(1);
        }
    }
}

/// Asks until the range is complete, or the sources have no more of it.
async fn range(sources: &Sources, from: u32, end: u32) -> Answer {
    let mut whole: Option<(usize, Vec<VerifiedLedger>)> = None;
    loop {
        let next = from.saturating_add(whole.as_ref().map_or(0, |(_, ledgers)| count(ledgers)));
        if let Some((source, ledgers)) = whole.take_if(|_| next > end) {
            return Answer::Ledgers { source, ledgers };
        }
        match (sources.ask(next, limit(next, end)).await, &mut whole) {
            (Answer::Ledgers { source, ledgers }, None) => whole = Some((source, ledgers)),
            (Answer::Ledgers { source, mut ledgers }, Some((before, taken))) => {
                // Another source can be on another chain: the reader compares where the range ends.
                let follows = taken
                    .last()
                    .zip(ledgers.first())
                    .is_some_and(|(last, first)| first.ledger.follows(&last.ledger).is_ok());
                if !follows {
                    let (source, ledgers) = (*before, std::mem::take(taken));
                    return Answer::Ledgers { source, ledgers };
                }
                *before = source;
                taken.append(&mut ledgers);
            }
            (other, None) => return other,
            (_, Some((source, taken))) => {
                let (source, ledgers) = (*source, std::mem::take(taken));
                return Answer::Ledgers { source, ledgers };
            }
        }
    }
}

fn limit(from: u32, end: u32) -> usize {
    let left = end.saturating_sub(from).saturating_add(1).min(RANGE);
    usize::try_from(left).unwrap_or(usize::MAX)
}

fn count(ledgers: &[VerifiedLedger]) -> u32 {
    u32::try_from(ledgers.len()).unwrap_or(u32::MAX)
}
