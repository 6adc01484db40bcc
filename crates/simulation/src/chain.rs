use fluxora_indexer::{Batch, BatchFault, ChainPosition, ContractEvent, Ledger, NotOpaque, Opaque, Pushed};
use fluxora_stream::{ContractId, UnixTime};
use thiserror::Error;

use crate::contract::{CallRefused, Contract};
use crate::event::Event;
use crate::script::{Branch, FORK, REORG, ROUND, Round, Scene};
use crate::seed::Seed;

/// The sequence of the first ledger.
const FIRST: u32 = 1_000;
/// The label of the token.
const TOKEN: &str = "token";
/// Most events of a batch: a ledger has at most two.
const BATCH_MAX: usize = 100;
/// A clock that jumps ahead by more seconds than this is followed in one ledger, so that the work stays bounded.
const CATCH_UP_MAX: u64 = 3_600;

/// A chain with one contract. It closes a ledger every second, and once in each round its last ledgers are replaced.
///
/// Equal seeds, starts and instants give equal ledgers.
#[derive(Clone, Debug)]
pub struct Chain {
    seed: Seed,
    address: ContractId,
    contract: Contract,
    round: Round,
    branch: Branch,
    /// The sequence, the hash and the close time of the newest ledger.
    tip: (u32, Opaque, UnixTime),
    /// The chain below the ledgers that the next reorg replaces.
    before_fork: Option<Box<Self>>,
}

/// A ledger as it is pushed, and the calls of it that the contract refused.
#[derive(Debug)]
pub struct Closed {
    /// The ledger with its events, as it is pushed.
    pub batch: Batch,
    /// Calls that the contract refused.
    pub refused: Vec<CallRefused>,
}

/// A defect of the simulation.
#[derive(Debug, Error)]
pub enum SimulationFault {
    /// A text of it cannot be pushed.
    #[error("a simulated text {0}")]
    Text(#[from] NotOpaque),
    /// A ledger of it cannot be pushed.
    #[error("a simulated ledger is not a batch: {0:?}")]
    Batch(Vec<BatchFault>),
}

impl Chain {
    /// A chain without contract events whose newest ledger closed at `start`.
    ///
    /// # Errors
    /// [`SimulationFault`], a defect.
    pub fn new(seed: u64, start: UnixTime) -> Result<Self, SimulationFault> {
        let seed = Seed::new(seed);
        let hash = Opaque::new(&seed.hex("genesis"))?;
        Ok(Self {
            address: seed.contract("contract"),
            contract: Contract::new(seed.contract(TOKEN).into()),
            round: Round::default(),
            branch: Branch::Kept,
            tip: (FIRST, hash, start),
            before_fork: None,
            seed,
        })
    }

    /// The address of the contract.
    pub const fn address(&self) -> ContractId {
        self.address
    }

    /// The token of every stream.
    pub fn token(&self) -> ContractId {
        self.seed.contract(TOKEN)
    }

    /// The contract after the newest ledger.
    pub const fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The close time of the newest ledger.
    pub const fn close_time(&self) -> UnixTime {
        self.tip.2
    }

    /// Closes the next ledger if it is due at `now`. At a reorg, the next ledger is the first that is replaced.
    ///
    /// # Errors
    /// [`SimulationFault`], a defect.
    pub fn close(&mut self, now: UnixTime) -> Result<Option<Closed>, SimulationFault> {
        if now.seconds_since(self.tip.2) == 0 {
            return Ok(None);
        }
        if self.next_in_round() == REORG
            && let Some(before_fork) = self.before_fork.take()
        {
            *self = *before_fork;
        } else if self.next_in_round() == FORK {
            self.before_fork = Some(Box::new(self.clone()));
            self.branch = Branch::Replaced;
        }
        let (sequence, previous, last) = self.tip.clone();
        let behind = now.seconds_since(last) > CATCH_UP_MAX;
        let close_time = if behind { now } else { last.saturating_add(1) };
        let sequence = sequence.saturating_add(1);
        let past = sequence.saturating_sub(FIRST);
        let scene = Scene {
            round: past.checked_div(ROUND).unwrap_or(0),
            ledger: past.checked_rem(ROUND).unwrap_or(0),
            branch: self.branch,
            close_time,
        };
        let hash = Opaque::new(&self.seed.hex(&format!("ledger {sequence} {} {previous}", scene.label())))?;
        let played = self.round.play(scene, &self.seed, &mut self.contract);
        let (mut events, mut refused) = (Vec::new(), Vec::new());
        for (transaction, outcome) in (1..).zip(played) {
            match outcome {
                Ok(event) => {
                    let position = ChainPosition { ledger: sequence, transaction, operation: 0, event: 0 };
                    let event = self.stored(event, position, &hash, close_time)?;
                    let previous_hash = Some(previous.clone());
                    events.push(Pushed { event, ledger_hash: hash.clone(), previous_hash });
                }
                Err(refusal) => refused.push(refusal),
            }
        }
        let tip = Ledger {
            sequence,
            hash: hash.clone(),
            previous_hash: Some(previous),
            closed_at: Some(close_time.instant()),
        };
        let batch = Batch::new(events, Some(tip), BATCH_MAX).map_err(SimulationFault::Batch)?;
        self.tip = (sequence, hash, close_time);
        Ok(Some(Closed { batch, refused }))
    }

    fn next_in_round(&self) -> u32 {
        self.tip.0.saturating_add(1).saturating_sub(FIRST).checked_rem(ROUND).unwrap_or(0)
    }

    fn stored(
        &self,
        event: Event,
        position: ChainPosition,
        ledger_hash: &Opaque,
        close_time: UnixTime,
    ) -> Result<ContractEvent, SimulationFault> {
        let tx_hash = self.seed.hex(&format!("transaction {} of {ledger_hash}", position.transaction));
        let id = format!("{ledger_hash}-{}", position.transaction);
        Ok(ContractEvent {
            id: Opaque::new(&id)?,
            position,
            contract: Opaque::new(&self.address.to_string())?,
            topic: Opaque::new(event.topic)?,
            tx_hash: Opaque::new(&tx_hash)?,
            happened_at: close_time.instant(),
            payload: event.payload.into(),
            invocation: None,
        })
    }
}
