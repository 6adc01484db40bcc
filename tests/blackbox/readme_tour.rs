use std::process::Command;

use crate::binary;
use crate::server::{Process, TestServer};
use crate::services;

/// The shell blocks of a section of a Markdown page, in order.
fn shell_blocks(page: &str, section: &str) -> Vec<String> {
    let begins = format!("\n## {section}\n");
    let section = page.split_once(&begins).map_or("", |(_, rest)| rest);
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let blocks = section.split("```sh\n").skip(1).filter_map(|block| block.split_once("```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn the_tour_of_the_readme_works_as_it_is_written() {
    if Command::new("curl").arg("--version").output().is_err() {
        return services::missing("the README's tour: curl is not installed", true);
    }
    let page = std::fs::read_to_string(binary::root().join("README.md")).expect("README.md can be read");
    let blocks = shell_blocks(&page, "A tour with curl");
    assert!(blocks.concat().contains("curl"), "the README's tour has no commands");

    let mut server = TestServer::start();
    // With -e a shell ends at the first command that fails; a pipe fails with its last command.
    let mut shell = Command::new("sh");
    shell.args(["-e", "-u", "-c", &blocks.concat()]);
    shell.env("FLUXORA_URL", format!("http://{}", server.address())).env("NO_PROXY", "*");
    let mut shell = Process::start(&mut shell);
    let ended = shell.wait_for_end();
    let [out, err] = [&shell.stdout, &shell.stderr].map(|output| output.lines().join("\n"));
    assert!(ended.success(), "{ended}\n{out}\n{err}");

    let curls = blocks.concat().matches("curl --").count();
    let line_of_request = |line: &serde_json::Value| line["message"] == "request";
    server.terminate();
    let answered: Vec<_> = server.log().into_iter().filter(line_of_request).collect();
    assert_eq!(answered.len(), curls, "not every curl of the tour reached the server");
    assert!(
        answered.iter().all(|line| line["status"].as_u64().is_some_and(|status| status < 300)),
        "{answered:?}"
    );
}

#[test]
fn shell_blocks_are_those_of_the_section() {
    let page = "# P\n```sh\nno\n```\n## A\ntext\n```sh\none\n```\n```json\n{}\n```\n```sh\ntwo\n# 3\n```\n## B\n```sh\nno\n```\n";
    assert_eq!(shell_blocks(page, "A"), ["one\n", "two\n# 3\n"]);
    assert_eq!(shell_blocks(page, "C"), [""; 0]);
}
