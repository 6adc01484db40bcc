use fluxora_store::copy::Record;
use fluxora_store::{Sequence, StoreError};
use tokio_postgres::Row;

use crate::columns::seq;
use crate::faults::Fault;
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;

/// How a section is read: a query up to its condition, and what follows it.
pub(crate) struct SectionQuery {
    pub(crate) table: &'static str,
    pub(crate) select: &'static str,
    /// Which rows of the table hold a record.
    pub(crate) holds: &'static str,
    pub(crate) after: &'static str,
    pub(crate) at: &'static str,
    pub(crate) decode: fn(&Row) -> Result<Record, StoreError>,
}

/// Numbering goes on after the last place that was put. It is never set back, and that it is not undone with its transaction does no
/// harm: it leaves a gap.
const CONTINUE_NUMBERING: &str = "SELECT setval(sequence, greatest($2, coalesce(pg_sequence_last_value(sequence), 0))) \
    FROM (SELECT pg_get_serial_sequence($1, 'seq')::regclass AS sequence) AS numbering";

/// Lets the numbering of a table go on after a place, if it has not come there yet.
pub(crate) async fn continue_numbering_after(
    transaction: &mut PipelinedTransaction,
    table: &'static str,
    last: Option<Sequence>,
) -> Result<(), Fault> {
    let Some(last) = last else { return Ok(()) };
    let values: Values = vec![Box::new(table), Box::new(seq(last))];
    transaction.enqueue("numbering on after what was put", CONTINUE_NUMBERING, values, None).await
}
