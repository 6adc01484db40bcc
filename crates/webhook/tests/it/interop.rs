//! The Standard Webhooks profile against its reference implementations, in both directions.
//!
//! `tests/interop/install DIRECTORY` puts them where `FLUXORA_INTEROP_DIR` says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use fluxora_webhook::standard::{Signer, Verifier, secret_from_random};
use fluxora_webhook::{Delivery, Secret, UnixSeconds};
use serde_json::{Value, json};

use crate::{SECRET, programs, secret};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
const BODIES: [&str; 5] = [
    r#"{"id":"evt_01","type":"stream.updated","data":{"amount":"10.0000000"}}"#,
    "{\"memo\":\"\u{1f60a}\"}",
    " [ 1 , 2 ]\r\n",
    "\"a.b.c\"",
    "null",
];

struct Library {
    name: &'static str,
    program: PathBuf,
    script: PathBuf,
    directory: PathBuf,
}

impl Library {
    /// Its answers to the cases, in order.
    fn ask(&self, cases: &[Value]) -> Vec<String> {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).env("PYTHONPATH", self.directory.join("python"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let printed = programs::run(&mut command, &self.directory, &Value::from(cases.to_vec()).to_string());
        serde_json::from_str(&printed).expect("a list of texts")
    }
}

fn libraries() -> Vec<Library> {
    let directory = programs::variable("FLUXORA_INTEROP_DIR").map(PathBuf::from).filter(|path| path.is_dir());
    let Some(directory) = programs::require(directory, "the directory FLUXORA_INTEROP_DIR") else {
        return Vec::new();
    };
    let library = |name, program: &str, script: &str| Library {
        name,
        program: programs::find(program)
            .unwrap_or_else(|| panic!("{program} is installed with the libraries")),
        script: Path::new(SCRIPTS).join(script),
        directory: directory.clone(),
    };
    vec![library("PyPI", "python3", "pypi.py"), library("npm", "node", "npm.cjs")]
}

#[expect(clippy::disallowed_methods, reason = "the reference implementations read the clock themselves")]
fn now() -> UnixSeconds {
    SystemTime::now().into()
}

fn secrets() -> Vec<Secret> {
    vec![secret(SECRET), secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), secret_from_random(&[0xfb; 32])]
}

fn case(secret: &Secret, at: UnixSeconds, body: &str, signature: Option<&str>) -> Value {
    json!({
        "secret": secret.expose(),
        "id": "dlv_01",
        "timestamp": at.to_string(),
        "body": body,
        "signature": signature,
    })
}

#[test]
fn what_is_signed_here_verifies_there() {
    let now = now();
    let mut cases = Vec::new();
    for secret in secrets() {
        for body in BODIES {
            let delivery = Delivery::new("dlv_01", "stream.updated", body.as_bytes()).unwrap();
            let headers = Signer::new(&secret).unwrap().sign(&delivery, now).unwrap();
            cases.push(case(&secret, now, body, Some(headers.signature())));
        }
    }
    for library in libraries() {
        assert_eq!(library.ask(&cases), vec!["verified"; cases.len()], "{}", library.name);
    }
}

#[test]
fn what_is_signed_here_while_rotating_verifies_there_with_either_secret() {
    let now = now();
    let (old, new) = (secret_from_random(&[1; 32]), secret_from_random(&[2; 32]));
    let delivery = Delivery::new("dlv_01", "stream.updated", b"{}").unwrap();
    let headers = Signer::rotating(&old, &new).unwrap().sign(&delivery, now).unwrap();
    let cases = [&old, &new].map(|secret| case(secret, now, "{}", Some(headers.signature())));
    for library in libraries() {
        assert_eq!(library.ask(&cases), ["verified"; 2], "{}", library.name);
    }
}

#[test]
fn what_was_changed_on_the_way_is_refused_there() {
    let now = now();
    let delivery = Delivery::new("dlv_01", "stream.updated", b"{}").unwrap();
    let headers = Signer::new(&secret(SECRET)).unwrap().sign(&delivery, now).unwrap();
    let stale = Signer::new(&secret(SECRET)).unwrap().sign(&delivery, now.get() - 400).unwrap();
    let contract = fluxora_webhook::Signer::new(&secret(SECRET)).sign(&delivery, now).unwrap();
    let cases = [
        case(&secret(SECRET), now, "{ }", Some(headers.signature())),
        case(&secret(SECRET), now.plus(1), "{}", Some(headers.signature())),
        case(&secret_from_random(&[1; 32]), now, "{}", Some(headers.signature())),
        case(&secret(SECRET), UnixSeconds::new(now.get() - 400), "{}", Some(stale.signature())),
        // The other profile's signature, whose key is the text of the secret.
        case(&secret(SECRET), now, "{}", Some(&format!("v1,{}", contract.signature()))),
    ];
    for library in libraries() {
        assert_eq!(library.ask(&cases), vec!["refused"; cases.len()], "{}", library.name);
    }
}

#[test]
fn what_is_signed_there_verifies_here() {
    let now = now();
    let secrets = secrets();
    let pairs: Vec<(&Secret, &str)> =
        secrets.iter().flat_map(|secret| BODIES.map(|body| (secret, body))).collect();
    let cases: Vec<Value> = pairs.iter().map(|(secret, body)| case(secret, now, body, None)).collect();
    for library in libraries() {
        for ((secret, body), signature) in pairs.iter().zip(library.ask(&cases)) {
            let headers = [
                ("webhook-id", "dlv_01"),
                ("webhook-timestamp", &now.to_string()),
                ("webhook-signature", &signature),
            ];
            let verifier = Verifier::new(secret).unwrap();
            assert!(verifier.verify(&headers, body.as_bytes(), now).is_ok(), "{} {body}", library.name);
            assert!(verifier.verify(&headers, b"other", now).is_err(), "{} {body}", library.name);
        }
    }
}
