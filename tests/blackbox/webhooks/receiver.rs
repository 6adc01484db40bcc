use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::conduct::{Conduct, Conducts};
use crate::random::Random;

/// A request as it arrived.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether it was answered with the status of a success. One that was followed by a reset may not have arrived.
    pub(super) is_acknowledged: bool,
}

impl Arrival {
    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.optional_header(name);
        value.unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub(super) fn optional_header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value.map(String::as_str)
    }

    pub(super) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is JSON")
    }
}

/// A receiver on a free port. A hostile one answers each path at random, and at most a third of the requests with a failure.
pub(crate) struct Receiver {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    arrivals: Vec<Arrival>,
    conducts: Option<Conducts>,
    /// Gets a copy of each request.
    observer: Option<Sender<Arrival>>,
}

impl Receiver {
    /// One that acknowledges everything.
    pub(crate) fn kind() -> Self {
        Self::start(None, None)
    }

    /// One that misbehaves at random, and gives a copy of each request to the observer.
    pub(super) fn hostile(random: Random, observer: Sender<Arrival>) -> Self {
        Self::start(Some(Conducts::new(random)), Some(observer))
    }

    fn start(conducts: Option<Conducts>, observer: Option<Sender<Arrival>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Mutex::new(Seen { arrivals: Vec::new(), conducts, observer });
        let shared = Arc::new(Shared { seen, changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        self.url_of("/webhooks/hunter2")
    }

    pub(super) fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.seen().arrivals.clone()
    }

    /// How many requests have arrived.
    pub(super) fn count(&self) -> usize {
        self.shared.seen().arrivals.len()
    }

    /// Acknowledges everything from now on.
    pub(super) fn recover(&self) {
        self.shared.seen().conducts = None;
    }

    /// Gives no more copies to the observer, and returns every request.
    pub(super) fn close(&self) -> Vec<Arrival> {
        let mut seen = self.shared.seen();
        seen.observer = None;
        seen.arrivals.clone()
    }

    /// Waits until so many requests have arrived; `false` if that takes longer than `patience`.
    pub(super) fn has_within(&self, count: usize, patience: Duration) -> bool {
        let waiting = |seen: &mut Seen| seen.arrivals.len() < count;
        !self.shared.changed.wait_timeout_while(self.shared.seen(), patience, waiting).unwrap().1.timed_out()
    }

    /// Waits until what has arrived is enough, and returns it.
    #[track_caller]
    pub(super) fn wait_until(
        &self,
        patience: Duration,
        what: &str,
        mut is_enough: impl FnMut(&[Arrival]) -> bool,
    ) -> Vec<Arrival> {
        let waiting = |seen: &mut Seen| !is_enough(&seen.arrivals);
        let (seen, wait) =
            self.shared.changed.wait_timeout_while(self.shared.seen(), patience, waiting).unwrap();
        assert!(!wait.timed_out(), "waited in vain for {what}; there were {} requests", seen.arrivals.len());
        seen.arrivals.clone()
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Notes a request; its number, and what becomes of it.
    fn arrived(&self, arrival: Arrival) -> (usize, Conduct) {
        let mut seen = self.seen();
        let number = seen.arrivals.len();
        if let Some(observer) = &seen.observer {
            observer.send(arrival.clone()).expect("the observer listens");
        }
        let conduct = match &mut seen.conducts {
            Some(conducts) => conducts.next(&arrival.path),
            None => Conduct::Acknowledge,
        };
        seen.arrivals.push(arrival);
        self.changed.notify_all();
        (number, conduct)
    }

    fn acknowledged(&self, number: usize) {
        self.seen().arrivals[number].is_acknowledged = true;
        self.changed.notify_all();
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut bytes = Vec::new();
    while let Some(arrival) = read_request(&mut stream, &mut bytes) {
        let (number, conduct) = shared.arrived(arrival);
        if conduct.acknowledges() {
            shared.acknowledged(number);
        }
        if conduct.answer(&mut stream).is_err() {
            return;
        }
    }
}

/// A whole request, or nothing when the connection has ended.
fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Arrival> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let (request, rest) = head.split_once("\r\n").unwrap();
            let headers: Vec<_> = rest.lines().map(|line| line.split_once(": ").unwrap()).collect();
            let length = headers.iter().find(|(name, _)| *name == "content-length").unwrap().1;
            let body_end = end + 4 + length.parse::<usize>().unwrap();
            if bytes.len() >= body_end {
                let path = request.split(' ').nth(1).unwrap().to_owned();
                let body = bytes[end + 4..body_end].to_vec();
                let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                let arrival = Arrival { path, headers: headers.collect(), body, is_acknowledged: false };
                bytes.drain(..body_end);
                return Some(arrival);
            }
        }
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}
