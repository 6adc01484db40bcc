//! Random lives of a stream: a model of the contract decides which calls it accepts, changes its own record and emits
//! the event. What is projected from the events has to equal the record, and the contract's invariants have to hold.

use fluxora_stream::vesting::{CliffMode, Curve, PauseClock, VestingSchedule, VestingStatus, VestingStream};
use fluxora_stream::{ContractId, UnixTime};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::payloads::{RECIPIENT, SENDER, TOKEN};
use super::{ContractAction, Decoded, EventContext, apply, create, decode};
use crate::ChainPosition;

/// What is asked of the contract.
#[derive(Clone, Copy, Debug)]
enum Call {
    /// Thousandths of what can be withdrawn.
    Withdraw(i128),
    TopUp(i128),
    Pause,
    Resume,
    Cancel,
    TransferRecipient,
}

/// The contract's record of a stream, and the calls that change it.
#[derive(Clone, Debug)]
struct Model {
    abi: u8,
    schedule: VestingSchedule,
    status: VestingStatus,
    withdrawn: i128,
    refunded: i128,
    recipient: &'static str,
}

impl Model {
    fn created(&self) -> Value {
        let VestingSchedule { deposited, start, end, cliff, curve, cliff_mode, .. } = self.schedule;
        let mut value = json!({"token": TOKEN, "deposited": deposited.to_string(), "start_time": start.to_string(),
            "end_time": end.to_string(), "cliff_time": cliff.to_string(),
            "cancellable": true, "pausable": true, "transferable": true});
        self.add(
            &mut value,
            json!({"curve": curve.code(), "cliff_mode": cliff_mode.code(), "reference": null}),
        );
        event(&["stream_created", SENDER, RECIPIENT], value)
    }

    /// Runs a call at `now`; `None` if the contract refuses it.
    fn call(&mut self, call: Call, now: UnixTime) -> Option<Value> {
        match call {
            Call::Withdraw(share) => self.withdraw(share, now),
            _ if self.status.is_final() => None,
            Call::TopUp(amount) => self.top_up(amount, now),
            Call::Pause => self.pause(now),
            Call::Resume => self.resume(now),
            Call::Cancel => Some(self.cancel(now)),
            Call::TransferRecipient => Some(self.transfer()),
        }
    }

    fn withdraw(&mut self, share: i128, now: UnixTime) -> Option<Value> {
        let amount = self.schedule.withdrawable(self.withdrawn, now) * share / 1000;
        if amount == 0 {
            return None;
        }
        self.withdrawn += amount;
        if self.withdrawn >= self.schedule.deposited && self.status != VestingStatus::Cancelled {
            self.status = VestingStatus::Depleted;
            self.schedule.pauses = self.schedule.pauses.ended(now);
        }
        let PauseClock { paused_at, paused_total } = self.schedule.pauses;
        let mut value = json!({"amount": amount.to_string(), "withdrawn": self.withdrawn.to_string(),
            "deposited": self.schedule.deposited.to_string(), "status": self.status.code()});
        let paused_at = paused_at.map(|since| since.to_string());
        self.add(
            &mut value,
            json!({"sender": SENDER, "paused_at": paused_at, "paused_total": paused_total.to_string()}),
        );
        Some(event(&["withdrawn", self.recipient], value))
    }

    fn top_up(&mut self, amount: i128, now: UnixTime) -> Option<Value> {
        let schedule = &mut self.schedule;
        if schedule.has_ended(now) {
            return None;
        }
        if schedule.curve == Curve::Linear {
            let extra = u64::try_from(amount * i128::from(schedule.duration()) / schedule.deposited).unwrap();
            if extra == 0 {
                return None;
            }
            schedule.end = schedule.end.saturating_add(extra);
        }
        schedule.deposited += amount;
        let mut value = json!({"amount": amount.to_string(), "deposited": schedule.deposited.to_string(),
            "end_time": schedule.end.to_string()});
        self.add(&mut value, json!({"recipient": self.recipient}));
        Some(event(&["topped_up", SENDER], value))
    }

    fn pause(&mut self, now: UnixTime) -> Option<Value> {
        let pauses = &mut self.schedule.pauses;
        if pauses.paused_at.is_some() {
            return None;
        }
        pauses.paused_at = Some(now);
        self.status = VestingStatus::Paused;
        let mut value =
            json!({"paused_at": now.to_string(), "paused_total": pauses.paused_total.to_string()});
        self.add(&mut value, json!({"recipient": self.recipient}));
        Some(event(&["paused", SENDER], value))
    }

    fn resume(&mut self, now: UnixTime) -> Option<Value> {
        let lasted = now.seconds_since(self.schedule.pauses.paused_at?);
        self.schedule.pauses = self.schedule.pauses.ended(now);
        self.status = VestingStatus::Active;
        let total = self.schedule.pauses.paused_total;
        let mut value = json!({"paused_duration": lasted.to_string(), "paused_total": total.to_string()});
        self.add(&mut value, json!({"recipient": self.recipient}));
        Some(event(&["resumed", SENDER], value))
    }

    fn cancel(&mut self, now: UnixTime) -> Value {
        let schedule = &mut self.schedule;
        let (vested, refunded) = (schedule.vested(now), schedule.refundable(now));
        schedule.end = schedule.clock(now).max(schedule.start);
        schedule.deposited = vested;
        schedule.pauses.paused_at = None;
        self.status = VestingStatus::Cancelled;
        self.refunded += refunded;
        let mut value = json!({"refunded": refunded.to_string(), "vested": vested.to_string(),
            "withdrawn": self.withdrawn.to_string(), "end_time": schedule.end.to_string()});
        let total = schedule.pauses.paused_total.to_string();
        self.add(&mut value, json!({"paused_at": null, "paused_total": total}));
        event(&["cancelled", SENDER, self.recipient], value)
    }

    fn transfer(&mut self) -> Value {
        let from = self.recipient;
        self.recipient = if from == RECIPIENT { TOKEN } else { RECIPIENT };
        let mut value = json!({});
        self.add(&mut value, json!({"sender": SENDER}));
        event(&["recipient_transferred", from, self.recipient], value)
    }

    /// Adds the fields of ABI 2.
    fn add(&self, value: &mut Value, added: Value) {
        if let (2, Value::Object(added)) = (self.abi, added) {
            value.as_object_mut().unwrap().extend(added);
        }
    }
}

fn event(topics: &[&str], value: Value) -> Value {
    let topic: Vec<&str> = [&topics[..1], &["0"], &topics[1..]].concat();
    let mut event = json!({"topic": topic});
    event["value"] = value;
    event
}

fn any_model() -> impl Strategy<Value = Model> {
    let curve = (prop::sample::select(&Curve::ALL), prop::sample::select(&CliffMode::ALL));
    let deposit = prop_oneof![1..5000_i128, 1..1_000_000_000_000_000_000_000_i128];
    (1..=2_u8, deposit, 0..300_u64, 1..600_u64, 0..=1000_u64, curve).prop_map(
        |(abi, deposit, start, duration, cliff, (curve, cliff_mode))| {
            let second = UnixTime::from_seconds;
            let (curve, cliff_mode) = if abi == 2 { (curve, cliff_mode) } else { Default::default() };
            let schedule = VestingSchedule {
                deposited: deposit.max(duration.into()),
                start: second(start),
                end: second(start + duration),
                cliff: second(start + duration * cliff / 1000),
                curve,
                cliff_mode,
                pauses: PauseClock::default(),
            };
            let status = VestingStatus::Active;
            Model { abi, schedule, status, withdrawn: 0, refunded: 0, recipient: RECIPIENT }
        },
    )
}

fn any_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        3 => prop_oneof![Just(1000), 0..1000_i128].prop_map(Call::Withdraw),
        2 => (1..3000_i128).prop_map(Call::TopUp),
        3 => Just(Call::Pause),
        3 => Just(Call::Resume),
        1 => Just(Call::Cancel),
        1 => Just(Call::TransferRecipient),
    ]
}

fn context(now: u64) -> EventContext {
    let position = ChainPosition { ledger: 1, transaction: 1, operation: 0, event: 0 };
    EventContext { position, close_time: UnixTime::from_seconds(now) }
}

fn read(event: &Value) -> super::StreamAction {
    match decode(event["topic"][0].as_str().unwrap(), &event.to_string()) {
        Ok(Decoded::Stream(action)) => action,
        other => panic!("{event}: {other:?}"),
    }
}

fn same(stream: &VestingStream, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(stream.body.state.schedule, model.schedule);
    prop_assert_eq!(
        (VestingStatus::of(stream.status.name()), stream.body.state.withdrawn),
        (Some(model.status), model.withdrawn)
    );
    prop_assert_eq!(
        (stream.body.state.refunded, stream.recipient.to_string()),
        (model.refunded, model.recipient.to_owned())
    );
    prop_assert_eq!(stream.body.state.abi.number(), model.abi);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_random_life_is_projected_into_the_contract_s_record_and_keeps_its_invariants(
        model in any_model(), steps in prop::collection::vec((any_call(), 0..150_u64), 0..30), later in 0..5000_u64,
    ) {
        let mut model = model;
        let ContractAction::Created(created) = read(&model.created()).action else { panic!("a creation") };
        let mut stream = create((ContractId::from_hash([1; 32]), 0), &created, read(&model.created()).abi, "hash", context(0));
        same(&stream, &model)?;
        let (mut now, mut vested, mut paid_in) = (0, 0, model.schedule.deposited);
        for (call, wait) in steps {
            now += wait;
            let deposited = model.schedule.deposited;
            if let Some(event) = model.call(call, UnixTime::from_seconds(now)) {
                let applied = apply(&mut stream, &read(&event), context(now));
                prop_assert_eq!(applied.anomalies, []);
                prop_assert!(!applied.events.is_empty());
                if let Call::TopUp(_) = call {
                    paid_in += model.schedule.deposited - deposited;
                }
            }
            same(&stream, &model)?;
            let second = UnixTime::from_seconds(now);
            let before = std::mem::replace(&mut vested, stream.body.state.vested(second));
            prop_assert!(before <= vested, "vested never falls");
            prop_assert!(0 <= stream.body.state.withdrawn && stream.body.state.withdrawn <= vested);
            prop_assert!(vested <= stream.body.state.schedule.deposited);
            prop_assert_eq!(stream.body.state.liability() + stream.body.state.withdrawn + stream.body.state.refunded, paid_in);
            prop_assert_eq!(stream.body.state.withdrawable(second) + stream.body.state.withdrawn, vested);
        }
        prop_assert!(vested <= stream.body.state.vested(UnixTime::from_seconds(now + later)));
    }
}
