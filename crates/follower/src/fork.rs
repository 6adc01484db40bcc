//! What follows when a verified ledger contradicts a stored one.

use fluxora_stellar::{ForkTrial, Hash, Testimony, Verdict, VerifiedLedger};
use fluxora_store::ChainStore;
use fluxora_supervise::ShutdownToken;

use crate::follower::wait_until;
use crate::{FollowError, Sources};

/// Ledgers that are compared at once on the way back.
const STEP: u32 = 50;

/// A contradiction that a source brought up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accusation {
    pub(crate) ledger: u32,
    pub(crate) stored: Hash,
    pub(crate) source: usize,
    pub(crate) claimed: Hash,
}

/// How a trial ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// These ledgers replace stored ones: they follow the last ledger that both chains have.
    Replace(Vec<VerifiedLedger>),
    /// The stored ledgers stay, and the source took its testimony back.
    Keep,
    /// Shutdown was requested.
    Stopped,
}

/// Hears the witnesses, and walks back to the last common ledger if the stored one is to be replaced.
pub(crate) async fn settle(
    sources: &Sources,
    store: &dyn ChainStore,
    accusation: Accusation,
    max_depth: u32,
    shutdown: &mut ShutdownToken,
) -> Result<Outcome, FollowError> {
    let Accusation { ledger, stored, source, claimed } = accusation;
    let mut trial = ForkTrial::new(ledger, stored, source, claimed, sources.now(), sources.others(source));
    let mut confirmed = claimed;
    loop {
        match trial.verdict() {
            Verdict::Keep => return Ok(Outcome::Keep),
            Verdict::Conflict => return Err(FollowError::Conflict { ledger }),
            Verdict::Replace => break,
            Verdict::Ask { source: witness, from } => {
                if wait_until(sources, from, shutdown).await {
                    return Ok(Outcome::Stopped);
                }
                let page = sources.ask_one(witness, ledger, 1).await.ok();
                let said = page.and_then(|page| page.ledgers.first().map(|found| found.ledger.hash));
                if witness == source {
                    confirmed = said.unwrap_or(confirmed);
                }
                trial.hear(witness, said.map_or(Testimony::Silent, Testimony::Hash), sources.now());
            }
        }
    }
    let accusation = Accusation { claimed: confirmed, ..accusation };
    walk_back(sources, store, accusation, max_depth).await
}

/// Reads the source's ledgers downwards until one is stored with the same hash, or none is stored.
async fn walk_back(
    sources: &Sources,
    store: &dyn ChainStore,
    accusation: Accusation,
    max_depth: u32,
) -> Result<Outcome, FollowError> {
    let Accusation { ledger, source, claimed, .. } = accusation;
    let mut branch: Vec<VerifiedLedger> = Vec::new();
    let (mut upto, mut parent) = (ledger, claimed);
    loop {
        if ledger.saturating_sub(upto) > max_depth {
            return Err(FollowError::TooDeep { ledger, max_depth });
        }
        let stored = store.ledgers(upto.saturating_sub(STEP.saturating_sub(1))..=upto).await?;
        let Some(from) = stored.first().map(|lowest| lowest.sequence) else { break };
        let limit = usize::try_from(upto.saturating_sub(from).saturating_add(1)).unwrap_or(usize::MAX);
        let mut page = Vec::new();
        while page.len() < limit {
            let next = from.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
            match sources.ask_one(source, next, limit.saturating_sub(page.len())).await {
                Ok(more) if !more.ledgers.is_empty() => page.extend(more.ledgers),
                // The contradiction is found again when the source answers.
                Ok(_) | Err(_) => return Ok(Outcome::Keep),
            }
        }
        for verified in page.into_iter().rev() {
            if verified.ledger.hash != parent {
                // The source changed its branch meanwhile.
                return Ok(Outcome::Keep);
            }
            parent = verified.ledger.previous_hash;
            let known = stored.iter().find(|known| known.sequence == verified.ledger.sequence);
            let is_common = known.is_none_or(|known| known.hash.as_str() == verified.ledger.hash.to_string());
            if is_common && verified.ledger.sequence < ledger {
                branch.reverse();
                return Ok(Outcome::Replace(branch));
            }
            branch.push(verified);
        }
        let Some(lower) = from.checked_sub(1) else { break };
        upto = lower;
    }
    branch.reverse();
    Ok(Outcome::Replace(branch))
}
