//! Rows that an earlier version wrote, or that nothing can read.

use fluxora_store::conformance::{
    a_rebuild_decodes_every_stored_event_again, an_event_row_that_cannot_be_read_names_its_column,
    event_rows_of_an_earlier_version_read_in_the_present_shape,
    streams_that_cannot_be_decoded_are_counted_beside_the_sums,
};

use super::*;

#[tokio::test]
async fn a_rebuild_puts_right_what_an_older_version_read_from_events() {
    let kept = Kept::open(Options::default());
    let sql = async |sql: &'static str| assert_eq!(kept.other().execute(sql, []).unwrap(), 1, "{sql}");
    a_rebuild_decodes_every_stored_event_again(&kept.store, sql).await;
}

#[tokio::test]
async fn event_rows_that_cannot_be_read_name_their_column() {
    let kept = Kept::open(Options::default());
    let sql = async |sql: &'static str| assert_eq!(kept.other().execute(sql, []).unwrap(), 1, "{sql}");
    an_event_row_that_cannot_be_read_names_its_column(&kept.store, sql).await;
}

#[tokio::test]
async fn event_rows_of_an_earlier_version_are_read() {
    let kept = Kept::open(Options::default());
    let sql = async |sql: String| assert_eq!(kept.other().execute(&sql, []).unwrap(), 1, "{sql}");
    event_rows_of_an_earlier_version_read_in_the_present_shape(&kept.store, sql).await;
}

#[tokio::test]
async fn a_summary_counts_rows_that_cannot_be_read() {
    let kept = Kept::open(Options::default());
    let other = kept.other();
    other.pragma_update(None, "ignore_check_constraints", true).unwrap();
    let sql = async |sql: &'static str| assert_eq!(other.execute(sql, []).unwrap(), 1, "{sql}");
    streams_that_cannot_be_decoded_are_counted_beside_the_sums(&kept.store, sql).await;
}
