//! The layers of the house hold: a broken one is named by a line of the failure.

mod folders;
mod graph;
mod migrations;
mod table;

use std::collections::BTreeMap;

use cargo_metadata::DependencyKind;

use crate::binary;
use graph::Edge;
use table::{ALL, GUESTS, HOUSES};

#[track_caller]
fn none(faults: &[impl AsRef<str>]) {
    let lines: Vec<_> = faults.iter().map(AsRef::as_ref).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn every_dependency_is_one_that_the_design_allows() {
    let edges = graph::edges(&graph::metadata());
    assert!(edges.iter().any(|edge| edge.from == "fluxora-stream" && edge.to == "fluxora-decimal"));
    none(&graph::broken(&edges));
}

#[test]
fn nothing_reaches_what_it_must_never_use() {
    none(&graph::forbidden_reached(&graph::metadata()));
}

#[test]
fn every_member_lies_in_its_folder_inherits_the_lints_and_has_a_door() {
    let metadata = graph::metadata();
    let faults: Vec<_> = metadata.workspace_packages().into_iter().flat_map(folders::faults).collect();
    none(&faults);
}

#[test]
fn the_root_folder_holds_what_the_design_lists_and_nothing_else() {
    let files = folders::files();
    assert!(files.iter().any(|file| file == "Cargo.toml"), "{files:?}");
    none(&folders::strays(files.iter().map(String::as_str)));
}

#[test]
fn big_decimal_occurs_in_decimal_only() {
    let name = concat!("Big", "Decimal");
    let sources =
        ["crates", "bins", "tests"].map(|folder| folders::sources(&binary::root().join(folder))).concat();
    let with_it: Vec<_> = sources
        .iter()
        .filter(|file| std::fs::read_to_string(file).expect("a source can be read").contains(name))
        .map(|file| {
            file.strip_prefix(binary::root()).expect("a source lies in the project").display().to_string()
        })
        .collect();
    let (inside, outside): (Vec<_>, Vec<_>) =
        with_it.into_iter().partition(|file| file.starts_with("crates/decimal/"));
    assert!(!inside.is_empty(), "no crate has this name");
    none(&outside);
}

#[test]
fn a_broken_edge_is_named() {
    let edge = |from: &str, to: &str, kind| Edge { from: from.to_owned(), to: to.to_owned(), kind };
    let (normal, dev) = (DependencyKind::Normal, DependencyKind::Development);
    for (from, to, kind, allowed) in [
        ("fluxora-store", "fluxora-stream", normal, true),
        ("fluxora-stream", "fluxora-store", normal, false),
        ("fluxora-stream", "fluxora-store", dev, false),
        ("fluxora-store", "fluxora-store", dev, true),
        ("fluxora-api", "fluxora-store-sqlite", dev, false),
        ("fluxora-api", "fluxora-stellar", normal, false),
        ("fluxora-delivery", "fluxora-webhook", normal, false),
        ("fluxora-api", "rusqlite", normal, false),
        ("fluxora-tests", "rusqlite", dev, true),
        ("fluxora-store", "anyhow", normal, false),
        ("fluxora-store", "anyhow", dev, true),
        ("fluxora-webhook", "actix-web", dev, true),
        ("fluxora-webhook", "actix-web", normal, false),
        ("fluxora-stream", "ring", dev, false),
        ("fluxora-utils", "serde", normal, false),
    ] {
        let faults = graph::broken(&[edge(from, to, kind)]);
        assert_eq!(faults.is_empty(), allowed, "{from} -> {to}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.contains(from)), "{faults:?}");
    }
    let uses = BTreeMap::from([("fluxora-stream", vec!["uuid"]), ("uuid", vec!["tokio"])]);
    let expect = "fluxora-stream must not reach tokio: fluxora-stream -> uuid -> tokio";
    assert_eq!(graph::reach("fluxora-stream", &uses), [expect]);
}

#[test]
fn a_stray_file_and_a_member_without_lints_are_found() {
    assert_eq!(
        folders::strays(["crates/a/src/lib.rs", "notes.txt", "Cargo.toml", "GET"]),
        ["notes.txt", "GET"]
    );
    assert!(folders::inherits_lints("[package]\n\n[lints]\nworkspace = true\n"));
    assert!(!folders::inherits_lints("[package]\n\n[lints.rust]\nunsafe_code = \"allow\"\n"));
}

#[test]
fn the_table_speaks_only_of_crates_it_lists() {
    let known = |name: &&&str| HOUSES.iter().any(|house| house.name == **name);
    let named = HOUSES.iter().flat_map(|house| house.may_use).chain(ALL);
    let users = GUESTS.iter().flat_map(|guest| guest.users);
    none(&named.chain(users).filter(|name| !known(name)).collect::<Vec<_>>());
}

#[test]
fn cargo_run_without_a_name_starts_the_server() {
    let metadata = graph::metadata();
    let packages = metadata.workspace_default_packages();
    let targets = packages.iter().flat_map(|package| &package.targets);
    let programs: Vec<_> =
        targets.filter(|target| target.is_bin()).map(|target| target.name.as_str()).collect();
    assert_eq!(programs, ["fluxora-server"]);
}
