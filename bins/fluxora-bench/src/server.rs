use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// A process that prints its address. It ends with this value.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program and waits for the line with its address.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting a server")?;
        let output = process.stdout.take().context("its output is a pipe")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let address = loop {
            line.clear();
            anyhow::ensure!(output.read_line(&mut line)? > 0, "the server ended before it listened");
            let words = line.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
            if let Some(address) = words.filter_map(|word| word.parse().ok()).next() {
                break address;
            }
        };
        // What it writes later is read, so that it does not wait.
        std::thread::spawn(move || output.into_inner().read_to_end(&mut Vec::new()));
        Ok(Self { process, address })
    }

    /// The server beside this program with these settings, on a database in this folder, or on another one.
    pub(crate) fn fluxora(
        folder: &Path,
        database: Option<&str>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("fluxora-server");
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PORT", "0").env("ACCESS_LOG", "errors");
        command.env("RATE_LIMIT_READS", "0").env("RATE_LIMIT_WRITES", "0");
        command.envs(settings.iter().copied());
        if let Some(url) = database {
            command.env("DATABASE_URL", url);
        }
        Self::start(&mut command)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
