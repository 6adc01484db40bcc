//! The official libraries of Standard Webhooks, as judges of signatures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::services;
use crate::webhooks::receiver::Arrival;

const SCRIPTS: &str = "tests/blackbox/webhooks/ledger";

/// Reads requests and asks the libraries about those that have their headers, while their timestamps are fresh.
pub(super) struct Judges {
    judging: JoinHandle<usize>,
    libraries: usize,
}

impl Judges {
    /// Starts the libraries that are installed, and judging.
    pub(super) fn start(secret: &'static str) -> (Self, Sender<Arrival>) {
        let mut libraries = installed();
        let (sender, arrivals) = channel::<Arrival>();
        let count = libraries.len();
        let judging = thread::spawn(move || {
            let mut judged = 0;
            for arrival in &arrivals {
                if arrival.optional_header("webhook-signature").is_none() {
                    continue;
                }
                let question = question(secret, &arrival);
                for library in &mut libraries {
                    assert_eq!(library.ask(&question), "verified", "{} refuses {question}", library.name);
                }
                judged += 1;
            }
            judged
        });
        (Self { judging, libraries: count }, sender)
    }

    /// Waits until every request has been judged; each of them was found genuine. How many there were, and how many libraries.
    pub(super) fn end(self) -> (usize, usize) {
        (self.judging.join().expect("every signature is valid"), self.libraries)
    }
}

fn question(secret: &str, arrival: &Arrival) -> Value {
    let mut question = json!({ "secret": secret, "body": String::from_utf8(arrival.body.clone()).unwrap() });
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        question[name] = arrival.header(name).into();
    }
    question
}

/// One library in a process that lasts: it answers line by line.
struct Library {
    name: &'static str,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Library {
    fn start(name: &'static str, program: &str, script: &str, directory: &Path) -> Self {
        let script = crate::binary::root().join(SCRIPTS).join(script);
        let mut process = Command::new(program)
            .arg(script)
            .current_dir(directory)
            .env("PYTHONPATH", directory.join("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is installed with the libraries: {error}"));
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { name, process, input, output }
    }

    fn ask(&mut self, question: &Value) -> String {
        writeln!(self.input, "{question}").expect("a library reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("a library answers");
        answer.trim_end().to_owned()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment says where the libraries are")]
fn installed() -> Vec<Library> {
    let directory = std::env::var_os("FLUXORA_INTEROP_DIR").map(PathBuf::from).filter(|path| path.is_dir());
    let Some(directory) = directory else {
        services::missing("the directory FLUXORA_INTEROP_DIR", true);
        return Vec::new();
    };
    vec![
        Library::start("PyPI", "python3", "judge.py", &directory),
        Library::start("npm", "node", "judge.cjs", &directory),
    ]
}
