//! `fluxora-server webhook sign|verify|listen|rekey`: signs, verifies and receives webhook deliveries, for support and for
//! tests of receivers; seals stored secrets under a new key.
//!
//! Exit codes: 0 signed, or genuine; 1 refused; 2 wrong usage; 65 cannot be signed; 66 a file cannot be read; 78 no
//! usable secret.

mod listen;
mod rekey;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use fluxora_store::Clock;
use fluxora_webhook::diagnose::{Cause, contradictions, diagnose};
use fluxora_webhook::{Delivery, MAX_BODY_BYTES, Rejection, Secret, Signer, UnixSeconds, standard};

use super::complain;
use crate::config::{ConfigFaults, Environment, RekeyConfig, Settings, secret};
use crate::exit;
use crate::system::SystemClock;

/// The variables of the secret. The commands have no option for it: other users of the machine can read arguments.
const SECRET_VARIABLES: [&str; 2] = ["FLUXORA_WEBHOOK_SECRET", "FLUXORA_WEBHOOK_SECRET_FILE"];
/// Limit for a file of secrets or headers.
const MAX_TEXT_BYTES: usize = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the headers of a signed delivery.
    Sign {
        /// Delivery id, the same for every attempt: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`.
        #[arg(long)]
        delivery_id: String,
        /// Event type, for example stream.created.
        #[arg(long)]
        event: String,
        #[command(flatten)]
        input: Input,
    },
    /// Verify a received delivery; if it is refused, print the probable cause.
    Verify {
        /// A received header, `name: value`. Repeat the option for each header.
        #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
        headers: Vec<String>,
        /// File with one header per line, as `curl --dump-header` writes it.
        #[arg(long)]
        headers_file: Option<PathBuf>,
        #[command(flatten)]
        input: Input,
    },
    /// Receive deliveries on this machine, print them and verify them.
    Listen(listen::Listen),
    /// Seal stored secrets and headers of endpoints under the first key of FLUXORA_MASTER_KEY.
    ///
    /// What the first key sealed already is left as it is; what is sealed under another key of FLUXORA_MASTER_KEY, or unsealed, is
    /// sealed again. Servers may run meanwhile, if they know both keys. Exit code 65 if something cannot be opened.
    Rekey,
}

#[derive(Debug, Args)]
pub(crate) struct Input {
    /// File with the exact body; - for standard input.
    #[arg(default_value = "-")]
    body: PathBuf,
    /// File with the secret; one line break at its end is ignored. Without it, the secret is the environment variable
    /// FLUXORA_WEBHOOK_SECRET or the file named by FLUXORA_WEBHOOK_SECRET_FILE. A secret is never an argument: other
    /// users of the machine can read arguments.
    #[arg(long)]
    secret_file: Option<PathBuf>,
    /// Headers and key derivation: of the Fluxora contract, or of Standard Webhooks.
    #[arg(long, value_enum, default_value = "contract")]
    profile: Profile,
    /// Current time in Unix seconds. Without it: the system clock.
    #[arg(long)]
    now: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    Contract,
    Standard,
}

/// Exit code and reason.
struct Failure(u8, String);

/// Runs a command and returns its exit code.
///
/// # Errors
/// The faults of the settings that `rekey` needs.
pub(crate) fn run(
    command: &Command,
    settings: &Settings,
    environment: &Environment,
) -> Result<u8, ConfigFaults> {
    let done = match command {
        Command::Sign { delivery_id, event, input } => sign(delivery_id, event, input, environment),
        Command::Verify { headers, headers_file, input } => {
            verify(headers, headers_file.as_deref(), input, environment)
        }
        Command::Listen(listen) => listen_with_secret(listen, environment),
        Command::Rekey => return RekeyConfig::check(settings).map(|config| rekey::run(&config)),
    };
    Ok(match done {
        Ok(code) => code,
        Err(Failure(code, reason)) => {
            complain(format_args!("fluxora-server webhook: {reason}"));
            code
        }
    })
}

fn sign(delivery_id: &str, event: &str, input: &Input, environment: &Environment) -> Result<u8, Failure> {
    input.read_standard_input_once(None)?;
    let secret = input.usable_secret(environment)?;
    let body = input.body()?;
    let cannot = |error: &dyn Display| Failure(exit::DATA, error.to_string());
    let delivery = Delivery::new(delivery_id, event, &body).map_err(|error| cannot(&error))?;
    match input.profile {
        Profile::Contract => {
            let headers =
                Signer::new(&secret).sign(&delivery, input.now()).map_err(|error| cannot(&error))?;
            print(headers.iter().map(|(name, value)| format!("{name}: {value}")))
        }
        Profile::Standard => {
            let headers = standard::Signer::new(&secret).map_err(|error| unusable(&error))?;
            let headers = headers.sign(&delivery, input.now()).map_err(|error| cannot(&error))?;
            print(headers.iter().map(|(name, value)| format!("{name}: {value}")))
        }
    }?;
    Ok(exit::OK)
}

fn verify(
    headers: &[String],
    file: Option<&Path>,
    input: &Input,
    environment: &Environment,
) -> Result<u8, Failure> {
    input.read_standard_input_once(file)?;
    let mut lines = headers.to_vec();
    if let Some(file) = file {
        let dumped = text(file)?;
        lines.extend(String::from_utf8_lossy(&dumped).lines().map(str::to_owned));
    }
    let pairs: Vec<_> = lines.iter().filter_map(|line| header(line)).collect();
    let body = input.body()?;
    match input.profile {
        Profile::Contract => {
            let diagnosis = diagnose(&input.secret(environment)?, &pairs, &body, input.now());
            let Some(rejection) = diagnosis.rejection() else { return genuine() };
            refused(rejection, diagnosis.causes())
        }
        Profile::Standard => {
            let verifier = standard::Verifier::new(&input.usable_secret(environment)?)
                .map_err(|error| unusable(&error))?;
            match verifier.verify(&pairs, &body, input.now()) {
                Ok(verified) => match contradictions(&verified).as_slice() {
                    [] => genuine(),
                    causes => refused(Rejection::HeaderBodyMismatch, causes),
                },
                Err(rejection) => refused(rejection, &[]),
            }
        }
    }
}

fn listen_with_secret(command: &listen::Listen, environment: &Environment) -> Result<u8, Failure> {
    let bytes = match &command.secret_file {
        Some(file) => Some(secret_of_file(file)?),
        None => from_environment(environment).map_err(|reason| Failure(exit::CONFIG, reason))?,
    };
    Ok(listen::run(command, bytes.map(usable).transpose()?))
}

fn genuine() -> Result<u8, Failure> {
    print(["genuine".to_owned()])?;
    Ok(exit::OK)
}

fn refused(rejection: Rejection, causes: &[Cause]) -> Result<u8, Failure> {
    let (code, status) = (rejection.code(), rejection.status());
    let causes = causes.iter().map(|cause| format!("  {}: {cause}", cause.code()));
    print(std::iter::once(format!("refused: {code} (HTTP {status}): {rejection}")).chain(causes))?;
    Ok(if rejection == Rejection::MissingSecret { exit::CONFIG } else { exit::FAILURE })
}

/// Splits `name: value`. Other lines, such as a status line, are skipped.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim(), value.trim()))
}

impl Input {
    fn read_standard_input_once(&self, headers: Option<&Path>) -> Result<(), Failure> {
        let inputs = [Some(self.body.as_path()), self.secret_file.as_deref(), headers];
        if inputs.into_iter().flatten().filter(|path| *path == Path::new("-")).count() > 1 {
            return Err(Failure(
                exit::NO_INPUT,
                "standard input can be read only once: name a file".to_owned(),
            ));
        }
        Ok(())
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now.unwrap_or_else(|| SystemClock.now().as_second()))
    }

    /// The body, cut one byte above its limit: enough to be refused for its size.
    fn body(&self) -> Result<Vec<u8>, Failure> {
        read(&self.body, MAX_BODY_BYTES.saturating_add(1))
    }

    /// The secret as configured.
    fn secret(&self, environment: &Environment) -> Result<Vec<u8>, Failure> {
        match &self.secret_file {
            Some(file) => secret_of_file(file),
            None => from_environment(environment).and_then(|secret| {
                let reason = "no secret: set FLUXORA_WEBHOOK_SECRET or FLUXORA_WEBHOOK_SECRET_FILE, or give --secret-file";
                secret.ok_or_else(|| reason.to_owned())
            })
            .map_err(|reason| Failure(exit::CONFIG, reason)),
        }
    }

    fn usable_secret(&self, environment: &Environment) -> Result<Secret, Failure> {
        usable(self.secret(environment)?)
    }
}

fn secret_of_file(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut secret = text(file)?;
    secret::cut_line_break(&mut secret);
    Ok(secret)
}

fn usable(secret: Vec<u8>) -> Result<Secret, Failure> {
    let text = String::from_utf8(secret).map_err(|_| unusable(&"it is not UTF-8"))?;
    Secret::new(text).map_err(|error| unusable(&error))
}

fn from_environment(environment: &Environment) -> Result<Option<Vec<u8>>, String> {
    let [value, file] = SECRET_VARIABLES.map(|name| environment.get(name));
    let value = value.map(|value| value.as_encoded_bytes().to_vec());
    secret::read("FLUXORA_WEBHOOK_SECRET", value, file)
}

fn unusable(reason: &dyn Display) -> Failure {
    Failure(exit::CONFIG, format!("the secret cannot be used: {reason}"))
}

/// A whole file of secrets or headers.
fn text(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, MAX_TEXT_BYTES.saturating_add(1))?;
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(Failure(exit::NO_INPUT, format!("{} is larger than 64 KiB", path.display())));
    }
    Ok(bytes)
}

fn read(path: &Path, most_bytes: usize) -> Result<Vec<u8>, Failure> {
    let open = || -> io::Result<Box<dyn Read>> {
        Ok(if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) })
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(most_bytes).unwrap_or(u64::MAX);
    open()
        .and_then(|source| source.take(limit).read_to_end(&mut bytes))
        .map_err(|error| Failure(exit::NO_INPUT, format!("{} cannot be read: {error}", path.display())))?;
    Ok(bytes)
}

fn print(lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    lines
        .into_iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .map_err(|error| Failure(exit::NO_INPUT, format!("standard output cannot be written to: {error}")))
}
