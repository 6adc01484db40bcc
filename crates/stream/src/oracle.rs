//! Accrual compared with the contract: `fixtures/accrued.jsonl` has every stream state of the recorded scenarios, one
//! in each line, with the results of the contract's `calculate_accrued`.

use fluxora_decimal::Amount;
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    AccountId, ChainBody, Checkpoint, ContractId, Kind, OnChain, RateFlow, Schedule, Status, UnixTime,
    V9State, V9Stream,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    scenario: String,
    kind: String,
    deposit: String,
    rate: String,
    start: UnixTime,
    cliff: UnixTime,
    end: UnixTime,
    checkpoint_amount: String,
    checkpoint_at: UnixTime,
    status: String,
    cancelled_at: Option<UnixTime>,
    accrued: Vec<(UnixTime, String)>,
}

fn stroops(text: &str) -> Amount {
    Amount::from_stroops(text.parse().unwrap())
}

impl Recorded {
    fn stream(&self) -> V9Stream {
        let kind = match self.kind.as_str() {
            "Linear" => Kind::Linear,
            "CliffOnly" => Kind::CliffOnly,
            "CliffSlope" => Kind::CliffSlope,
            other => panic!("no kind is called {other}"),
        };
        let status = match (self.status.as_str(), self.cancelled_at) {
            ("Active", None) => Status::Active,
            ("Paused", None) => Status::Paused { at: Timestamp::UNIX_EPOCH },
            ("Completed", None) => Status::Completed,
            ("Cancelled", Some(at)) => Status::Cancelled { at: at.instant() },
            other => panic!("no status is {other:?}"),
        };
        let schedule = Schedule {
            deposit: stroops(&self.deposit),
            rate: stroops(&self.rate),
            start: self.start,
            cliff: self.cliff,
            end: self.end,
            kind,
            checkpoint: Checkpoint { amount: stroops(&self.checkpoint_amount), at: self.checkpoint_at },
        };
        let flow = RateFlow { schedule, withdrawn: Amount::ZERO };
        V9Stream {
            body: ChainBody {
                contract: ContractId::from_hash([3; 32]),
                number: 0,
                state: V9State { flow, on_chain: OnChain::default() },
            },
            sender: AccountId::from_public_key([1; 32]).into(),
            recipient: AccountId::from_public_key([2; 32]).into(),
            status,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            event_count: 1,
        }
    }
}

#[test]
fn accrual_is_the_contracts() {
    let mut compared = 0;
    for line in include_str!("../fixtures/accrued.jsonl").lines() {
        let recorded: Recorded = serde_json::from_str(line).unwrap();
        let stream = recorded.stream();
        for (at, accrued) in &recorded.accrued {
            let streamed = stream.balance_at(*at).unwrap().streamed.stroops();
            assert_eq!(streamed.to_string(), *accrued, "{} ({}) at {at}", recorded.scenario, recorded.status);
            compared += 1;
        }
    }
    assert_eq!(compared, 1821, "the recording is whole");
}
