use thiserror::Error;

use crate::{Action, Hash, Head, Row};

/// The first row that does not follow from the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A row is missing, or it is there twice.
    #[error("row {expected} was expected and row {found} was found: rows are missing, moved or repeated")]
    Number {
        /// The number after the row before.
        expected: u64,
        /// The number of the row.
        found: u64,
    },
    /// The row does not name the hash of the row before.
    #[error("row {seq} does not follow row {}: its previous hash is {found}, not {expected}", seq.saturating_sub(1))]
    Link {
        /// The number of the row.
        seq: u64,
        /// The hash of the row before.
        expected: Hash,
        /// The previous hash of the row.
        found: Hash,
    },
    /// A field of the row was changed.
    #[error("row {seq} was changed: its fields have the hash {expected}, not {found}")]
    Content {
        /// The number of the row.
        seq: u64,
        /// The hash that follows from the fields.
        expected: Hash,
        /// The stored hash.
        found: Hash,
    },
    /// Rows before the first one are missing, and no row records that they were deleted.
    #[error("the log begins with row {seq}, and no row {} records the deletion of the rows before it", Action::AuditExpire.as_str())]
    Beginning {
        /// The number of the first row.
        seq: u64,
    },
}

/// Walks rows in the order of their numbers.
///
/// The first row of a log may have a number above 1: retention deletes the oldest rows, and leaves a row of
/// [`Action::AuditExpire`] that names the last deleted number and its hash. [`finish`](Self::finish) holds the first row against it.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    last: Option<Head>,
    /// The head before the first row that was walked, until a row records the deletion up to it.
    unexplained: Option<Head>,
    rows: u64,
}

impl From<Head> for Verifier {
    /// A walk that goes on after this row.
    fn from(head: Head) -> Self {
        Self { last: Some(head), ..Self::default() }
    }
}

impl Verifier {
    /// Checks the next row.
    ///
    /// # Errors
    /// [`Fault`] if it does not follow from the one before it.
    pub fn check(&mut self, row: &Row) -> Result<(), Fault> {
        let before = match self.last {
            Some(last) => last,
            None => self.begin(row),
        };
        let expected = before.seq.saturating_add(1);
        if row.seq != expected {
            return Err(Fault::Number { expected, found: row.seq });
        }
        if row.previous_hash != before.hash {
            return Err(Fault::Link { seq: row.seq, expected: before.hash, found: row.previous_hash });
        }
        let computed = row.computed_hash();
        if row.hash != computed {
            return Err(Fault::Content { seq: row.seq, expected: computed, found: row.hash });
        }
        if self.unexplained.is_some_and(|head| row.records_deletion_of(head)) {
            self.unexplained = None;
        }
        self.last = Some(row.head());
        self.rows = self.rows.saturating_add(1);
        Ok(())
    }

    /// The row before the first one that is stored.
    fn begin(&mut self, row: &Row) -> Head {
        if row.seq <= 1 {
            return Head::EMPTY;
        }
        let before = Head { seq: row.seq.saturating_sub(1), hash: row.previous_hash };
        self.unexplained = Some(before);
        before
    }

    /// Ends the walk.
    ///
    /// # Errors
    /// [`Fault::Beginning`] if the oldest rows are missing without a row that records their deletion.
    pub const fn finish(&self) -> Result<(), Fault> {
        match self.unexplained {
            Some(head) => Err(Fault::Beginning { seq: head.seq.saturating_add(1) }),
            None => Ok(()),
        }
    }

    /// The last row that was walked.
    pub fn head(&self) -> Head {
        self.last.unwrap_or(Head::EMPTY)
    }

    /// How many rows were walked.
    pub const fn rows(&self) -> u64 {
        self.rows
    }
}

impl Head {
    /// The target of the row that records the deletion of all rows up to this one.
    pub fn deletion_target(&self) -> String {
        format!("{}:{}", self.seq, self.hash)
    }
}

impl Row {
    fn records_deletion_of(&self, head: Head) -> bool {
        self.action == Action::AuditExpire.as_str() && self.target == Some(head.deletion_target())
    }
}
