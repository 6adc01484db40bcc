//! `docs/webhooks.md`: every snippet is run, or is the same as a program that is.

use std::path::{Path, PathBuf};
use std::process::Command;

use fluxora_webhook::{UnixSeconds, Verifier};
use serde_json::{Value, json};

use crate::{BODY, BODY_SIGNATURE, NOW, SECRET, programs, secret, sign};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhooks.md");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
const DRIVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page");

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code below `<!-- snippet: name -->`.
fn snippet(name: &str) -> String {
    let page = read(PAGE);
    let (_, rest) = page.split_once(&format!("<!-- snippet: {name} -->\n```")).expect("the page has it");
    let (_language, rest) = rest.split_once('\n').unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// The complete program that an example has between its marks.
fn marked(example: &str) -> String {
    let source = read(Path::new(EXAMPLES).join(example));
    let (_, rest) = source.split_once("// [program]\n").unwrap();
    rest.split_once("// [/program]").unwrap().0.to_owned()
}

#[test]
fn the_axum_snippet_is_the_example() {
    assert_eq!(snippet("axum"), marked("receive_axum.rs"));
}

#[test]
fn the_actix_web_snippet_is_the_example() {
    assert_eq!(snippet("actix"), marked("receive_actix.rs"));
}

#[test]
fn a_rust_snippet_is_a_program_that_compiles_as_it_stands() {
    for name in ["axum", "actix"] {
        let program = snippet(name);
        assert!(program.starts_with("use ") && program.contains("fn main() -> Result<"), "{name}");
    }
}

/// One request, and the code that every implementation has to give for it.
struct Case {
    secret: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    now: UnixSeconds,
    code: &'static str,
}

fn genuine(body: &[u8]) -> Case {
    let headers = vec![
        ("x-fluxora-delivery-id", "dlv_01".to_owned()),
        ("x-fluxora-timestamp", NOW.to_string()),
        ("x-fluxora-signature", sign(SECRET, NOW, body)),
        ("x-fluxora-event", "stream.updated".to_owned()),
    ];
    Case { secret: SECRET, headers, body: body.to_vec(), now: NOW, code: "ok" }
}

fn changed(code: &'static str, change: impl FnOnce(&mut Case)) -> Case {
    let mut case = genuine(BODY);
    change(&mut case);
    case.code = code;
    case
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        genuine(BODY),
        genuine(b""),
        genuine(&[0x00, 0xff, 0xfe, 0x0a]),
        genuine("{\"memo\":\"\u{1f60a}\"}".as_bytes()),
        genuine(&vec![b'a'; 262_144]),
        changed("ok", |case| case.headers[2].1.make_ascii_uppercase()),
        changed("ok", |case| case.now = NOW.plus(300)),
        changed("ok", |case| case.now = UnixSeconds::new(NOW.get() - 300)),
        changed("missing_secret", |case| case.secret = ""),
        changed("payload_too_large", |case| case.body = vec![b'a'; 262_145]),
        changed("timestamp_outside_tolerance", |case| case.now = NOW.plus(301)),
        changed("timestamp_outside_tolerance", |case| case.now = UnixSeconds::new(NOW.get() - 301)),
        changed("signature_mismatch", |case| case.body.push(b'\n')),
        changed("signature_mismatch", |case| case.secret = "another"),
        changed("signature_mismatch", |case| case.headers[1].1 = "1700000001".to_owned()),
    ];
    for (index, code) in
        ["missing_delivery_id", "missing_timestamp", "missing_signature"].into_iter().enumerate()
    {
        cases.push(changed(code, |case| drop(case.headers.remove(index))));
        cases.push(changed(code, |case| case.headers[index].1.clear()));
    }
    for timestamp in
        ["0", "-1", "+1", " 1", "1.0", "1e9", "0x65", "01700000000", "1700000000000", "\u{661}", "soon"]
    {
        cases.push(changed("invalid_timestamp", |case| case.headers[1].1 = timestamp.to_owned()));
    }
    let too_long = format!("{BODY_SIGNATURE}0");
    for signature in [&BODY_SIGNATURE[..63], &too_long, "zz", &"g".repeat(64), &"\u{e9}".repeat(64), " "] {
        cases.push(changed("signature_mismatch", |case| case.headers[2].1 = signature.to_owned()));
    }
    cases
}

#[test]
fn the_crate_gives_the_codes_that_the_snippets_have_to_give() {
    for (index, case) in cases().iter().enumerate() {
        let verifier = if case.secret.is_empty() {
            Verifier::unconfigured()
        } else {
            Verifier::new(&secret(case.secret))
        };
        let verdict = verifier.verify(&case.headers, &case.body, case.now);
        assert_eq!(verdict.map_or_else(|rejection| rejection.code(), |_| "ok"), case.code, "case {index}");
    }
}

/// Puts a snippet and its driver into a directory, runs it with all cases, and compares the codes.
fn check(program: Option<PathBuf>, name: &str, files: &[(&str, String)], arguments: &[&str]) {
    let Some(program) = program else { return };
    let directory = tempfile::tempdir().unwrap();
    for (file, content) in files {
        std::fs::write(directory.path().join(file), content).unwrap();
    }
    let cases = cases();
    let input: Vec<Value> = cases
        .iter()
        .map(|case| {
            json!({
                "secret": case.secret,
                "headers": case.headers.iter().cloned().collect::<std::collections::HashMap<_, _>>(),
                "body": hex::encode(&case.body),
                "now": case.now.get(),
            })
        })
        .collect();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GOFLAGS", "-mod=mod")
        .env("GO111MODULE", "on");
    let printed = programs::run(&mut command, directory.path(), &Value::from(input).to_string());
    let codes: Vec<&str> = printed.lines().collect();
    let expect: Vec<&str> = cases.iter().map(|case| case.code).collect();
    assert_eq!(codes, expect, "{name}");
}

fn driver(name: &str) -> String {
    read(Path::new(DRIVERS).join(name))
}

#[test]
fn the_node_snippet_gives_the_contracts_codes() {
    let node = programs::require(programs::find("node"), "node");
    let files = [("verify.mjs", snippet("node")), ("driver.mjs", driver("driver.mjs"))];
    check(node, "node", &files, &["driver.mjs"]);
}

#[test]
fn the_python_snippet_gives_the_contracts_codes() {
    let python = programs::require(programs::find("python3"), "python3");
    let files = [("verify.py", snippet("python")), ("driver.py", driver("driver.py"))];
    check(python, "python3", &files, &["driver.py"]);
}

/// Go is the one program that is never required: few build machines have it.
#[test]
fn the_go_snippet_gives_the_contracts_codes() {
    let go = programs::find("go");
    if go.is_none() {
        println!("skipped: go is not there");
    }
    let files = [
        ("go.mod", "module webhook\n\ngo 1.19\n".to_owned()),
        ("verify.go", snippet("go").replacen("package webhook", "package main", 1)),
        ("driver.go", driver("driver.go.txt")),
    ];
    check(go, "go", &files, &["run", "."]);
}

#[test]
fn the_shell_snippet_prints_the_signature() {
    if programs::require(programs::find("openssl"), "openssl").is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for body in [BODY, b"", &[0x00, 0xff, 0xfe, 0x0a]] {
        std::fs::write(directory.path().join("body.json"), body).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &snippet("shell")]);
        command.env("timestamp", NOW.to_string()).env("FLUXORA_WEBHOOK_SECRET", SECRET);
        assert_eq!(programs::run(&mut command, directory.path(), "").trim_end(), sign(SECRET, NOW, body));
    }
}

#[test]
fn the_page_has_the_vectors_and_every_code() {
    let page = read(PAGE);
    let vectors = ["d886bbdd", "75489f90", "45e21d80", "3ffe5cee", "92500654"];
    let codes = [
        "missing_secret",
        "missing_delivery_id",
        "missing_timestamp",
        "missing_signature",
        "payload_too_large",
        "invalid_timestamp",
        "timestamp_outside_tolerance",
        "signature_mismatch",
        "previous_secret_expired",
        "invalid_body",
        "header_body_mismatch",
        "duplicate_delivery",
        "delivery_in_flight",
        "dedupe_unavailable",
    ];
    for text in vectors.into_iter().chain(codes) {
        assert!(page.contains(text), "{text}");
    }
}
