use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::Process;
use crate::binary;

/// How the server is started: in an empty folder, with only the environment that the test sets.
pub(crate) struct Launch {
    folder: TempDir,
    settings: Vec<(String, String)>,
    wrapper: Vec<String>,
    arguments: Vec<String>,
    binary: Option<&'static Path>,
}

/// What became of a server that ended by itself.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Launch {
    /// On a free port of the loopback address, with its database at the default place, under the name of test requests,
    /// with every detail in its health, and without time events.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, settings: Vec::new(), wrapper: Vec::new(), arguments: Vec::new(), binary: None }
            .set("PORT", "0")
            .set("ALLOWED_HOSTS", "fluxora.test")
            .set("HEALTH_DETAILS", "public")
            .set("TIME_EVENTS", "false")
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.retain(|(other, _)| other != name);
        self.settings.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn change(&mut self, name: &str, value: &str) {
        self.settings.retain(|(other, _)| other != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.settings.retain(|(other, _)| other != name);
        self
    }

    /// Starts the server through a program that ends by becoming it.
    pub(crate) fn through(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Starts this binary, the server of another version.
    pub(crate) fn binary(mut self, binary: &'static Path) -> Self {
        self.binary = Some(binary);
        self
    }

    /// Starts the binary of this version from now on.
    pub(super) fn upgrade(&mut self) {
        self.binary = None;
    }

    /// Adds arguments of the command line.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The folder the server runs in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn start(&self) -> Process {
        let words = self
            .wrapper
            .iter()
            .map(AsRef::as_ref)
            .chain([self.binary.unwrap_or_else(binary::server).as_os_str()]);
        let words: Vec<_> = words.collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(&self.arguments).current_dir(self.folder.path()).env_clear();
        command.envs(path().map(|path| ("PATH", path)));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        Process::start(&mut command)
    }

    /// Starts a server that must end by itself.
    #[track_caller]
    pub(crate) fn ends(&self) -> Ended {
        let mut process = self.start();
        let code = process.wait_for_end().code();
        let [stdout, stderr] = [&process.stdout, &process.stderr].map(|output| output.lines().join("\n"));
        Ended { code, stdout, stderr }
    }
}

#[expect(clippy::disallowed_methods, reason = "programs are found as they are elsewhere")]
fn path() -> Option<OsString> {
    std::env::var_os("PATH")
}
