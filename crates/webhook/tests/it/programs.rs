//! Programs that a machine may or may not have.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but its environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A thing that may be absent: says so in one line, or fails where everything has to be there.
pub(crate) fn require<T>(thing: Option<T>, what: &str) -> Option<T> {
    if thing.is_none() {
        assert!(variable("FLUXORA_REQUIRE_SERVICES").as_deref() != Some("1"), "{what} is required here");
        writeln!(std::io::stderr(), "not tested here: {what} is not there").ok();
    }
    thing
}

/// The full path of a program.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// Runs a program with this input and gives what it prints.
#[track_caller]
pub(crate) fn run(command: &mut Command, directory: &Path, input: &str) -> String {
    let mut child = command
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input.as_bytes()));
    });
    let output = child.wait_with_output().expect("the program ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}
