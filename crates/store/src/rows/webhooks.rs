use std::num::NonZeroU32;

use fluxora_delivery::{
    Attempt, AttemptOptions, AttemptResult, Breaker, Delivery, DeliveryId, DeliveryState, Endpoint,
    EndpointId, EndpointQueue, EndpointState, FilterRecord, InvalidRecord, Lease, Notice, RateState, Replay,
    ReplayFilterRecord, ReplayId, secrets_from_json,
};
use fluxora_stream::{Sequence, StreamId};
use jiff::SignedDuration;

use super::ReadColumns;
use crate::StoreError;
use crate::delivery::{StoredDelivery, StoredEndpoint};

/// Reads `seq, id, owner, url, description, filter, state, state_since, state_reason, headers, secrets, custom_headers, rate_limit,
/// start_sequence, behind, created_at, updated_at, version, consecutive_failures, failing_since, last_success_at, last_failure_at,
/// breaker, blocked_until, rate_caught_up_us, pending, dead, delivered, runnable_at, ordering, options, forgotten_to, notices` of `webhook_endpoints`.
pub fn webhook_endpoint<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredEndpoint, StoreError> {
    let sequence = columns.sequence("seq")?;
    let id = id(columns, "id", EndpointId::parse)?;
    let owner = columns.optional("owner", C::text)?.map(str::to_owned);
    let url = columns.text("url")?.to_owned();
    let description = columns.text("description")?.to_owned();
    let filter = record(columns, "filter", FilterRecord::from_json)?;
    let name = columns.text("state")?;
    let since = columns.optional("state_since", C::instant)?;
    let reason = columns.optional("state_reason", C::text)?;
    let state = EndpointState::from_parts(name, since, reason)
        .ok_or_else(|| columns.corrupt("state", "does not go with its reason and its time"))?;
    let headers = columns.parsed("headers", str::parse)?;
    let secrets = record(columns, "secrets", secrets_from_json)?;
    let custom_headers = columns.bytes("custom_headers")?.to_vec();
    let rate_limit = columns.optional("rate_limit", |columns, name| {
        let rate: u32 = columns.number(name)?;
        NonZeroU32::new(rate).ok_or_else(|| columns.corrupt(name, "0 is no rate"))
    })?;
    let start_sequence = columns.sequence("start_sequence")?;
    let behind = columns.optional("behind", C::sequence)?;
    let created_at = columns.instant("created_at")?;
    let updated_at = columns.instant("updated_at")?;
    let version = columns.number("version")?;
    let queue = EndpointQueue {
        consecutive_failures: columns.number("consecutive_failures")?,
        failing_since: columns.optional("failing_since", C::instant)?,
        last_success_at: columns.optional("last_success_at", C::instant)?,
        last_failure_at: columns.optional("last_failure_at", C::instant)?,
        breaker: record(columns, "breaker", Breaker::from_json)?,
        blocked_until: columns.optional("blocked_until", C::instant)?,
        rate: RateState { caught_up_us: columns.integer("rate_caught_up_us")? },
        pending: columns.number("pending")?,
        dead: columns.number("dead")?,
        delivered: columns.number("delivered")?,
        runnable_at: columns.optional("runnable_at", C::instant)?,
    };
    let ordering = columns.parsed("ordering", str::parse)?;
    let options = record(columns, "options", AttemptOptions::from_json)?;
    let endpoint = Endpoint {
        id,
        owner,
        url,
        description,
        filter,
        state,
        headers,
        ordering,
        options,
        secrets,
        custom_headers,
        rate_limit,
        start_sequence,
        created_at,
        updated_at,
        version,
    };
    let forgotten_to = columns.sequence("forgotten_to")?;
    let notices = columns.optional("notices", |columns, name| record(columns, name, Notice::from_json))?;
    let notices = notices.unwrap_or_default();
    Ok(StoredEndpoint { sequence, endpoint, queue, behind, forgotten_to, notices })
}

/// Reads `seq, id, endpoint, sequence, stream, type, body, state, claimable_at, reason, worker, claimed_at, settled_at, attempts, tries,
/// first_attempt_at, claims, created_at, blocks_until, replay_of` of `webhook_deliveries`.
pub fn webhook_delivery<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredDelivery, StoreError> {
    let seq = columns.sequence("seq")?;
    let id = id(columns, "id", DeliveryId::parse)?;
    let endpoint = self::id(columns, "endpoint", EndpointId::parse)?;
    let sequence = columns.sequence("sequence")?;
    let stream = self::id(columns, "stream", StreamId::parse)?;
    let event_type = columns.text("type")?.to_owned();
    let body = columns.bytes("body")?.to_vec();
    let name = columns.text("state")?;
    let claimable_at = columns.optional("claimable_at", C::instant)?;
    let reason = columns.optional("reason", |columns, name| columns.parsed(name, str::parse))?;
    let worker = columns.optional("worker", C::text)?;
    let claimed_at = columns.optional("claimed_at", C::instant)?;
    let settled_at = columns.optional("settled_at", C::instant)?;
    let state = match (name, claimable_at, settled_at, reason, worker.zip(claimed_at)) {
        ("pending", due_at, None, None, None) => DeliveryState::Pending { due_at },
        ("in_flight", Some(until), None, None, Some((worker, claimed_at))) => {
            DeliveryState::InFlight(Lease { worker: worker.to_owned(), claimed_at, until })
        }
        ("delivered", None, Some(at), None, None) => DeliveryState::Delivered { at },
        ("dead", None, Some(at), Some(reason), None) => DeliveryState::Dead { at, reason },
        ("cancelled", None, Some(at), None, None) => DeliveryState::Cancelled { at },
        _ => return Err(columns.corrupt("state", "does not go with the other columns")),
    };
    let delivery = Delivery {
        id,
        endpoint,
        sequence,
        stream,
        event_type,
        body,
        state,
        attempts: columns.number("attempts")?,
        tries: columns.number("tries")?,
        first_attempt_at: columns.optional("first_attempt_at", C::instant)?,
        claims: columns.number("claims")?,
        created_at: columns.instant("created_at")?,
        blocks_until: columns.optional("blocks_until", C::instant)?,
        replay_of: columns
            .optional("replay_of", |columns, name| self::id(columns, name, DeliveryId::parse))?,
    };
    Ok(StoredDelivery { sequence: seq, delivery })
}

/// Reads `seq, delivery, number, outcome, started_at, duration_ms, status, retry_after_ms, excerpt, worker, details` of `webhook_attempts`:
/// the position of the attempt, that of its delivery, and the attempt.
pub fn webhook_attempt<'r, C: ReadColumns<'r>>(
    columns: &mut C,
) -> Result<(Sequence, Sequence, Attempt), StoreError> {
    let sequence = columns.sequence("seq")?;
    let delivery = columns.sequence("delivery")?;
    let number = columns.number("number")?;
    let outcome = columns.parsed("outcome", str::parse)?;
    let started_at = columns.instant("started_at")?;
    let duration = columns.integer("duration_ms").map(SignedDuration::from_millis)?;
    let status = columns.optional("status", C::number)?;
    let retry_after = columns.optional("retry_after_ms", C::integer)?.map(SignedDuration::from_millis);
    let excerpt = columns.bytes("excerpt")?.to_vec();
    let worker = columns.text("worker")?.to_owned();
    let result =
        AttemptResult { status, retry_after, excerpt, ..AttemptResult::new(outcome, started_at, duration) };
    let attempt = Attempt { number, result, worker, claim: None, next_attempt_at: None };
    let attempt = record(columns, "details", |json| attempt.with_details(json))?;
    Ok((sequence, delivery, attempt))
}

/// Reads `seq, id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed, fresh_ids` of `webhook_replays`: the position of
/// the replay and the replay.
pub fn webhook_replay<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<(Sequence, Replay), StoreError> {
    let sequence = columns.sequence("seq")?;
    let replay = Replay {
        id: id(columns, "id", ReplayId::parse)?,
        endpoint: id(columns, "endpoint", EndpointId::parse)?,
        filter: record(columns, "filter", ReplayFilterRecord::from_json)?,
        state: columns.parsed("state", str::parse)?,
        created_at: columns.instant("created_at")?,
        finished_at: columns.optional("finished_at", C::instant)?,
        cursor: columns.sequence("cursor")?,
        upto: columns.sequence("upto")?,
        total: columns.number("total")?,
        replayed: columns.number("replayed")?,
        fresh_ids: columns.integer("fresh_ids")? != 0,
    };
    Ok((sequence, replay))
}

fn id<'r, C: ReadColumns<'r>, T>(
    columns: &mut C,
    column: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, StoreError> {
    columns.parsed(column, |text| parse(text).ok_or("not an id"))
}

fn record<'r, C: ReadColumns<'r>, T>(
    columns: &mut C,
    column: &'static str,
    parse: impl FnOnce(&str) -> Result<T, InvalidRecord>,
) -> Result<T, StoreError> {
    columns.parsed(column, parse)
}
