//! Values to columns and back. A value that makes no sense is a [`CorruptRow`] that names table, column and row.

use std::fmt::Display;

use fluxora_store::{CorruptRow, Sequence, StoreError};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

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

    fn take<T: FromSql<'r>>(&mut self, column: &'static str) -> Result<Option<T>, StoreError> {
        let value = self.row.try_get(self.next).map_err(|error| {
            let reason =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            self.corrupt(column, reason)
        })?;
        self.next = self.next.saturating_add(1);
        Ok(value)
    }

    fn required<T: FromSql<'r>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let value = self.take(column)?;
        value.ok_or_else(|| self.corrupt(column, "NULL where a value belongs"))
    }

    pub(crate) fn integer(&mut self, column: &'static str) -> Result<i64, StoreError> {
        self.required(column)
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
        self.required(column)
    }

    pub(crate) fn bytes(&mut self, column: &'static str) -> Result<&'r [u8], StoreError> {
        self.required(column)
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
        self.required(column)
    }

    pub(crate) fn optional_instant(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.take(column)
    }

    /// A value that may be NULL.
    pub(crate) fn optional<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        if self.is_null(column)? {
            self.skip();
            return Ok(None);
        }
        read(self, column).map(Some)
    }

    /// Whether the next column is NULL.
    pub(crate) fn is_null(&self, column: &'static str) -> Result<bool, StoreError> {
        let value: Option<Anything> =
            self.row.try_get(self.next).map_err(|error| self.corrupt(column, error))?;
        Ok(value.is_none())
    }

    /// Passes over the next column.
    pub(crate) const fn skip(&mut self) {
        self.next = self.next.saturating_add(1);
    }

    /// A time of a schedule.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<UnixTime, StoreError> {
        self.unsigned(column).map(UnixTime::from_seconds)
    }

    /// A `u64`, which travels as text.
    pub(crate) fn unsigned(&mut self, column: &'static str) -> Result<u64, StoreError> {
        self.parsed(column, |text| text.parse().map_err(|_| "not a number from 0 to 18446744073709551615"))
    }

    /// The fault of this row, in this column. The key is read again only here.
    pub(crate) fn corrupt(&self, column: &'static str, reason: impl Display) -> StoreError {
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

/// A count as it is stored.
pub(crate) fn count(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// A time of a schedule as it is sent.
pub(crate) fn time(time: UnixTime) -> String {
    time.seconds().to_string()
}

/// A `seq` column as a sequence. A negative value, which no column allows, reads as 0.
pub(crate) fn sequence(seq: i64) -> Sequence {
    Sequence(u64::try_from(seq).unwrap_or_default())
}

/// A sequence as the value of a `seq` column.
pub(crate) fn seq(Sequence(sequence): Sequence) -> i64 {
    count(sequence)
}
