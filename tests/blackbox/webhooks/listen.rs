//! `fluxora-server webhook listen`.

use crate::PATIENCE;
use crate::binary;
use crate::sample;
use crate::server::{Launch, Process, TestServer};

#[test]
fn the_receiver_of_the_command_line_prints_and_verifies_what_a_server_sends() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(binary::server());
    command.args(["webhook", "listen", "--port", "0"]).current_dir(folder.path()).env_clear();
    let listening = Process::start(&mut command);
    let address = listening.stdout.wait_for("the address", |line| {
        line.split_once("on http://").map(|(_, rest)| rest.split('/').next().unwrap().to_owned())
    });
    let secret = listening.stdout.wait_for("the secret", |line| {
        let (_, rest) = line.split_once("FLUXORA_WEBHOOK_SECRET=")?;
        Some(rest.split(' ').next().unwrap().to_owned())
    });
    let mut server = TestServer::launch(
        Launch::new()
            .set("WEBHOOK_ALLOW_HTTP", "true")
            .set("WEBHOOK_ALLOWED_NETWORKS", address.clone())
            .set("FLUXORA_WEBHOOK_URL", format!("http://{address}/"))
            .set("FLUXORA_WEBHOOK_SECRET", secret),
    );
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    listening.stdout.wait_for("the delivery", |line| {
        (line.starts_with("stream.created delivery ") && line.ends_with("attempt 1: genuine, answered 204"))
            .then_some(())
    });
    listening
        .stdout
        .wait_for("the body", |line| line.contains(&format!("\"streamId\": \"{id}\"")).then_some(()));
    server
        .wait_for_message("secrets of webhook endpoints are stored unsealed: there is no FLUXORA_MASTER_KEY");
    server.terminate();
    listening.signal(rustix::process::Signal::INT);
    assert!(listening.has_ended_within(PATIENCE));
}
