use fluxora_store::StoreError;
use fluxora_store::copy::Record;
use rusqlite::Row;

/// How a section is read: a query up to its condition, and what follows it.
pub(crate) struct SectionQuery {
    pub(crate) table: &'static str,
    pub(crate) select: &'static str,
    /// Which rows of the table hold a record.
    pub(crate) holds: &'static str,
    pub(crate) after: &'static str,
    pub(crate) at: &'static str,
    pub(crate) decode: fn(&Row<'_>) -> Result<Record, StoreError>,
}
