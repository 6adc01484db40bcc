//! Values to columns and back. A value that makes no sense is a [`CorruptRow`] that names table, column and row.

use std::fmt::Display;

use fluxora_store::{CorruptRow, StoreError};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

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

    /// A time of a schedule.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<UnixTime, StoreError> {
        let seconds =
            self.parsed(column, |text| text.parse().map_err(|_| "not a count of seconds since 1970"))?;
        Ok(UnixTime::from_seconds(seconds))
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
