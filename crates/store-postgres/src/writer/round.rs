//! Keys within a batch: one create of each key is written, and its outcome answers the others.

use std::collections::HashMap;

use fluxora_audit::Entry;
use fluxora_store::{CreateStream, Created, IdempotencyRecord, KeyedResponse, StoreError};

use super::Waiting;
use crate::pool::Connections;
use crate::streams::{self, idempotency};
use crate::unit::{Units, for_each};

type Key = (String, String);
/// A create with what it leaves in the audit log.
type Audited<'c> = (&'c CreateStream, Option<&'c Entry>);

/// Writes and answers all queued creates.
pub(super) async fn write(connection: &Connections, units: &Units, mut waiting: Vec<Waiting>) {
    while !waiting.is_empty() {
        let (round, followers) = split(waiting);
        let creates: Vec<_> =
            round.iter().map(|waiting| (&waiting.create, waiting.entry.as_deref())).collect();
        let outcomes = write_all(connection, units, &creates).await;
        let mut known = HashMap::new();
        let mut again = Vec::new();
        for (leader, outcome) in round.into_iter().zip(outcomes) {
            let Waiting { create, entry, reply, repeats } = leader;
            if let (Ok(Written::Expired), true) = (&outcome, repeats < units.repeat_limit()) {
                units.count_repeat();
                again.push(Waiting { create, entry, reply, repeats: repeats.saturating_add(1) });
                continue;
            }
            if let Some(key) = key(&create) {
                known.insert(key, follow(&create, &outcome));
            }
            // The caller may have stopped waiting.
            reply.send(outcome.and_then(|outcome| outcome.answer(create.keyed.as_ref()))).ok();
        }
        again.extend(followers.into_iter().filter_map(|follower| answer(follower, &known)));
        waiting = again;
    }
}

/// The outcome of one create.
enum Written {
    Done,
    /// Its key is in use, with this record.
    KeyInUse(IdempotencyRecord),
    /// Its key was in use, and the record has expired since.
    Expired,
}

/// The outcome for a create with the same key; `None` if it has to be written itself.
type Precedent = Option<Result<IdempotencyRecord, StoreError>>;

impl Written {
    fn answer(self, keyed: Option<&KeyedResponse>) -> Result<Created, StoreError> {
        match (self, keyed) {
            (Self::Done, _) => Ok(Created::Done),
            (Self::KeyInUse(stored), Some(keyed)) => Ok(replayed(&stored, keyed)),
            (Self::Expired, _) => {
                Err(StoreError::unavailable("idempotency record kept expiring during lookup; gave up"))
            }
            (Self::KeyInUse(_), None) => Err(lost()),
        }
    }
}

fn replayed(stored: &IdempotencyRecord, keyed: &KeyedResponse) -> Created {
    if stored.request == keyed.request {
        Created::Replayed(stored.response.clone())
    } else {
        Created::KeyReused
    }
}

/// Splits off the creates whose key occurs earlier in the batch.
fn split(waiting: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut seen = std::collections::HashSet::new();
    waiting.into_iter().partition(|waiting| key(&waiting.create).is_none_or(|key| seen.insert(key)))
}

fn key(create: &CreateStream) -> Option<Key> {
    create.keyed.as_ref().map(named)
}

fn named(keyed: &KeyedResponse) -> Key {
    (keyed.scope.clone(), keyed.key.as_str().to_owned())
}

fn follow(create: &CreateStream, outcome: &Result<Written, StoreError>) -> Precedent {
    match outcome {
        Ok(Written::KeyInUse(stored)) => Some(Ok(stored.clone())),
        Ok(Written::Done) => create.keyed.as_ref().map(|keyed| {
            let KeyedResponse { scope, key, request, response, at, .. } = keyed.clone();
            Ok(IdempotencyRecord { scope, key, request, response, at })
        }),
        Ok(Written::Expired) => None,
        // A further attempt would wait as long again for the same error.
        Err(fault @ (StoreError::Unavailable { .. } | StoreError::Overloaded)) => Some(Err(fault.repeat())),
        Err(_) => None,
    }
}

/// Answers a create from the outcome of the first one with its key; returns it if it has to be written itself.
fn answer(follower: Waiting, known: &HashMap<Key, Precedent>) -> Option<Waiting> {
    let precedent = key(&follower.create).and_then(|key| known.get(&key)?.as_ref());
    let (Some(precedent), Some(keyed)) = (precedent, &follower.create.keyed) else { return Some(follower) };
    let outcome = match precedent {
        Ok(stored) if stored.at < keyed.expired_before => return Some(follower),
        Ok(stored) => Ok(replayed(stored, keyed)),
        Err(fault) => Err(fault.repeat()),
    };
    follower.reply.send(outcome).ok();
    None
}

/// Writes creates of which no two have the same key, in one transaction. If that fails for a reason that may be one create's
/// own, each is written alone, so that the others do not suffer.
async fn write_all(
    connection: &Connections,
    units: &Units,
    creates: &[Audited<'_>],
) -> Vec<Result<Written, StoreError>> {
    match write_at_once(connection, units, creates).await {
        Ok(outcomes) => {
            units.report_creates(None);
            outcomes
        }
        Err(StoreError::Internal { .. }) if creates.len() > 1 => {
            let mut outcomes = Vec::with_capacity(creates.len());
            for create in creates {
                let alone = write_at_once(connection, units, &[*create]).await;
                outcomes.push(
                    alone.and_then(|outcomes| outcomes.into_iter().next().unwrap_or_else(|| Err(lost()))),
                );
            }
            outcomes
        }
        Err(fault) => {
            units.report_creates(Some(&fault));
            for_each(creates.len(), fault)
        }
    }
}

/// For a key that is in use, reads its record.
async fn write_at_once(
    connection: &Connections,
    units: &Units,
    creates: &[Audited<'_>],
) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
    units
        .run(connection, |lease| async move {
            let written = streams::create_all(&lease, creates).await?;
            let in_use = || creates.iter().zip(&written).filter(|(_, written)| !**written);
            let keyed = in_use().filter_map(|((create, _), _)| create.keyed.as_ref());
            let keys: Vec<_> = keyed.map(|keyed| (keyed.scope.as_str(), keyed.key.as_str())).collect();
            let mut stored =
                if keys.is_empty() { HashMap::new() } else { idempotency::find(&lease, &keys).await? };
            let outcome = |((create, _), written): (&Audited<'_>, &bool)| match &create.keyed {
                _ if *written => Ok(Written::Done),
                Some(keyed) => stored
                    .remove(&named(keyed))
                    .map_or(Ok(Written::Expired), |stored| stored.map(Written::KeyInUse)),
                None => Err(lost()),
            };
            Ok(creates.iter().zip(&written).map(outcome).collect())
        })
        .await
}

fn lost() -> StoreError {
    StoreError::Internal { reason: "INSERT affected no row and reported no error".to_owned(), source: None }
}
