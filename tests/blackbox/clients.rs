//! Clients generated from the OpenAPI document: each creates, reads, lists and cancels a stream of the real server.

use std::path::PathBuf;
use std::process::Command;

use crate::binary;
use crate::server::TestServer;
use crate::services;

/// Where `tests/clients/install` has put the generators.
#[expect(clippy::disallowed_methods, reason = "the environment says where they are installed")]
fn installed() -> Option<PathBuf> {
    let directory = std::env::var_os("FLUXORA_CLIENTS_DIR").map(PathBuf::from);
    let directory = directory.filter(|directory| directory.join("node_modules").is_dir());
    if directory.is_none() {
        services::missing("generated clients: FLUXORA_CLIENTS_DIR has no generators", true);
    }
    directory
}

#[test]
fn generated_clients_create_read_list_and_cancel_a_stream() {
    let Some(installed) = installed() else { return };
    let mut server = TestServer::start();
    let (work, url) = (tempfile::tempdir().unwrap(), format!("http://{}", server.address()));
    let mut command = Command::new(binary::root().join("tests/clients/run"));
    let output = command.arg(&installed).arg(work.path()).arg(&url).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    let printed = text(&output.stdout);
    for language in ["TypeScript", "Python"] {
        assert!(printed.contains(&format!("{language}: the round trip is complete")), "{printed}");
    }
    server.terminate();
}
