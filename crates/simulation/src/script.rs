//! What happens in a round of sixty ledgers. Each round plays the lives of five streams.

use std::collections::BTreeMap;

use fluxora_stream::{Address, UnixTime};

use crate::contract::{CallRefused, Contract, Terms};
use crate::event::Event;
use crate::seed::Seed;

/// Ledgers of one round.
pub const ROUND: u32 = 60;
/// The first ledger of a round that the reorg replaces.
pub(crate) const FORK: u32 = 40;
/// The ledger of a round at which the branch of [`FORK`] is replaced: three ledgers below it are replaced.
pub(crate) const REORG: u32 = 43;

/// One unit of the token, in its smallest unit.
const UNIT: u64 = 10_000_000;

/// The branch that the ledgers from [`FORK`] to [`REORG`] belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Branch {
    /// The branch that the network keeps.
    #[default]
    Kept,
    /// The branch that the reorg replaces.
    Replaced,
}

/// The part of a stream in the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// Withdrawn, topped up, and still active at the end of the round.
    Salary,
    /// Paused before its cliff and resumed: the pause moves the cliff.
    Grant,
    /// Emptied: depleted.
    Bonus,
    /// Cancelled half-way; the recipient withdraws the rest.
    Project,
    /// Created on the replaced branch only: the reorg removes it.
    Mistake,
}

#[derive(Clone, Copy)]
enum Act {
    /// Seconds of the cliff and of the whole stream.
    Create {
        cliff: u64,
        duration: u64,
    },
    /// Withdraws a random part of what is due.
    WithdrawPart,
    WithdrawAll,
    TopUp,
    Pause,
    Resume,
    Cancel,
}

/// Ledger of the round, branch (`None` for both), stream, act.
const SCRIPT: [(u32, Option<Branch>, Role, Act); 20] = [
    (1, None, Role::Salary, Act::Create { cliff: 0, duration: 600 }),
    (2, None, Role::Grant, Act::Create { cliff: 12, duration: 240 }),
    (3, None, Role::Bonus, Act::Create { cliff: 0, duration: 20 }),
    (4, None, Role::Project, Act::Create { cliff: 0, duration: 120 }),
    (8, None, Role::Salary, Act::WithdrawPart),
    (9, None, Role::Grant, Act::Pause),
    (12, None, Role::Bonus, Act::WithdrawPart),
    (15, None, Role::Grant, Act::Resume),
    (18, None, Role::Salary, Act::TopUp),
    (20, None, Role::Project, Act::WithdrawPart),
    (24, None, Role::Bonus, Act::WithdrawAll),
    (28, None, Role::Grant, Act::WithdrawPart),
    (30, None, Role::Project, Act::Cancel),
    (35, None, Role::Project, Act::WithdrawAll),
    (FORK, Some(Branch::Replaced), Role::Salary, Act::WithdrawAll),
    (FORK, Some(Branch::Replaced), Role::Mistake, Act::Create { cliff: 0, duration: 90 }),
    (41, Some(Branch::Kept), Role::Salary, Act::WithdrawPart),
    (48, None, Role::Grant, Act::Pause),
    (52, None, Role::Salary, Act::WithdrawPart),
    (56, None, Role::Grant, Act::WithdrawAll),
];

/// The numbers of the round's streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round(BTreeMap<Role, u64>);

/// Where a ledger stands in the script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) round: u32,
    /// Ledger of the round: 0 to [`ROUND`] - 1.
    pub(crate) ledger: u32,
    pub(crate) branch: Branch,
    pub(crate) close_time: UnixTime,
}

impl Scene {
    /// What distinguishes it in a simulation, as a label of random values.
    pub(crate) fn label(&self) -> String {
        let Self { round, ledger, branch, close_time: _ } = self;
        format!("round {round} ledger {ledger} {branch:?}")
    }
}

impl Round {
    /// Makes the calls of a ledger, in order. A refused call emits nothing.
    pub(crate) fn play(
        &mut self,
        scene: Scene,
        seed: &Seed,
        contract: &mut Contract,
    ) -> Vec<Result<Event, CallRefused>> {
        let due = SCRIPT.iter().filter(|(ledger, branch, ..)| {
            *ledger == scene.ledger && branch.is_none_or(|branch| branch == scene.branch)
        });
        due.map(|&(.., role, act)| self.call(role, act, scene, seed, contract)).collect()
    }

    fn call(
        &mut self,
        role: Role,
        act: Act,
        scene: Scene,
        seed: &Seed,
        contract: &mut Contract,
    ) -> Result<Event, CallRefused> {
        let now = scene.close_time;
        let draw = |from: u64, to: u64| seed.draw(&format!("{role:?} {}", scene.label()), from, to);
        if let Act::Create { cliff, duration } = act {
            let (number, event) = contract.create(&Terms {
                sender: party(seed, "sender", role),
                recipient: party(seed, "recipient", role),
                deposit: i128::from(draw(100, 1_000).saturating_mul(UNIT).saturating_add(draw(0, UNIT))),
                start: now,
                cliff: now.saturating_add(cliff),
                end: now.saturating_add(duration),
            })?;
            self.0.insert(role, number);
            return Ok(event);
        }
        let number = self.0.get(&role).copied().ok_or(CallRefused::NoStream)?;
        let stream = *contract.stream(number)?;
        match act {
            Act::Create { .. } => Err(CallRefused::NoStream),
            Act::WithdrawPart => {
                let due = stream.withdrawable(now);
                let part = due.saturating_mul(draw(300, 900).into()).checked_div(1_000);
                contract.withdraw(number, part, now)
            }
            Act::WithdrawAll => contract.withdraw(number, None, now),
            Act::TopUp => contract.top_up(number, i128::from(draw(50, 200).saturating_mul(UNIT)), now),
            Act::Pause => contract.pause(number, now),
            Act::Resume => contract.resume(number, now),
            Act::Cancel => contract.cancel(number, now),
        }
    }
}

/// The same parties play a role in each round.
fn party(seed: &Seed, side: &str, role: Role) -> Address {
    seed.account(&format!("{side} of {role:?}")).into()
}
