use fluxora_stream::{Cause, Sequence, StreamId, TimeEvent, TimeEventKind, UnixTime};

use super::ReadColumns;
use crate::StoreError;
use crate::time_events::{InstantState, StoredInstant};

/// The columns of an [`InstantState`]: `state, since, cause`.
pub type InstantStateColumns = (&'static str, Option<Sequence>, Option<String>);

/// The number of a kind in the column `kind`: its place in the order of a schedule.
pub fn instant_kind(kind: TimeEventKind) -> i16 {
    let place = TimeEventKind::ALL.iter().position(|other| *other == kind);
    place.and_then(|place| i16::try_from(place).ok()).unwrap_or(0)
}

/// The columns of a state.
///
/// # Errors
/// [`StoreError::Internal`] if its cause cannot be written.
pub fn instant_state(state: &InstantState) -> Result<InstantStateColumns, StoreError> {
    Ok(match state {
        InstantState::Due => ("due", None, None),
        InstantState::Emitted => ("emitted", None, None),
        InstantState::Passed => ("passed", None, None),
        InstantState::Unproven { since } => ("unproven", Some(*since), None),
        InstantState::Disputed { since, cause } => {
            let cause = serde_json::to_string(cause).map_err(|error| StoreError::Internal {
                reason: "writing the cause of a correction".to_owned(),
                source: Some(error.into()),
            })?;
            ("disputed", Some(*since), Some(cause))
        }
    })
}

/// The columns `since, stream, at, kind` of an instant in question; without one, a place before all of them.
pub fn instant_place(instant: Option<&StoredInstant>) -> (i64, String, i64, i16) {
    instant.map_or((0, String::new(), 0, 0), |stored| {
        let StoredInstant { stream, event, .. } = stored;
        let since = stored.since().map_or(0, super::seq);
        (since, stream.to_string(), super::count(event.at.seconds()), instant_kind(event.kind))
    })
}

/// Reads `stream, at, kind, state, since, cause` of `stream_instants`.
pub fn stored_instant<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredInstant, StoreError> {
    let stream = columns.parsed("stream", |text| StreamId::parse(text).ok_or("not a stream's id"))?;
    let at = UnixTime::from_seconds(columns.number("at")?);
    let kind: usize = columns.number("kind")?;
    let kind =
        TimeEventKind::ALL.get(kind).copied().ok_or_else(|| columns.corrupt("kind", "no such kind"))?;
    let state = columns.text("state")?;
    let since = columns.optional("since", C::sequence)?;
    let cause = columns.optional("cause", |columns, name| {
        columns.parsed(name, |text| serde_json::from_str::<Cause>(text))
    })?;
    let state = match (state, since, cause) {
        ("due", None, None) => InstantState::Due,
        ("emitted", None, None) => InstantState::Emitted,
        ("passed", None, None) => InstantState::Passed,
        ("unproven", Some(since), None) => InstantState::Unproven { since },
        ("disputed", Some(since), Some(cause)) => InstantState::Disputed { since, cause },
        _ => return Err(columns.corrupt("state", "does not go with since and cause")),
    };
    Ok(StoredInstant { stream, event: TimeEvent { at, kind }, state })
}
