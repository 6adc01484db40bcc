use std::collections::HashMap;
use std::sync::Arc;

use fluxora_store::StoreError;
use fluxora_store::copy::{Put, Record, RecordKey, Section};

use super::section::SectionQuery;
use super::{chain, keys, sections, streams, webhooks};
use crate::audit;
use crate::chain::evidence;
use crate::columns::seq;
use crate::faults::Fault;
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

/// One transaction.
pub(crate) async fn put(lease: Arc<Lease>, records: &[Record]) -> Result<Put, Fault> {
    let mut transaction = PipelinedTransaction::begin(lease);
    let put = write(&mut transaction, records).await?;
    match put {
        Put::Done => transaction.commit().await?,
        Put::Taken(_) | Put::Orphan(_) => transaction.rollback().await?,
    }
    Ok(put)
}

async fn write(transaction: &mut PipelinedTransaction, records: &[Record]) -> Result<Put, Fault> {
    let mut missing = Vec::with_capacity(records.len());
    for section in Section::ALL {
        let of_section: Vec<_> = records.iter().filter(|record| record.section() == section).collect();
        if !of_section.is_empty() {
            match missing_of(transaction, section, of_section).await? {
                Ok(of_section) => missing.extend(of_section),
                Err(taken) => return Ok(Put::Taken(taken)),
            }
        }
    }
    let (mut streams, mut removed, mut events, mut keyed) = (vec![], vec![], vec![], vec![]);
    let (mut ledgers, mut contract_events, mut arrivals, mut repeated) = (vec![], vec![], vec![], vec![]);
    let (mut proofs, mut coverage, mut audit_rows) = (vec![], vec![], vec![]);
    let (mut api_keys, mut owners, mut drifts) = (vec![], vec![], vec![]);
    let (mut reorgs, mut states, mut of_webhooks) = (vec![], vec![], webhooks::Records::default());
    for record in missing {
        match record {
            Record::Stream(place, stream) => streams.push((*place, stream)),
            Record::Removed(stream) => removed.push(*stream),
            Record::Event(place, event) => events.push((*place, event)),
            Record::Idempotency(record) => keyed.push(record),
            Record::Ledger(ledger) => ledgers.push(ledger.clone()),
            Record::ContractEvent(arrival, stored) => {
                contract_events.push(stored.clone());
                arrivals.push(*arrival);
            }
            Record::LedgerProof(proof) => proofs.push(proof.clone()),
            Record::Coverage(of_contract) => coverage.push(of_contract.clone()),
            Record::RepeatedEvent(event) => repeated.push(event),
            Record::Reorg(reorg) => reorgs.push(reorg),
            Record::ChainState(state, last_arrival) => states.push((state, *last_arrival)),
            Record::WebhookEndpoint(..)
            | Record::WebhookDelivery(_)
            | Record::WebhookAttempt(_)
            | Record::WebhookReplay(..)
            | Record::WebhookFanOut(_) => of_webhooks.push(record),
            Record::Audit(row) => audit_rows.push(row),
            Record::ApiKey(stored) => api_keys.push(&**stored),
            Record::StreamOwner(stream, owner) => owners.push((stream.to_string(), owner.clone())),
            Record::StreamDrift(drift) => drifts.push(drift.clone()),
        }
    }
    chain::put_streams(transaction, &streams).await?;
    chain::put_removed(transaction, &removed).await?;
    if let Some(orphan) = streams::put_events(transaction, &events).await? {
        return Ok(Put::Orphan(RecordKey::Number(orphan)));
    }
    streams::put_idempotency_records(transaction, &keyed).await?;
    chain::put_ledgers(transaction, &ledgers).await?;
    chain::put_events(transaction, &contract_events, &arrivals).await?;
    evidence::write_proofs(transaction, &proofs).await?;
    evidence::write_coverage(transaction, &coverage).await?;
    chain::put_repeated(transaction, &repeated).await?;
    chain::put_reorgs(transaction, &reorgs).await?;
    chain::put_states(transaction, &states).await?;
    of_webhooks.put(transaction).await?;
    for row in audit_rows {
        audit::put(transaction, row).await?;
    }
    keys::put_keys(transaction, &api_keys).await?;
    crate::keys::put_stream_owners(transaction, &owners).await?;
    crate::chain::drifts::record(transaction, &drifts).await?;
    Ok(Put::Done)
}

/// The records of a section that are missing, or the first key that another record has.
async fn missing_of<'r>(
    transaction: &mut PipelinedTransaction,
    section: Section,
    records: Vec<&'r Record>,
) -> Result<Result<Vec<&'r Record>, RecordKey>, Fault> {
    let wanted = records.iter().map(|record| Ok((record.key(), record.canonical()?)));
    let mut wanted: HashMap<RecordKey, String> = wanted.collect::<Result<_, StoreError>>()?;
    for there in found(transaction, section, &records).await? {
        let place = there.key();
        if wanted.remove(&place) != Some(there.canonical()?) {
            return Ok(Err(place));
        }
    }
    Ok(Ok(records.into_iter().filter(|record| wanted.contains_key(&record.key())).collect()))
}

/// The stored records with the keys of these, in no order.
async fn found(
    transaction: &mut PipelinedTransaction,
    section: Section,
    records: &[&Record],
) -> Result<Vec<Record>, Fault> {
    let (mut seqs, mut scopes, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        match record.key() {
            RecordKey::Number(place) => seqs.push(seq(place)),
            RecordKey::Key(scope, key) => {
                scopes.push(scope);
                names.push(key);
            }
            // No two events have one id, wherever they lie.
            RecordKey::OnChain(cursor) => names.push(cursor.id.to_string()),
        }
    }
    let values: Values = match section {
        Section::IdempotencyRecords | Section::Coverage | Section::StreamOwners | Section::StreamDrifts => {
            vec![Box::new(scopes), Box::new(names)]
        }
        Section::ContractEvents => vec![Box::new(names)],
        _ => vec![Box::new(seqs)],
    };
    let SectionQuery { select, holds, at, decode, .. } = sections::query(section);
    let sql = format!("{select} WHERE {holds} AND {at}");
    let rows = transaction.query("looking up records", &sql, &values.parameters()).await?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}
