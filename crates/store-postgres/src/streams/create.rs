use std::collections::{HashMap, HashSet};

use fluxora_store::{Answer, CreateStream, StoreError};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::events::EventValues;
use super::values::StreamValues;
use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// One statement, and so one transaction and one round trip. Keys are taken in their order, or two replicas could each wait for
/// a key that the other holds. `24 hours` is [`fluxora_store::IDEMPOTENCY_RETENTION`].
const CREATE: &str = "WITH new AS MATERIALIZED (\
        SELECT * FROM unnest(\
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], \
            $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::bigint[], \
            $16::bigint[], $17::text[], $18::timestamptz[], $19::timestamptz[], $20::text[], \
            $21::text[], $22::text[], $23::text[], $24::integer[], $25::text[], $26::text[], $27::timestamptz[]\
        ) WITH ORDINALITY AS new (\
            id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, \
            withdrawn, status, status_at, created_at, updated_at, events, \
            number, type, occurred_at, recorded_at, data, \
            scope, key, request, answer, location, body, made_at, place\
        )\
    ), kept AS (\
        INSERT INTO kept_answers AS old (scope, key, request, status, location, body, made_at) \
        SELECT scope, key, request, answer, location, body, made_at FROM new WHERE key IS NOT NULL \
        ORDER BY scope COLLATE \"C\", key COLLATE \"C\" \
        ON CONFLICT (scope, key) DO UPDATE SET request = excluded.request, status = excluded.status, \
            location = excluded.location, body = excluded.body, made_at = excluded.made_at \
        WHERE old.made_at < excluded.made_at - INTERVAL '24 hours' \
        RETURNING scope, key\
    ), written AS (\
        INSERT INTO streams (id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, \
            withdrawn, status, status_at, created_at, updated_at, events) \
        SELECT id, origin, sender, recipient, deposit::numeric, rate::numeric, start_time::numeric, cliff_time::numeric, \
            end_time::numeric, withdrawn::numeric, status, status_at, created_at, updated_at, events \
        FROM new WHERE key IS NULL OR (scope, key) IN (SELECT scope, key FROM kept) ORDER BY place \
        RETURNING seq, id\
    ), told AS (\
        INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
        SELECT written.seq, number, type, occurred_at, recorded_at, data::json \
        FROM written JOIN new USING (id) ORDER BY place\
    ) SELECT id FROM written";

const KEPT: &str = "SELECT scope || ' ' || key, scope, key, request, status::bigint, location, body, made_at FROM kept_answers \
                    WHERE (scope, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))";

const FORGET: &str = "DELETE FROM kept_answers WHERE (scope, key) IN \
                      (SELECT scope, key FROM kept_answers WHERE made_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Writes new streams, of which no two have the same key, with their events and kept answers. Answers which were written, in
/// order; the keys of the others are in use.
pub(crate) async fn create_all(lease: &Lease, creates: &[&CreateStream]) -> Result<Vec<bool>, Fault> {
    let what = "writing streams";
    let statement = lease.prepare_cached(CREATE).await.attempt(what)?;
    let values = Values::of(creates)?;
    let rows = lease.query(&statement, &values.parameters()).await.attempt(what)?;
    let written: HashSet<String> =
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().attempt(what)?;
    Ok(values.streams.ids.iter().map(|id| written.contains(id)).collect())
}

/// Streams with what belongs to them as columns of values, the way `unnest` takes them.
#[derive(Default)]
struct Values<'c> {
    streams: StreamValues,
    events: EventValues,
    scopes: Vec<Option<&'c str>>,
    keys: Vec<Option<&'c str>>,
    requests: Vec<Option<&'c str>>,
    answers: Vec<Option<i32>>,
    locations: Vec<Option<&'c str>>,
    bodies: Vec<Option<&'c str>>,
    made_at: Vec<Option<Timestamp>>,
}

impl<'c> Values<'c> {
    fn of(creates: &[&'c CreateStream]) -> Result<Self, StoreError> {
        let mut values = Self::default();
        for CreateStream { stream, event, keyed } in creates {
            values.streams.push(stream);
            values.events.push(event)?;
            let keyed = keyed.as_ref();
            values.scopes.push(keyed.map(|keyed| keyed.scope));
            values.keys.push(keyed.map(|keyed| keyed.key.as_str()));
            values.requests.push(keyed.map(|keyed| keyed.request.as_str()));
            values.answers.push(keyed.map(|keyed| keyed.answer.status.into()));
            values.locations.push(keyed.map(|keyed| keyed.answer.location.as_str()));
            values.bodies.push(keyed.map(|keyed| keyed.answer.body.as_str()));
            values.made_at.push(keyed.map(|keyed| columns::instant(keyed.at)));
        }
        Ok(values)
    }

    /// In the order of [`CREATE`].
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut parameters = Vec::from(self.streams.parameters());
        parameters.extend(self.events.parameters());
        let kept: [&(dyn ToSql + Sync); 7] = [
            &self.scopes,
            &self.keys,
            &self.requests,
            &self.answers,
            &self.locations,
            &self.bodies,
            &self.made_at,
        ];
        parameters.extend(kept);
        parameters
    }
}

/// The request that last used a key, what it was answered, and when.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) request: String,
    pub(crate) answer: Answer,
    pub(crate) at: Timestamp,
}

type KeptByKey = HashMap<(String, String), Result<Kept, StoreError>>;

/// What is kept under these scopes and keys, each with its own fault if its row cannot be read.
pub(crate) async fn kept(lease: &Lease, keys: &[(&str, &str)]) -> Result<KeptByKey, Fault> {
    let what = "looking up idempotency keys";
    let (scopes, keys): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let statement = lease.prepare_cached(KEPT).await.attempt(what)?;
    let rows = lease.query(&statement, &[&scopes, &keys]).await.attempt(what)?;
    rows.iter()
        .map(|row| Ok(((row.try_get("scope")?, row.try_get("key")?), decode(row))))
        .collect::<Result<_, _>>()
        .attempt(what)
}

fn decode(row: &Row) -> Result<Kept, StoreError> {
    let mut columns = Columns::of(row, "kept_answers");
    for column in ["key", "scope", "key"] {
        columns.text(column)?;
    }
    let request = columns.text("request")?.to_owned();
    let status = columns.number("status")?;
    let location = columns.text("location")?.to_owned();
    let body = columns.text("body")?.to_owned();
    Ok(Kept { request, answer: Answer { status, location, body }, at: columns.instant("made_at")? })
}

/// Drops up to `limit` of the answers made before `before`.
pub(crate) async fn delete_expired_idempotency_records(
    lease: &Lease,
    before: Timestamp,
    limit: u32,
) -> Result<u64, Fault> {
    let what = "forgetting old answers";
    let statement = lease.prepare_cached(FORGET).await.attempt(what)?;
    lease.execute(&statement, &[&columns::instant(before), &i64::from(limit)]).await.attempt(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_keeps_answers_as_long_as_they_are_to_be_kept() {
        assert_eq!(fluxora_store::IDEMPOTENCY_RETENTION, jiff::SignedDuration::from_hours(24));
        assert!(CREATE.contains("INTERVAL '24 hours'"));
    }
}
