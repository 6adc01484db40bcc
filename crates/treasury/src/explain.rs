//! The terms behind the accrued amount, for a reader who computes it by hand.

use fluxora_stream::vesting::{Curve, VestingSchedule};
use fluxora_stream::{Details, Kind, Schedule, Status, Stream, StreamBody, UnixTime};

use crate::Figures;

/// How the accrued amount of a stream at an instant is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The name of the rule.
    pub rule: &'static str,
    /// The computation, in the names of the terms.
    pub formula: &'static str,
    /// The terms.
    pub terms: Vec<Term>,
    /// What follows.
    pub accrued: i128,
}

/// A named value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// The name in the formula.
    pub name: &'static str,
    /// The value.
    pub value: Value,
}

/// The value of a [`Term`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// An amount, in the smallest unit.
    Amount(i128),
    /// An instant.
    Time(UnixTime),
    /// A number of seconds or of parts.
    Number(u64),
    /// A word.
    Word(&'static str),
}

/// Explains the accrued amount of a stream at an instant.
pub fn explain<B: StreamBody>(stream: &Stream<B>, at: UnixTime) -> Explanation {
    let accrued = Figures::of(stream, at).accrued;
    let (schedule, counts_at) = match (stream.details(), stream.status) {
        (Details::Vesting(state), _) => return of_vesting(&state.schedule, at, accrued),
        (Details::V9(state), Status::Completed) => {
            let deposit = amount("deposit", state.flow.schedule.deposit.stroops());
            return Explanation { rule: "completed", formula: "deposit", terms: vec![deposit], accrued };
        }
        (Details::Api(flow), Status::Completed) => (flow.schedule, flow.schedule.end),
        (details, Status::Cancelled { at }) => match details.flow() {
            Some(flow) => (flow.schedule, UnixTime::of(at)),
            None => return fixed(accrued),
        },
        (details, _) => match details.flow() {
            Some(flow) => (flow.schedule, at),
            None => return fixed(accrued),
        },
    };
    of_flow(&schedule, counts_at, accrued)
}

fn fixed(accrued: i128) -> Explanation {
    Explanation { rule: "fixed", formula: "accrued", terms: vec![amount("accrued", accrued)], accrued }
}

const fn amount(name: &'static str, amount: i128) -> Term {
    Term { name, value: Value::Amount(amount) }
}

const fn time(name: &'static str, at: UnixTime) -> Term {
    Term { name, value: Value::Time(at) }
}

const fn number(name: &'static str, number: u64) -> Term {
    Term { name, value: Value::Number(number) }
}

fn of_flow(schedule: &Schedule, at: UnixTime, accrued: i128) -> Explanation {
    let deposit = schedule.deposit.stroops();
    if at < schedule.cliff || deposit <= 0 {
        let terms = vec![time("at", at), time("cliff", schedule.cliff), amount("deposit", deposit)];
        return Explanation { rule: "before_cliff", formula: "0 while at < cliff", terms, accrued };
    }
    let (rule, formula, checkpoint, from) = match schedule.kind {
        Kind::CliffOnly => {
            let terms = vec![time("at", at), time("cliff", schedule.cliff), amount("deposit", deposit)];
            return Explanation { rule: "cliff_only", formula: "deposit from the cliff on", terms, accrued };
        }
        Kind::CliffSlope => {
            let formula = "min(cap, max(floor, rate * seconds)), seconds = max(0, to - from)";
            ("cliff_slope", formula, None, schedule.cliff)
        }
        Kind::Linear => {
            let formula = "min(cap, max(floor, checkpoint + rate * seconds)), seconds = max(0, to - from)";
            ("linear", formula, Some(schedule.checkpoint.amount.stroops()), schedule.checkpoint.at)
        }
    };
    let to = at.min(schedule.end);
    let mut terms = vec![
        amount("cap", deposit),
        amount("floor", 0),
        amount("rate", schedule.rate.stroops()),
        time("from", from),
        time("to", to),
        number("seconds", to.seconds_since(from)),
        time("cliff", schedule.cliff),
    ];
    terms.extend(checkpoint.map(|checkpoint| amount("checkpoint", checkpoint)));
    Explanation { rule, formula, terms, accrued }
}

fn of_vesting(schedule: &VestingSchedule, at: UnixTime, accrued: i128) -> Explanation {
    let (gate, elapsed, duration) = (schedule.gate(at), schedule.elapsed(at), schedule.duration());
    let mut terms = vec![
        amount("deposit", schedule.deposited),
        time("clock", schedule.clock(at)),
        time("start", schedule.start),
        time("end", schedule.end),
        time("cliff", schedule.cliff),
        time("gate", gate),
        Term { name: "gateClock", value: Value::Word(schedule.cliff_mode.as_str()) },
        number("pausedSeconds", schedule.pauses.paused_total),
        number("elapsed", elapsed),
        number("duration", duration),
    ];
    terms.extend(schedule.pauses.paused_at.map(|at| time("pausedAt", at)));
    let (rule, formula) = if !schedule.gate_is_open(at) {
        ("before_cliff", "0 while gate < cliff")
    } else if elapsed >= duration {
        ("ended", "deposit once elapsed = duration")
    } else {
        match schedule.curve {
            Curve::Linear => {
                ("linear", "floor(deposit * elapsed / duration), elapsed = min(clock, end) - start")
            }
            Curve::Step => {
                ("step", "floor(deposit * quarters / 4), a quarter ends after ceil(quarter * duration / 4)")
            }
            Curve::FrontLoaded => (
                "front_loaded",
                "floor(deposit * (2u - floor(u * u / 1000)) / 1000), u = floor(1000 * elapsed / duration)",
            ),
        }
    };
    Explanation { rule, formula, terms, accrued }
}
