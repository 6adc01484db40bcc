//! What the server answers beside what the contract answered.

use std::collections::BTreeMap;
use std::fmt;

use fluxora_stream::{Kind, UnixTime};
use serde_json::{Value, json};

use super::answers::{Answered, Fields};
use super::contract;
use super::scenario::stroops;

/// Seconds that the contract counts for one ledger of a lookback.
const SECONDS_PER_LEDGER: u64 = 5;

/// How many values were compared, and how many differ for which of the reasons that events leave open.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) compared: usize,
    pub(super) kind: usize,
    pub(super) checkpoint: usize,
    pub(super) withdrawn: usize,
    pub(super) lookback: usize,
    pub(super) balance: usize,
}

impl Table {
    pub(super) fn add(&mut self, other: &Self) {
        let Self { compared, kind, checkpoint, withdrawn, lookback, balance } = other;
        self.compared += compared;
        self.kind += kind;
        self.checkpoint += checkpoint;
        self.withdrawn += withdrawn;
        self.lookback += lookback;
        self.balance += balance;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "values compared                              {:>8}", self.compared)?;
        writeln!(f, "differ: the kind is not in `created`         {:>8}", self.kind)?;
        writeln!(f, "differ: whether `rate_upd` kept what accrued {:>8}", self.checkpoint)?;
        writeln!(f, "differ: `withdrew` has a net amount         {:>8}", self.withdrawn)?;
        writeln!(f, "withdrawable capped by the lookback          {:>8}", self.lookback)?;
        write!(f, "withdrawable capped by the shared balance    {:>8}", self.balance)
    }
}

/// A stream of the server beside the contract's: as answered, with the contract's kind where that was inferred, and with its
/// checkpoint as well.
pub(super) struct Pair<'a> {
    pub(super) state: &'a Value,
    contract: Fields,
    variants: [Answered; 3],
    /// Where it is compared, for who reads that it differs.
    place: String,
    /// The server says that it could not see what a withdrawal took out in all.
    inferred_withdrawn: bool,
}

impl<'a> Pair<'a> {
    pub(super) fn of(state: &'a Value, answer: &Value, place: String) -> Self {
        let contract = contract::fields(state);
        let answered = Answered::of(answer);
        let with_kind = answered.clone().with_kind(&contract);
        let with_both = with_kind.clone().with_checkpoint(&contract);
        let inferred_withdrawn = answer["chain"]["inferred"]["withdrawn"] == true;
        Self { state, contract, variants: [answered, with_kind, with_both], place, inferred_withdrawn }
    }

    /// The second of the stream's last event. What is asked of an earlier one is answered by its history.
    pub(super) fn updated_at(&self) -> u64 {
        self.variants[0].updated_at
    }

    /// Every field that events report.
    pub(super) fn fields(&self, answer: &Value, table: &mut Table) {
        for (name, value) in &self.contract {
            self.judge(table, name, value, &self.variants[0].fields[name], |variants| {
                variants.fields[name].clone()
            });
        }
        let counted = |theirs: &str, ours: &str| {
            assert!(
                self.state[theirs].as_u64() <= answer["chain"][ours].as_u64(),
                "{}: {theirs}",
                self.place
            );
        };
        counted("last_withdraw_ledger", "lastWithdrawLedger");
        counted("last_rate_change_ledger", "lastRateChangeLedger");
    }

    /// The contract's answers about the stream at the end of a ledger.
    pub(super) fn view(&self, view: &Value, answer: &Value, balance: i128, table: &mut Table) {
        let now = answer["asOf"].as_u64().unwrap();
        let status = json!(view["status"].as_str().unwrap().to_lowercase());
        self.judge(table, "status now", &status, &answer["status"], |variants| json!(variants.status));
        self.streamed(now, stroops(&view["accrued"]), answer, table);
        // This view looks back from now also where the stream was cancelled before.
        let theirs = contract::amount(stroops(&view["withdrawable"]));
        let capped = |variants: &Answered, amount: i128| {
            let lookback = self.within_lookback(variants, now, amount);
            (lookback, lookback.min(balance).max(0))
        };
        let ours = stroops_of(&answer["withdrawableAmount"]);
        let (lookback, shown) = capped(&self.variants[0], ours);
        table.lookback += usize::from(lookback < ours);
        table.balance += usize::from(balance < lookback);
        self.judge(table, "withdrawable now", &theirs, &contract::amount(shown), |variants| {
            contract::amount(capped(variants, variants.withdrawable(now)).1)
        });
    }

    /// One instant of the contract's curve: what has accrued, and what could be claimed. That minds neither a pause nor the
    /// balance, so that it is no answer to what a stream that is held pays out.
    pub(super) fn point(&self, point: &Value, answer: &Value, table: &mut Table) {
        let at = answer["asOf"].as_u64().unwrap();
        self.streamed(at, stroops(&point[1]), answer, table);
        if self.variants[0].status == "paused" {
            return;
        }
        let until = self.variants[0].cancelled_at.map_or(at, |cancelled| cancelled.min(at));
        let ours = self.within_lookback(&self.variants[0], until, stroops_of(&answer["withdrawableAmount"]));
        let theirs = contract::amount(stroops(&point[2]));
        self.judge(table, &format!("withdrawable at {at}"), &theirs, &contract::amount(ours), |variants| {
            contract::amount(self.within_lookback(variants, until, variants.withdrawable(at)))
        });
    }

    fn streamed(&self, at: u64, accrued: i128, answer: &Value, table: &mut Table) {
        let ours = &answer["streamedAmount"];
        assert_eq!(*ours, contract::amount(self.variants[0].streamed(at)), "{} at {at}", self.place);
        self.judge(table, &format!("accrued at {at}"), &contract::amount(accrued), ours, |variants| {
            contract::amount(variants.streamed(at))
        });
    }

    /// The contract pays out only what accrued within a stream's lookback, if it has one: a setting that no event reports.
    fn within_lookback(&self, variants: &Answered, until: u64, withdrawable: i128) -> i128 {
        let Some(ledgers) = self.state["side"]["max_lookback_ledgers"].as_u64() else { return withdrawable };
        let schedule = &variants.schedule;
        let end = UnixTime::from_seconds(until).min(schedule.end);
        let begin = UnixTime::from_seconds(end.seconds().saturating_sub(ledgers * SECONDS_PER_LEDGER));
        let [accrued, recent] = [
            schedule.accrued(end).stroops(),
            schedule.accrued(end).stroops() - schedule.accrued(begin).stroops(),
        ];
        let whole = schedule.kind == Kind::CliffOnly && accrued > 0;
        withdrawable.min(if whole { accrued } else { recent.max(0) })
    }

    /// Counts a value, and why it differs if it does. The server must have said that it inferred what the reason is.
    fn judge(
        &self,
        table: &mut Table,
        what: &str,
        contract: &Value,
        ours: &Value,
        corrected: impl Fn(&Answered) -> Value,
    ) {
        table.compared += 1;
        if ours == contract {
            return;
        }
        let [_, with_kind, with_both] = &self.variants;
        if corrected(with_kind) == *contract {
            table.kind += 1;
        } else if corrected(with_both) == *contract {
            table.checkpoint += 1;
        } else if self.inferred_withdrawn && what.starts_with("withdraw") {
            table.withdrawn += 1;
        } else {
            panic!("{}: {what} is {contract} to the contract and {ours} to the server", self.place);
        }
    }
}

fn stroops_of(amount: &Value) -> i128 {
    amount.as_str().unwrap().parse::<fluxora_decimal::Amount>().unwrap().stroops()
}

/// Answers, by stream and second, that must be given again when the chain has gone on.
pub(super) type Past = BTreeMap<(String, u64), Value>;
