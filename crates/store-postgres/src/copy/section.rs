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

/// Continues numbering after a sequence. It never goes back. It is not rolled back with its transaction, which leaves a gap and no harm.
const CONTINUE_NUMBERING: &str = "SELECT setval(sequence, greatest($2, coalesce(pg_sequence_last_value(sequence), 0))) \
    FROM (SELECT pg_get_serial_sequence($1, CASE $1 WHEN 'contract_events' THEN 'arrival' ELSE 'seq' END)::regclass AS sequence) \
    AS numbering";

/// Continues the numbering of a table after a sequence, unless it is beyond that already.
pub(crate) async fn continue_numbering_after(
    transaction: &mut PipelinedTransaction,
    table: &'static str,
    last: Option<Sequence>,
) -> Result<(), Fault> {
    let Some(last) = last else { return Ok(()) };
    let values: Values = vec![Box::new(table), Box::new(seq(last))];
    transaction.enqueue("continuing a numbering", CONTINUE_NUMBERING, values, None).await
}
