//! What the statements of a list share: values with their types, and the conditions of a status.

use fluxora_stream::StatusName;
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};

/// A value of a query whose text depends on what is asked.
pub(crate) enum Value {
    Text(String),
    Place(i64),
    Places(Vec<i64>),
    Instant(Timestamp),
}

/// Values with their types: the statement is not prepared but planned for these very values, each time. A plan for any values
/// would have to guess how many rows a status or a sender has, and sorts where it guesses wrong.
pub(super) fn typed(values: &[Value]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    values.iter().map(Value::typed).collect()
}

impl Value {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(text) => (text, Type::TEXT),
            Self::Place(place) => (place, Type::INT8),
            Self::Places(places) => (places, Type::INT8_ARRAY),
            Self::Instant(instant) => (instant, Type::TIMESTAMPTZ),
        }
    }
}

/// `$1` is the instant, `$2` the status.
pub(super) const RECORDED: &str = "status = $2";
pub(super) const FALLEN_DUE: &str = "due_at <= $1::numeric";
pub(super) const NOT_FALLEN_DUE: &str = "(due_at IS NULL OR due_at > $1::numeric)";

/// Which of the streams that have fallen due at `$1` get a status by that.
pub(super) const fn by_falling_due(status: StatusName) -> Option<&'static str> {
    match status {
        StatusName::Active => Some("end_time > $1::numeric"),
        StatusName::Completed => Some("end_time <= $1::numeric"),
        StatusName::Scheduled | StatusName::Paused | StatusName::Cancelled | StatusName::Depleted => None,
    }
}
