//! `fluxora-server copy --from … --to …`: copies a whole database to another one, of any engine, and verifies the copy.
//!
//! Exit codes: 0 copied and verified; 1 failed, and the same command resumes; 2 wrong usage; 65 the target cannot
//! become a copy of the source, or the source has an older schema; 66 there is no source; 78 a URL is wrong. Standard
//! error names each failure by a code in capitals.

use std::time::Duration;

use clap::Args;
use fluxora_store::copy::{Copied, CopyError, PAGE, Progress, Step, copy};
use fluxora_store_sqlite::Location;

use super::{Throttle, block_on, complain, print};
use crate::config::{Setting, any};
use crate::database::{Database, PoolLimits, Schema};
use crate::exit;

/// No client waits, but one statement may count many rows.
const LIMITS: PoolLimits =
    PoolLimits { size: 2, wait: Duration::from_secs(60), statement_timeout: Duration::from_secs(600) };

#[derive(Args)]
pub(crate) struct Copy {
    /// URL of the database to read. No server may run on it during the copy.
    #[arg(long, env = "COPY_FROM", hide_env_values = true, value_name = "URL", value_parser = any())]
    from: Setting<String>,
    /// URL of the database to fill: an empty one, or one that an interrupted copy of the same source began to fill.
    #[arg(long, env = "COPY_TO", hide_env_values = true, value_name = "URL", value_parser = any())]
    to: Setting<String>,
}

/// Why the command failed: exit code, name and reason.
#[derive(Debug)]
struct Failure {
    exit: u8,
    code: &'static str,
    reason: String,
}

impl Failure {
    fn new(exit: u8, code: &'static str, reason: impl Into<String>) -> Self {
        Self { exit, code, reason: reason.into() }
    }
}

pub(crate) fn run(command: &Copy) -> u8 {
    let done = block_on(async { Ok(work(command).await) });
    let done =
        done.unwrap_or_else(|error| Err(Failure::new(exit::FAILURE, "NO_RUNTIME", format!("{error:#}"))));
    match done {
        Ok(copied) => {
            show(&copied);
            exit::OK
        }
        Err(Failure { exit, code, reason }) => {
            complain(format_args!("fluxora-server copy: {code}: {reason}"));
            exit
        }
    }
}

async fn work(Copy { from, to }: &Copy) -> Result<Copied, Failure> {
    let (source, target) = (parse("--from", from), parse("--to", to));
    let (source, target) = (source?, target?);
    if source == target {
        return Err(Failure::new(exit::USAGE, "SAME_DATABASE", "--from and --to are the same database"));
    }
    check_source(&source).await?;
    let source = source.open_for_copy().await.map_err(|error| unopened("SOURCE_FAILED", "--from", &error))?;
    let target = target.open_for_copy().await.map_err(|error| unopened("TARGET_FAILED", "--to", &error))?;
    let mut progress = ProgressLines::default();
    let copied = copy(source.as_ref(), target.as_ref(), PAGE, &mut |step| progress.show(step)).await;
    source.close().await;
    target.close().await;
    copied.map_err(|error| {
        let (exit, code) = (exit_code(&error), error.code());
        Failure::new(exit, code, format!("{:#}", anyhow::Error::from(error)))
    })
}

/// Refuses a source that does not exist, is empty, or has another schema. The source is never created nor migrated.
async fn check_source(source: &Database) -> Result<(), Failure> {
    if let Database::Sqlite(Location::File(path)) = source
        && !path.exists()
    {
        let reason = format!("--from: there is no file {}", path.display());
        return Err(Failure::new(exit::NO_INPUT, "NO_SOURCE", reason));
    }
    match source.schema().await.map_err(|error| unopened("SOURCE_FAILED", "--from", &error))? {
        Schema::Current => Ok(()),
        Schema::Empty => Err(Failure::new(exit::NO_INPUT, "NO_SOURCE", "--from: the database is empty")),
        Schema::Behind(missing) => {
            let missing = missing.join(", ");
            let reason = format!(
                "--from: its schema is older than this version ({missing}): migrate it first, or copy it with its version"
            );
            Err(Failure::new(exit::DATA, "SOURCE_OUTDATED", reason))
        }
    }
}

fn parse(option: &str, url: &Setting<String>) -> Result<Database, Failure> {
    let invalid = |fault: String| Failure::new(exit::CONFIG, "INVALID_URL", fault);
    let database = match url {
        Setting::Valid(url) => Database::parse(url).map_err(|fault| invalid(format!("{option} {fault}")))?,
        Setting::Invalid(fault) => return Err(invalid(fault.clone())),
    };
    if database == Database::Sqlite(Location::Memory) {
        let reason = format!("{option}: a database in memory ends with its process");
        return Err(Failure::new(exit::USAGE, "IN_MEMORY", reason));
    }
    Ok(database.with_limits(LIMITS))
}

fn unopened(code: &'static str, option: &str, error: &anyhow::Error) -> Failure {
    Failure::new(exit::FAILURE, code, format!("{option}: {error:#}").replace("DATABASE_URL", option))
}

const fn exit_code(error: &CopyError) -> u8 {
    match error {
        CopyError::Foreign { .. } | CopyError::SourceChanged { .. } | CopyError::TargetChanged { .. } => {
            exit::DATA
        }
        CopyError::Source(_) | CopyError::Target(_) => exit::FAILURE,
    }
}

fn show(Copied { sections, written }: &Copied) {
    let mut total = 0_u64;
    for (section, tally) in sections {
        total = total.saturating_add(tally.records);
        print(format_args!("{}: {}, checksum {}", section.name(), tally.records, tally.digest));
    }
    let found = total.saturating_sub(*written);
    print(format_args!("copied and verified: {written} records written, {found} found in the target"));
}

/// A line on standard error for each new step, and one per second within a step.
#[derive(Default)]
struct ProgressLines {
    last: Option<Progress>,
    throttle: Throttle,
}

impl ProgressLines {
    fn show(&mut self, progress: Progress) {
        let step = |progress: Progress| (progress.step, progress.section);
        if self.last.map(step) != Some(step(progress)) {
            self.throttle.reset();
        }
        self.last = Some(progress);
        if self.throttle.is_due() {
            let Progress { step, section, done, of } = progress;
            let doing = match step {
                Step::Comparing => "comparing the target",
                Step::Copying => "copying",
                Step::Verifying => "verifying",
            };
            complain(format_args!("{doing}: {done} of {of} {}", section.name()));
        }
    }
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
