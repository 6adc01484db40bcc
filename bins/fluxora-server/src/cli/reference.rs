//! Generates docs/CONFIGURATION.md from the definition of the command line, and fails when the page is out of date.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

const HEAD: &str = "\
<!-- Generated from --help. Do not edit; to update: UPDATE=1 cargo test -p fluxora-server reference -->

# Configuration

Every setting is an option of the command line, an environment variable, or a line `NAME=value` in the file `.env` of the
working directory ([.env.example](../.env.example) is a template). The option wins over the variable, the variable over
the file, the file over the default. All faults are reported at once, without values, and the exit code is 78.

- White space around a value is ignored. An empty variable counts as not set; a value of white space alone is refused.
- In `.env`, a value is literal: `$` and `\\` have no meaning. A value in single or double quotes ends at the same quote;
  without quotes, a `#` after white space begins a comment. A line that cannot be read is named by its number.
- A name that is no setting is ignored. If it begins with `FLUXORA_`, `INDEXER_` or `DB_`, or if it is in `.env` and
  resembles a setting, a warning names the nearest setting.

";

/// The page, from the definition that `--help` prints.
fn page() -> String {
    let mut program = Cli::command();
    program.build();
    let mut page = HEAD.to_owned();
    page.push_str("## Settings\n");
    for section in sections(&program) {
        let table = table(&program, Some(section), [VARIABLE, OPTION]);
        write!(page, "\n### {section}\n\n{table}").unwrap();
    }
    page.push_str("\n## Commands\n\nWithout a command, `fluxora-server` serves.\n");
    for command in program.get_subcommands() {
        describe(command, "fluxora-server", &mut page);
    }
    page
}

/// The headings of `--help`, in order.
fn sections(program: &Command) -> Vec<&str> {
    let mut sections: Vec<_> = program.get_arguments().filter_map(Arg::get_help_heading).collect();
    sections.dedup();
    sections
}

fn describe(command: &Command, parent: &str, page: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    if command.get_name() == "help" {
        return;
    }
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    writeln!(page, "\n### {name}\n\n{about}").unwrap();
    let table = table(command, None, [OPTION, VARIABLE]);
    if !table.is_empty() {
        write!(page, "\n{table}").unwrap();
    }
    for command in command.get_subcommands() {
        describe(command, &name, page);
    }
}

/// A column of a table: its head and its cells.
type Column = (&'static str, fn(&Arg) -> String);

const VARIABLE: Column = ("variable", variable);
const OPTION: Column = ("option", option);

/// A row for each argument of a section; empty if there are none.
fn table(command: &Command, section: Option<&str>, [first, second]: [Column; 2]) -> String {
    let listed = |arg: &&Arg| {
        !["help", "version"].contains(&arg.get_id().as_str()) && arg.get_help_heading() == section
    };
    let row = |arg: &Arg| {
        let [first, second] = [first, second].map(|(_, cell)| cell(arg));
        format!("| {first} | {second} | {} | {} |\n", default(arg), meaning(arg))
    };
    let rows: String = command.get_arguments().filter(listed).map(row).collect();
    let head = format!("| {} | {} | default | |\n|---|---|---|---|\n", first.0, second.0);
    if rows.is_empty() { rows } else { head + &rows }
}

fn variable(arg: &Arg) -> String {
    arg.get_env().map(|name| code(&name.to_string_lossy())).unwrap_or_default()
}

/// The argument as written on the command line.
fn option(arg: &Arg) -> String {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    let long = arg.get_long().map(|name| format!("--{name}"));
    let options: Vec<_> = long.into_iter().chain(short).map(|option| code(&option)).collect();
    if options.is_empty() { code(&arg.to_string()) } else { options.join(", ") }
}

fn default(arg: &Arg) -> String {
    let values = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let takes_value = arg.get_action().takes_values();
    values
        .filter(|_| takes_value && !arg.is_hide_default_value_set())
        .map(|value| code(&value))
        .collect::<Vec<_>>()
        .join(", ")
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

/// Text that does not break its table row.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[expect(clippy::disallowed_methods, reason = "a test is configured by its environment")]
fn variable_of_test(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn the_configuration_page_matches_help() {
    let package =
        variable_of_test("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let file = PathBuf::from(package).join("../../docs/CONFIGURATION.md");
    let page = page();
    if variable_of_test("UPDATE").as_deref() == Some("1") {
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
fn every_setting_has_a_section_a_variable_and_help() {
    let mut program = Cli::command();
    program.build();
    for arg in program.get_arguments().filter(|arg| !["help", "version"].contains(&arg.get_id().as_str())) {
        assert!(!variable(arg).is_empty() && !meaning(arg).is_empty(), "{arg}");
        assert!(arg.get_help_heading().is_some(), "{arg}");
        assert!(page().contains(&format!("| {} | {} |", variable(arg), option(arg))), "{arg}");
    }
}
