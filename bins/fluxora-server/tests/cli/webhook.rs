//! `webhook sign` and `webhook verify`, with the vectors of `docs/webhooks.md`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const BODY: &str = r#"{"id":"evt_01","type":"stream.updated","data":{"amount":"10.0000000"}}"#;
const SIGNED: &str = "x-fluxora-delivery-id: dlv_01
x-fluxora-timestamp: 1700000000
x-fluxora-signature: d886bbddc7ba2f95a4d7c361b6caf822b7ef1ab99493d93c85cd1dd1abd2886f
x-fluxora-event: stream.updated
";
const SIGNED_STANDARD: &str = "webhook-id: dlv_01
webhook-timestamp: 1700000000
webhook-signature: v1,REf88TY/yOeuv1P8RcvBt98k47FRytE7RFkh4xwOzJA=
";
const SIGN: [&str; 5] = ["sign", "--delivery-id=dlv_01", "--event=stream.updated", "--now=1700000000", "-"];

/// Runs `webhook` with a body on standard input: exit code and standard output.
fn webhook(options: &[&str], secret: Option<&str>, body: &str) -> (Option<i32>, String) {
    let secret: Vec<_> = secret.map(|secret| ("FLUXORA_WEBHOOK_SECRET", secret)).into_iter().collect();
    webhook_in(&secret, options, body)
}

fn webhook_in(environment: &[(&str, &str)], options: &[&str], body: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluxora-server"));
    command.arg("webhook").args(options).env_clear();
    command.envs(environment.iter().copied());
    let folder = tempfile::tempdir().unwrap();
    command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that ends without reading its input closes the pipe.
    child.stdin.take().unwrap().write_all(body.as_bytes()).ok();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!out.contains(SECRET) && !err.contains(SECRET), "the secret is shown: {out}{err}");
    (status.code(), out)
}

/// `verify` with each line of `headers` as an option.
fn verify(headers: &str, more: &[&str], secret: Option<&str>, body: &str) -> (Option<i32>, String) {
    let headers: Vec<_> = headers.lines().map(|line| format!("--header={line}")).collect();
    let options: Vec<_> = ["verify"].into_iter().chain(headers.iter().map(String::as_str)).collect();
    webhook(&[&options, more].concat(), secret, body)
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("file");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn sign_prints_the_headers_of_the_contract() {
    assert_eq!(webhook(&SIGN, Some(SECRET), BODY), (Some(0), SIGNED.to_owned()));
}

#[test]
fn sign_with_the_standard_profile_prints_its_headers() {
    let options = [SIGN.as_slice(), &["--profile=standard"]].concat();
    assert_eq!(webhook(&options, Some(SECRET), BODY), (Some(0), SIGNED_STANDARD.to_owned()));
}

#[test]
fn a_signature_is_genuine_for_300_seconds() {
    for (now, code) in [("1700000300", 0), ("1700000301", 1), ("1699999700", 0), ("1699999699", 1)] {
        let now = format!("--now={now}");
        assert_eq!(verify(SIGNED, &[&now], Some(SECRET), BODY).0, Some(code), "{now}");
        let standard = ["--profile=standard", &now];
        assert_eq!(verify(SIGNED_STANDARD, &standard, Some(SECRET), BODY).0, Some(code), "{now}");
    }
}

#[test]
fn a_refusal_names_its_probable_cause() {
    let now = ["--now=1700000000"];
    let with_line_break = format!("{BODY}\n");
    let spaced = BODY.replace(',', ", ").replace(':', ": ");
    for (secret, body, cause) in [
        (SECRET, with_line_break.as_str(), "body_gained_line_break"),
        (SECRET, &spaced, "body_reformatted"),
        ("another", BODY, "unexplained"),
    ] {
        let (code, out) = verify(SIGNED, &now, Some(secret), body);
        assert_eq!(code, Some(1), "{out}");
        assert!(out.starts_with("refused: signature_mismatch (HTTP 401)") && out.contains(cause), "{out}");
    }
    let (code, out) = verify(SIGNED, &["--now=1700000900"], Some(SECRET), BODY);
    assert!(code == Some(1) && out.contains("clock_skew"), "{out}");
}

#[test]
fn headers_that_contradict_the_signed_body_are_reported() {
    let headers = SIGNED.replace("stream.updated", "stream.created");
    let (code, out) = verify(&headers, &["--now=1700000000"], Some(SECRET), BODY);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("refused: header_body_mismatch (HTTP 401)"), "{out}");
    assert!(out.contains("\n  event_header_contradicts_body: "), "{out}");
}

#[test]
fn an_id_of_the_standard_profile_that_contradicts_the_signed_body_is_reported() {
    let body = r#"{"delivery_id":"dlv_02","type":"stream.updated"}"#;
    let (code, signed) = webhook(&[SIGN.as_slice(), &["--profile=standard"]].concat(), Some(SECRET), body);
    assert_eq!(code, Some(0));
    let options = ["--profile=standard", "--now=1700000000"];
    let (code, out) = verify(&signed, &options, Some(SECRET), body);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("\n  delivery_id_contradicts_body: "), "{out}");
}

#[test]
fn a_secret_whose_prefix_was_cut_off_is_recognised() {
    let secret = SECRET.strip_prefix("whsec_");
    let (code, out) = verify(SIGNED, &["--now=1700000000"], secret, BODY);
    assert!(code == Some(1) && out.contains("\n  secret_prefix_cut_off: "), "{out}");
}

#[test]
fn a_signature_made_with_the_key_of_the_other_profile_is_recognised() {
    // HMAC-SHA256 of the same bytes under the decoded key of Standard Webhooks.
    let folder = tempfile::tempdir().unwrap();
    let decoded = file(folder.path(), "test-secret-32-bytes-long-0001\n");
    let options = [SIGN.as_slice(), &["--secret-file", &decoded]].concat();
    let (code, signed) = webhook(&options, None, BODY);
    assert_eq!(code, Some(0));
    let (code, out) = verify(&signed, &["--now=1700000000"], Some(SECRET), BODY);
    assert!(code == Some(1) && out.contains("standard_webhooks_key"), "{out}");
}

#[test]
fn a_secret_file_may_end_in_one_line_break_and_headers_may_come_from_a_file() {
    let (secrets, headers) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dumped = format!("HTTP/1.1 200 OK\r\n{}\r\n", SIGNED.replace('\n', "\r\n"));
    let headers = file(headers.path(), &dumped);
    for end in ["", "\n", "\r\n"] {
        let secret = file(secrets.path(), &format!("{SECRET}{end}"));
        let options = ["verify", "--now=1700000000", "--secret-file", &secret, "--headers-file", &headers];
        assert_eq!(webhook(&options, None, BODY), (Some(0), "genuine\n".to_owned()), "{end:?}");
    }
}

#[test]
fn the_secret_may_come_from_a_file_named_in_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), &format!("{SECRET}\n"));
    let named = ("FLUXORA_WEBHOOK_SECRET_FILE", path.as_str());
    assert_eq!(webhook_in(&[named], &SIGN, BODY), (Some(0), SIGNED.to_owned()));
    let twice = [named, ("FLUXORA_WEBHOOK_SECRET", SECRET)];
    assert_eq!(webhook_in(&twice, &SIGN, BODY).0, Some(78), "given twice");
    let missing = ("FLUXORA_WEBHOOK_SECRET_FILE", "no/such/secret");
    assert_eq!(webhook_in(&[missing], &SIGN, BODY).0, Some(78), "a missing file");
    let option = [SIGN.as_slice(), &["--secret-file", &path]].concat();
    assert_eq!(webhook_in(&[missing], &option, BODY).0, Some(0), "the option wins over the environment");
}

#[test]
fn each_failure_has_its_exit_code() {
    assert_eq!(webhook(&SIGN, None, BODY).0, Some(78), "no secret");
    assert_eq!(webhook(&SIGN, Some(" blank "), BODY).0, Some(78), "a secret with white space around it");
    assert_eq!(verify(SIGNED, &[], Some(""), BODY).0, Some(78), "an empty secret");
    let missing = ["verify", "no/such/body"];
    assert_eq!(webhook(&missing, Some(SECRET), "").0, Some(66), "a missing file");
    let bad_id = ["sign", "--delivery-id=a b", "--event=stream.updated"];
    assert_eq!(webhook(&bad_id, Some(SECRET), BODY).0, Some(65), "an id that cannot be signed");
    let too_large = "x".repeat(262_145);
    assert_eq!(webhook(&SIGN, Some(SECRET), &too_large).0, Some(65), "a body that is too large");
    assert_eq!(webhook(&["sign"], Some(SECRET), BODY).0, Some(2), "wrong usage");
    assert_eq!(webhook(&["verify", "--secret=x"], Some(SECRET), BODY).0, Some(2), "a secret as an argument");
}
