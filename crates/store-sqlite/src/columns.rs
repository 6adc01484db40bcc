//! Values to columns and back. A value that makes no sense is a [`CorruptRow`] that names table, column and row.

use std::fmt::Display;

use fluxora_store::{CorruptRow, Sequence, StoreError};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use crate::faults::sort;

/// One row being read, column by column in the order of its query.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    table: &'static str,
    next: usize,
}

impl<'r> Columns<'r> {
    /// Begins with the first column, which must be the row's key.
    pub(crate) const fn of(row: &'r Row<'r>, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    fn take(&mut self, column: &'static str) -> Result<ValueRef<'r>, StoreError> {
        let value = self.row.get_ref(self.next).map_err(|error| sort(column, error))?;
        self.next = self.next.saturating_add(1);
        Ok(value)
    }

    pub(crate) fn integer(&mut self, column: &'static str) -> Result<i64, StoreError> {
        match self.take(column)? {
            ValueRef::Integer(value) => Ok(value),
            other => {
                Err(self.corrupt(column, format_args!("{} where an integer belongs", other.data_type())))
            }
        }
    }

    /// An integer of a narrower type.
    pub(crate) fn number<T: TryFrom<i64, Error: Display>>(
        &mut self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        let value = self.integer(column)?;
        T::try_from(value).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        match self.take(column)? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|error| self.corrupt(column, error)),
            other => Err(self.corrupt(column, format_args!("{} where a text belongs", other.data_type()))),
        }
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        match self.take(column)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            other => Err(self.corrupt(column, format_args!("{} where bytes belong", other.data_type()))),
        }
    }

    /// A text read into what it stands for.
    pub(crate) fn parsed<T, E: Display>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let text = self.text(column)?;
        parse(text).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn instant(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        let milliseconds = self.integer(column)?;
        Timestamp::from_millisecond(milliseconds).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn optional_instant(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.optional(column, Self::instant)
    }

    /// A value that may be NULL.
    pub(crate) fn optional<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if matches!(self.row.get_ref(self.next), Ok(ValueRef::Null)) {
            self.skip(column)?;
            return Ok(None);
        }
        read(self, column).map(Some)
    }

    /// Passes over a column.
    pub(crate) fn skip(&mut self, column: &'static str) -> Result<(), StoreError> {
        self.take(column).map(drop)
    }

    /// A time of a schedule.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<UnixTime, StoreError> {
        self.unsigned(column).map(UnixTime::from_seconds)
    }

    /// A `u64`: an integer, or a text where it is beyond what an integer holds.
    pub(crate) fn unsigned(&mut self, column: &'static str) -> Result<u64, StoreError> {
        let number = match self.take(column)? {
            ValueRef::Integer(number) => u64::try_from(number).ok(),
            ValueRef::Text(digits) => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| self.corrupt(column, "not a number from 0 to 18446744073709551615"))
    }

    /// The fault of this row, in this column. The key is read again only here.
    pub(crate) fn corrupt(&self, column: &'static str, reason: impl Display) -> StoreError {
        let row = match self.row.get_ref(0) {
            Ok(ValueRef::Integer(key)) => key.to_string(),
            Ok(ValueRef::Text(key)) => String::from_utf8_lossy(key).into_owned(),
            _ => "unknown".to_owned(),
        };
        CorruptRow { table: self.table, column, row, reason: reason.to_string() }.into()
    }
}

/// A time of a schedule as it is stored.
pub(crate) fn time(time: UnixTime) -> Value {
    unsigned(time.seconds())
}

/// A `u64` as it is stored: an integer, or a text of 20 digits, so that texts are in the order of their numbers.
pub(crate) fn unsigned(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Text(format!("{number:020}")), Value::Integer)
}

/// A recorded instant as it is stored: Unix milliseconds.
pub(crate) fn instant(instant: Timestamp) -> ToSqlOutput<'static> {
    instant.as_millisecond().into()
}

/// The first millisecond after the second `until`.
pub(crate) fn end_of(until: UnixTime) -> i64 {
    i64::try_from(until.seconds()).unwrap_or(i64::MAX).saturating_add(1).saturating_mul(1_000)
}

/// A count as SQL takes it.
pub(crate) fn count(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// A `seq` column as a sequence. A negative value, which no column allows, reads as 0.
pub(crate) fn sequence(seq: i64) -> Sequence {
    Sequence(u64::try_from(seq).unwrap_or_default())
}

/// A sequence as the value of a `seq` column.
pub(crate) fn seq(Sequence(sequence): Sequence) -> i64 {
    count(sequence)
}
