//! API keys and owners of streams as records of a copy.

use fluxora_store::copy::Record;
use fluxora_store::rows::ReadColumns;
use fluxora_store::{StoreError, StoredKey};
use fluxora_stream::StreamId;
use tokio_postgres::Row;

use super::section::{SectionQuery, continue_numbering_after};
use crate::columns::Columns;
use crate::faults::Fault;
use crate::keys::{self, key_columns};
use crate::pipeline::PipelinedTransaction;

pub(crate) const KEYS: SectionQuery = SectionQuery {
    table: "api_keys",
    select: concat!("SELECT ", key_columns!(), " FROM api_keys"),
    holds: "true",
    after: "seq > $1 ORDER BY seq LIMIT $2",
    at: "seq = ANY ($1)",
    decode: |row| keys::decode(row).map(|stored| Record::ApiKey(Box::new(stored))),
};
pub(crate) const STREAM_OWNERS: SectionQuery = SectionQuery {
    table: "stream_owners",
    select: "SELECT stream, owner FROM stream_owners",
    holds: "true",
    after: "(stream, ''::text) > ($1, $2) ORDER BY stream LIMIT $3",
    at: "(stream, ''::text) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    decode: decode_owner,
};

fn decode_owner(row: &Row) -> Result<Record, StoreError> {
    let mut columns = Columns::of(row, "stream_owners");
    let stream = columns.parsed("stream", |text| StreamId::parse(text).ok_or("not an id"))?;
    Ok(Record::StreamOwner(stream, columns.text("owner")?.to_owned()))
}

pub(super) async fn put_keys(
    transaction: &mut PipelinedTransaction,
    keys: &[&StoredKey],
) -> Result<(), Fault> {
    for stored in keys {
        keys::put(transaction, stored).await?;
    }
    let last = keys.iter().map(|stored| stored.sequence).max();
    continue_numbering_after(transaction, "api_keys", last).await
}
