//! `proof verify`: without a network, a database and a configuration.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const PROOF: &str = include_str!("../../../../crates/stellar/fixtures/proof.json");
const PROGRAM: &str = env!("CARGO_BIN_EXE_fluxora-server");

/// Verifies this JSON, given as a file or on standard input. The folder it runs in stays empty: nothing is created.
fn verify(json: &str, from_file: bool) -> Output {
    let (input, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = input.path().join("proof.json");
    std::fs::write(&file, json).unwrap();
    let mut command = Command::new(PROGRAM);
    command.env_clear().args(["proof", "verify"]).current_dir(folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = if from_file { command.arg(file) } else { command.arg("-") }.spawn().unwrap();
    let mut standard_input = child.stdin.take().unwrap();
    if !from_file {
        standard_input.write_all(json.as_bytes()).unwrap();
    }
    drop(standard_input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    output
}

#[test]
fn a_proof_that_holds_is_shown_with_its_event_and_the_hash_to_compare() {
    for from_file in [true, false] {
        let output = verify(PROOF, from_file);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.starts_with("proven: event 0004294967296012288-0000000001\n"), "{text}");
        assert!(text.contains(r#"{"topic":["paused","1"],"value":"1"}"#), "{text}");
        assert!(text.contains("ledger      1000000, closed at 2026-01-01T00:00:00Z, protocol 23"), "{text}");
    }
}

#[test]
fn a_proof_that_does_not_hold_is_refused_with_the_reason() {
    let other_event = PROOF.replace("0000000001\"", "0000000002\"");
    for (json, reason) in [
        (other_event.as_str(), "refused: the proof names the event"),
        ("{}", "refused: not a proof: missing field"),
        ("", "refused: not a proof: EOF"),
    ] {
        let output = verify(json, true);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with(reason), "{text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output =
        Command::new(PROGRAM).env_clear().args(["proof", "verify", "/absent/proof.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(66));
    assert!(String::from_utf8(output.stderr).unwrap().contains("/absent/proof.json cannot be read"));
}
