//! What a server answers, beside what the contract stores and answers.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

/// Codes of the contract and the words of the API.
const STATUS: [&str; 4] = ["active", "paused", "cancelled", "depleted"];
const CURVES: [&str; 3] = ["linear", "step", "front_loaded"];
const CLIFF_MODES: [&str; 2] = ["schedule_clock", "wall_clock"];

/// How much was compared, what differs, and which scenarios have a stream that is marked uncertain.
#[derive(Default)]
pub(super) struct Comparison {
    compared: usize,
    differences: Vec<String>,
    uncertain: BTreeSet<String>,
}

impl Comparison {
    pub(super) fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.differences.extend(other.differences);
        self.uncertain.extend(other.uncertain);
    }

    /// How many values were compared.
    pub(super) const fn compared(&self) -> usize {
        self.compared
    }

    #[track_caller]
    pub(super) fn expect(&self, compared: usize, uncertain: &[&str]) {
        assert_eq!(self.differences, Vec::<String>::new());
        assert_eq!(
            (self.compared, self.uncertain.iter().map(String::as_str).collect::<Vec<_>>()),
            (compared, uncertain.to_vec())
        );
    }

    #[track_caller]
    pub(super) fn expect_no_difference(&self) {
        assert!(self.compared > 0, "nothing was compared");
        assert_eq!(self.differences, Vec::<String>::new());
    }

    fn value(&mut self, place: &str, what: &str, contract: &Value, ours: &Value) {
        self.compared += 1;
        if contract != ours {
            self.differences.push(format!("{place} {what}: the contract has {contract}, the server {ours}"));
        }
    }

    /// Every field that the contract stores.
    pub(super) fn fields(&mut self, place: &str, state: &Value, answer: &Value, abi: u64) {
        let chain = &answer["chain"];
        let seconds = |instant: &Value| {
            instant.as_str().map(|text| text.parse::<jiff::Timestamp>().unwrap().as_second())
        };
        let code = |words: &[&str], word: &Value| words.iter().position(|known| word == known);
        let ours = json!({
            "cancellable": chain["cancellable"],
            "cliff_mode": code(&CLIFF_MODES, &chain["cliffMode"]),
            "cliff_time": answer.get("cliffTime").unwrap_or(&answer["startTime"]),
            "curve": code(&CURVES, &chain["curve"]),
            "deposited": chain["deposited"],
            "end_time": answer["endTime"],
            "pausable": chain["pausable"],
            "paused_at": seconds(&chain["pausedAt"]),
            "paused_total": chain["pausedTotal"],
            "recipient": answer["recipient"],
            "reference": chain["reference"],
            "sender": answer["sender"],
            "start_time": answer["startTime"],
            "status": code(&STATUS, &answer["status"]),
            "token": chain["token"]["contract"],
            "transferable": chain["transferable"],
            "withdrawn": chain["withdrawn"],
        });
        let added = ["curve", "cliff_mode", "reference"];
        let recorded = state
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| *name != "curve_points" && !name.ends_with("Xdr"));
        let expected =
            ours.as_object().unwrap().keys().filter(|name| abi == 2 || !added.contains(&name.as_str()));
        assert!(recorded.eq(expected), "{place}: each recorded field is compared");
        for (name, ours) in ours.as_object().unwrap() {
            if let Some(contract) = state.get(name) {
                self.value(place, name, contract, ours);
            }
        }
        self.value(place, "abi", &json!(abi), &chain["abi"]);
        if chain["uncertain"] != false {
            self.uncertain.insert(place.split(' ').next().unwrap().to_owned());
        }
    }

    /// The contract's answers at the close time, and what the amounts have in common.
    pub(super) fn views(&mut self, place: &str, view: &Value, answer: &Value) {
        let status = STATUS.iter().position(|known| answer["status"] == *known);
        self.value(place, "status", &view["status"], &json!(status));
        self.value(place, "vested", &view["vested"], &answer["streamedAmount"]);
        self.value(place, "withdrawable", &view["withdrawable"], &answer["withdrawableAmount"]);
        self.value(place, "refundable", &view["refundable"], &answer["remainingAmount"]);
        let amount = |name: &str| answer[name].as_str().unwrap().parse::<i128>().unwrap();
        let parts = amount("streamedAmount") + amount("remainingAmount") + amount("refundedAmount");
        assert_eq!(parts, amount("depositAmount"), "{place}: {answer}");
        assert_eq!(answer["chain"]["withdrawn"], answer["withdrawnAmount"], "{place}");
    }

    /// What has vested and can be withdrawn at a recorded instant.
    pub(super) fn point(&mut self, place: &str, point: &Value, answer: &Value) {
        let place = format!("{place} at {}", point[0]);
        self.value(&place, "vested", &point[1], &answer["streamedAmount"]);
        self.value(&place, "withdrawable", &point[2], &answer["withdrawableAmount"]);
    }

    /// Grants of a stream; a stream without any is not recorded.
    pub(super) fn delegates(&mut self, place: &str, recorded: Option<&Value>, answer: &Value) {
        let grants = answer["chain"]["delegates"].as_array().unwrap().iter().map(|grant| {
            let value = json!({"expires_at": grant["expiresAt"], "ops": grant["ops"]});
            (grant["delegate"].as_str().unwrap().to_owned(), value)
        });
        let ours = Value::Object(grants.collect());
        self.value(place, "delegates", recorded.unwrap_or(&json!({})), &ours);
    }

    /// The emergency stop of the contract.
    pub(super) fn halt(&mut self, place: &str, globals: &Value, health: &Value, contract: &str) {
        let contracts = health["indexer"]["contracts"]["recognized"].as_array().unwrap();
        let ours = contracts.iter().find(|known| known["contractId"] == contract).unwrap_or(&Value::Null);
        if let Some(halted) = globals.get("halted") {
            self.value(place, "halted", halted, &json!(!ours["halt"]["haltedAt"].is_null()));
            self.value(place, "haltOperator", &globals["haltOperator"], &ours["halt"]["operator"]);
        }
        assert_eq!(health["indexer"]["contracts"]["unusable"], json!([]), "{place}");
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, differences, uncertain } = self;
        writeln!(f, "{compared} values compared, {} differ; uncertain: {uncertain:?}", differences.len())?;
        differences.iter().take(20).try_for_each(|difference| writeln!(f, "{difference}"))
    }
}
