use std::collections::HashMap;

use fluxora_decimal::Amount;
use fluxora_stream::{
    Address, Cause, Changes, EventData, EventKind, RunwayAsset, RunwayLow, TopUp, UnixTime,
};
use fluxora_treasury::{Asset, Checked, Party, RUNWAY_STREAMS, Role, Runway, Thresholds};
use jiff::Timestamp;

use super::{RUNWAYS_PER_STEP, RunwayCheck, RunwayTransaction, StoredRunway};
use crate::time_events::{Appended, Clocks, Emitted, ReadStreams};
use crate::treasury::SumsTransaction;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// The horizons of top-ups, in days.
const HORIZONS: [u64; 3] = [7, 30, 90];

/// [`RunwayStore::emit_low_runways`](super::RunwayStore::emit_low_runways).
pub async fn emit<T: RunwayTransaction>(
    transaction: &mut T,
    thresholds: &Thresholds,
    now: Timestamp,
) -> Result<Emitted, T::Fault> {
    if !transaction.is_counted().await? {
        return Ok(Emitted::default());
    }
    let clocks = Clocks::read(transaction, now).await?;
    let due = transaction.due_runways(clocks.wall, clocks.ledgers, RUNWAYS_PER_STEP).await?;
    if due.is_empty() {
        return Ok(Emitted::default());
    }
    // From here on no batch changes the chain.
    transaction.state().await?;
    let (mut checks, mut appended) = (Vec::new(), Appended::default());
    for mut stored in due.iter().copied() {
        let at = match stored.asset {
            Asset::Api => Some(clocks.wall),
            Asset::Token(_) | Asset::OfContract(_) => clocks.ledgers,
        };
        let Some(at) = at else { continue };
        let runway = transaction.runway(&stored, at).await?;
        let Checked { watch, crossed, next } =
            thresholds.check(stored.watch, runway.as_ref().map(Runway::seconds));
        if let Some((runway, threshold)) = runway.as_ref().zip(crossed)
            && !append(transaction, &mut appended, &stored, runway, threshold, now).await?
        {
            // Its stream cannot be read. The runway is checked again when its sums change.
            checks.push(RunwayCheck { runway: stored, next: None });
            continue;
        }
        stored.watch = watch;
        let ends = runway.map(|runway| runway.end().0);
        let next = ends.zip(next).map(|(end, next)| end.seconds().saturating_sub(next));
        checks.push(RunwayCheck { runway: stored, next: next.map(UnixTime::from_seconds) });
    }
    transaction.write_runways(&checks).await?;
    let more = !checks.is_empty() && usize::try_from(RUNWAYS_PER_STEP).is_ok_and(|limit| due.len() >= limit);
    let events = appended.len();
    appended.write(transaction).await?;
    Ok(Emitted { events, more })
}

/// Appends the event to the history of the stream that ends first. `false` if its row cannot be read.
async fn append<T: RunwayTransaction>(
    transaction: &mut T,
    appended: &mut Appended,
    stored: &StoredRunway,
    runway: &Runway,
    threshold: u64,
    now: Timestamp,
) -> Result<bool, T::Fault> {
    let (_, stream) = runway.end();
    let ReadStreams { rows, .. } = transaction.streams_to_change(&[stream]).await?;
    let Some(row) = rows.get(&stream) else { return Ok(false) };
    let data = EventData {
        cause: Cause::Clock,
        changes: Box::new(Changes::default()),
        settlement: None,
        retracts: None,
        runway: Some(Box::new(payload(stored, runway, threshold))),
    };
    let crossed = runway.crossed_at(threshold).instant();
    appended.push(row, EventKind::RunwayLow, crossed, data, now);
    Ok(true)
}

fn payload(stored: &StoredRunway, runway: &Runway, threshold: u64) -> RunwayLow {
    let StoredRunway { treasury, asset, .. } = *stored;
    let contract = match asset {
        Asset::Token(token) => Some(token),
        Asset::OfContract(contract) => Some(Address::Contract(contract)),
        Asset::Api => None,
    };
    let top_ups = HORIZONS.map(|days| {
        let seconds = days.saturating_mul(DAY);
        let amount = runway.top_up(seconds).map(|amount| {
            if asset.is_in_stroops() { Amount::from_stroops(amount).to_string() } else { amount.to_string() }
        });
        TopUp { days, amount, complete: runway.is_complete_for(seconds) }
    });
    RunwayLow {
        treasury,
        asset: RunwayAsset { kind: asset.kind().to_owned(), contract },
        threshold_hours: threshold.div_euclid(HOUR),
        measured_at: runway.at,
        runway_seconds: runway.seconds(),
        exhausted_at: runway.end().0,
        streams: u64::try_from(runway.ending_within(threshold)).unwrap_or(u64::MAX),
        top_ups: top_ups.into(),
    }
}

/// Measures a runway by the sums: reads the streams of the treasury whose accrual ends first.
pub async fn of_sums<T: SumsTransaction>(
    transaction: &mut T,
    stored: &StoredRunway,
    at: UnixTime,
) -> Result<Option<Runway>, T::Fault> {
    let party = Party { role: Role::Sender, address: stored.treasury };
    let sums = transaction.sums_of(&party).await?;
    let Some(sums) = sums.into_iter().find(|sums| sums.asset == stored.asset) else { return Ok(None) };
    let ends = transaction.exhausted_after(Role::Sender, sums.id, at, false, RUNWAY_STREAMS).await?;
    let is_full = u32::try_from(ends.len()).is_ok_and(|found| found >= RUNWAY_STREAMS);
    let complete_until = ends.last().map(|(at, _)| *at).filter(|_| is_full);
    let sequences: Vec<_> = ends.into_iter().map(|(_, sequence)| sequence).collect();
    let rows: HashMap<_, _> = transaction.rows(&sequences).await?.into_iter().collect();
    // A row may have changed since it was counted: its own parties and terms count.
    let streams: Vec<_> = rows
        .into_values()
        .filter_map(Result::ok)
        .filter(|stream| party.has(stream) && Asset::of(stream) == stored.asset)
        .collect();
    Ok(Runway::of(&streams, at, complete_until))
}
