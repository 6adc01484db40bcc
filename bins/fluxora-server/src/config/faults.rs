use std::fmt;

use fluxora_api::{InvalidToken, Token};

use super::secret;
use super::setting::Setting;

/// Everything that is wrong with the configuration. No value is repeated: it may be a secret in the wrong place.
#[derive(Debug, Default)]
pub(crate) struct ConfigFaults(Vec<String>);

impl ConfigFaults {
    pub(super) fn one(fault: String) -> Self {
        Self(vec![fault])
    }

    pub(super) fn add(&mut self, fault: impl Into<String>) {
        self.0.push(fault.into());
    }

    /// The value of a setting; `None` adds its fault.
    pub(super) fn take<T: Clone>(&mut self, setting: &Setting<T>) -> Option<T> {
        match setting {
            Setting::Valid(value) => Some(value.clone()),
            Setting::Invalid(fault) => {
                self.add(fault.clone());
                None
            }
        }
    }

    /// The value of a secret setting or of its file; `Some(None)` if neither is given, `None` adds a fault.
    pub(super) fn secret(
        &mut self,
        name: &str,
        value: &Setting<Option<String>>,
        file: &Setting<Option<String>>,
    ) -> Option<Option<String>> {
        let (value, file) = (self.take(value), self.take(file));
        secret::setting(name, value?, file?.as_deref()).map_err(|fault| self.add(fault)).ok()
    }

    /// The text of the file that a setting names; `Some(None)` if it is not given, `None` adds a fault.
    pub(super) fn file(&mut self, name: &str, path: &Setting<Option<String>>) -> Option<Option<String>> {
        let path = self.take(path)?;
        let base = name.strip_suffix("_FILE").unwrap_or(name);
        secret::setting(base, None, path.as_deref()).map_err(|fault| self.add(fault)).ok()
    }

    /// The token of a secret setting.
    pub(super) fn token(
        &mut self,
        name: &str,
        value: &Setting<Option<String>>,
        file: &Setting<Option<String>>,
    ) -> Option<Option<Token>> {
        let token = self.secret(name, value, file)?.map(|secret| Token::new(&secret)).transpose();
        token.map_err(|InvalidToken| self.add(format!("{name} must be {InvalidToken}"))).ok()
    }

    /// The value, if no setting has a fault.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Self> {
        if self.0.is_empty() { value.ok_or(self) } else { Err(self) }
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        writeln!(f, "fluxora-server cannot start: its configuration is wrong (see --help)")?;
        faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}
