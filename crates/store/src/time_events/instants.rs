use std::collections::BTreeMap;

use fluxora_stream::{
    Cause, EventKind, LoggedEvent, Origin, Sequence, Stream, TimeEvent, TimeEventKind, UnixTime,
};

use super::{InstantState, StoredInstant};

/// A change of the table for one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstantChange {
    /// Writes an instant with this state.
    Put(TimeEvent, InstantState),
    /// Removes an instant.
    Remove(TimeEvent),
}

/// What the present row of a stream says of its instants.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The instants by the present terms.
    pub(super) events: Vec<TimeEvent>,
    /// The last change. Instants up to it are those of the terms before.
    pub(super) changed: UnixTime,
    /// Whether the terms never change: those of an API stream, which is at most cancelled.
    pub(super) are_fixed: bool,
}

impl Terms {
    fn of(stream: &Stream) -> Self {
        Self {
            events: stream.time_events(),
            changed: UnixTime::of(stream.updated_at),
            are_fixed: stream.id().origin() == Origin::Api,
        }
    }

    /// Whether the present terms are those of the instant.
    pub(super) fn decide(&self, event: &TimeEvent) -> bool {
        self.are_fixed || event.at > self.changed
    }
}

/// Whether an instant is one of the stream, and the present terms decide that.
pub(super) fn is_certain(stream: &Stream, event: &TimeEvent) -> bool {
    let terms = Terms::of(stream);
    terms.decide(event) && terms.events.contains(event)
}

/// The changes of the table after these events of a stream, in the order of the log. `stream` is its present row; `None` if it
/// was removed. Instants up to `passed` that are not in the table are over without an event.
pub fn reschedule(
    stream: Option<&Stream>,
    stored: &[StoredInstant],
    log: &[&LoggedEvent],
    passed: Option<UnixTime>,
) -> Vec<InstantChange> {
    changes(stream.map(Terms::of).as_ref(), stored, log, passed)
}

pub(super) fn changes(
    terms: Option<&Terms>,
    stored: &[StoredInstant],
    log: &[&LoggedEvent],
    passed: Option<UnixTime>,
) -> Vec<InstantChange> {
    let before: BTreeMap<TimeEvent, &InstantState> =
        stored.iter().map(|stored| (stored.event, &stored.state)).collect();
    let mut after: BTreeMap<TimeEvent, InstantState> =
        stored.iter().map(|stored| (stored.event, stored.state.clone())).collect();
    log.iter().for_each(|logged| read(&mut after, logged));
    match terms {
        Some(terms) => plan(&mut after, terms, log.last().map_or(Sequence(0), |last| last.sequence), passed),
        // The event of its removal retracts all of them.
        None => after.clear(),
    }
    let removed = before.keys().filter(|event| !after.contains_key(event)).copied();
    let mut changes: Vec<_> = removed.map(InstantChange::Remove).collect();
    let changed = after.into_iter().filter(|(event, state)| before.get(event) != Some(&state));
    changes.extend(changed.map(|(event, state)| InstantChange::Put(event, state)));
    changes
}

/// What an event says of instants: that one was emitted or retracted, or that an emitted one may be wrong.
fn read(instants: &mut BTreeMap<TimeEvent, InstantState>, logged: &LoggedEvent) {
    let (event, since) = (&logged.event, logged.sequence);
    if let Some(emitted) = event.time_event() {
        let state = instants.entry(emitted).or_insert(InstantState::Emitted);
        if !matches!(state, InstantState::Disputed { .. }) {
            *state = InstantState::Emitted;
        }
        return;
    }
    if event.changes_nothing() {
        return;
    }
    if let Some(retracted) = &event.data.retracts {
        if let Some(kind) = TimeEventKind::of(retracted.r#type) {
            let taken_back = TimeEvent { at: retracted.at, kind };
            if instants.get(&taken_back) == Some(&InstantState::Emitted) {
                instants.remove(&taken_back);
            }
        }
        return;
    }
    if event.kind == EventKind::Removed {
        // It retracts every event of the stream.
        instants.clear();
        return;
    }
    // An instant of a chain stream is emitted after every event before it. A later event that occurred before is of other
    // ledgers than those that were known.
    let is_corrected = corrects(&event.data.cause);
    let is_of_chain = event.stream.origin() == Origin::Chain;
    let occurred = UnixTime::of(event.occurred_at);
    for (instant, state) in instants {
        let is_after = is_of_chain && occurred <= instant.at;
        if !(is_corrected || is_after) {
            continue;
        }
        match state {
            InstantState::Emitted | InstantState::Disputed { .. } => {
                *state = InstantState::Disputed { since, cause: event.data.cause.clone() };
            }
            InstantState::Unproven { .. } => *state = InstantState::Unproven { since },
            InstantState::Due | InstantState::Passed => {}
        }
    }
}

/// Whether an event with this cause says that earlier ones were wrong.
const fn corrects(cause: &Cause) -> bool {
    matches!(cause, Cause::Reorg { .. } | Cause::LateEvents { .. } | Cause::Reindex)
}

/// Replaces what is to come by the instants of the present terms.
fn plan(
    instants: &mut BTreeMap<TimeEvent, InstantState>,
    terms: &Terms,
    since: Sequence,
    passed: Option<UnixTime>,
) {
    let due = instants.iter().filter(|(_, state)| **state == InstantState::Due).map(|(event, _)| *event);
    for event in due.collect::<Vec<_>>() {
        if !terms.decide(&event) {
            instants.insert(event, InstantState::Unproven { since });
        } else if !terms.events.contains(&event) {
            instants.remove(&event);
        }
    }
    for event in &terms.events {
        let state = match passed {
            Some(passed) if event.at <= passed => InstantState::Passed,
            _ if terms.decide(event) => InstantState::Due,
            _ => InstantState::Unproven { since },
        };
        instants.entry(*event).or_insert(state);
    }
}
