use std::process::Command;

use crate::binary;
use crate::sample;
use crate::server::{Launch, Process, TestServer};
use crate::services;

fn shell_blocks(page: &str, section: &str) -> Vec<String> {
    blocks(page, section, "sh")
}

/// The blocks in a language in a section of a Markdown page, in order.
fn blocks(page: &str, section: &str, language: &str) -> Vec<String> {
    let begins = format!("\n## {section}\n");
    let section = page.split_once(&begins).map_or("", |(_, rest)| rest);
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1).filter_map(|block| block.split_once("```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}

/// The variables that the tour of the chain sets for the server and for the commands.
const WORKER_TOKEN: (&str, &str) = ("INDEXER_WORKER_TOKEN", "0123456789abcdef0123456789abcdef");

/// Runs the commands of a section against a separate server, which must answer each of them, and returns what they print.
fn tour(file: &str, section: &str, variables: &[(&str, &str)]) -> Option<String> {
    let of_server = variables.iter().filter(|variable| **variable == WORKER_TOKEN);
    let launch = Launch::new().set("ACCESS_LOG", "all");
    let launch = of_server.fold(launch, |launch, (name, value)| launch.set(name, *value));
    let mut server = TestServer::launch(launch);
    let ran = run(file, section, variables, &server);
    server.terminate();
    let (curls, out) = ran?;
    let line_of_request = |line: &serde_json::Value| line["message"] == "request";
    let answered: Vec<_> = server.log().into_iter().filter(line_of_request).collect();
    assert_eq!(answered.len(), curls, "not every curl of {file} reached the server");
    // A request that is refused on purpose is one of which the commands show the code.
    let refused = answered.iter().filter(|line| line["status"].as_u64() >= Some(300));
    assert!(refused.clone().all(|line| line["status"] == 400), "{answered:?}");
    assert_eq!(refused.count(), out.matches(r#"{"error":"#).count(), "{answered:?}");
    Some(out)
}

/// Runs the commands of a section, none of which may fail, and returns the number of requests and the output;
/// `None` without curl.
fn run(
    file: &str,
    section: &str,
    variables: &[(&str, &str)],
    server: &TestServer,
) -> Option<(usize, String)> {
    if Command::new("curl").arg("--version").output().is_err() {
        services::missing(&format!("the commands of {file}: curl is not installed"), true);
        return None;
    }
    let page = std::fs::read_to_string(binary::root().join(file)).expect("the page can be read");
    let commands = shell_blocks(&page, section).concat();
    assert!(commands.contains("curl"), "{file} has no commands in {section}");

    // With -e a shell ends at the first command that fails; a pipe fails with its last command.
    let mut shell = Command::new("sh");
    shell.args(["-e", "-u", "-c", &commands]).envs(variables.iter().copied());
    shell.env("FLUXORA_URL", format!("http://{}", server.address())).env("NO_PROXY", "*");
    let mut shell = Process::start(&mut shell);
    let ended = shell.wait_for_end();
    let [out, err] = [&shell.stdout, &shell.stderr].map(|output| output.lines().join("\n"));
    assert!(ended.success(), "{ended}\n{out}\n{err}");
    Some((commands.matches("curl --").count(), out))
}

#[test]
fn the_tour_of_the_readme_works_as_it_is_written() {
    for variables in [&[][..], &[WORKER_TOKEN]] {
        tour("README.md", "A tour with curl", variables);
    }
}

#[test]
fn the_demo_of_the_readme_works_as_it_is_written() {
    let mut server = TestServer::launch(Launch::new().arguments(&["demo"]).set("LOG_FORMAT", "pretty"));
    run("README.md", "See it move", &[], &server);
    server.terminate();
}

#[test]
fn the_tour_of_the_chain_works_as_it_is_written() {
    let Some(out) = tour("README.md", "A stream of the chain", &[WORKER_TOKEN]) else { return };
    let page = std::fs::read_to_string(binary::root().join("README.md")).expect("the page can be read");
    let [shown] = &blocks(&page, "A stream of the chain", "json")[..] else { panic!("one answer is shown") };
    let answer = out.lines().find(|line| line.starts_with(r#"{"outcome""#)).expect("the push is answered");
    let [shown, answer] =
        [shown, answer].map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(shown, answer, "the answer that the README shows");
}

#[test]
fn tours_with_ledgers_use_databases_of_their_tour() {
    let page = std::fs::read_to_string(binary::root().join("README.md")).expect("the page can be read");
    for (section, database) in [("A stream of the chain", "tour"), ("Follow a contract", "testnet")] {
        let start = format!("DATABASE_URL=sqlite://data/{database}.db cargo run");
        assert!(blocks(&page, section, "text").concat().contains(&start), "{section}");
    }
}

#[test]
fn the_first_stream_of_the_testnet_guide_is_created_as_it_is_written() {
    let [treasury, recipient] = [1, 2].map(sample::account);
    let variables = [("TREASURY", treasury.as_str()), ("RECIPIENT", &recipient)];
    tour("docs/TESTNET.md", "The first stream", &variables);
}

#[test]
fn shell_blocks_are_those_of_the_section() {
    let page = "# P\n```sh\nno\n```\n## A\ntext\n```sh\none\n```\n```json\n{}\n```\n```sh\ntwo\n# 3\n```\n## B\n```sh\nno\n```\n";
    assert_eq!(shell_blocks(page, "A"), ["one\n", "two\n# 3\n"]);
    assert_eq!(shell_blocks(page, "C"), [""; 0]);
}
