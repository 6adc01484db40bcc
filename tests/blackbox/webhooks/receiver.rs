use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::random::Random;

/// A request as it arrived.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether it was answered with the status of a success. One that was followed by a reset may not have arrived.
    pub(super) is_acknowledged: bool,
}

impl Arrival {
    pub(super) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value);
        let value = values.next().unwrap_or_else(|| panic!("there is no {name}"));
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    pub(super) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body is JSON")
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
enum Conduct {
    Acknowledge,
    /// The status and then, byte by byte, a body that does not end in time.
    Drip,
    /// The status and half of a body, then a reset.
    ResetAfterStatus,
    Fail,
    Close,
    /// No answer until the sender has given up.
    Late,
}

/// A receiver on a free port that misbehaves towards at most a third of the requests.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    arrivals: Vec<Arrival>,
    random: Option<Random>,
    failures: usize,
}

impl Receiver {
    /// One that acknowledges everything.
    pub(super) fn kind() -> Self {
        Self::start(None)
    }

    /// One that misbehaves at random.
    pub(super) fn hostile(random: Random) -> Self {
        Self::start(Some(random))
    }

    fn start(random: Option<Random>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Mutex::new(Seen { arrivals: Vec::new(), random, failures: 0 });
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
        format!("http://{}/webhooks/hunter2", self.address)
    }

    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.seen().arrivals.clone()
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
        seen.arrivals.push(arrival);
        let may_fail = (seen.failures + 1) * 3 <= number;
        let drawn = seen.random.as_mut().map_or(0, |random| random.below(12));
        let conduct = match drawn {
            6 => Conduct::Drip,
            7 => Conduct::ResetAfterStatus,
            8 | 9 if may_fail => Conduct::Fail,
            10 if may_fail => Conduct::Close,
            11 if may_fail => Conduct::Late,
            _ => Conduct::Acknowledge,
        };
        seen.failures += usize::from(matches!(
            conduct,
            Conduct::ResetAfterStatus | Conduct::Fail | Conduct::Close | Conduct::Late
        ));
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
        let answered = answer(&mut stream, conduct);
        if matches!(conduct, Conduct::Acknowledge | Conduct::Drip | Conduct::ResetAfterStatus) {
            shared.acknowledged(number);
        }
        if answered.is_err() {
            return;
        }
    }
}

/// Answers; an error ends the connection.
fn answer(stream: &mut TcpStream, conduct: Conduct) -> std::io::Result<()> {
    let ended = || Err(std::io::ErrorKind::ConnectionAborted.into());
    match conduct {
        Conduct::Acknowledge => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
        Conduct::Fail => stream.write_all(b"HTTP/1.1 500 X\r\ncontent-length: 7\r\n\r\nhunter2"),
        Conduct::Close => ended(),
        Conduct::Drip => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na"),
        Conduct::ResetAfterStatus => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na")?;
            // What is unread makes the close a reset.
            ended()
        }
        Conduct::Late => {
            // Until the sender has closed the connection.
            let mut rest = [0; 64];
            while stream.read(&mut rest)? > 0 {}
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
            ended()
        }
    }
}

/// A whole request, or nothing when the connection has ended.
fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Arrival> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let headers: Vec<_> = head.lines().skip(1).map(|line| line.split_once(": ").unwrap()).collect();
            let length = headers.iter().find(|(name, _)| *name == "content-length").unwrap().1;
            let body_end = end + 4 + length.parse::<usize>().unwrap();
            if bytes.len() >= body_end {
                let body = bytes[end + 4..body_end].to_vec();
                let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
                let arrival = Arrival { headers: headers.collect(), body, is_acknowledged: false };
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
