use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use super::programs::{Programs, run};

/// A database of a [`Cluster`](super::Cluster), as one role sees it.
#[derive(Clone)]
pub struct Database {
    programs: Programs,
    port: u16,
    name: String,
    user: String,
    password: String,
}

impl Database {
    pub(super) fn new(programs: Programs, port: u16, name: &str, user: &str, password: &str) -> Self {
        let [name, user, password] = [name, user, password].map(str::to_owned);
        Self { programs, port, name, user, password }
    }

    /// Its URL, credentials included.
    pub fn url(&self) -> String {
        self.url_with("127.0.0.1", "sslmode=disable")
    }

    /// Its URL by another name of the host and with other parameters.
    pub fn url_with(&self, host: &str, parameters: &str) -> String {
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let Self { port, name, user, password, .. } = self;
        format!("postgres://{user}:{}@{host}:{port}/{name}?{parameters}", escaped(password))
    }

    /// The same database for a given role, which need not exist.
    #[must_use]
    pub fn for_role(&self, user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned(), ..self.clone() }
    }

    /// Another database of the same server, which need not exist.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Runs SQL with psql and returns its rows: a line each, values separated by `|`.
    ///
    /// # Panics
    /// If the server refuses it.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        run(self.psql().args(["-c", sql]))
    }

    /// Drops it if nothing is connected to it; whether it is gone.
    pub(super) fn drop_unused(&self) -> bool {
        let drop = format!("DROP DATABASE {}", self.name);
        let status = self.named("postgres").psql().args(["-c", &drop]).output().expect("psql starts").status;
        status.success()
    }

    /// Runs a file of SQL from outside, in one transaction: a plain dump of `pg_dump`.
    ///
    /// # Panics
    /// If the file cannot be read, or the server refuses a statement.
    #[track_caller]
    pub fn restore(&self, dump: &Path) {
        // Opened here: the user that runs `psql` may not be allowed to read it.
        let file = File::open(dump).expect("the dump can be read");
        run(self.psql().args(["--single-transaction", "-f", "-"]).stdin(file));
    }

    fn psql(&self) -> Command {
        let mut psql = self.programs.postgres("psql");
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        psql.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string()).env("PGDATABASE", &self.name);
        psql.env("PGUSER", &self.user).env("PGPASSWORD", &self.password).env("PGSSLMODE", "disable");
        psql
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("port", &self.port).field("name", &self.name).finish_non_exhaustive()
    }
}
