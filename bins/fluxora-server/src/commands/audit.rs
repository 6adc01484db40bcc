//! `fluxora-server audit verify [--expect-head HASH]`: walks the hash chain of the audit log and prints its head. It changes nothing.
//!
//! Exit codes: 0 the log verifies; 1 it cannot be read; 2 wrong usage; 65 a row differs or is missing, or no row has the expected hash.

use anyhow::Context;
use clap::Subcommand;
use fluxora_audit::{Fault, Hash, Head, Verifier};
use fluxora_store::{Sequence, Store};

use super::{Throttle, block_on, complain, print};
use crate::database::Database;
use crate::exit;

/// Rows that are read at once.
const PAGE: u32 = 5_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check that no row of the audit log was changed, removed, inserted or moved, and print its head.
    ///
    /// The head is the number and the hash of the newest row. Note it outside of the database: only a noted head shows that the newest rows
    /// were removed, or that the whole log was written again. Servers may run meanwhile. Exit code 65 names the first row that differs.
    Verify {
        /// The hash of an earlier head: exit code 65 if no row has it.
        #[arg(long, value_name = "HASH", value_parser = hash)]
        expect_head: Option<Hash>,
    },
}

/// What a walk has found.
#[derive(Debug, PartialEq, Eq)]
struct Walked {
    rows: u64,
    head: Head,
    fault: Option<Fault>,
    /// Whether a row has the expected hash; `true` if none is expected.
    has_expected: bool,
}

pub(crate) fn run(command: &Command, database: &Database) -> u8 {
    let Command::Verify { expect_head } = command;
    let work = async {
        let store = database.open_existing().await?;
        let walked = walk(store.as_ref(), *expect_head).await;
        store.close().await;
        walked
    };
    match block_on(work) {
        Ok(walked) => show(&walked, *expect_head),
        Err(error) => {
            complain(format_args!("fluxora-server audit verify: {error:#}"));
            exit::FAILURE
        }
    }
}

async fn walk(store: &dyn Store, expected: Option<Hash>) -> anyhow::Result<Walked> {
    let mut verifier = Verifier::default();
    let mut throttle = Throttle::default();
    let mut after = Sequence(0);
    // A log whose rows were all deleted by retention has one row, whose previous hash is the last deleted one's.
    let mut has_expected = expected.is_none();
    loop {
        let rows = store.audit_rows(after, PAGE).await.context("reading the audit log")?;
        let Some(last) = rows.last() else { break };
        after = Sequence(last.seq);
        for row in &rows {
            if let Err(fault) = verifier.check(row) {
                let fault = Some(fault);
                return Ok(Walked { rows: verifier.rows(), head: verifier.head(), fault, has_expected });
            }
            has_expected |= [row.hash, row.previous_hash].map(Some).contains(&expected);
        }
        let is_full = u32::try_from(rows.len()).is_ok_and(|read| read >= PAGE);
        if is_full && throttle.is_due() {
            complain(format_args!("checked {} rows", verifier.rows()));
        }
    }
    let fault = verifier.finish().err();
    Ok(Walked { rows: verifier.rows(), head: verifier.head(), fault, has_expected })
}

fn show(walked: &Walked, expected: Option<Hash>) -> u8 {
    let Walked { rows, head: Head { seq, hash }, fault, has_expected } = walked;
    if let Some(fault) = fault {
        complain(format_args!("fluxora-server audit verify: {fault}"));
        print(format_args!("{rows} rows verify, up to row {seq} with hash {hash}"));
        return exit::DATA;
    }
    print(format_args!("{rows} rows verify"));
    print(format_args!("head {seq} {hash}"));
    match expected.filter(|_| !has_expected) {
        None => exit::OK,
        Some(expected) => {
            complain(format_args!(
                "fluxora-server audit verify: no row has the hash {expected}: rows were removed after it was noted, the log was \
                 written again, or retention has deleted the row"
            ));
            exit::DATA
        }
    }
}

fn hash(text: &str) -> Result<Hash, String> {
    text.trim().parse().map_err(|error: fluxora_audit::InvalidHash| error.to_string())
}

#[cfg(test)]
mod tests {
    use fluxora_audit::{Action, Actor, Entry, Outcome};
    use fluxora_store::AuditStore as _;
    use fluxora_store::conformance::Model;
    use jiff::Timestamp;

    use super::*;

    async fn store(rows: usize) -> Model {
        let store = Model::default();
        let entry = |n: i64| {
            let at = Timestamp::from_second(n).unwrap();
            Entry::new(at, Actor::anonymous(), Action::StreamCreate, Outcome::Done)
        };
        store.append_audit((0..).map(entry).take(rows).collect()).await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_sound_log_verifies_to_its_head_and_through_an_earlier_one() {
        assert_eq!(show(&walk(&store(0).await, None).await.unwrap(), None), exit::OK);
        let store = store(7).await;
        let rows = store.audit_rows(Sequence(0), 10).await.unwrap();
        for expected in [None, Some(rows[6].hash), Some(rows[2].hash)] {
            let walked = walk(&store, expected).await.unwrap();
            assert_eq!((walked.rows, walked.head), (7, rows[6].head()));
            assert_eq!(show(&walked, expected), exit::OK);
        }
    }

    #[tokio::test]
    async fn a_log_whose_newest_rows_are_missing_has_not_the_noted_head() {
        let noted = store(7).await.audit_rows(Sequence(6), 1).await.unwrap()[0].hash;
        let walked = walk(&store(6).await, Some(noted)).await.unwrap();
        assert_eq!(walked.fault, None, "the chain alone does not show it");
        assert_eq!(show(&walked, Some(noted)), exit::DATA);
    }

    #[tokio::test]
    async fn a_log_whose_oldest_rows_have_expired_verifies_from_the_last_deleted_one() {
        let store = store(7).await;
        let noted = store.audit_rows(Sequence(4), 1).await.unwrap()[0].hash;
        let before = Timestamp::from_second(5).unwrap();
        store.expire_audit(before, Timestamp::from_second(9).unwrap()).await.unwrap();
        let walked = walk(&store, Some(noted)).await.unwrap();
        assert_eq!((walked.rows, show(&walked, Some(noted))), (3, exit::OK));
    }
}
