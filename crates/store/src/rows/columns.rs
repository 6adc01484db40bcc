use std::fmt::Display;

use fluxora_decimal::Amount;
use fluxora_stream::{Sequence, UnixTime};
use jiff::Timestamp;

use crate::StoreError;

/// One row of a query, read column by column in the order of the query. The first column is the row's key.
///
/// A backend implements the reading of its types. A value that makes no sense is a [`CorruptRow`](crate::CorruptRow) that names table,
/// column and key.
pub trait ReadColumns<'r> {
    /// Reads an integer.
    fn integer(&mut self, column: &'static str) -> Result<i64, StoreError>;

    /// Reads a text.
    fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError>;

    /// Reads bytes.
    fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError>;

    /// Reads a recorded instant.
    fn instant(&mut self, column: &'static str) -> Result<Timestamp, StoreError>;

    /// Reads a `u64`, which both databases store in a form of their own.
    fn unsigned(&mut self, column: &'static str) -> Result<u64, StoreError>;

    /// Whether the next column is NULL.
    fn is_null(&self) -> bool;

    /// Passes over the next column.
    fn skip(&mut self);

    /// The error for a value of this row.
    fn corrupt(&self, column: &'static str, reason: impl Display) -> StoreError;

    /// Reads an integer of a narrower type.
    fn number<T: TryFrom<i64, Error: Display>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let value = self.integer(column)?;
        T::try_from(value).map_err(|error| self.corrupt(column, error))
    }

    /// Reads a text and parses it.
    fn parsed<T, E: Display>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(text).map_err(|error| self.corrupt(column, error))
    }

    /// Reads an amount with the decimals it was written with.
    fn amount(&mut self, column: &'static str) -> Result<Amount, StoreError> {
        self.parsed(column, Amount::parse)
    }

    /// Reads a time of a schedule.
    fn time(&mut self, column: &'static str) -> Result<UnixTime, StoreError> {
        self.unsigned(column).map(UnixTime::from_seconds)
    }

    /// Reads a `seq` column.
    fn sequence(&mut self, column: &'static str) -> Result<Sequence, StoreError> {
        self.number(column).map(Sequence)
    }

    /// Reads a value that may be NULL.
    fn optional<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_null() {
            self.skip();
            return Ok(None);
        }
        read(self, column).map(Some)
    }
}

/// A count or a sequence as the value of an integer column. One beyond what the column holds, which no database reaches, is its greatest.
pub fn count(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// A sequence as the value of a `seq` column.
pub fn seq(Sequence(sequence): Sequence) -> i64 {
    count(sequence)
}

/// The value of a `seq` column as a sequence. A negative value, which no column allows, reads as 0.
pub fn sequence(seq: i64) -> Sequence {
    Sequence(u64::try_from(seq).unwrap_or_default())
}
