use fluxora_indexer::Frontier;
use fluxora_stream::{Sequence, Stream, UnixTime};
use fluxora_treasury::{Asset, Facts};

use super::{AsOf, PARTY_STREAMS, PartyOutcome, PartyQuery, PartyReading, TreasuryTransaction};

/// Reads a party, in one snapshot: [`TreasuryStore::party`](super::TreasuryStore::party).
pub async fn party<T: TreasuryTransaction>(
    transaction: &mut T,
    query: &PartyQuery,
) -> Result<PartyOutcome, T::Fault> {
    let as_of = as_of(transaction, query.now).await?;
    let streams = transaction.streams_of(&query.party, PARTY_STREAMS.saturating_add(1)).await?;
    if u32::try_from(streams.len()).unwrap_or(u32::MAX) > PARTY_STREAMS {
        return Ok(PartyOutcome::TooMany);
    }
    let streams: Vec<_> = streams.into_iter().filter(|stream| is_asked_for(query, stream)).collect();
    let changed = streams.iter().map(|stream| UnixTime::of(stream.updated_at)).max().unwrap_or_default();
    let at = match settle(query, &as_of, changed) {
        Ok(at) => at,
        Err(earliest) => return Ok(PartyOutcome::TooEarly(earliest)),
    };
    Ok(PartyOutcome::Read(Box::new(PartyReading {
        as_of: AsOf { at, ..as_of },
        assets: Facts::of(&streams, at),
        streams: Some(streams),
    })))
}

fn is_asked_for(query: &PartyQuery, stream: &Stream) -> bool {
    query.assets.is_empty() || query.assets.contains(&Asset::of(stream))
}

/// The instant at which the money counts; the earliest one if the query names an earlier one.
fn settle(query: &PartyQuery, as_of: &AsOf, changed: UnixTime) -> Result<UnixTime, UnixTime> {
    let earliest = if as_of.ledger.is_some() { as_of.at.max(changed) } else { changed };
    match query.at {
        Some(at) if at < earliest => Err(earliest),
        Some(at) => Ok(at),
        None => Ok(as_of.at.max(changed)),
    }
}

/// The state of the database, with the close of the last safe ledger as the instant: the present where none is known.
async fn as_of<T: TreasuryTransaction>(transaction: &mut T, now: UnixTime) -> Result<AsOf, T::Fault> {
    let Frontier { last_safe, .. } = transaction.frontier().await?;
    let ledger = match last_safe {
        Some(upto) => transaction.newest_ledger(upto).await?,
        None => None,
    };
    let is_verified = match &ledger {
        Some(ledger) => {
            let coverage = transaction.coverage().await?;
            coverage.iter().any(|coverage| coverage.ledgers.contains(ledger.sequence))
        }
        None => false,
    };
    let head: Sequence = transaction.head().await?;
    let at = ledger.as_ref().and_then(|ledger| ledger.closed_at).map_or(now, UnixTime::of);
    Ok(AsOf { ledger, is_verified, head, at })
}
