//! How the server starts, and what it says if it cannot.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use crate::binary;
use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

/// The server gives up at once, and its last line says why, naming each of these.
#[track_caller]
fn gives_up(launch: &Launch, names: &[&str]) {
    let ended = launch.ends();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{}", ended.stdout);
    let line: Value = serde_json::from_str(ended.stdout.lines().last().expect("a line")).unwrap();
    assert_eq!(
        (&line["level"], &line["message"]),
        (&"ERROR".into(), &"fluxora-server ended with an error".into())
    );
    let error = line["error"].as_str().unwrap();
    for name in names {
        assert!(error.contains(name), "{name} is not in {error}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    gives_up(
        &Launch::new().set("PORT", address.port().to_string()),
        &[&address.to_string(), "PORT", "in use"],
    );
}

#[test]
fn a_database_that_cannot_be_there_is_named() {
    let launch = Launch::new();
    fs::write(launch.folder().join("file"), "").unwrap();
    fs::create_dir(launch.folder().join("folder")).unwrap();
    gives_up(&launch.set("DATABASE_URL", "sqlite://file/fluxora.db"), &["cannot make the folder file"]);
    let launch = Launch::new();
    fs::create_dir(launch.folder().join("folder")).unwrap();
    gives_up(&launch.set("DATABASE_URL", "sqlite://folder"), &["cannot open the database", "folder"]);
    let launch = Launch::new().set("DATABASE_URL", "sqlite:///proc/no/fluxora.db");
    gives_up(&launch, &["cannot make the folder /proc/no"]);
}

#[test]
fn a_second_server_on_one_file_is_refused_and_commands_are_not() {
    let mut server = TestServer::start();
    let stream = server.create(&sample::stream());
    let url = format!("sqlite://{}", server.database().display());
    let lock = format!("{}-lock", server.database().display());
    gives_up(&Launch::new().set("DATABASE_URL", &url), &["another server uses the database", &lock]);
    let check = Command::new(binary::server())
        .args(["migrate", "--check"])
        .env("DATABASE_URL", &url)
        .output()
        .unwrap();
    assert!(check.status.success(), "{check:?}");
    let backup = Connection::open(server.database()).unwrap();
    let copy = server.database().with_file_name("backup.db");
    backup.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    server.cancel(stream["id"].as_str().unwrap());
    // The system releases the lock of a server that was killed.
    server.kill9();
    server.restart();
    server.terminate();
}

#[test]
fn a_file_that_is_not_ours_is_named_and_left_as_it_is() {
    let launch = Launch::new().set("DATABASE_URL", "sqlite://shop.db");
    let file = launch.folder().join("shop.db");
    let shop = Connection::open(&file).unwrap();
    shop.execute_batch("CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (7)").unwrap();
    shop.close().unwrap();
    let before = fs::read(&file).unwrap();
    gives_up(&launch, &["shop.db is not a Fluxora database", "DATABASE_URL"]);
    assert_eq!(fs::read(&file).unwrap(), before);

    fs::write(&file, "a diary, and not a short one: ".repeat(100)).unwrap();
    gives_up(&launch, &["shop.db"]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("a diary"));
}

#[test]
fn a_schema_of_a_later_version_is_named_and_left_as_it_is() {
    let mut server = TestServer::start();
    server.create(&sample::stream());
    server.terminate();
    let database = Connection::open(server.database()).unwrap();
    let later = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
    database.execute(later, []).unwrap();
    database.close().unwrap();
    let before = fs::read(server.database()).unwrap();
    let url = format!("sqlite://{}", server.database().display());
    gives_up(&Launch::new().set("DATABASE_URL", url), &["newer schema", "from_the_future", "fluxora.db"]);
    assert_eq!(fs::read(server.database()).unwrap(), before);
}

#[test]
fn beyond_loopback_writes_are_refused_unless_that_is_meant() {
    let mut server = TestServer::launch(Launch::new().set("HOST", "0.0.0.0"));
    let line = server.wait_for_message("listening");
    assert!(line["writes"].as_str().unwrap().starts_with("refused"), "{line}");
    for request in [
        Request::create_json(&sample::stream()),
        Request::create("nonsense"),
        Request::delete("/api/streams/01930000-0000-7000-8000-000000000001"),
    ] {
        let error = envelope::error(&server.send(&request), 403, "FORBIDDEN");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("HOST") && message.contains("OPEN_WRITES"), "{message}");
    }
    server.get("/api/streams").expect(200);
    server.get("/health").expect(200);
    server.terminate();

    let mut server = TestServer::launch(Launch::new().set("HOST", "0.0.0.0").set("OPEN_WRITES", "true"));
    let line = server.wait_for_message("listening");
    assert!(line["writes"].as_str().unwrap().starts_with("open"), "{line}");
    let stream = server.create(&sample::stream());
    server.cancel(stream["id"].as_str().unwrap());
    server.terminate();
}

#[test]
fn the_first_line_says_the_address_the_storage_and_what_is_switched_off() {
    let mut server = TestServer::start();
    let line = server.wait_for_message("listening");
    assert_eq!(line["address"], server.address().to_string());
    assert_eq!(line["storage"], "sqlite, data/fluxora.db");
    let version = line["version"].as_str().unwrap();
    assert!(version.split_once('+').is_some_and(|(_, commit)| !commit.is_empty()), "{line}");
    assert_eq!(server.get("/health").expect(200)["version"], version);
    let off =
        ["contract events (INDEXER_WORKER_TOKEN or FOLLOW_CONTRACTS)", "operator actions (OPERATOR_TOKEN)"];
    assert_eq!(line["off"], off.join(", "));
    server.terminate();

    let mut server = TestServer::launch(Launch::new().set("INDEXER_WORKER_TOKEN", "t".repeat(32)));
    assert_eq!(server.wait_for_message("listening")["off"], off[1]);
    server.terminate();
}

#[test]
fn a_file_dot_env_is_read_and_the_environment_goes_before_it() {
    let launch = Launch::new().unset("PORT").set("NETWORK_PASSPHRASE", "from the environment");
    let file =
        "# settings\nPORT=0\nNETWORK_PASSPHRASE=\"from the file\"\nDATABASE_URL=sqlite://kept/here.db\n";
    fs::write(launch.folder().join(".env"), file).unwrap();
    let mut server = TestServer::launch(launch);
    assert_eq!(server.get("/").expect(200)["network"], "from the environment");
    assert_eq!(server.wait_for_message("listening")["storage"], "sqlite, kept/here.db");
    server.terminate();
}

#[test]
fn a_database_in_memory_keeps_nothing() {
    let mut server = TestServer::launch(Launch::new().set("DATABASE_URL", "sqlite::memory:"));
    let stream = server.create(&sample::stream());
    server.stream(stream["id"].as_str().unwrap());
    server.terminate();
    server.restart();
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 0);
    server.terminate();
    assert!(!server.database().exists());
}

#[test]
fn a_wrong_configuration_is_told_whole_without_its_values_and_with_its_own_exit_code() {
    let settings = [
        "HOST",
        "PORT",
        "DATABASE_URL",
        "OPEN_WRITES",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "STREAM_CLOCK_INTERVAL_MS",
        "SHUTDOWN_TIMEOUT_SECONDS",
    ];
    let launch = settings.iter().fold(Launch::new(), |launch, name| launch.set(name, "hunter2"));
    let ended = launch.ends();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{}", ended.stderr);
    for name in settings {
        assert!(
            ended.stderr.lines().any(|line| line.trim_start().starts_with(name)),
            "{name}: {}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);

    let launch = Launch::new();
    fs::write(launch.folder().join(".env"), "JWT_SECRET hunter2\n").unwrap();
    let ended = launch.ends();
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.stderr.contains(".env") && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
}
