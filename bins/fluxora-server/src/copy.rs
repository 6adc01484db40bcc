//! `fluxora-server copy --from … --to …`: copies everything from one database to another, whatever their engines, and verifies it.
//!
//! Exit codes: 0 copied and verified; 1 broken off, and started again it goes on; 2 wrong usage; 65 the target is not and will not be a
//! copy of the source; 66 there is no source; 78 a URL is wrong. All but 2 are told with a code in capitals on standard error.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use fluxora_store::copy::{Copied, CopyError, PAGE, Progress, Step, copy};
use fluxora_store_sqlite::Location;

use crate::storage::{Database, PoolLimits};

/// `EX_DATAERR`, `EX_NOINPUT` and `EX_CONFIG` of sysexits(3).
const NOT_A_COPY: u8 = 65;
const NO_SOURCE: u8 = 66;
const URL_IS_WRONG: u8 = 78;
const BROKEN_OFF: u8 = 1;
const WRONG_USAGE: u8 = 2;

/// Nobody waits for an answer, but many rows are counted at once.
const LIMITS: PoolLimits =
    PoolLimits { size: 2, wait: Duration::from_secs(60), statement_timeout: Duration::from_secs(600) };
const BETWEEN_LINES: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Copy {
    /// The database to read, by its URL. No server may run on it meanwhile.
    #[arg(long, env = "COPY_FROM", hide_env_values = true, value_name = "URL")]
    from: String,
    /// The database to fill, by its URL: an empty one, or one that an earlier copy of the same source has begun to fill.
    #[arg(long, env = "COPY_TO", hide_env_values = true, value_name = "URL")]
    to: String,
}

/// What ends the command: its exit code, the fault's name and what to do.
struct Failure(u8, &'static str, String);

pub(crate) fn run(command: &Copy) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure(BROKEN_OFF, "NO_RUNTIME", error.to_string()));
    match runtime.and_then(|runtime| runtime.block_on(work(command))) {
        Ok(copied) => {
            print(&copied);
            ExitCode::SUCCESS
        }
        Err(Failure(exit, code, reason)) => {
            // Where nobody reads, the exit code still tells.
            writeln!(io::stderr(), "fluxora-server copy: {code}: {reason}").ok();
            ExitCode::from(exit)
        }
    }
}

async fn work(Copy { from, to }: &Copy) -> Result<Copied, Failure> {
    let [source, target] = [("--from", from), ("--to", to)].map(|(option, url)| parse(option, url));
    let (source, target) = (source?, target?);
    if source == target {
        let reason = "--from and --to are the same database".to_owned();
        return Err(Failure(WRONG_USAGE, "SAME_DATABASE", reason));
    }
    if let Database::Sqlite(Location::File(path)) = &source
        && !path.exists()
    {
        let reason = format!("--from: there is no file {}", path.display());
        return Err(Failure(NO_SOURCE, "NO_SOURCE", reason));
    }
    let source = source.open_to_move().await.map_err(|error| unopened("SOURCE_FAILED", "--from", &error))?;
    let target = target.open_to_move().await.map_err(|error| unopened("TARGET_FAILED", "--to", &error))?;
    let mut lines = Lines { last: None };
    let copied = copy(source.as_ref(), target.as_ref(), PAGE, &mut |progress| lines.tell(progress)).await;
    source.close().await;
    target.close().await;
    copied.map_err(|error| {
        let (exit, code) = (exit_code(&error), error.code());
        Failure(exit, code, format!("{:#}", anyhow::Error::from(error)))
    })
}

fn parse(option: &str, url: &str) -> Result<Database, Failure> {
    let database = Database::parse(url, LIMITS)
        .map_err(|fault| Failure(URL_IS_WRONG, "INVALID_URL", fault.replace("DATABASE_URL", option)))?;
    if database == Database::Sqlite(Location::Memory) {
        let reason = format!("{option}: a database in memory ends with its process");
        return Err(Failure(WRONG_USAGE, "IN_MEMORY", reason));
    }
    Ok(database)
}

fn unopened(code: &'static str, option: &str, error: &anyhow::Error) -> Failure {
    Failure(BROKEN_OFF, code, format!("{option}: {error:#}").replace("DATABASE_URL", option))
}

const fn exit_code(error: &CopyError) -> u8 {
    match error {
        CopyError::Foreign { .. } | CopyError::SourceChanged { .. } | CopyError::TargetChanged { .. } => {
            NOT_A_COPY
        }
        CopyError::Source(_) | CopyError::Target(_) => BROKEN_OFF,
    }
}

fn print(Copied { sections, written }: &Copied) {
    let mut out = io::stdout();
    let mut there = 0_u64;
    for (section, tally) in sections {
        there = there.saturating_add(tally.records);
        writeln!(out, "{}: {}, checksum {}", section.name(), tally.records, tally.digest).ok();
    }
    let found = there.saturating_sub(*written);
    writeln!(out, "copied and verified: {written} records written, {found} were there already").ok();
}

/// Progress for whoever watches: a line whenever something else begins, and one a second.
struct Lines {
    last: Option<(Progress, Instant)>,
}

impl Lines {
    fn tell(&mut self, progress: Progress) {
        let now = now();
        let is_due = self.last.is_none_or(|(last, at)| {
            (last.step, last.section) != (progress.step, progress.section)
                || now.duration_since(at) >= BETWEEN_LINES
        });
        if is_due {
            self.last = Some((progress, now));
            let Progress { step, section, done, of } = progress;
            let doing = match step {
                Step::Comparing => "comparing what is there",
                Step::Copying => "copying",
                Step::Verifying => "verifying",
            };
            writeln!(io::stderr(), "{doing}: {done} of {of} {}", section.name()).ok();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "measures how long nothing was told")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use fluxora_store_postgres::PostgresStore;
    use fluxora_store_postgres::testing::Cluster;
    use fluxora_store_sqlite::SqliteStore;

    use super::*;

    fn sqlite() -> Option<SqliteStore> {
        Some(SqliteStore::open(&Location::Memory, fluxora_store_sqlite::Options::default()).unwrap())
    }

    async fn postgres() -> Option<PostgresStore> {
        let location = fluxora_store_postgres::Location::parse(&Cluster::shared()?.database().url()).unwrap();
        let options = fluxora_store_postgres::Options {
            connect_timeout: LIMITS.wait,
            statement_timeout: LIMITS.wait,
            ..fluxora_store_postgres::Options::default()
        };
        Some(PostgresStore::open(&location, options).await.unwrap())
    }

    mod from_sqlite_to_postgres {
        use super::*;

        fluxora_store::copy_suite!(sqlite(), postgres().await);
        fluxora_store::copy_suite!(chain sqlite(), postgres().await);
    }

    mod from_postgres_to_sqlite {
        use super::*;

        fluxora_store::copy_suite!(postgres().await, sqlite());
        fluxora_store::copy_suite!(chain postgres().await, sqlite());
    }
}
