use std::path::Path;
use std::process::Command;

use cargo_metadata::Package;

use super::graph::house;
use crate::binary;

/// What the root folder may hold: what the design lists, licences, and the files that tools look for there.
const ROOT: [&str; 26] = [
    ".cargo",
    ".ci",
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "bins",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docker",
    "docs",
    "k6",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
];

/// What is wrong with a member's folder, one line for each fault.
pub(super) fn faults(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some(house) = house(name) else { return vec![format!("{name} is not in the table of the design")] };
    let folder = Path::new(package.manifest_path.as_str()).parent().expect("a manifest lies in a folder");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest can be read");
    let mut faults = Vec::new();
    let mut claim = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{name}: {what}"));
        }
    };
    claim(folder.ends_with(house.folder), "lies in another folder than the design says");
    claim(inherits_lints(&manifest), "does not inherit the lints: [lints] workspace = true");
    for inherited in ["edition", "license", "version"] {
        let line = format!("{inherited}.workspace = true");
        claim(manifest.lines().any(|other| other == line), &format!("does not inherit: {line}"));
    }
    if house.folder.starts_with("crates/") {
        let library = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        let door = "#![doc = include_str!(\"../README.md\")]";
        claim(library.starts_with(door), "src/lib.rs does not begin with its README as its documentation");
        claim(folder.join("README.md").is_file(), "has no README.md");
    }
    faults
}

pub(super) fn inherits_lints(manifest: &str) -> bool {
    manifest.lines().skip_while(|line| *line != "[lints]").nth(1) == Some("workspace = true")
}

/// What lies in the root folder but does not belong there.
pub(super) fn strays<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut strays: Vec<_> = paths.into_iter().filter_map(|path| path.split('/').next()).collect();
    strays.retain(|entry| !entry.is_empty() && !ROOT.contains(entry));
    strays.dedup();
    strays
}

/// Every file of the project that git does not ignore. Where there is no git, what lies in the root folder except for what a
/// build or a run leaves there.
pub(super) fn files() -> Vec<String> {
    let mut git = Command::new("git");
    let listed =
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(binary::root());
    match listed.output().ok().filter(|output| output.status.success()) {
        Some(output) => String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect(),
        None => std::fs::read_dir(binary::root())
            .expect("the root folder can be read")
            .map(|entry| entry.expect("an entry can be read").file_name().to_string_lossy().into_owned())
            .filter(|name| !["target", "data", ".env", ".git"].contains(&name.as_str()))
            .collect(),
    }
}

/// The Rust files below a folder.
pub(super) fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths
        .filter(|path| !path.ends_with("target"))
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => Some(path)
                .filter(|path| path.extension().is_some_and(|end| end == "rs"))
                .into_iter()
                .collect(),
        })
        .collect()
}
