//! API keys and owners of streams as records of a copy.

use fluxora_store::StoreError;
use fluxora_store::copy::Record;
use fluxora_store::rows::ReadColumns;
use fluxora_stream::StreamId;
use rusqlite::Row;

use super::section::SectionQuery;
use crate::columns::Columns;
use crate::keys::{self, key_columns};

pub(crate) const KEYS: SectionQuery = SectionQuery {
    table: "api_keys",
    select: concat!("SELECT ", key_columns!(), " FROM api_keys"),
    holds: "true",
    after: "seq > ?1 ORDER BY seq LIMIT ?2",
    at: "seq = ?1",
    decode: |row| keys::decode(row).map(|stored| Record::ApiKey(Box::new(stored))),
};
pub(crate) const STREAM_OWNERS: SectionQuery = SectionQuery {
    table: "stream_owners",
    select: "SELECT stream, owner FROM stream_owners",
    holds: "true",
    after: "(stream, '') > (?1, ?2) ORDER BY stream LIMIT ?3",
    at: "(stream, '') = (?1, ?2)",
    decode: decode_owner,
};

fn decode_owner(row: &Row<'_>) -> Result<Record, StoreError> {
    let mut columns = Columns::of(row, "stream_owners");
    let stream = columns.parsed("stream", |text| StreamId::parse(text).ok_or("not an id"))?;
    Ok(Record::StreamOwner(stream, columns.text("owner")?.to_owned()))
}
