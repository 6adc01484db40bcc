use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Where a database lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file, made with its folders if it is not there.
    File(PathBuf),
    /// In memory, for as long as the process lives.
    Memory,
}

/// A text that is not the URL of a SQLite database.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a SQLite database is named sqlite://path/to/file.db, sqlite:///absolute/path.db or sqlite::memory:")]
pub struct InvalidLocation;

impl Location {
    /// Reads `sqlite://relative/path`, `sqlite:///absolute/path`, `sqlite::memory:` or `sqlite://:memory:`.
    ///
    /// # Errors
    /// [`InvalidLocation`] for anything else: also for a query string, since no option is read from one.
    pub fn parse(url: &str) -> Result<Self, InvalidLocation> {
        match url.strip_prefix("sqlite:").ok_or(InvalidLocation)? {
            ":memory:" | "//:memory:" => Ok(Self::Memory),
            rest => match rest.strip_prefix("//") {
                Some(path) if !path.is_empty() && !path.contains(['?', '\0']) => Ok(Self::File(path.into())),
                _ => Err(InvalidLocation),
            },
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sqlite, {}", path.display()),
            Self::Memory => f.write_str("sqlite, in memory: nothing is kept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_or_memory() {
        for (url, expect) in [
            ("sqlite://data/fluxora.db", Ok(Location::File("data/fluxora.db".into()))),
            ("sqlite:///var/lib/fluxora.db", Ok(Location::File("/var/lib/fluxora.db".into()))),
            ("sqlite::memory:", Ok(Location::Memory)),
            ("sqlite://:memory:", Ok(Location::Memory)),
            ("sqlite://", Err(InvalidLocation)),
            ("sqlite:fluxora.db", Err(InvalidLocation)),
            ("sqlite://a.db?mode=ro", Err(InvalidLocation)),
            ("postgres://localhost", Err(InvalidLocation)),
        ] {
            assert_eq!(Location::parse(url), expect, "{url}");
        }
    }
}
