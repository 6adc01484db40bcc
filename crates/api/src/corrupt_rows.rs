use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fluxora_store::CorruptRow;
use jiff::{SignedDuration, Timestamp};

/// The stored rows that lists left out, so that each is logged once an hour and not at every request.
#[derive(Debug, Default)]
pub(crate) struct CorruptRows(Mutex<BTreeMap<(&'static str, String), Timestamp>>);

/// How long a row that was logged is not logged again.
const SILENCE: SignedDuration = SignedDuration::from_hours(1);
/// The most rows that are logged within that time.
const MOST: usize = 100;

impl CorruptRows {
    /// Logs a row that is left out of a list, unless it was logged within the last hour or 100 others were.
    pub(crate) fn report(&self, corrupt: &CorruptRow, now: Timestamp) {
        if !self.is_due(corrupt, now) {
            return;
        }
        let CorruptRow { table, column, row, reason } = corrupt;
        tracing::error!(
            table,
            column,
            row,
            reason,
            "a stored row cannot be decoded and is left out of the list"
        );
    }

    fn is_due(&self, corrupt: &CorruptRow, now: Timestamp) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (corrupt.table, corrupt.row.clone());
        let is_silent = |at: &Timestamp| now.duration_since(*at).abs() < SILENCE;
        if reported.get(&key).is_some_and(is_silent) {
            return false;
        }
        if reported.len() >= MOST {
            reported.retain(|_, at| is_silent(at));
        }
        if reported.len() >= MOST {
            return false;
        }
        reported.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize) -> CorruptRow {
        CorruptRow { table: "streams", column: "rate", row: number.to_string(), reason: "no number".into() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_row_is_logged_once_an_hour() {
        let rows = CorruptRows::default();
        let due = |number, second| rows.is_due(&row(number), at(second));
        assert!(due(1, 0) && due(2, 0));
        assert!(!due(1, 0) && !due(1, 3_599));
        assert!(due(1, 3_600) && !due(1, 3_601));
    }

    #[test]
    fn a_hundred_rows_are_logged_within_an_hour() {
        let rows = CorruptRows::default();
        let logged = |from: i64| (0..1_000).filter(|number| rows.is_due(&row(*number), at(from))).count();
        assert_eq!(logged(0), 100);
        assert_eq!(logged(60), 0);
        assert_eq!(logged(3_600), 100);
    }
}
