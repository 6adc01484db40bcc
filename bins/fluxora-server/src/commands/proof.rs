//! `fluxora-server proof verify`: verifies the proof of a contract event.
//!
//! Exit codes: 0 proven; 1 refused; 66 the file cannot be read.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use fluxora_stellar::{EventProof, PROOF_BYTES_MAX, ProvenEvent};

use super::{complain, print};
use crate::exit;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what a proof proves: exit code 0 if it holds, 1 if not.
    Verify {
        /// File with the JSON of the proof; - for standard input.
        file: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> u8 {
    let Command::Verify { file } = command;
    let json = match read(file) {
        Ok(json) => json,
        Err(error) => {
            complain(format_args!("fluxora-server proof: {} cannot be read: {error}", file.display()));
            return exit::NO_INPUT;
        }
    };
    match EventProof::verify_json(&json) {
        Ok(proven) => {
            print(shown(&proven));
            exit::OK
        }
        Err(error) => {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            complain(format_args!("refused: {error}{source}"));
            exit::FAILURE
        }
    }
}

/// Reads at most one byte more than a proof may have: enough to be refused for its size.
fn read(path: &Path) -> io::Result<String> {
    let source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let limit = u64::try_from(PROOF_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut json = String::new();
    source.take(limit).read_to_string(&mut json)?;
    Ok(json)
}

fn shown(ProvenEvent { ledger, event }: &ProvenEvent) -> String {
    let sequence = ledger.sequence;
    [
        format!("proven: event {}", event.id),
        format!("  contract    {}", event.contract),
        format!("  transaction {}", event.tx_hash),
        format!("  payload     {}", event.payload),
        format!("  ledger      {sequence}, closed at {}, protocol {}", ledger.close_time, ledger.protocol),
        format!("  ledger hash {}", ledger.hash),
        format!(
            "The proof holds if ledger {sequence} has this hash: compare it with an explorer or another node."
        ),
    ]
    .join("\n")
}
