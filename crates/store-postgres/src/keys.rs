//! API keys and the owners of streams.

use std::sync::Arc;

use fluxora_audit::Entry;
use fluxora_auth::{ApiKey, KeyHash, KeyId, KeyState, Name};
use fluxora_store::audit::entry_of;
use fluxora_store::rows::api_key;
use fluxora_store::{KeyPage, KeyQuery, KeyRotated, Sequence, StoreError, StoredKey};
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::audit;
use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

/// The columns that [`decode`] reads, in its order.
macro_rules! key_columns {
    () => {
        "seq, id, name, role, owner, prefix, hash, created_at, expires_at, revoked_at, last_used_at, rotated_from"
    };
}
pub(crate) use key_columns;

macro_rules! insert {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT INTO api_keys (id, name, role, owner, prefix, hash, created_at, expires_at, revoked_at, last_used_at, rotated_from",
            $columns,
            ") OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11",
            $values,
            ") RETURNING ",
            key_columns!()
        )
    };
}

const INSERT: &str = insert!("", "");
const PUT: &str = insert!(", seq", ", $12");
const BY_HASH: &str = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE hash = $1");
const BY_ID: &str = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE id = $1");
const LOCK: &str = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE id = $1 FOR UPDATE");
pub(crate) const LIST: &str =
    concat!("SELECT ", key_columns!(), " FROM api_keys WHERE seq < $1 ORDER BY seq DESC LIMIT $2");
/// Row comparisons have the order of one index: the server follows it for any estimate.
pub(crate) const LIST_OF_OWNER: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_keys WHERE (owner, seq) < ($3::text, $1) AND (owner, seq) >= ($3::text, 0) ORDER BY owner DESC, seq DESC LIMIT $2"
);
const ANY: &str = "SELECT EXISTS (SELECT 1 FROM api_keys)";
const REVOKE: &str = concat!(
    "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING ",
    key_columns!()
);
const EXPIRE: &str = "UPDATE api_keys SET expires_at = least(expires_at, $2) WHERE id = $1";
/// The rows in their order: two servers never wait for each other.
const USE: &str = "WITH used AS (SELECT k.seq, u.at FROM unnest($1::text[], $2::timestamptz[]) AS u (id, at) \
                       JOIN api_keys k ON k.id = u.id ORDER BY k.seq FOR UPDATE OF k) \
                   UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, used.at) FROM used WHERE k.seq = used.seq";
const DELETE: &str = "DELETE FROM api_keys WHERE (revoked_at < $1 OR expires_at < $1) AND seq < (SELECT max(seq) FROM api_keys)";
const OWNER: &str = "SELECT owner FROM stream_owners WHERE stream = $1";
const PUT_OWNERS: &str =
    "INSERT INTO stream_owners (stream, owner) SELECT * FROM unnest($1::text[], $2::text[])";

pub(crate) fn decode(row: &Row) -> Result<StoredKey, StoreError> {
    api_key(&mut Columns::of(row, "api_keys"))
}

fn values(key: &ApiKey, hash: &KeyHash) -> Values {
    let ApiKey { id, name, grant, prefix, created_at, expires_at, revoked_at, last_used_at, rotated_from } =
        key;
    vec![
        Box::new(id.to_string()),
        Box::new(name.to_string()),
        Box::new(grant.role().as_str()),
        Box::new(grant.owner().map(Name::to_string)),
        Box::new(prefix.clone()),
        Box::new(hash.0.to_vec()),
        Box::new(columns::instant(*created_at)),
        Box::new(expires_at.map(columns::instant)),
        Box::new(revoked_at.map(columns::instant)),
        Box::new(last_used_at.map(columns::instant)),
        Box::new(rotated_from.map(|id| id.to_string())),
    ]
}

/// One transaction, with the row of the audit log.
pub(crate) async fn create(
    lease: Arc<Lease>,
    key: &ApiKey,
    hash: &KeyHash,
    entry: Option<&Arc<Entry>>,
) -> Result<StoredKey, Fault> {
    let mut transaction = PipelinedTransaction::begin(lease);
    let values = values(key, hash);
    let rows = transaction.query("writing an API key", INSERT, &values.parameters()).await?;
    let written = rows.first().map(decode).transpose()?.ok_or_else(lost)?;
    audit::enqueue(&mut transaction, entry_of(entry, &written)).await?;
    transaction.commit().await?;
    Ok(written)
}

pub(crate) async fn by_hash(lease: &Lease, hash: &KeyHash) -> Result<Option<StoredKey>, Fault> {
    find(lease, "reading an API key", BY_HASH, &[&hash.0.as_slice()]).await
}

pub(crate) async fn by_id(lease: &Lease, id: KeyId) -> Result<Option<StoredKey>, Fault> {
    find(lease, "reading an API key", BY_ID, &[&id.to_string()]).await
}

async fn find(
    lease: &Lease,
    what: &'static str,
    sql: &'static str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Option<StoredKey>, Fault> {
    let statement = lease.prepare_cached(sql).await.attempt(what)?;
    let row = lease.query_opt(&statement, values).await.attempt(what)?;
    Ok(row.as_ref().map(decode).transpose()?)
}

pub(crate) async fn list(lease: &Lease, query: &KeyQuery) -> Result<KeyPage, Fault> {
    let what = "listing API keys";
    let limit = query.limit.max(1);
    let before = query.before.map_or(i64::MAX, columns::seq);
    let one_more = i64::from(limit).saturating_add(1);
    let rows = match &query.owner {
        None => {
            let statement = lease.prepare_cached(LIST).await.attempt(what)?;
            lease.query(&statement, &[&before, &one_more]).await.attempt(what)?
        }
        Some(owner) => {
            let statement = lease.prepare_cached(LIST_OF_OWNER).await.attempt(what)?;
            lease.query(&statement, &[&before, &one_more, &owner.as_str()]).await.attempt(what)?
        }
    };
    let mut keys = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let next = crate::webhooks::cut(&mut keys, limit, |stored| stored.sequence);
    Ok(KeyPage { keys, next })
}

pub(crate) async fn any(lease: &Lease) -> Result<bool, Fault> {
    let what = "looking for an API key";
    let statement = lease.prepare_cached(ANY).await.attempt(what)?;
    let row = lease.query_one(&statement, &[]).await.attempt(what)?;
    row.try_get(0).attempt(what)
}

/// One transaction, with the row of the audit log.
pub(crate) async fn revoke(
    lease: Arc<Lease>,
    id: KeyId,
    now: Timestamp,
    entry: Option<&Arc<Entry>>,
) -> Result<Option<StoredKey>, Fault> {
    let mut transaction = PipelinedTransaction::begin(lease);
    let (id, now) = (id.to_string(), columns::instant(now));
    let rows = transaction.query("revoking an API key", REVOKE, &[&id, &now]).await?;
    let revoked = rows.first().map(decode).transpose()?;
    audit::enqueue(&mut transaction, entry_of(entry, &revoked)).await?;
    transaction.commit().await?;
    Ok(revoked)
}

/// One transaction. It locks the old key: of two rotations at once, both are written, each with a successor.
pub(crate) async fn rotate(
    lease: Arc<Lease>,
    new: &ApiKey,
    hash: &KeyHash,
    overlap_ends: Timestamp,
    entry: Option<&Arc<Entry>>,
) -> Result<KeyRotated, Fault> {
    let what = "rotating an API key";
    let mut transaction = PipelinedTransaction::begin(lease);
    let id = new.rotated_from.map(|id| id.to_string());
    let rows = transaction.query(what, LOCK, &[&id]).await?;
    let old = rows.first().map(decode).transpose()?;
    let refused = match &old {
        None => Some(KeyRotated::NotFound),
        Some(old) if old.key.state(new.created_at) != KeyState::Active => Some(KeyRotated::Ended),
        Some(_) => None,
    };
    let (None, Some(old)) = (&refused, old) else {
        transaction.rollback().await?;
        return Ok(refused.unwrap_or(KeyRotated::NotFound));
    };
    let ends: Values = vec![Box::new(id), Box::new(columns::instant(overlap_ends))];
    transaction.enqueue(what, EXPIRE, ends, Some(1)).await?;
    let values = values(&old.successor(new.clone()), hash);
    let rows = transaction.query(what, INSERT, &values.parameters()).await?;
    let written = rows.first().map(decode).transpose()?.ok_or_else(lost)?;
    let rotated = KeyRotated::Done(written);
    audit::enqueue(&mut transaction, entry_of(entry, &rotated)).await?;
    transaction.commit().await?;
    Ok(rotated)
}

pub(crate) async fn record_uses(lease: &Lease, uses: &[(KeyId, Timestamp)]) -> Result<(), Fault> {
    let what = "recording uses of API keys";
    let ids: Vec<_> = uses.iter().map(|(id, _)| id.to_string()).collect();
    let at: Vec<_> = uses.iter().map(|(_, at)| columns::instant(*at)).collect();
    let statement = lease.prepare_cached(USE).await.attempt(what)?;
    lease.execute(&statement, &[&ids, &at]).await.attempt(what).map(drop)
}

pub(crate) async fn delete_ended(lease: &Lease, before: Timestamp) -> Result<u64, Fault> {
    let what = "deleting API keys";
    let statement = lease.prepare_cached(DELETE).await.attempt(what)?;
    lease.execute(&statement, &[&columns::instant(before)]).await.attempt(what)
}

pub(crate) async fn stream_owner(lease: &Lease, stream: &str) -> Result<Option<String>, Fault> {
    let what = "reading the owner of a stream";
    let statement = lease.prepare_cached(OWNER).await.attempt(what)?;
    let row = lease.query_opt(&statement, &[&stream]).await.attempt(what)?;
    row.map(|row| row.try_get(0)).transpose().attempt(what)
}

/// Inserts a key with its position.
pub(crate) async fn put(transaction: &mut PipelinedTransaction, stored: &StoredKey) -> Result<(), Fault> {
    let StoredKey { sequence: Sequence(_), key, hash } = stored;
    let mut values = values(key, hash);
    values.push(Box::new(columns::seq(stored.sequence)));
    transaction.enqueue("writing a copied API key", PUT, values, Some(1)).await
}

pub(crate) async fn put_stream_owners(
    transaction: &mut PipelinedTransaction,
    owners: &[(String, String)],
) -> Result<(), Fault> {
    if owners.is_empty() {
        return Ok(());
    }
    let (streams, names): (Vec<_>, Vec<_>) = owners.iter().cloned().unzip();
    let values: Values = vec![Box::new(streams), Box::new(names)];
    transaction.enqueue("writing copied owners of streams", PUT_OWNERS, values, Some(owners.len())).await
}

fn lost() -> StoreError {
    StoreError::Internal { reason: "an API key was written and not returned".to_owned(), source: None }
}
