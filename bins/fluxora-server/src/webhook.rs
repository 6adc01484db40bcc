//! `fluxora-server webhook sign|verify`: the webhook contract at the command line, for support and for tests of receivers.
//!
//! Exit codes: 0 signed, or genuine; 1 refused; 2 wrong usage; 65 cannot be signed; 66 a file cannot be read; 78 no usable secret.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use fluxora_api::Clock;
use fluxora_webhook::diagnose::diagnose;
use fluxora_webhook::{Delivery, MAX_BODY_BYTES, Rejection, Secret, Signer, UnixSeconds, standard};

use crate::secret;
use crate::shell::SystemClock;

const REFUSED: u8 = 1;
/// `EX_DATAERR`, `EX_NOINPUT` and `EX_CONFIG` of sysexits(3).
const CANNOT_BE_SIGNED: u8 = 65;
const CANNOT_BE_READ: u8 = 66;
const NO_USABLE_SECRET: u8 = 78;
/// Far more than a secret or the headers of a request need.
const MOST_BYTES_OF_TEXT: usize = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the headers of a signed delivery.
    Sign {
        /// The delivery's id: 1 to 64 of A-Z, a-z, 0-9, `_` and `-`; the same for every attempt.
        #[arg(long)]
        delivery_id: String,
        /// The event's type, for example stream.created.
        #[arg(long)]
        event: String,
        #[command(flatten)]
        input: Input,
    },
    /// Check a received delivery, and say what is probably wrong if it is refused.
    Verify {
        /// A header as it was received, `name: value`. Give each with an option of its own.
        #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
        headers: Vec<String>,
        /// A file with one such header in each line, as `curl --dump-header` writes it.
        #[arg(long)]
        headers_file: Option<PathBuf>,
        #[command(flatten)]
        input: Input,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Input {
    /// The file with the body, byte for byte; - for standard input.
    #[arg(default_value = "-")]
    body: PathBuf,
    /// The file with the secret; a line break at its end does not count. Without it the secret is taken from the environment
    /// variable FLUXORA_WEBHOOK_SECRET, or from the file that FLUXORA_WEBHOOK_SECRET_FILE names. It is never an argument: other
    /// users of the machine can read those.
    #[arg(long)]
    secret_file: Option<PathBuf>,
    /// Which headers and which key: those of the Fluxora contract, or of Standard Webhooks.
    #[arg(long, value_enum, default_value = "contract")]
    profile: Profile,
    /// The present time in Unix seconds. The machine's clock, unless it is given.
    #[arg(long)]
    now: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    Contract,
    Standard,
}

/// What ends the command, and why.
struct Failure(u8, String);

pub(crate) fn run(command: &Command) -> ExitCode {
    let done = match command {
        Command::Sign { delivery_id, event, input } => sign(delivery_id, event, input),
        Command::Verify { headers, headers_file, input } => verify(headers, headers_file.as_deref(), input),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Failure(code, reason)) => {
            writeln!(io::stderr(), "fluxora-server webhook: {reason}").ok();
            ExitCode::from(code)
        }
    }
}

fn sign(delivery_id: &str, event: &str, input: &Input) -> Result<u8, Failure> {
    input.read_standard_input_once(None)?;
    let secret = input.usable_secret()?;
    let body = input.body()?;
    let cannot = |error: &dyn Display| Failure(CANNOT_BE_SIGNED, error.to_string());
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
    Ok(0)
}

fn verify(headers: &[String], file: Option<&Path>, input: &Input) -> Result<u8, Failure> {
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
            let diagnosis = diagnose(&input.secret()?, &pairs, &body, input.now());
            let Some(rejection) = diagnosis.rejection() else { return genuine() };
            let causes = diagnosis.causes().iter().map(|cause| format!("  {}: {cause}", cause.code()));
            refused(rejection, causes)
        }
        Profile::Standard => {
            let verifier =
                standard::Verifier::new(&input.usable_secret()?).map_err(|error| unusable(&error))?;
            match verifier.verify(&pairs, &body, input.now()) {
                Ok(_) => genuine(),
                Err(rejection) => refused(rejection, std::iter::empty()),
            }
        }
    }
}

fn genuine() -> Result<u8, Failure> {
    print(["genuine".to_owned()])?;
    Ok(0)
}

fn refused(rejection: Rejection, causes: impl Iterator<Item = String>) -> Result<u8, Failure> {
    let (code, status) = (rejection.code(), rejection.status());
    print(std::iter::once(format!("refused: {code} (HTTP {status}): {rejection}")).chain(causes))?;
    Ok(if rejection == Rejection::MissingSecret { NO_USABLE_SECRET } else { REFUSED })
}

/// Splits `name: value`; other lines (a status line, an empty one) are no headers.
fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim(), value.trim()))
}

impl Input {
    fn read_standard_input_once(&self, headers: Option<&Path>) -> Result<(), Failure> {
        let inputs = [Some(self.body.as_path()), self.secret_file.as_deref(), headers];
        if inputs.into_iter().flatten().filter(|path| *path == Path::new("-")).count() > 1 {
            return Err(Failure(CANNOT_BE_READ, "standard input can be read once: name a file".to_owned()));
        }
        Ok(())
    }

    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now.unwrap_or_else(|| SystemClock.now().as_second()))
    }

    /// The body; one byte more than is allowed is enough to be refused for its size.
    fn body(&self) -> Result<Vec<u8>, Failure> {
        read(&self.body, MAX_BODY_BYTES.saturating_add(1))
    }

    /// The secret as it was configured.
    fn secret(&self) -> Result<Vec<u8>, Failure> {
        match &self.secret_file {
            Some(file) => {
                let mut secret = text(file)?;
                secret::cut_line_break(&mut secret);
                Ok(secret)
            }
            None => from_environment().and_then(|secret| {
                let reason = "no secret: set FLUXORA_WEBHOOK_SECRET or FLUXORA_WEBHOOK_SECRET_FILE, or give --secret-file";
                secret.ok_or_else(|| reason.to_owned())
            })
            .map_err(|reason| Failure(NO_USABLE_SECRET, reason)),
        }
    }

    fn usable_secret(&self) -> Result<Secret, Failure> {
        let text = String::from_utf8(self.secret()?).map_err(|_| unusable(&"it is not UTF-8"))?;
        Secret::new(text).map_err(|error| unusable(&error))
    }
}

#[expect(clippy::disallowed_methods, reason = "a secret is read by the binary, and not through an argument")]
fn from_environment() -> Result<Option<Vec<u8>>, String> {
    let [value, file] = ["FLUXORA_WEBHOOK_SECRET", "FLUXORA_WEBHOOK_SECRET_FILE"].map(std::env::var_os);
    secret::read("FLUXORA_WEBHOOK_SECRET", value.map(OsString::into_encoded_bytes), file.as_deref())
}

fn unusable(reason: &dyn Display) -> Failure {
    Failure(NO_USABLE_SECRET, format!("the secret cannot be used: {reason}"))
}

/// A secret or headers, whole.
fn text(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(path, MOST_BYTES_OF_TEXT.saturating_add(1))?;
    if bytes.len() > MOST_BYTES_OF_TEXT {
        return Err(Failure(CANNOT_BE_READ, format!("{} is too large for what it is to be", path.display())));
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
        .map_err(|error| Failure(CANNOT_BE_READ, format!("{} cannot be read: {error}", path.display())))?;
    Ok(bytes)
}

fn print(lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    lines
        .into_iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .map_err(|error| Failure(CANNOT_BE_READ, format!("standard output cannot be written to: {error}")))
}
