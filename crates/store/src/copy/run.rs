use thiserror::Error;

use super::{CopyStore, Put, Record, RecordKey, Section, Tally};
use crate::StoreError;

/// Records that are read and written at once.
pub const PAGE: u32 = 500;

/// A phase of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// What an earlier copy has left in the target is compared with the source.
    Comparing,
    /// Records are written.
    Copying,
    /// Both are read again, from the first record to the last.
    Verifying,
}

/// The progress of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// A phase of a copy.
    pub step: Step,
    /// The section.
    pub section: Section,
    /// Records of the section that are done.
    pub done: u64,
    /// Records of the section when the copy began.
    pub of: u64,
}

/// The outcome of a finished copy, equal on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Each section as it is in both.
    pub sections: Vec<(Section, Tally)>,
    /// How many records this run has written; the others were there.
    pub written: u64,
}

/// Why a copy was not finished. What it has written is complete and in order: a copy that is started again continues there, unless the
/// message says that the target must be emptied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The target holds what the source does not. Nothing was written.
    #[error(
        "the target holds {section}, at {place}, that are not those of the source: nothing was written; name an empty database",
        section = section.name()
    )]
    Foreign {
        /// The section.
        section: Section,
        /// The first such key.
        place: RecordKey,
    },
    /// The source was written to during the copy.
    #[error(
        "{section} of the source were written to during the copy: stop every server on it, empty the target and start again",
        section = section.name()
    )]
    SourceChanged {
        /// The section.
        section: Section,
    },
    /// Another process has written to the target.
    #[error(
        "{section} of the target were written to during the copy: stop every server on it, empty it and start again",
        section = section.name()
    )]
    TargetChanged {
        /// The section.
        section: Section,
    },
    /// The source cannot be read.
    #[error("the source cannot be read")]
    Source(#[source] StoreError),
    /// The target cannot be read or written.
    #[error("the target cannot be read or written")]
    Target(#[source] StoreError),
}

impl CopyError {
    /// The error's name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Foreign { .. } => "FOREIGN_TARGET",
            Self::SourceChanged { .. } => "SOURCE_CHANGED",
            Self::TargetChanged { .. } => "TARGET_CHANGED",
            Self::Source(_) => "SOURCE_FAILED",
            Self::Target(_) => "TARGET_FAILED",
        }
    }
}

/// Copies all that `source` holds to `target`, `page` records at a time, and proves it.
///
/// First, what the target holds must be how the source begins, record by record: nothing, or what an earlier copy has left. Then the
/// rest is written. At last both are read from the first record to the last: counts and checksums must be the same, and those of the
/// source what they were as it was copied. A write to the source after that is not noticed: no process may write to either
/// during a copy.
///
/// # Errors
/// [`CopyError`].
pub async fn copy(
    source: &dyn CopyStore,
    target: &dyn CopyStore,
    page: u32,
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Copied, CopyError> {
    let mut begun = Vec::new();
    for section in Section::ALL {
        let of = source.count(section).await.map_err(CopyError::Source)?;
        let mut job = Job { section, of, page: page.max(1), report: &mut *report };
        begun.push((section, of, job.compare(source, target).await?));
    }
    let mut written = 0_u64;
    for (section, of, walk) in &mut begun {
        let mut job = Job { section: *section, of: *of, page: page.max(1), report: &mut *report };
        written = written.saturating_add(job.copy(source, target, walk).await?);
    }
    let mut sections = Vec::new();
    for (section, of, copied) in begun {
        let mut job = Job { section, of, page: page.max(1), report: &mut *report };
        job.verify(source, target, copied.tally).await?;
        sections.push((section, copied.tally));
    }
    Ok(Copied { sections, written })
}

/// One section's part of the work.
struct Job<'t> {
    section: Section,
    of: u64,
    page: u32,
    report: &'t mut (dyn FnMut(Progress) + Send),
}

/// How far a section has been read.
#[derive(Default)]
struct Walk {
    last: Option<RecordKey>,
    tally: Tally,
}

impl Walk {
    fn pass(&mut self, records: &[Record]) -> Result<(), StoreError> {
        records.iter().try_for_each(|record| self.tally.add(record))?;
        self.last = records.last().map(Record::key).or(self.last.take());
        Ok(())
    }
}

impl Job<'_> {
    /// Passes what the target holds, if it is how the source begins.
    async fn compare(&mut self, source: &dyn CopyStore, target: &dyn CopyStore) -> Result<Walk, CopyError> {
        let section = self.section;
        let mut walk = Walk::default();
        loop {
            let last = walk.last.as_ref();
            let theirs = target.records(section, last, self.page).await.map_err(CopyError::Target)?;
            if theirs.is_empty() {
                return Ok(walk);
            }
            let ours = source.records(section, last, self.page).await.map_err(CopyError::Source)?;
            for (n, record) in theirs.iter().enumerate() {
                let ours = ours.get(n).map(Record::canonical).transpose().map_err(CopyError::Source)?;
                if ours != Some(record.canonical().map_err(CopyError::Target)?) {
                    return Err(CopyError::Foreign { section, place: record.key() });
                }
            }
            walk.pass(&theirs).map_err(CopyError::Target)?;
            self.report(Step::Comparing, &walk);
        }
    }

    async fn copy(
        &mut self,
        source: &dyn CopyStore,
        target: &dyn CopyStore,
        walk: &mut Walk,
    ) -> Result<u64, CopyError> {
        let section = self.section;
        let found = walk.tally.records;
        loop {
            let records = source.records(section, walk.last.as_ref(), self.page).await;
            let records = records.map_err(CopyError::Source)?;
            if records.is_empty() {
                return Ok(walk.tally.records.saturating_sub(found));
            }
            walk.pass(&records).map_err(CopyError::Source)?;
            match target.put(records).await.map_err(CopyError::Target)? {
                Put::Done => self.report(Step::Copying, walk),
                Put::Taken(_) => return Err(CopyError::TargetChanged { section }),
                // It was created after the streams had been read.
                Put::Orphan(_) => return Err(CopyError::SourceChanged { section }),
            }
        }
    }

    async fn verify(
        &mut self,
        source: &dyn CopyStore,
        target: &dyn CopyStore,
        copied: Tally,
    ) -> Result<(), CopyError> {
        let section = self.section;
        // The source last: what is written to it until then is noticed.
        if self.walk_through(target).await.map_err(CopyError::Target)? != copied {
            return Err(CopyError::TargetChanged { section });
        }
        if self.walk_through(source).await.map_err(CopyError::Source)? != copied {
            return Err(CopyError::SourceChanged { section });
        }
        if target.count(section).await.map_err(CopyError::Target)? != copied.records {
            return Err(CopyError::TargetChanged { section });
        }
        if source.count(section).await.map_err(CopyError::Source)? != copied.records {
            return Err(CopyError::SourceChanged { section });
        }
        Ok(())
    }

    async fn walk_through(&mut self, store: &dyn CopyStore) -> Result<Tally, StoreError> {
        let mut walk = Walk::default();
        loop {
            let records = store.records(self.section, walk.last.as_ref(), self.page).await?;
            if records.is_empty() {
                return Ok(walk.tally);
            }
            walk.pass(&records)?;
            self.report(Step::Verifying, &walk);
        }
    }

    fn report(&mut self, step: Step, walk: &Walk) {
        (self.report)(Progress { step, section: self.section, done: walk.tally.records, of: self.of });
    }
}
