//! Streams of one or several statuses, newest first, read page by page.

use std::collections::VecDeque;

use fluxora_store::{Sequence, Store, StoreError, StreamFilter, StreamQuery};
use fluxora_stream::{Address, StatusName, Stream, UnixTime};

/// Streams that are read at a time.
const PAGE: u32 = 100;

/// A stored stream, or a row that cannot be decoded.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    Stream(Box<Stream>),
    Unreadable,
}

/// Reads streams one after the other and holds at most one page for each status. A clone goes on where the original stood.
#[derive(Clone)]
pub(super) struct Pages {
    lanes: Vec<Lane>,
}

/// The streams of one status, or of all.
#[derive(Clone)]
struct Lane {
    /// `None` once the last page was read.
    query: Option<StreamQuery>,
    read: VecDeque<Stored>,
}

/// The statuses that the front end calls by one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Active,
    Paused,
    Completed,
}

impl Word {
    /// Reads the word; `None` for any other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Active" => Self::Active,
            "Paused" => Self::Paused,
            "Completed" => Self::Completed,
            _ => return None,
        })
    }

    const fn statuses(self) -> &'static [StatusName] {
        match self {
            Self::Active => &[StatusName::Scheduled, StatusName::Active],
            Self::Paused => &[StatusName::Paused],
            Self::Completed => &[StatusName::Completed, StatusName::Cancelled, StatusName::Depleted],
        }
    }
}

/// Which streams a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) word: Option<Word>,
    pub(super) treasury: Option<Address>,
    pub(super) recipient: Option<Address>,
}

impl Pages {
    pub(super) fn of(wanted: Wanted, at: UnixTime) -> Self {
        let lane = |status| {
            let Wanted { word: _, treasury: sender, recipient } = wanted;
            let filter = StreamFilter { status, sender, recipient, ..StreamFilter::default() };
            let query = Some(StreamQuery { filter, at, before: None, limit: PAGE });
            Lane { query, read: VecDeque::new() }
        };
        let lanes = match wanted.word {
            None => vec![lane(None)],
            Some(word) => word.statuses().iter().map(|status| lane(Some(*status))).collect(),
        };
        Self { lanes }
    }

    /// The next stream; `None` after the last one.
    pub(super) async fn next(&mut self, store: &dyn Store) -> Result<Option<Stored>, StoreError> {
        for lane in &mut self.lanes {
            lane.fill(store).await?;
        }
        let newest = self.lanes.iter_mut().filter(|lane| !lane.read.is_empty()).max_by_key(|lane| lane.age());
        Ok(newest.and_then(|lane| lane.read.pop_front()))
    }
}

impl Lane {
    /// Reads the next page if nothing is left of the last one.
    async fn fill(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        while self.read.is_empty()
            && let Some(query) = &mut self.query
        {
            let page = store.list_streams(query).await?;
            self.read.extend(page.unreadable.iter().map(|_| Stored::Unreadable));
            self.read.extend(page.streams.into_iter().map(|stream| Stored::Stream(Box::new(stream))));
            match page.next {
                Some(Sequence(next)) => query.before = Some(Sequence(next)),
                None => self.query = None,
            }
        }
        Ok(())
    }

    /// The creation of the next stream. A row that cannot be read is passed at once.
    fn age(&self) -> Option<jiff::Timestamp> {
        match self.read.front() {
            Some(Stored::Stream(stream)) => Some(stream.created_at),
            Some(Stored::Unreadable) => Some(jiff::Timestamp::MAX),
            None => None,
        }
    }
}
