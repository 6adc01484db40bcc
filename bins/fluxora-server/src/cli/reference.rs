//! docs/CONFIGURATION.md is what the command line says of itself; this is what writes it, and what notices when it is out of date.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

const HEAD: &str = "\
<!-- Written from --help by a test. Do not edit; to write it again: UPDATE=1 cargo test -p fluxora-server reference -->

# Configuration

Every setting is an option of the command line and an environment variable, and may stand in a file `.env` in the folder the server
is started in (`NAME=value`, one in each line; [.env.example](../.env.example) is one to copy). The command line wins, then the
environment, then the file, then the default. Everything that is wrong is reported at once, no value is repeated, and the exit code
is 78.

";

/// The page, from the definition that `--help` prints.
fn page() -> String {
    let mut program = Cli::command();
    program.build();
    let mut page = HEAD.to_owned();
    page.push_str("## Settings\n\n");
    page.push_str(&table(&program, [VARIABLE, WRITTEN]));
    page.push_str("\n## Commands\n\nWithout a command, `fluxora-server` serves.\n");
    for command in program.get_subcommands() {
        describe(command, "fluxora-server", &mut page);
    }
    page
}

fn describe(command: &Command, parent: &str, page: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    if command.get_name() == "help" {
        return;
    }
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    writeln!(page, "\n### {name}\n\n{about}").unwrap();
    let table = table(command, [WRITTEN, VARIABLE]);
    if !table.is_empty() {
        write!(page, "\n{table}").unwrap();
    }
    for command in command.get_subcommands() {
        describe(command, &name, page);
    }
}

/// A column of a table: what it is called, and what stands in it.
type Column = (&'static str, fn(&Arg) -> String);

const VARIABLE: Column = ("variable", variable);
const WRITTEN: Column = ("option", written);

/// A row for each argument; nothing where there are none.
fn table(command: &Command, [first, second]: [Column; 2]) -> String {
    let of_program = |arg: &&Arg| !["help", "version"].contains(&arg.get_id().as_str());
    let row = |arg: &Arg| {
        let [first, second] = [first, second].map(|(_, cell)| cell(arg));
        format!("| {first} | {second} | {} | {} |\n", default(arg), meaning(arg))
    };
    let rows: String = command.get_arguments().filter(of_program).map(row).collect();
    let head = format!("| {} | {} | default | |\n|---|---|---|---|\n", first.0, second.0);
    if rows.is_empty() { rows } else { head + &rows }
}

fn variable(arg: &Arg) -> String {
    arg.get_env().map(|name| code(&name.to_string_lossy())).unwrap_or_default()
}

/// How it is written on the command line.
fn written(arg: &Arg) -> String {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    let long = arg.get_long().map(|name| format!("--{name}"));
    let options: Vec<_> = long.into_iter().chain(short).map(|option| code(&option)).collect();
    if options.is_empty() { code(&arg.to_string()) } else { options.join(", ") }
}

fn default(arg: &Arg) -> String {
    let values = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let takes_value = arg.get_action().takes_values();
    values.filter(|_| takes_value).map(|value| code(&value)).collect::<Vec<_>>().join(", ")
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = arg.get_possible_values().iter().map(|value| code(value.get_name())).collect();
    if values.is_empty() || !arg.get_action().takes_values() {
        cell(&help)
    } else {
        format!("{}. One of {}", cell(&help), values.join(", "))
    }
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// A text that cannot break the row it stands in.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn the_page_of_the_configuration_says_what_help_says() {
    let package = told("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let file = PathBuf::from(package).join("../../docs/CONFIGURATION.md");
    let page = page();
    if told("UPDATE").as_deref() == Some("1") {
        std::fs::write(&file, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&file).unwrap_or_default();
    let out_of_date = "docs/CONFIGURATION.md is out of date: UPDATE=1 cargo test -p fluxora-server reference";
    for (stored, page) in stored.lines().zip(page.lines()) {
        assert_eq!(stored, page, "{out_of_date}");
    }
    assert!(stored == page, "{out_of_date}");
}

#[test]
fn every_setting_has_a_variable_and_a_meaning() {
    let mut program = Cli::command();
    program.build();
    for arg in program.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        assert!(!variable(arg).is_empty() && !meaning(arg).is_empty(), "{arg}");
        assert!(page().contains(&format!("| {} | {} |", variable(arg), written(arg))), "{arg}");
    }
}
