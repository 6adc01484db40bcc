//! Records of webhooks as text. Every record is taken apart by naming all its fields.

use fluxora_delivery::{
    Attempt, AttemptResult, Delivery, Endpoint, EndpointQueue, FilterRecord, InvalidRecord, Notice,
    RateState, Replay, ReplayFilterRecord, secrets_to_json,
};
use fluxora_stream::Sequence;
use jiff::Timestamp;

use super::CopiedAttempt;
use super::canonical::Fields;
use crate::StoreError;
use crate::delivery::{StoredDelivery, StoredEndpoint};

pub(super) fn endpoint(
    fields: &mut Fields,
    stored: &StoredEndpoint,
    deleted_at: Option<&Timestamp>,
) -> Result<(), StoreError> {
    let StoredEndpoint { sequence, endpoint, queue, behind, forgotten_to, notices } = stored;
    let Endpoint {
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
    } = endpoint;
    fields.put("sequence", sequence.0).put("id", id).optional("owner", owner.as_ref());
    fields.text("url", url).text("description", description);
    fields.text("filter", &json(FilterRecord::to_json(filter))?);
    fields.text("state", state.name()).optional("since", state.since()).optional("reason", state.reason());
    fields
        .text("headers", headers.name())
        .text("ordering", ordering.name())
        .text("options", &json(options.to_json())?)
        .text("secrets", &json(secrets_to_json(secrets))?);
    fields.text("customHeaders", &hex(custom_headers)).optional("rateLimit", rate_limit.as_ref());
    fields.put("start", start_sequence.0).optional("behind", behind.map(|behind| behind.0));
    fields.put("createdAt", created_at).put("updatedAt", updated_at).put("version", version);
    fields.optional("deletedAt", deleted_at);
    let EndpointQueue {
        consecutive_failures,
        failing_since,
        last_success_at,
        last_failure_at,
        breaker,
        blocked_until,
        rate: RateState { caught_up_us },
        pending,
        dead,
        delivered,
        runnable_at,
    } = queue;
    fields.put("consecutiveFailures", consecutive_failures).optional("failingSince", failing_since.as_ref());
    fields.optional("lastSuccessAt", last_success_at.as_ref());
    fields.optional("lastFailureAt", last_failure_at.as_ref());
    fields.text("breaker", &json(breaker.to_json())?).optional("blockedUntil", blocked_until.as_ref());
    fields.put("rateCaughtUpUs", caught_up_us).put("pending", pending).put("dead", dead);
    fields.put("delivered", delivered).optional("runnableAt", runnable_at.as_ref());
    fields.put("forgottenTo", forgotten_to.0).text("notices", &json(Notice::to_json(notices))?);
    Ok(())
}

pub(super) fn delivery(fields: &mut Fields, stored: &StoredDelivery) {
    let StoredDelivery { sequence: position, delivery } = stored;
    let Delivery {
        id,
        replay_of,
        endpoint,
        sequence,
        stream,
        event_type,
        body,
        state,
        attempts,
        tries,
        first_attempt_at,
        blocks_until,
        claims,
        created_at,
    } = delivery;
    fields.put("position", position.0).put("id", id).put("endpoint", endpoint).put("sequence", sequence.0);
    fields.put("stream", stream).text("type", event_type).text("body", &hex(body));
    let lease = state.lease();
    fields.text("state", state.name()).optional("claimableAt", state.claimable_at());
    fields.optional("reason", state.dead_reason().map(fluxora_delivery::DeadReason::name));
    fields.optional("worker", lease.map(|lease| &lease.worker));
    fields.optional("claimedAt", lease.map(|lease| lease.claimed_at));
    fields.optional("settledAt", state.settled_at());
    fields.put("attempts", attempts).put("tries", tries);
    fields.optional("firstAttemptAt", first_attempt_at.as_ref()).put("claims", claims);
    fields.put("createdAt", created_at).optional("blocksUntil", blocks_until.as_ref());
    fields.optional("replayOf", replay_of.as_ref());
}

pub(super) fn attempt(fields: &mut Fields, copied: &CopiedAttempt) -> Result<(), StoreError> {
    let CopiedAttempt { sequence, delivery, attempt } = copied;
    let details = json(attempt.details_to_json())?;
    // Claim, next attempt and exchange are in the details.
    let Attempt { number, result, worker, claim: _, next_attempt_at: _ } = attempt;
    let AttemptResult { outcome, started_at, duration, status, retry_after, excerpt, exchange: _ } = result;
    fields.put("sequence", sequence.0).put("delivery", delivery.0).put("number", number);
    fields.text("outcome", outcome.name()).put("startedAt", started_at);
    fields.put("durationMs", duration.as_millis()).optional("status", status.as_ref());
    fields.optional("retryAfterMs", retry_after.map(|wait| wait.as_millis()));
    fields.text("excerpt", &hex(excerpt)).text("worker", worker).text("details", &details);
    Ok(())
}

pub(super) fn replay(fields: &mut Fields, sequence: Sequence, replay: &Replay) -> Result<(), StoreError> {
    let Replay {
        id,
        endpoint,
        filter,
        fresh_ids,
        state,
        created_at,
        finished_at,
        cursor,
        upto,
        total,
        replayed,
    } = replay;
    fields.put("sequence", sequence.0).put("id", id).put("endpoint", endpoint);
    fields.text("filter", &json(ReplayFilterRecord::to_json(filter))?).text("state", state.name());
    fields.put("createdAt", created_at).optional("finishedAt", finished_at.as_ref());
    fields.put("cursor", cursor.0).put("upto", upto.0).put("total", total).put("replayed", replayed);
    fields.put("freshIds", fresh_ids);
    Ok(())
}

fn json(written: Result<String, InvalidRecord>) -> Result<String, StoreError> {
    written.map_err(|error| StoreError::Internal {
        reason: "writing a record of webhooks".to_owned(),
        source: Some(error.into()),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
