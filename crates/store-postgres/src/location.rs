use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

const DEFAULT_PORT: u16 = 5432;

/// Where a database lives, and how to get in. Neither `Debug` nor `Display` shows credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) encryption: Encryption,
}

/// `sslmode`, with what belongs to each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Encryption {
    Disabled,
    /// If the server offers it. Not verified.
    Preferred,
    /// Always. Not verified: an attacker who can reroute the connection can read it.
    Required,
    /// Always, with the server's certificate verified for its name by these roots; by the system's if there are none.
    Verified {
        roots: Option<PathBuf>,
    },
}

/// What is wrong with the URL of a PostgreSQL database. It never holds any part of the URL: any part may belong to a password
/// whose special characters were not escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidLocation {
    /// Another scheme.
    #[error("a PostgreSQL database is named postgres://user:password@host:port/database")]
    Scheme,
    /// No user.
    #[error("the database's URL names no user: postgres://user:password@host:port/database")]
    User,
    /// No host, or one with characters that no host has.
    #[error(
        "the database's URL names no host; in a password, write @ as %40, / as %2F, ? as %3F and # as %23"
    )]
    Host,
    /// A port that is no number from 1 to 65535.
    #[error(
        "the port in the database's URL is not a number from 1 to 65535; in a password, write / as %2F, ? as %3F and # as %23"
    )]
    Port,
    /// No database, or more after it.
    #[error("the database's URL names no database: postgres://user:password@host:port/database")]
    Database,
    /// A `%` that escapes nothing.
    #[error("in the database's URL, % is followed by two hexadecimal digits; a % itself is written %25")]
    Escape,
    /// An unknown parameter, or one that is there twice.
    #[error("after ? the database's URL takes sslmode and sslrootcert, each once")]
    Parameter,
    /// An unknown `sslmode`.
    #[error("sslmode is disable, prefer, require (encrypts without verifying the server) or verify-full")]
    SslMode,
    /// A root certificate where nothing is verified.
    #[error("sslrootcert is used with sslmode=verify-full only: no other mode verifies the server")]
    RootCertificate,
}

impl Location {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…` (`postgresql://` too).
    ///
    /// The port is 5432 and `sslmode` is `prefer` unless given. `sslrootcert` is a PEM file; without it, `verify-full` trusts
    /// the system's certificates.
    ///
    /// # Errors
    /// [`InvalidLocation`] says what is wrong, without the text.
    pub fn parse(url: &str) -> Result<Self, InvalidLocation> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let rest = rest.ok_or(InvalidLocation::Scheme)?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, address) = authority.rsplit_once('@').ok_or(if authority.contains(':') {
            InvalidLocation::Port
        } else {
            InvalidLocation::User
        })?;
        let (host, port) = split_address(address)?;
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(unescape(password)?)),
            None => (credentials, None),
        };
        if user.is_empty() {
            return Err(InvalidLocation::User);
        }
        if database.is_empty() || database.contains(['/', '@', '#', ':']) {
            return Err(InvalidLocation::Database);
        }
        Ok(Self {
            host,
            port,
            database: unescape(database)?,
            user: unescape(user)?,
            password,
            encryption: Encryption::parse(parameters)?,
        })
    }
}

impl Encryption {
    fn parse(parameters: &str) -> Result<Self, InvalidLocation> {
        let (mut mode, mut roots) = (None, None);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let place = match parameter.split_once('=') {
                Some(("sslmode", value)) => Some((&mut mode, value)),
                Some(("sslrootcert", value)) => Some((&mut roots, value)),
                _ => None,
            };
            let (place, value) =
                place.filter(|(place, _)| place.is_none()).ok_or(InvalidLocation::Parameter)?;
            *place = Some(unescape(value)?);
        }
        match (mode.as_deref(), roots) {
            (Some("verify-full"), roots) => Ok(Self::Verified { roots: roots.map(PathBuf::from) }),
            (None | Some("disable" | "prefer" | "require"), Some(_)) => Err(InvalidLocation::RootCertificate),
            (Some("disable"), None) => Ok(Self::Disabled),
            (None | Some("prefer"), None) => Ok(Self::Preferred),
            (Some("require"), None) => Ok(Self::Required),
            (Some(_), _) => Err(InvalidLocation::SslMode),
        }
    }
}

fn split_address(address: &str) -> Result<(String, u16), InvalidLocation> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(InvalidLocation::Host)?;
            match (rest.is_empty(), rest.strip_prefix(':')) {
                (true, _) => (host, None),
                (false, Some(port)) => (host, Some(port)),
                (false, None) => return Err(InvalidLocation::Host),
            }
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let of_a_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if host.is_empty() || !host.bytes().all(of_a_host) {
        return Err(InvalidLocation::Host);
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or(InvalidLocation::Port)?,
    };
    Ok((host.to_owned(), port))
}

fn unescape(text: &str) -> Result<String, InvalidLocation> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let code = high.zip(low).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                code.ok_or(InvalidLocation::Escape)?
            }
            byte => byte,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| InvalidLocation::Escape)?;
    if text.contains('\0') { Err(InvalidLocation::Escape) } else { Ok(text) }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, .. } = self;
        if host.contains(':') {
            write!(f, "postgres, [{host}]:{port}/{database}")
        } else {
            write!(f, "postgres, {host}:{port}/{database}")
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, encryption, user: _, password: _ } = self;
        f.debug_struct("Location")
            .field("host", host)
            .field("port", port)
            .field("database", database)
            .field("encryption", encryption)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_port_database_and_credentials() {
        let location =
            Location::parse("postgres://u%40x:p%2Fw%25:s@db.example:6543/f%20x?sslmode=require").unwrap();
        assert_eq!(location.to_string(), "postgres, db.example:6543/f x");
        assert_eq!((location.user.as_str(), location.password.as_deref()), ("u@x", Some("p/w%:s")));
        assert_eq!(location.encryption, Encryption::Required);
        let location = Location::parse("postgresql://u@[::1]/d").unwrap();
        assert_eq!(location.to_string(), "postgres, [::1]:5432/d");
        assert_eq!((location.password, location.encryption), (None, Encryption::Preferred));
        let location = Location::parse("postgres://u@h/d?sslrootcert=%2Fca.pem&sslmode=verify-full").unwrap();
        assert_eq!(location.encryption, Encryption::Verified { roots: Some("/ca.pem".into()) });
    }

    #[test]
    fn what_is_wrong_with_a_url_is_named_and_nothing_of_it_is_shown() {
        use InvalidLocation as Fault;
        for (url, expect) in [
            ("sqlite://hunter2", Fault::Scheme),
            ("postgres://", Fault::User),
            ("postgres://h/hunter2", Fault::User),
            ("postgres://:hunter2@h/d", Fault::User),
            ("postgres://u:hunter2@/d", Fault::Host),
            ("postgres://u:p#hunter2@h#/d", Fault::Host),
            ("postgres://u:hunter2@h:0/d", Fault::Port),
            ("postgres://u:hunter2@h:65536/d", Fault::Port),
            ("postgres://u:hun/ter2@h/d", Fault::Port),
            ("postgres://u:1234/hunter2@h/d", Fault::Port),
            ("postgres://u:hunter2@h", Fault::Database),
            ("postgres://u:hunter2@h/", Fault::Database),
            ("postgres://u:hunter2@h/d/e", Fault::Database),
            ("postgres://u:hunter2%zz@h/d", Fault::Escape),
            ("postgres://u:hunter2%00@h/d", Fault::Escape),
            ("postgres://u:hun?ter2@h/d", Fault::Port),
            ("postgres://u:x@h/d?hunter2", Fault::Parameter),
            ("postgres://u:x@h/d?sslmode=require&sslmode=hunter2", Fault::Parameter),
            ("postgres://u:x@h/d?sslmode=hunter2", Fault::SslMode),
            ("postgres://u:x@h/d?sslmode=require&sslrootcert=hunter2", Fault::RootCertificate),
        ] {
            let fault = Location::parse(url).unwrap_err();
            assert_eq!(fault, expect, "{url}");
            assert!(!format!("{fault} {fault:?}").contains("hun"), "{fault}");
        }
    }

    #[test]
    fn a_location_never_shows_its_credentials() {
        let location = Location::parse("postgres://someone:hunter2@h/d").unwrap();
        let shown = format!("{location} {location:?} {location:#?}");
        assert!(!shown.contains("hunter2") && !shown.contains("someone"), "{shown}");
    }
}
