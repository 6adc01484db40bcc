//! Values to columns and back. A value that makes no sense is a [`CorruptRow`] that names table, column and row.

use std::fmt::Display;

use fluxora_store::rows::ReadColumns;
use fluxora_store::{CorruptRow, StoreError};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

pub(crate) use fluxora_store::rows::{count, seq};

/// One row being read, column by column in the order of its query.
pub(crate) struct Columns<'r> {
    row: &'r Row,
    table: &'static str,
    first: usize,
    next: usize,
}

impl<'r> Columns<'r> {
    /// Begins with the first column, which must be the row's key.
    pub(crate) const fn of(row: &'r Row, table: &'static str) -> Self {
        Self { row, table, first: 0, next: 0 }
    }

    /// Goes on with the columns of another table, the first of which must be the key of its row.
    pub(crate) const fn then(self, table: &'static str) -> Self {
        Self { table, first: self.next, ..self }
    }

    fn take<T: FromSql<'r>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let value: Option<T> = self.row.try_get(self.next).map_err(|error| {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            self.corrupt(column, reason)
        })?;
        self.skip();
        value.ok_or_else(|| self.corrupt(column, "NULL where a value belongs"))
    }
}

impl<'r> ReadColumns<'r> for Columns<'r> {
    fn integer(&mut self, column: &'static str) -> Result<i64, StoreError> {
        self.take(column)
    }

    fn text(&mut self, column: &'static str) -> Result<&'r str, StoreError> {
        self.take(column)
    }

    fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        self.take(column)
    }

    fn instant(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.take(column)
    }

    /// Sent as text.
    fn unsigned(&mut self, column: &'static str) -> Result<u64, StoreError> {
        self.parsed(column, |text| text.parse().map_err(|_| "not a number from 0 to 18446744073709551615"))
    }

    fn is_null(&self) -> bool {
        matches!(self.row.try_get::<_, Option<Anything>>(self.next), Ok(None))
    }

    fn skip(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// Reads the key again, only here.
    fn corrupt(&self, column: &'static str, reason: impl Display) -> StoreError {
        let row = match self.row.try_get::<_, i64>(self.first) {
            Ok(key) => key.to_string(),
            Err(_) => self.row.try_get::<_, String>(self.first).unwrap_or_else(|_| "unknown".to_owned()),
        };
        CorruptRow { table: self.table, column, row, reason: reason.to_string() }.into()
    }
}

/// A value of any type, which is there and not looked at.
struct Anything;

impl FromSql<'_> for Anything {
    fn from_sql(_: &Type, _: &[u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A recorded instant as it is stored: with milliseconds, no earlier than the calendar of the database begins.
pub(crate) fn instant(instant: Timestamp) -> Timestamp {
    const EARLIEST: i64 = -210_000_000_000_000; // about 4686 BC
    Timestamp::from_millisecond(instant.as_millisecond().max(EARLIEST)).unwrap_or(instant)
}

/// The instant at which the second after `until` begins; the calendar's last if it knows none.
pub(crate) fn end_of(until: UnixTime) -> Timestamp {
    until.saturating_add(1).instant()
}

/// A time of a schedule as it is sent.
pub(crate) fn time(time: UnixTime) -> String {
    time.seconds().to_string()
}
