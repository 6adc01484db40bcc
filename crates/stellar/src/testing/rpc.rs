use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use stellar_xdr::LedgerCloseMeta;

use super::http_server::{Fault, HttpServer, Response};
use super::{NETWORK_PASSPHRASE, rpc_answers};
use crate::source::sequence;

/// A server of Stellar RPC on this machine. It answers `getLedgers`, `getEvents`, `getHealth`, `getLatestLedger` and `getNetwork` as the real
/// one does, from the ledgers it is given.
#[derive(Debug)]
pub struct FakeRpc {
    state: Arc<Mutex<State>>,
    server: HttpServer,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) ledgers: BTreeMap<u32, LedgerCloseMeta>,
    /// The newest ledger that is shown; `None`: all are.
    pub(super) tip: Option<u32>,
    pub(super) passphrase: String,
    pub(super) healthy: bool,
    pub(super) numbers_as_strings: bool,
    /// For the next requests, one each.
    faults: VecDeque<Fault>,
    /// For every request.
    lasting: Option<Fault>,
    requests: Vec<(String, Value)>,
}

impl FakeRpc {
    /// A healthy server with these ledgers.
    pub async fn start(ledgers: impl IntoIterator<Item = LedgerCloseMeta>) -> Self {
        let state = Arc::new(Mutex::new(State {
            ledgers: ledgers.into_iter().map(|meta| (sequence(&meta), meta)).collect(),
            tip: None,
            passphrase: NETWORK_PASSPHRASE.to_owned(),
            healthy: true,
            numbers_as_strings: false,
            faults: VecDeque::new(),
            lasting: None,
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let server = HttpServer::start(move |request| {
            let mut state = shared.lock().unwrap();
            let call: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let text = |member: &str| call.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
            let (method, params) = (text("method"), call.get("params").cloned().unwrap_or_default());
            state.requests.push((method.clone(), params.clone()));
            let fault = state.faults.pop_front().or_else(|| state.lasting.clone());
            let answer = rpc_answers::answer(&state, &method, &params, fault.as_ref());
            let response = Response::ok(answer.to_string().into());
            match fault {
                Some(fault) => response.spoilt(fault),
                None => response,
            }
        });
        Self { state, server: server.await }
    }

    /// The URL, with a key that must not be shown.
    pub fn url(&self) -> String {
        format!("http://{}/v1/secret-key", self.server.address)
    }

    /// Adds a ledger, or replaces the one with its sequence.
    pub fn put(&self, meta: LedgerCloseMeta) {
        self.state().ledgers.insert(sequence(&meta), meta);
    }

    /// Forgets the ledgers below this one.
    pub fn prune(&self, oldest: u32) {
        self.state().ledgers.retain(|sequence, _| *sequence >= oldest);
    }

    /// Shows no ledger above this one.
    pub fn lag_at(&self, tip: Option<u32>) {
        self.state().tip = tip;
    }

    /// Serves a network with this passphrase.
    pub fn set_network(&self, passphrase: &str) {
        passphrase.clone_into(&mut self.state().passphrase);
    }

    /// Whether `getHealth` says that it is healthy.
    pub fn set_healthy(&self, healthy: bool) {
        self.state().healthy = healthy;
    }

    /// Writes ledger numbers as strings.
    pub fn numbers_as_strings(&self) {
        self.state().numbers_as_strings = true;
    }

    /// Spoils the next answer. Several calls spoil several answers.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Spoils every answer, or none.
    pub fn fail_always(&self, fault: Option<Fault>) {
        self.state().lasting = fault;
    }

    /// The methods and parameters of the requests so far.
    pub fn requests(&self) -> Vec<(String, Value)> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
