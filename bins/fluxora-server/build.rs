//! Passes the commit of the sources to the program, as the variable `FLUXORA_COMMIT`: from the environment, else from
//! git, else "unknown". The same commit makes the same program: no time and no state of the working tree goes into it.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a build script reads the environment and prints for cargo"
)]

use std::path::Path;
use std::process::Command;

/// Characters of a commit that are kept.
const LENGTH: usize = 12;

fn main() {
    println!("cargo:rerun-if-env-changed=FLUXORA_COMMIT");
    let given = std::env::var("FLUXORA_COMMIT").ok().filter(|commit| !commit.trim().is_empty());
    let commit = given.or_else(from_git).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=FLUXORA_COMMIT={}", short(commit.trim()));
}

/// A whole hash is cut; what follows its first hyphen, such as `-dirty`, stays.
fn short(commit: &str) -> String {
    let (hash, rest) = commit.split_at(commit.find('-').unwrap_or(commit.len()));
    hash.chars().take(LENGTH).chain(rest.chars()).collect()
}

/// The commit that is checked out, if git tracks this file. Sources that were unpacked inside another repository are
/// not of its commit.
fn from_git() -> Option<String> {
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    // Each of these changes when another commit is checked out or made. A path that does not exist would run this
    // script each time.
    for name in ["HEAD", "logs/HEAD", "packed-refs"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--verify", "HEAD"])
}

/// What git prints in the directory of the package; `None` without git, or if it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
