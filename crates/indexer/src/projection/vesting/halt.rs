use fluxora_stream::{Address, UnixTime};

use super::{Anomaly, CheckedField, EventContext};

/// An event of the contract's emergency stop (ABI 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltAction {
    /// `halt_operator_set`: once for ever.
    OperatorSet {
        /// The only party that may halt and resume.
        operator: Address,
    },
    /// `contract_halted`: calls that change streams are refused. Accrual goes on.
    Halted {
        /// The operator.
        operator: Address,
        /// The close time.
        halted_at: UnixTime,
    },
    /// `contract_resumed`: calls are accepted.
    Resumed {
        /// The operator.
        operator: Address,
        /// The close time.
        resumed_at: UnixTime,
        /// Seconds of the halt.
        halted_for: u64,
    },
}

/// The emergency stop of one contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContractHalt {
    /// The party that may halt and resume; `None` until it is set.
    pub operator: Option<Address>,
    /// Start of the halt that lasts, if one does.
    pub halted_at: Option<UnixTime>,
}

impl ContractHalt {
    /// Applies an event, in chain order. Returns what contradicts the state before.
    pub fn apply(&mut self, action: &HaltAction, context: EventContext) -> Vec<Anomaly> {
        let before = *self;
        let (operator_fits, time_fits) = match *action {
            HaltAction::OperatorSet { operator } => {
                self.operator = Some(operator);
                (before.operator.is_none(), true)
            }
            HaltAction::Halted { operator, halted_at } => {
                self.halted_at = Some(halted_at);
                (
                    before.operator == Some(operator),
                    halted_at == context.close_time && before.halted_at.is_none(),
                )
            }
            HaltAction::Resumed { operator, resumed_at, halted_for } => {
                self.halted_at = None;
                let lasted = before.halted_at.map(|since| resumed_at.seconds_since(since));
                (
                    before.operator == Some(operator),
                    resumed_at == context.close_time && lasted == Some(halted_for),
                )
            }
        };
        let checks = [(CheckedField::HaltOperator, operator_fits), (CheckedField::HaltTime, time_fits)];
        let failed = checks.into_iter().filter(|(_, fits)| !fits);
        failed.map(|(field, _)| Anomaly::Disagreement { field }).collect()
    }
}
