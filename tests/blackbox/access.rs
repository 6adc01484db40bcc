//! Credentials against the real server: tokens, keys, two replicas.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fluxora_auth::Role;
use fluxora_auth::jwt::mint;
use fluxora_store_postgres::testing::Cluster;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::http::{EventStream, Request, Response};
use crate::server::{Launch, TestServer};
use crate::{PATIENCE, binary, sample};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const OPERATOR: &str = "fedcba9876543210fedcba9876543210";
const RSA: &str = include_str!("../../crates/auth/fixtures/rsa.pem");
const TOKENS: &str = include_str!("../../crates/auth/fixtures/tokens.json");
const STREAMS: &str = "/api/streams";
const KEYS: &str = "/api/admin/keys";

#[expect(clippy::disallowed_methods, reason = "tokens are valid by the clock of the server under test")]
fn token_from(secret: &str, role: Role, begins_in: i64, seconds: u32) -> String {
    let at = Timestamp::now() + SignedDuration::from_secs(begins_in);
    mint(secret, &"acme".parse().unwrap(), role, at, seconds, None, None).unwrap()
}

fn token(role: Role) -> String {
    token_from(SECRET, role, 0, 600)
}

fn bearer(request: Request, credential: &str) -> Request {
    request.header("authorization", format!("Bearer {credential}"))
}

#[track_caller]
fn code(response: &Response, status: u16) -> String {
    let code = response.expect(status)["error"]["code"].as_str().unwrap().to_owned();
    let challenge = response.header("www-authenticate").unwrap_or_default();
    assert_eq!(challenge.starts_with("Bearer"), status == 401, "{challenge}");
    code
}

/// Runs a command of the program beside a server; its standard output.
#[track_caller]
fn run(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary::server());
    command.args(arguments).env_clear().envs(settings.iter().copied()).current_dir(folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The parts of a token without their signature.
fn parts(token: &str) -> (&str, &str) {
    token.rsplit_once('.').unwrap()
}

#[test]
fn forged_expired_unsigned_and_oversized_tokens_are_refused() {
    let mut server =
        TestServer::launch(Launch::new().set("JWT_SECRET", SECRET).set("READS", "authenticated"));
    let read = |credentials: &[&str]| {
        let request = credentials.iter().fold(Request::get(STREAMS), |request, token| bearer(request, token));
        server.send(&request)
    };
    let right = token(Role::Reader);
    assert_eq!(read(&[&right]).status, 200);
    let (message, signature) = parts(&right);
    let operator = token(Role::Operator);
    let (others, _) = parts(&operator);
    // {"alg":"none"}
    let none = format!("eyJhbGciOiJub25lIn0.{}.", message.split_once('.').unwrap().1);
    let oversized = format!("{message}{}.{signature}", "A".repeat(9_000));
    for (credentials, expect) in [
        (&[][..], "UNAUTHORIZED"),
        (&[format!("{others}.{signature}").as_str()], "CREDENTIALS_INVALID"),
        (&[token_from(&SECRET.to_uppercase(), Role::Reader, 0, 600).as_str()], "CREDENTIALS_INVALID"),
        (&[none.as_str()], "CREDENTIALS_INVALID"),
        (&[oversized.as_str()], "CREDENTIALS_INVALID"),
        (&[right.as_str(), right.as_str()], "CREDENTIALS_INVALID"),
        (&[token_from(SECRET, Role::Reader, -700, 600).as_str()], "CREDENTIALS_EXPIRED"),
    ] {
        assert_eq!(code(&read(credentials), 401), expect, "{credentials:?}");
    }
    let create = |role| server.send(&bearer(Request::create_json(&sample::stream()), &token(role)));
    assert_eq!(code(&create(Role::Reader), 403), "FORBIDDEN");
    assert_eq!(create(Role::Partner).status, 201);
    // Not even from loopback, where writes are open without the setting.
    assert_eq!(code(&server.send(&Request::create_json(&sample::stream())), 401), "UNAUTHORIZED");
    for public in ["/", "/health", "/health/live", "/health/ready", "/openapi.json", "/docs"] {
        assert_eq!(server.get(public).status, 200, "{public}");
    }
    let log = format!("{:?}", server.log());
    assert!(!log.contains(signature) && !log.contains(SECRET));
    server.terminate();
}

#[test]
fn the_public_key_is_no_secret_that_signs() {
    let mut server = TestServer::launch(Launch::new().set("JWT_PUBLIC_KEY", RSA));
    let tokens: Value = serde_json::from_str(TOKENS).unwrap();
    let create = |token: &str| server.send(&bearer(Request::create_json(&sample::stream()), token));
    assert_eq!(create(tokens["RS256"].as_str().unwrap()).status, 201);
    for forged in [token_from(RSA, Role::Operator, 0, 600), token_from(RSA.trim(), Role::Operator, 0, 600)] {
        assert_eq!(code(&create(&forged), 401), "CREDENTIALS_INVALID");
    }
    for other in ["RS512", "PS256", "ES256", "EdDSA"] {
        assert_eq!(code(&create(tokens[other].as_str().unwrap()), 401), "CREDENTIALS_INVALID", "{other}");
    }
    server.terminate();
}

#[test]
fn the_commands_make_credentials_that_a_running_server_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("fluxora.db").display());
    let settings = [("DATABASE_URL", url.as_str()), ("JWT_SECRET", SECRET), ("JWT_AUDIENCE", "fluxora")];
    let launch = settings.iter().fold(Launch::new(), |launch, (name, value)| launch.set(name, *value));
    let mut server = TestServer::launch(launch);
    let made = run(&["token", "--role", "operator", "--subject", "ops", "--ttl", "10m"], &settings);
    assert_eq!(server.send(&bearer(Request::get(KEYS), &made)).expect(200)["keys"], json!([]));
    let key = run(&["key", "create", "--name", "billing", "--role", "partner", "--owner", "acme"], &settings);
    assert_eq!(server.send(&bearer(Request::create_json(&sample::stream()), &key)).status, 201);
    let listed = run(&["key", "list"], &settings);
    assert!(listed.contains("active\tpartner\tacme\t") && !listed.contains(&key[16..]), "{listed}");
    let id = listed.split('\t').next().unwrap();
    let new = run(&["key", "rotate", id, "--overlap", "1h"], &settings);
    for accepted in [&key, &new] {
        assert_eq!(server.send(&bearer(Request::get(STREAMS), accepted)).status, 200);
    }
    run(&["key", "revoke", id], &settings);
    refused_in_time(&server, &key);
    assert_eq!(server.send(&bearer(Request::get(STREAMS), &new)).status, 200);
    server.terminate();
}

/// Waits until a revoked key is refused, and claims that this does not take long: a second and what a busy machine adds.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "measures how long a revoked key is accepted")]
fn refused_in_time(server: &TestServer, key: &str) {
    let begun = Instant::now();
    loop {
        let response = server.send(&bearer(Request::get(STREAMS), key));
        let took = begun.elapsed();
        if response.status == 401 {
            assert_eq!(code(&response, 401), "CREDENTIALS_INVALID");
            return;
        }
        assert!(took < Duration::from_secs(1) + PATIENCE / 20, "the key is accepted after {took:?}");
        thread::yield_now();
    }
}

#[test]
fn a_key_that_one_replica_revokes_is_refused_by_the_other_within_a_second() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let replica = || {
        let launch = Launch::new().set("DATABASE_URL", database.url()).set("OPERATOR_TOKEN", OPERATOR);
        TestServer::launch(launch.set("READS", "authenticated").set("FEED_HEARTBEAT_SECONDS", "1"))
    };
    let mut replicas = [replica(), replica()];
    let [first, second] = &replicas;
    let operate = |request: Request| first.send(&request.header("x-operator-token", OPERATOR));
    let body = json!({"name": "reader", "role": "reader"}).to_string();
    let created = operate(Request::post(KEYS, body)).expect(201);
    let key = created["key"].as_str().unwrap();
    let mut follower = EventStream::open(second.address(), bearer(Request::get("/api/events"), key)).unwrap();
    assert_eq!(second.send(&bearer(Request::get(STREAMS), key)).status, 200);
    operate(Request::delete(&format!("{KEYS}/{}", created["id"].as_str().unwrap()))).expect(200);
    assert_eq!(code(&first.send(&bearer(Request::get(STREAMS), key)), 401), "CREDENTIALS_INVALID");
    refused_in_time(second, key);
    // Its open stream ends at the next heartbeat.
    while follower.next().unwrap().is_some() {}
    for replica in &mut replicas {
        replica.terminate();
    }
}
