use std::collections::HashSet;

use fluxora_audit::Entry;
use fluxora_auth::Name;
use fluxora_store::rows::FamilyColumns;
use fluxora_store::{CreateStream, StoreError};
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use super::column_lists::{common_arrays, common_columns, common_values};
use super::events::EventValues;
use super::values::StreamValues;
use crate::audit::{EntryValues, entry_columns};
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Parameters;
use crate::pool::Lease;

/// One statement, and so one transaction and one round trip. Keys are taken in their order, or two replicas could each wait for
/// a key that the other holds. Audit rows follow from the written events, so that the lock of the event log is taken before theirs.
/// `$39` is the earliest instant before which a record has expired for one of the creates.
const CREATE: &str = concat!(
    "WITH new AS MATERIALIZED (SELECT * FROM unnest(",
    common_arrays!(),
    ", $16::bigint[], $17::text[], $18::timestamptz[], $19::timestamptz[], $20::text[], \
        $21::text[], $22::text[], $23::text[], $24::bytea[], $25::timestamptz[], \
        $26::timestamptz[], $27::text[], $28::text[], $29::text[], $30::text[], $31::text[], $32::text[], $33::text[], \
        $34::text[], $35::text[], $36::bigint[], $37::bytea[], $38::text[]\
    ) WITH ORDINALITY AS new (",
    common_columns!(),
    ", number, type, occurred_at, recorded_at, data, scope, key, request, response, made_at, \
        at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count, encoded, owner, place)\
    ), keyed AS (\
        INSERT INTO idempotency_records AS old (scope, key, request, response, made_at) \
        SELECT scope, key, request, response, made_at FROM new WHERE key IS NOT NULL \
        ORDER BY scope COLLATE \"C\", key COLLATE \"C\" \
        ON CONFLICT (scope, key) DO UPDATE SET request = excluded.request, response = excluded.response, \
            made_at = excluded.made_at \
        WHERE old.made_at < $39::timestamptz \
        RETURNING scope, key\
    ), written AS (INSERT INTO streams (",
    common_columns!(),
    ") SELECT ",
    common_values!(),
    " FROM new WHERE key IS NULL OR (scope, key) IN (SELECT scope, key FROM keyed) ORDER BY place \
        RETURNING seq, id\
    ), inserted_events AS (\
        INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
        SELECT written.seq, number, type, occurred_at, recorded_at, data::json \
        FROM written JOIN new USING (id) ORDER BY place RETURNING stream\
    ), audited AS MATERIALIZED (SELECT append_audit(array_agg(ROW(",
    entry_columns!(),
    ")::audit_entry ORDER BY place)) \
        FROM inserted_events JOIN written ON written.seq = inserted_events.stream JOIN new USING (id) WHERE action IS NOT NULL\
    ), owners AS (\
        INSERT INTO stream_owners (stream, owner) \
        SELECT id, owner FROM written JOIN new USING (id) WHERE owner IS NOT NULL\
    ) SELECT id FROM written CROSS JOIN audited"
);

/// Writes new streams, of which no two have the same key, with their events and keyed responses. Answers which were written, in
/// order; the keys of the others are in use.
pub(crate) async fn create_all(
    lease: &Lease,
    creates: &[(&CreateStream, Option<&Entry>)],
) -> Result<Vec<bool>, Fault> {
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
    responses: Vec<Option<&'c [u8]>>,
    made_at: Vec<Option<Timestamp>>,
    expired_before: Option<Timestamp>,
    entries: EntryValues,
    owners: Vec<Option<&'c str>>,
}

impl<'c> Values<'c> {
    fn of(creates: &[(&'c CreateStream, Option<&Entry>)]) -> Result<Self, StoreError> {
        let mut values = Self::default();
        for (CreateStream { stream, event, keyed, owner }, entry) in creates {
            values.entries.push(*entry);
            values.streams.push(stream, &FamilyColumns::of(stream)?);
            values.events.push(event)?;
            let keyed = keyed.as_ref();
            values.scopes.push(keyed.map(|keyed| keyed.scope.as_str()));
            values.keys.push(keyed.map(|keyed| keyed.key.as_str()));
            values.requests.push(keyed.map(|keyed| keyed.request.as_str()));
            values.responses.push(keyed.map(|keyed| keyed.response.as_slice()));
            values.made_at.push(keyed.map(|keyed| columns::instant(keyed.at)));
            let earliest = values.expired_before.into_iter().chain(keyed.map(|keyed| keyed.expired_before));
            values.expired_before = earliest.min();
            values.owners.push(owner.as_ref().map(Name::as_str));
        }
        values.expired_before = values.expired_before.map(columns::instant);
        Ok(values)
    }

    /// In the order of [`CREATE`].
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut parameters = Vec::from(self.streams.parameters());
        parameters.extend(self.events.parameters());
        let keyed: [&(dyn ToSql + Sync); 5] =
            [&self.scopes, &self.keys, &self.requests, &self.responses, &self.made_at];
        parameters.extend(keyed);
        parameters.extend(self.entries.parameters());
        let owners: &(dyn ToSql + Sync) = &self.owners;
        parameters.push(owners);
        parameters.push(&self.expired_before);
        parameters
    }
}
