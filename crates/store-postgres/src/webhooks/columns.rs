//! The columns of each table, in the order in which rows are read.

macro_rules! endpoint_columns {
    () => {
        "seq, id, owner, url, description, filter, state, state_since, state_reason, headers, secrets, custom_headers, \
         rate_limit, start_sequence, behind, created_at, updated_at, version, consecutive_failures, failing_since, \
         last_success_at, last_failure_at, breaker, blocked_until, rate_caught_up_us, pending, dead, delivered, runnable_at, \
         ordering, options, forgotten_to, notices"
    };
}
pub(crate) use endpoint_columns;

macro_rules! delivery_columns {
    () => {
        delivery_columns!("d.body")
    };
    ($body:literal) => {
        concat!(
            "d.seq, d.id, d.endpoint, d.sequence, d.stream, d.type, ",
            $body,
            ", d.state, d.claimable_at, d.reason, d.worker, d.claimed_at, d.settled_at, d.attempts, d.tries, \
             d.first_attempt_at, d.claims, d.created_at, d.blocks_until, d.replay_of"
        )
    };
}
pub(crate) use delivery_columns;

macro_rules! attempt_columns {
    () => {
        "a.seq, a.delivery, a.number, a.outcome, a.started_at, a.duration_ms, a.status, a.retry_after_ms, a.excerpt, a.worker, \
         a.details"
    };
}
pub(crate) use attempt_columns;

macro_rules! replay_columns {
    () => {
        "seq, id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed, fresh_ids"
    };
}
pub(crate) use replay_columns;
