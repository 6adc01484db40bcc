use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;

use clap::Command;

use super::{ConfigFaults, env_file};

const FILE: &str = ".env";

/// The environment variables and the file `.env`. A variable wins over the file; an empty one counts as not set.
#[derive(Default)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
    file: BTreeMap<String, String>,
}

/// Where a name was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Variable,
    File,
}

impl Source {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Variable => "environment",
            Self::File => FILE,
        }
    }
}

impl Environment {
    /// The environment of the process and the file `.env` of the working directory, if there is one.
    ///
    /// # Errors
    /// Why the file cannot be read, or the line that is wrong.
    pub(crate) fn read() -> Result<Self, ConfigFaults> {
        let fault = |reason: String| ConfigFaults::one(format!("{FILE} cannot be read: {reason}"));
        let file = match fs::read(FILE) {
            Ok(text) => env_file::parse(&text).map_err(|error| fault(error.to_string()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(fault(error.to_string())),
        };
        Ok(Self { variables: std::env::vars_os().collect(), file })
    }

    /// The value of a variable, or else of the file. An empty value counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        let variable = self.variables.get(OsStr::new(name)).map(OsString::as_os_str);
        variable.filter(|value| !value.is_empty()).or_else(|| self.in_file(name))
    }

    fn in_file(&self, name: &str) -> Option<&OsStr> {
        self.file.get(name).map(OsStr::new).filter(|value| !value.is_empty())
    }

    /// Every name that is given.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, Source)> {
        let variables = self.variables.keys().filter_map(|name| name.to_str());
        let variables = variables.map(|name| (name, Source::Variable));
        variables.chain(self.file.keys().map(|name| (name.as_str(), Source::File)))
    }

    /// Makes the values of the file the defaults of the arguments of a command and its subcommands.
    pub(crate) fn apply_file(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let name = arg.get_env().and_then(OsStr::to_str).map(str::to_owned);
            match name.and_then(|name| self.in_file(&name)) {
                Some(value) => {
                    let is_secret = arg.is_hide_env_values_set();
                    arg.required(false).default_value(value.to_owned()).hide_default_value(is_secret)
                }
                None => arg,
            }
        });
        command.mut_subcommands(|command| self.apply_file(command))
    }
}
