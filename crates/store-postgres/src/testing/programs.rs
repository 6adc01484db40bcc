//! PostgreSQL's programs, run as a user that the server accepts: it refuses to run as root.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The user that Debian's package makes.
const SERVICE_USER: &str = "postgres";

/// Where the programs lie, and who runs them.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    as_root: bool,
}

impl Programs {
    /// The newest installed version, or why there is none.
    pub(super) fn find() -> Result<Self, &'static str> {
        let folder =
            newest().or_else(in_path).ok_or("PostgreSQL's initdb is not installed (Debian: postgresql)")?;
        let as_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let programs = Self { folder, as_root };
        if as_root && !programs.command("true").output().is_ok_and(|output| output.status.success()) {
            return Err("PostgreSQL does not run as root, and there is no user postgres to run it (runuser)");
        }
        Ok(programs)
    }

    /// A program of the system in a separate process group: an interrupt at the terminal is meant for the tests.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", SERVICE_USER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.process_group(0).current_dir("/").env("LC_ALL", "C");
        command
    }

    /// A program of PostgreSQL.
    pub(super) fn postgres(&self, program: &str) -> Command {
        self.command(self.folder.join(program))
    }

    pub(super) fn path_of(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }
}

/// Runs a command; what it wrote if it succeeded.
#[track_caller]
pub(super) fn run(command: &mut Command) -> String {
    text(command.output().expect("the program starts"), command)
}

#[track_caller]
pub(super) fn text(output: Output, command: &Command) -> String {
    let Output { status, stdout, stderr } = output;
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{:?} failed ({status}): {stderr}", command.get_program());
    String::from_utf8(stdout).expect("the program writes UTF-8").trim_end().to_owned()
}

fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let newest = versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, folder)| has_initdb(folder))
        .max()?;
    Some(newest.1)
}

fn in_path() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| has_initdb(folder))
}

fn has_initdb(folder: &Path) -> bool {
    folder.join("initdb").is_file()
}
