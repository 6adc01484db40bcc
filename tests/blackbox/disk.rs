//! A disk that is full or read-only. The disk is a small one in memory that only the server sees, so nothing is
//! left behind however the test ends.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::faults::unavailable;
use crate::http::Request;
use crate::overload::now;
use crate::sample;
use crate::server::{Launch, TestServer};
use crate::services;

/// Programs that start another one with private mounts: as root, or as a user who may act as root in a namespace.
const PRIVATE_DISKS: [&[&str]; 2] =
    [&["unshare", "--mount", "sh", "-euc"], &["unshare", "--map-root-user", "--mount", "sh", "-euc"]];

/// What starts the server after this script, in which disks can be mounted; `None` where that is not permitted.
fn with_disks(script: &str) -> Option<Launch> {
    let may_mount = |wrapper: &&&[&str]| {
        let mut attempt = Command::new(wrapper[0]);
        attempt.args(&wrapper[1..]).arg("mount -t tmpfs -o size=64k none /mnt");
        attempt.output().is_ok_and(|output| output.status.success())
    };
    let Some(wrapper) = PRIVATE_DISKS.iter().find(may_mount) else {
        let is_root = rustix::process::geteuid().is_root();
        services::missing("full and read-only disks: mounting one is not permitted", is_root);
        return None;
    };
    let script = format!("{script}\nexec \"$0\"");
    Some(Launch::new().through(&[*wrapper, &[script.as_str()]].concat()))
}

#[test]
fn on_a_full_disk_writes_get_a_503_and_go_on_once_there_is_space() {
    let Some(launch) = with_disks("mkdir data; mount -t tmpfs -o size=2m none data") else { return };
    // The server's folder as the server sees it.
    let seen = |server: &TestServer, name: &str| -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", server.process().id()));
        root.join(server.database().parent().unwrap().strip_prefix("/").unwrap()).join(name)
    };
    let mut server = TestServer::launch(launch);
    let mut made = vec![server.create(&sample::stream())];
    let ballast = seen(&server, "ballast");
    fill(&ballast);

    let request = Request::create_json(&sample::stream());
    let refused = loop {
        let answer = server.send(&request);
        if answer.status != 201 {
            break answer;
        }
        made.push(answer.json());
        assert!(made.len() < 2_000, "the disk is never full");
    };
    unavailable(&refused);
    let since = now();
    for _ in 0..500 {
        unavailable(&server.send(&request));
    }
    let took = since.elapsed();
    assert_eq!(server.get("/health").expect(503)["status"], "unavailable");
    for stream in &made {
        assert_eq!(server.stream(stream["id"].as_str().unwrap())["status"], "active");
    }

    fs::remove_file(&ballast).unwrap();
    assert_eq!(server.get("/health").expect(200)["status"], "ok");
    made.push(server.create(&sample::stream()));
    server.cancel(made[0]["id"].as_str().unwrap());
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], made.len());
    server.terminate();
    // Of the store and of the route: one line at the begin of the outage, then one a minute at most, and one at its end.
    let log = server.log();
    let lines = |message: &str, status: Option<u16>| -> Vec<_> {
        log.iter()
            .filter(|line| line["message"] == message && status.is_none_or(|status| line["status"] == status))
            .filter(|line| line["route"].is_null() || line["route"] == "/api/streams")
            .collect()
    };
    let minutes = 1 + usize::try_from(took.as_secs() / 60).unwrap();
    for (message, status) in [("batch of writes rolled back", None), ("request", Some(503))] {
        let found = lines(message, status);
        assert!((1..=minutes).contains(&found.len()), "{found:?}");
    }
    assert_eq!(lines("request", Some(503))[0]["code"], "SERVICE_UNAVAILABLE");
    assert_eq!(lines("writes succeed again", None).len(), 1);
    let again = lines("requests of this route are answered again", None);
    assert_eq!((again.len(), &again[0]["refused"]), (1, &serde_json::json!(501)), "{again:?}");
}

/// Takes every byte that is free.
fn fill(path: &PathBuf) {
    let mut file = File::create(path).unwrap();
    for size in [4_096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_disk_that_can_only_be_read_is_named_at_the_start() {
    let Some(launch) = with_disks("mkdir data; mount -t tmpfs -o ro,size=64k none data") else { return };
    let ended = launch.ends();
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("data/fluxora.db"), "{}", ended.stdout);
}

#[test]
fn a_database_that_can_only_be_read_is_named_at_the_start() {
    let mut server = TestServer::start();
    server.create(&sample::stream());
    let database = server.database();
    let folder = database.parent().unwrap().display();
    let read_only = format!("mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}");
    let url = format!("sqlite://{}", database.display());
    let ends = || {
        let Some(launch) = with_disks(&read_only) else { return };
        let ended = launch.set("DATABASE_URL", &url).ends();
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        let last = ended.stdout.lines().last().unwrap();
        assert!(last.contains("ended with an error") && last.contains("fluxora.db"), "{last}");
    };
    ends();
    server.kill9();
    ends();
    server.restart();
    server.terminate();
    ends();
}
