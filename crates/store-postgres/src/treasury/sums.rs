use fluxora_store::rows::{self, ReadColumns};
use fluxora_store::treasury::{Marked, StoredContribution, StoredSums, StreamRead};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::UnixTime;
use fluxora_treasury::{Asset, Party, Role, Sums};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::columns::{self, Columns, seq};
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::streams::column_lists::stream_columns;
use crate::streams::decode;

pub(super) const READING: &str = "reading sums of money";
pub(super) const WRITING: &str = "writing sums of money";

/// Statements of one side.
macro_rules! of_role {
    ($role:expr, $before:literal, $after:literal) => {
        match $role {
            Role::Sender => concat!($before, "sender", $after),
            Role::Recipient => concat!($before, "recipient", $after),
        }
    };
}
macro_rules! sums {
    ($rest:literal) => {
        concat!("SELECT id, role, address, asset, sums, latest::text FROM treasury_sums ", $rest)
    };
}

pub(crate) const IS_READY: &str = "SELECT (SELECT counted IS NULL FROM treasury_progress) \
     AND (SELECT count(*) FROM (SELECT 1 FROM treasury_marks LIMIT $1::bigint + 1) AS marks) <= $1::bigint";
pub(crate) const OF_PARTY: &str = sums!("WHERE address = $1 AND role = $2 ORDER BY asset");
pub(crate) const BY_ID: &str = sums!("WHERE id = ANY($1::bigint[]) ORDER BY id");
const AFTER: &str = sums!("WHERE id > $1 ORDER BY id LIMIT $2");
const FOR_UPDATE: &str = "WITH new AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS new (role, address, asset)), \
     added AS (INSERT INTO treasury_sums (role, address, asset, sums, latest) SELECT role, address, asset, $4, 0 FROM new \
         ON CONFLICT (address, role, asset) DO NOTHING RETURNING id, role, address, asset, sums, latest::text) \
     SELECT id, role, address, asset, sums, latest FROM added UNION ALL \
     SELECT id, role, address, asset, sums, latest::text FROM treasury_sums JOIN new USING (role, address, asset)";
const WRITE: &str = "UPDATE treasury_sums SET sums = new.sums, latest = new.latest::numeric \
     FROM unnest($1::bigint[], $2::text[], $3::text[]) AS new (id, sums, latest) WHERE treasury_sums.id = new.id";
const ROWS: &str =
    concat!("SELECT ", stream_columns!(), " FROM streams WHERE seq = ANY($1::bigint[]) ORDER BY seq");
const CONTRIBUTIONS: &str = "SELECT stream, sender, recipient, counts_from::text, changes_at::text, exhausted_at::text, sums \
     FROM treasury_contributions WHERE stream = ANY($1::bigint[])";
const CONTRIBUTIONS_AFTER: &str = "SELECT stream, sender, recipient, counts_from::text, changes_at::text, exhausted_at::text, \
     sums FROM treasury_contributions WHERE stream > $1 ORDER BY stream LIMIT $2";
const WRITE_CONTRIBUTIONS: &str = "INSERT INTO treasury_contributions \
         (stream, sender, recipient, counts_from, changes_at, exhausted_at, sums) \
     SELECT stream, sender, recipient, counts_from::numeric, changes_at::numeric, exhausted_at::numeric, sums \
     FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[]) \
         AS new (stream, sender, recipient, counts_from, changes_at, exhausted_at, sums) \
     ON CONFLICT (stream) DO UPDATE SET sender = excluded.sender, recipient = excluded.recipient, \
         counts_from = excluded.counts_from, changes_at = excluded.changes_at, exhausted_at = excluded.exhausted_at, \
         sums = excluded.sums";
const DELETE_CONTRIBUTIONS: &str = "DELETE FROM treasury_contributions WHERE stream = ANY($1::bigint[])";
const BEGIN: &str = "SELECT counted FROM treasury_progress FOR UPDATE";
const COUNTED: &str = "SELECT counted FROM treasury_progress";
const RECORD: &str = "UPDATE treasury_progress SET counted = $1";
const UNCOUNTED: &str = "SELECT seq FROM streams WHERE seq > $1 ORDER BY seq LIMIT $2";
const MARKED: &str = "SELECT id, stream FROM treasury_marks ORDER BY id LIMIT $1";
const DUE: &str = "SELECT stream FROM treasury_contributions WHERE changes_at <= $1::text::numeric \
     ORDER BY changes_at, stream LIMIT $2";
const DELETE_MARKS: &str = "DELETE FROM treasury_marks WHERE id = ANY($1::bigint[])";
const FORGET_SUMS: &str = "DELETE FROM treasury_sums";
const FORGET_CONTRIBUTIONS: &str = "DELETE FROM treasury_contributions";
const FORGET_UNREADABLE: &str = "DELETE FROM treasury_unreadable";

type Chain = PipelinedTransaction;

pub(super) async fn sequences(
    chain: &mut Chain,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Sequence>, Fault> {
    let found = chain.query(READING, sql, values).await?;
    found.iter().map(|row| row.try_get(0).map(rows::sequence).attempt(READING)).collect()
}

async fn timed(
    chain: &mut Chain,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<(UnixTime, Sequence)>, Fault> {
    let found = chain.query(READING, sql, values).await?;
    let decode = |row: &Row| {
        let mut columns = Columns::of(row, "treasury_contributions");
        let sequence = columns.sequence("stream")?;
        Ok::<_, StoreError>((columns.time("changes_at")?, sequence))
    };
    Ok(found.iter().map(decode).collect::<Result<_, _>>()?)
}

fn stored(found: &[Row]) -> Result<Vec<StoredSums>, Fault> {
    let decode = |row| rows::stored_sums(&mut Columns::of(row, "treasury_sums"));
    Ok(found.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(super) fn seqs(streams: &[Sequence]) -> Vec<i64> {
    streams.iter().copied().map(seq).collect()
}

pub(super) async fn is_ready(chain: &mut Chain, most: u32) -> Result<bool, Fault> {
    let rows = chain.query(READING, IS_READY, &[&i64::from(most)]).await?;
    Ok(rows.first().map_or(Ok(Some(false)), |row| row.try_get(0)).attempt(READING)?.unwrap_or(false))
}

pub(super) async fn of_party(chain: &mut Chain, party: &Party) -> Result<Vec<StoredSums>, Fault> {
    let (address, role) = (party.address.to_string(), party.role.as_str());
    stored(&chain.query(READING, OF_PARTY, &[&address, &role]).await?)
}

pub(super) async fn after(chain: &mut Chain, after: i64, limit: u32) -> Result<Vec<StoredSums>, Fault> {
    stored(&chain.query(READING, AFTER, &[&after, &i64::from(limit)]).await?)
}

pub(super) async fn by_id(chain: &mut Chain, ids: &[i64]) -> Result<Vec<StoredSums>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    stored(&chain.query(READING, BY_ID, &[&ids]).await?)
}

/// Reads sums by party and asset; those that are missing are inserted.
pub(super) async fn for_update(chain: &mut Chain, keys: &[(Party, Asset)]) -> Result<Vec<StoredSums>, Fault> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let roles: Vec<_> = keys.iter().map(|(party, _)| party.role.as_str()).collect();
    let addresses: Vec<_> = keys.iter().map(|(party, _)| party.address.to_string()).collect();
    let assets: Vec<_> = keys.iter().map(|(_, asset)| asset.to_string()).collect();
    let none = Sums::default().to_string();
    stored(&chain.query(READING, FOR_UPDATE, &[&roles, &addresses, &assets, &none]).await?)
}

pub(super) async fn write(chain: &mut Chain, sums: &[StoredSums]) -> Result<(), Fault> {
    if sums.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = sums.iter().map(|stored| stored.id).collect();
    let texts: Vec<String> = sums.iter().map(|stored| stored.sums.to_string()).collect();
    let latest: Vec<String> = sums.iter().map(|stored| columns::time(stored.latest)).collect();
    let values: Values = vec![Box::new(ids), Box::new(texts), Box::new(latest)];
    chain.enqueue(WRITING, WRITE, values, Some(sums.len())).await
}

pub(super) async fn marked_of(chain: &mut Chain, party: &Party, limit: u32) -> Result<Vec<Sequence>, Fault> {
    let sql = of_role!(
        party.role,
        "SELECT DISTINCT m.stream FROM treasury_marks m LEFT JOIN streams s ON s.seq = m.stream \
         LEFT JOIN treasury_contributions c ON c.stream = m.stream WHERE $1 = CASE $3 WHEN 'sender' THEN s.sender \
         ELSE s.recipient END OR c.",
        " IN (SELECT id FROM treasury_sums WHERE address = $1 AND role = $3) LIMIT $2"
    );
    let (address, role) = (party.address.to_string(), party.role.as_str());
    sequences(chain, sql, &[&address, &i64::from(limit), &role]).await
}

pub(super) async fn due_of(
    chain: &mut Chain,
    role: Role,
    sums: &[i64],
    until: UnixTime,
    limit: u32,
) -> Result<Vec<Sequence>, Fault> {
    if sums.is_empty() {
        return Ok(Vec::new());
    }
    let sql = of_role!(
        role,
        "SELECT stream FROM treasury_contributions WHERE ",
        " = ANY($1::bigint[]) AND changes_at <= $2::text::numeric LIMIT $3"
    );
    sequences(chain, sql, &[&sums, &columns::time(until), &i64::from(limit)]).await
}

pub(super) async fn changes_after(
    chain: &mut Chain,
    role: Role,
    sums: i64,
    after: UnixTime,
    limit: u32,
) -> Result<Vec<(UnixTime, Sequence)>, Fault> {
    let sql = of_role!(
        role,
        "SELECT stream, changes_at::text FROM treasury_contributions WHERE ",
        " = $1 AND treasury_contributions.changes_at > $2::text::numeric \
         ORDER BY treasury_contributions.changes_at, stream LIMIT $3"
    );
    timed(chain, sql, &[&sums, &columns::time(after), &i64::from(limit)]).await
}

pub(super) async fn exhausted_after(
    chain: &mut Chain,
    role: Role,
    sums: i64,
    after: UnixTime,
    last: bool,
    limit: u32,
) -> Result<Vec<(UnixTime, Sequence)>, Fault> {
    let first = of_role!(
        role,
        "SELECT stream, exhausted_at::text FROM treasury_contributions WHERE ",
        " = $1 AND treasury_contributions.exhausted_at > $2::text::numeric \
         ORDER BY treasury_contributions.exhausted_at, stream LIMIT $3"
    );
    let final_ones = of_role!(
        role,
        "SELECT stream, exhausted_at::text FROM treasury_contributions WHERE ",
        " = $1 AND treasury_contributions.exhausted_at > $2::text::numeric \
         ORDER BY treasury_contributions.exhausted_at DESC, stream DESC LIMIT $3"
    );
    let sql = if last { final_ones } else { first };
    timed(chain, sql, &[&sums, &columns::time(after), &i64::from(limit)]).await
}

pub(super) async fn rows_of(chain: &mut Chain, streams: &[Sequence]) -> Result<Vec<StreamRead>, Fault> {
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let found = chain.query(READING, ROWS, &[&seqs(streams)]).await?;
    let mut read = Vec::with_capacity(found.len());
    for row in &found {
        let sequence = row.try_get(0).map(rows::sequence).attempt(READING)?;
        match decode(row) {
            Ok(found) => read.push((sequence, Ok(found.stream))),
            Err(StoreError::Corrupt(row)) => read.push((sequence, Err(row))),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}

pub(super) async fn contributions(
    chain: &mut Chain,
    streams: &[Sequence],
) -> Result<Vec<StoredContribution>, Fault> {
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let found = chain.query(READING, CONTRIBUTIONS, &[&seqs(streams)]).await?;
    let decode = |row| rows::stored_contribution(&mut Columns::of(row, "treasury_contributions"));
    Ok(found.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(super) async fn contributions_after(
    chain: &mut Chain,
    after: Sequence,
    limit: u32,
) -> Result<Vec<StoredContribution>, Fault> {
    let found = chain.query(READING, CONTRIBUTIONS_AFTER, &[&seq(after), &i64::from(limit)]).await?;
    let decode = |row| rows::stored_contribution(&mut Columns::of(row, "treasury_contributions"));
    Ok(found.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(super) async fn write_contributions(
    chain: &mut Chain,
    contributions: &[StoredContribution],
    gone: &[Sequence],
) -> Result<(), Fault> {
    if !gone.is_empty() {
        let values: Values = vec![Box::new(seqs(gone))];
        chain.enqueue(WRITING, DELETE_CONTRIBUTIONS, values, Some(gone.len())).await?;
    }
    if contributions.is_empty() {
        return Ok(());
    }
    let streams: Vec<i64> = contributions.iter().map(|contribution| seq(contribution.stream)).collect();
    let senders: Vec<i64> = contributions.iter().map(|contribution| contribution.of[0]).collect();
    let recipients: Vec<i64> = contributions.iter().map(|contribution| contribution.of[1]).collect();
    let from: Vec<String> = contributions.iter().map(|one| columns::time(one.from)).collect();
    let times = |time: fn(&StoredContribution) -> Option<UnixTime>| -> Vec<Option<String>> {
        contributions.iter().map(|one| time(one).map(columns::time)).collect()
    };
    let (changes, ends) = (times(|one| one.changes_at), times(|one| one.exhausted_at));
    let sums: Vec<String> = contributions.iter().map(|one| one.sums.to_string()).collect();
    let values: Values = vec![
        Box::new(streams),
        Box::new(senders),
        Box::new(recipients),
        Box::new(from),
        Box::new(changes),
        Box::new(ends),
        Box::new(sums),
    ];
    chain.enqueue(WRITING, WRITE_CONTRIBUTIONS, values, Some(contributions.len())).await
}

pub(super) async fn begun(chain: &mut Chain) -> Result<Option<Sequence>, Fault> {
    progress(chain, BEGIN).await
}

pub(super) async fn counted(chain: &mut Chain) -> Result<Option<Sequence>, Fault> {
    progress(chain, COUNTED).await
}

async fn progress(chain: &mut Chain, sql: &str) -> Result<Option<Sequence>, Fault> {
    let rows = chain.query(READING, sql, &[]).await?;
    let counted: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get(0)).attempt(READING)?;
    Ok(counted.map(rows::sequence))
}

pub(super) async fn record(chain: &mut Chain, last: Option<Sequence>) -> Result<(), Fault> {
    let values: Values = vec![Box::new(last.map(seq))];
    chain.enqueue(WRITING, RECORD, values, Some(1)).await
}

pub(super) async fn uncounted(
    chain: &mut Chain,
    after: Sequence,
    limit: u32,
) -> Result<Vec<Sequence>, Fault> {
    sequences(chain, UNCOUNTED, &[&seq(after), &i64::from(limit)]).await
}

pub(super) async fn marked(chain: &mut Chain, limit: u32) -> Result<Marked, Fault> {
    let found = chain.query(READING, MARKED, &[&i64::from(limit)]).await?;
    let mut marked = Marked::default();
    for row in &found {
        marked.marks.push(row.try_get(0).attempt(READING)?);
        marked.streams.push(row.try_get(1).map(rows::sequence).attempt(READING)?);
    }
    Ok(marked)
}

pub(super) async fn due(chain: &mut Chain, until: UnixTime, limit: u32) -> Result<Vec<Sequence>, Fault> {
    sequences(chain, DUE, &[&columns::time(until), &i64::from(limit)]).await
}

pub(super) async fn delete_marks(chain: &mut Chain, marks: &[i64]) -> Result<(), Fault> {
    if marks.is_empty() {
        return Ok(());
    }
    let values: Values = vec![Box::new(marks.to_vec())];
    chain.enqueue(WRITING, DELETE_MARKS, values, Some(marks.len())).await
}

pub(super) async fn forget(chain: &mut Chain) -> Result<(), Fault> {
    for sql in [FORGET_SUMS, FORGET_CONTRIBUTIONS, FORGET_UNREADABLE] {
        chain.enqueue(WRITING, sql, Values::new(), None).await?;
    }
    Ok(())
}
