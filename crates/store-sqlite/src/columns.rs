//! Values to columns and back. A value that makes no sense is a [`CorruptRow`] that names table, column and row.

use std::fmt::Display;

use fluxora_store::rows::ReadColumns;
use fluxora_store::{CorruptRow, StoreError};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

use crate::faults::sort;

pub(crate) use fluxora_store::rows::{count, seq};

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
        self.skip();
        Ok(value)
    }
}

impl<'r> ReadColumns<'r> for Columns<'r> {
    fn integer(&mut self, column: &'static str) -> Result<i64, StoreError> {
        match self.take(column)? {
            ValueRef::Integer(value) => Ok(value),
            other => {
                Err(self.corrupt(column, format_args!("{} where an integer belongs", other.data_type())))
            }
        }
    }

    fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        match self.take(column)? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|error| self.corrupt(column, error)),
            other => Err(self.corrupt(column, format_args!("{} where a text belongs", other.data_type()))),
        }
    }

    fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        match self.take(column)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            other => Err(self.corrupt(column, format_args!("{} where bytes belong", other.data_type()))),
        }
    }

    /// Unix milliseconds.
    fn instant(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        let milliseconds = self.integer(column)?;
        Timestamp::from_millisecond(milliseconds).map_err(|error| self.corrupt(column, error))
    }

    /// An integer, or a text where the number is beyond what an integer holds.
    fn unsigned(&mut self, column: &'static str) -> Result<u64, StoreError> {
        let number = match self.take(column)? {
            ValueRef::Integer(number) => u64::try_from(number).ok(),
            ValueRef::Text(digits) => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
            _ => None,
        };
        number.ok_or_else(|| self.corrupt(column, "not a number from 0 to 18446744073709551615"))
    }

    fn is_null(&self) -> bool {
        matches!(self.row.get_ref(self.next), Ok(ValueRef::Null))
    }

    fn skip(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Reads the key again, only here.
    fn corrupt(&self, column: &'static str, reason: impl Display) -> StoreError {
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
