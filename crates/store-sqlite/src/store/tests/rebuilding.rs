//! What an older version left in the file is put right.

use fluxora_store::conformance::a_rebuild_reads_every_event_anew;

use super::*;

#[tokio::test]
async fn a_rebuild_puts_right_what_an_older_version_read_from_events() {
    let kept = Kept::open(Options::default());
    let sql = async |sql: &'static str| assert_eq!(kept.other().execute(sql, []).unwrap(), 1, "{sql}");
    a_rebuild_reads_every_event_anew(&kept.store, sql).await;
}
