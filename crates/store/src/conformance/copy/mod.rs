//! Moving contents from one backend to another: the behaviours that [`CopyStore`] and [`copy`] must show.
//!
//! ```text
//! fluxora_store::copy_suite!(Some(Records::default()), open_a_fresh_store().await);
//! fluxora_store::copy_suite!(target open_a_fresh_store().await);
//! fluxora_store::copy_suite!(chain open_a_fresh_store().await, open_a_fresh_store().await);
//! ```

mod behaviour;
mod chain;
mod contents;
mod records;

pub use behaviour::*;
pub use chain::*;
pub use records::Records;

/// Makes one test of each behaviour of a copy. Both arguments are expressions, evaluated in an async context once per test, that
/// open a fresh, empty store, or yield `None` where what it needs is not installed. With `target`, of what a store does after a copy;
/// with `chain`, of what becomes of the chain that whole stores keep.
#[macro_export]
macro_rules! copy_suite {
    (target $store:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn what_is_created_after_a_copy_comes_after_it() {
            if let Some(store) = $store {
                $crate::conformance::copy::what_is_created_after_a_copy_comes_after_it(&store).await;
            }
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn what_was_copied_is_listed_cancelled_and_repeated_as_before() {
            if let Some(store) = $store {
                $crate::conformance::copy::what_was_copied_is_listed_cancelled_and_repeated_as_before(&store)
                    .await;
            }
        }
    };
    (chain $source:expr, $target:expr) => {
        $crate::copy_suite! { @each $source, $target =>
            a_copied_chain_answers_as_before
            a_copied_chain_is_what_its_events_make
            a_copied_chain_goes_on_as_it_would_have
        }
    };
    ($source:expr, $target:expr) => {
        $crate::copy_suite! { @each $source, $target =>
            everything_arrives_at_its_place
            amounts_arrive_with_their_decimals
            a_copy_that_is_cut_off_goes_on_after_any_page
            a_target_that_holds_anything_else_is_refused_and_left_alone
            a_target_that_holds_the_same_elsewhere_is_refused
            nothing_is_copied_from_an_empty_store_to_an_empty_one
            a_second_copy_writes_nothing
            a_source_that_is_written_to_meanwhile_is_noticed
            a_target_that_is_written_to_meanwhile_is_noticed
            putting_what_is_there_changes_nothing_and_another_record_is_refused
            an_event_without_its_stream_is_refused
        }
    };
    (@each $source:expr, $target:expr => $($behaviour:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                if let (Some(source), Some(target)) = ($source, $target) {
                    $crate::conformance::copy::$behaviour(&source, &target).await;
                }
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use super::Records;

    crate::copy_suite!(Some(Records::default()), Some(Records::default()));
}
