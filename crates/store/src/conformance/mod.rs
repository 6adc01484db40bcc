//! The behaviours every backend must show, one named test each, and a model to compare with.
//!
//! A backend instantiates the suite in its own tests:
//!
//! ```text
//! fluxora_store::conformance_suite!(open_a_fresh_store().await);
//! fluxora_store::conformance_suite!(optional open_a_fresh_store_if_its_server_is_installed().await);
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test suite fails by panicking"
)]

mod audit;
mod cancelling;
mod chain;
mod clock;
pub mod clones;
pub mod copy;
mod corrupt_rows;
mod counting;
mod creating;
mod earlier_rows;
mod event_log;
mod fixtures;
mod keys;
mod listing;
mod model;
mod random;
mod runway;
mod time_events;
pub mod traffic;
pub mod treasuries;
mod treasury;
mod webhooks;

pub use audit::*;
pub use cancelling::*;
pub use chain::*;
pub use clock::*;
pub use corrupt_rows::*;
pub use counting::check_count;
pub use creating::*;
pub use earlier_rows::*;
pub use event_log::*;
pub use keys::*;
pub use listing::*;
pub use model::Model;
pub use random::a_random_history_agrees_with_the_model;
pub use runway::*;
pub use time_events::*;
pub use treasury::*;
pub use webhooks::*;

/// Makes one test of each behaviour. The argument is an expression, evaluated in an async context once per test, that opens
/// a fresh, empty store; after `optional`, one that yields an `Option` of it, where `None` ends the test: what the store needs is
/// not installed here.
#[macro_export]
macro_rules! conformance_suite {
    (optional $open:expr) => {
        $crate::conformance_suite! { @all $open.as_ref() }
    };
    ($open:expr) => {
        $crate::conformance_suite! { @all Some(&$open) }
    };
    (@all $open:expr) => {
        $crate::conformance_suite! { @each $open =>
            a_created_stream_reads_back_as_it_was_written
            amounts_read_back_with_the_decimals_they_were_written_with
            an_unknown_stream_is_not_found
            a_stream_with_the_largest_values_reads_back
            the_same_keyed_request_is_answered_as_before
            another_request_under_a_used_key_is_refused
            a_key_may_be_used_again_when_its_response_has_expired
            the_response_of_a_key_is_read_until_it_expires
            expired_idempotency_records_are_deleted_and_others_kept
            one_of_many_concurrent_requests_under_one_key_is_written
            concurrent_creates_are_all_kept
            a_cancelled_stream_stays_as_it_was_when_cancelled
            a_stream_is_cancelled_once_however_many_ask
            an_ended_stream_cannot_be_cancelled
            a_stream_whose_end_has_come_cannot_be_cancelled_before_the_clock_notices
            cancelling_records_a_start_that_has_fallen_due
            cancelling_an_unknown_stream_is_not_found
            a_start_and_an_end_are_recorded_when_they_fall_due
            what_is_not_due_is_left_alone
            a_step_of_the_clock_takes_the_longest_due_first_and_says_if_there_is_more
            the_longest_due_is_first_however_many_digits_its_time_has
            concurrent_steps_of_the_clock_record_each_transition_once
            events_are_numbered_and_paged_oldest_first
            a_stream_is_read_as_it_was_at_any_second
            the_events_of_a_stream_make_the_stream
            an_unknown_stream_has_no_events
            an_empty_event_log_has_head_0
            the_event_log_is_in_commit_order_without_gaps
            a_reader_of_the_event_log_misses_nothing_while_others_write
            a_page_of_the_event_log_is_cut_by_its_limit
            filters_of_the_event_log_leave_events_out_and_still_advance
            events_of_a_removed_stream_stay_in_the_event_log
            streams_are_listed_newest_first
            a_walk_sees_each_old_stream_once_while_others_are_created
            filters_leave_in_what_they_name
            updated_since_leaves_in_what_changed_at_or_after_the_instant
            a_status_filter_counts_what_has_fallen_due
            a_page_that_is_exactly_full_has_no_next
            streams_are_counted_as_they_are_listed
            an_event_waits_until_its_ledger_is_safe
            a_tip_without_events_makes_earlier_ledgers_safe
            known_events_are_counted_and_change_nothing
            the_same_payload_in_another_notation_is_a_duplicate
            payloads_that_differ_beyond_the_precision_of_a_float_are_a_conflict
            an_event_with_other_contents_is_a_conflict
            unknown_and_unreadable_events_are_kept_and_counted
            an_invocation_is_kept_and_decides
            an_invocation_that_comes_later_corrects_the_stream
            a_pusher_cannot_contradict_a_stored_invocation
            a_late_event_rebuilds_the_streams_it_touches
            a_late_transfer_rebuilds_the_withdrawal_beside_it
            a_late_event_of_no_stream_rebuilds_the_withdrawal_beside_it
            a_late_event_swallows_no_news
            a_late_event_that_cannot_be_read_is_named_once
            an_event_that_says_it_happened_before_the_last_is_taken
            a_late_event_reaches_the_shares_of_its_stream
            a_change_of_a_stream_rebuilds_the_clones_made_after_it
            two_ingesters_take_turns
            streams_of_the_chain_are_listed_and_left_to_their_contract
            a_fork_at_the_tip_takes_back_what_was_stored
            a_fork_below_the_safe_ledger_rebuilds_the_streams_it_touches
            a_stream_whose_creation_is_forked_away_goes_and_comes_back_in_its_place
            a_chain_that_returns_has_its_events_again
            a_shorter_chain_is_no_fork
            a_fork_into_final_ledgers_is_refused_and_remembered
            a_rewind_goes_below_the_final_ledger
            a_rewind_that_removes_no_ledger_is_refused_and_leaves_no_trace
            a_wide_margin_is_kept_through_a_fork
            what_a_stream_was_is_read_from_its_contracts_events
            what_is_told_adds_up_to_the_stream
            a_rebuild_of_what_is_right_changes_nothing
            contract_events_are_listed_in_the_order_of_the_chain
            contract_events_are_filtered
            contract_events_are_listed_in_the_order_of_their_arrival
            a_page_of_contract_events_looks_through_a_bounded_number
            a_vesting_stream_is_stored_with_everything_its_contract_keeps
            vesting_streams_are_listed_by_the_words_of_their_contract
            a_fork_rebuilds_a_vesting_stream
            what_is_recognized_of_a_contract_is_counted
            a_contract_whose_events_make_no_stream_is_unusable
            a_halt_of_a_contract_is_read_from_its_safe_events
            a_broken_rule_is_counted_on_the_stream_and_the_contract
            a_stream_of_a_new_branch_begins_from_its_parent_at_that_time
            an_event_under_two_ids_counts_once
            other_contents_at_a_known_position_are_a_conflict
            a_position_given_twice_in_a_batch_is_stored_once
            a_fork_has_other_events_at_the_same_positions
            stored_ledgers_of_a_new_branch_stay_when_an_earlier_one_arrives
            a_removed_ledger_of_an_unknown_branch_has_to_be_pushed_again
            a_rewind_ends_the_wait_for_ledgers_after_it
            the_last_safe_ledger_stays_below_a_proven_hole
            a_ledger_without_a_link_proves_no_hole
            a_rewind_below_a_hole_closes_it
            events_of_a_stream_that_was_never_created_are_counted
            events_of_a_stream_whose_creation_is_unreadable_are_counted
            an_implausible_tip_is_refused_and_remembered
            stored_ledgers_are_read_by_range_and_in_order
            coverage_grows_with_whole_ledgers_and_not_with_pushes
            a_fork_and_a_rewind_cut_coverage_and_proofs
            a_drift_lasts_until_a_later_entry_agrees
            a_fork_and_a_rewind_remove_the_drifts_of_their_ledgers
            an_event_is_proven_at_its_position_and_no_other
            a_pushed_event_is_proven_when_its_ledger_is_read
            an_unknown_contract_event_is_not_found
            a_lease_has_one_holder_until_its_term_is_over
            a_released_lease_is_free_at_once
            a_batch_under_a_lost_lease_is_refused_and_leaves_no_trace
            an_endpoint_reads_back_as_it_was_written
            an_owner_has_as_many_endpoints_as_are_allowed
            a_change_from_an_old_version_is_refused
            a_resumed_endpoint_goes_on_with_what_waited
            an_endpoint_resumed_from_now_forgets_what_waited
            a_held_endpoint_stays_held_when_it_is_paused
            a_deleted_endpoint_is_gone_and_its_deliveries_stay
            endpoints_are_listed_newest_first
            an_event_is_fanned_out_once_to_each_endpoint
            the_body_of_a_delivery_is_its_event
            the_filter_of_an_endpoint_leaves_events_out
            an_endpoint_gets_the_events_after_its_start
            changes_of_endpoints_hold_from_the_next_event_on
            without_an_endpoint_one_step_passes_over_all_events
            concurrent_steps_of_fan_out_write_each_delivery_once
            events_are_fanned_out_to_a_paused_endpoint
            only_the_first_of_a_lane_is_claimed
            an_endpoint_has_no_more_in_flight_than_allowed
            endpoints_take_turns
            a_delivery_is_claimed_again_when_its_lease_has_ended
            a_rate_limit_spreads_attempts
            an_open_breaker_lets_one_probe_through
            concurrent_claims_never_share_a_delivery
            the_next_time_to_claim_is_that_of_the_next_due_delivery
            attempts_are_kept_with_their_results
            a_failed_delivery_is_retried_and_holds_its_lane_up
            a_delivery_is_given_up_after_its_schedule_and_the_next_goes_on
            a_late_result_counts_while_nobody_else_has_claimed
            released_deliveries_are_due_at_once_and_cost_no_attempt
            an_answer_of_410_holds_the_endpoint
            the_other_endpoints_of_an_owner_are_notified_of_one_that_is_held
            notices_of_one_instant_are_all_fanned_out
            a_notice_waits_for_the_end_of_the_block_of_its_lane
            a_partner_has_no_more_in_flight_than_allowed_over_all_its_endpoints
            a_replay_under_a_new_id_is_another_delivery_of_the_event
            a_replay_job_can_give_each_delivery_a_new_id
            a_replay_sends_the_deliveries_that_it_names
            a_delivery_that_is_named_twice_is_sent_again_once
            a_replay_sends_everything_that_an_endpoint_is_missing
            what_retention_has_deleted_is_not_missing
            a_missing_event_gets_its_place_in_its_lane
            a_dead_delivery_blocks_its_lane_for_as_long_as_its_endpoint_asks
            an_event_that_comes_while_its_lane_is_blocked_waits_for_the_end_of_the_block
            a_replay_of_the_dead_delivery_ends_its_block
            a_replay_of_the_dead_delivery_under_a_new_id_ends_its_block
            a_delivery_behind_a_block_is_not_skipped
            without_an_order_nothing_is_skipped
            a_replay_of_positions_leaves_notices_out
            a_replayed_delivery_that_dies_blocks_its_lane_again
            a_skip_lets_a_blocked_lane_go_on
            a_skipped_delivery_that_is_attempted_leaves_its_lane
            a_delivery_that_holds_its_lane_up_for_too_long_is_overtaken
            an_endpoint_resumed_from_now_has_no_blocked_lanes
            the_details_of_an_attempt_are_kept
            an_answer_of_429_blocks_the_endpoint_for_as_long_as_it_asks
            an_endpoint_that_fails_for_days_is_held
            a_replayed_delivery_is_sent_again_in_its_lane
            a_replay_waits_for_the_delivery_in_flight
            without_an_order_each_delivery_is_due_at_once
            a_change_of_the_order_holds_for_later_events
            an_endpoint_has_its_own_schedule_and_its_own_time
            a_replay_sends_what_its_filter_matches
            a_cancelled_replay_ends
            a_replay_begins_once
            replays_are_listed_newest_first
            deliveries_are_listed_newest_first
            retention_deletes_settled_deliveries_with_their_attempts
            the_oldest_due_delivery_is_one_that_may_be_sent
            a_done_write_leaves_one_audit_row
            a_write_that_changes_nothing_leaves_no_audit_row
            a_store_without_an_entry_leaves_no_audit_row
            concurrent_writes_and_their_audit_rows_make_one_chain
            an_audit_row_reads_back_as_it_was_appended
            audit_rows_are_listed_newest_first_and_filtered
            expired_audit_rows_are_deleted_and_the_rest_verifies
            a_party_is_summed_the_same_counted_or_not
            due_changes_are_read_until_they_are_counted
            sums_of_the_past_are_refused
            replays_and_endpoints_know_their_owner
            the_owner_of_a_stream_is_stored_with_it
            an_api_key_is_found_by_its_hash_and_by_its_id
            a_revoked_key_keeps_its_first_revocation
            a_rotated_key_ends_with_the_overlap
            a_key_that_has_ended_is_not_rotated
            keys_are_listed_newest_first
            a_later_use_of_a_key_is_kept
            retention_deletes_ended_keys_and_leaves_the_newest
            each_time_event_of_an_api_stream_is_emitted_once_at_its_instant
            time_events_begin_on_an_empty_log_for_good
            time_events_do_not_begin_by_themselves_on_a_log_with_events
            what_fell_due_while_no_clock_ran_is_emitted_afterwards
            a_cancelled_stream_has_no_time_events_to_come
            concurrent_steps_emit_each_time_event_once
            what_was_over_when_the_table_began_is_not_emitted
            time_events_of_a_chain_stream_go_by_the_close_of_safe_ledgers
            terms_that_change_move_the_instants
            a_reorg_that_moves_an_instant_takes_its_event_back
            a_reorg_that_takes_a_top_up_away_moves_the_instants_back
            a_runway_that_falls_crosses_each_threshold_once_at_its_instant
            crossings_that_were_missed_make_one_event
            a_runway_that_begins_low_is_not_emitted_until_it_crosses_the_next_threshold
            a_runway_that_rises_can_cross_a_threshold_again
            concurrent_steps_emit_each_crossing_once
            the_runway_of_a_chain_asset_goes_by_the_close_of_safe_ledgers_and_a_top_up_arms_it_again
            a_reorg_that_leaves_an_instant_emits_nothing_about_it
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn random_chains_end_as_a_rebuild_from_scratch_does() {
            if let Some(store) = $open {
                let seeds = $crate::conformance::chain_seeds();
                $crate::conformance::random_chains_end_as_a_rebuild_from_scratch_does(store, seeds).await;
            }
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_random_history_of_webhooks_agrees_with_the_model() {
            for seed in 0..16 {
                if let Some(store) = $open {
                    $crate::conformance::a_random_history_of_webhooks_agrees_with_the_model(store, seed).await;
                }
            }
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_random_history_agrees_with_the_model() {
            for seed in 0..32 {
                if let Some(store) = $open {
                    $crate::conformance::a_random_history_agrees_with_the_model(store, seed).await;
                }
            }
        }
    };
    (@each $open:expr => $($behaviour:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                if let Some(store) = $open {
                    $crate::conformance::$behaviour(store).await;
                }
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use super::Model;

    crate::conformance_suite!(Model::default());
}
