use std::fmt;

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

    /// The value of a setting that has a default; `None` adds its fault.
    pub(super) fn take<T: Clone>(&mut self, setting: &Setting<T>) -> Option<T> {
        match setting {
            Setting::Valid(value) => Some(value.clone()),
            Setting::Invalid(fault) => {
                self.add(fault.clone());
                None
            }
        }
    }

    /// The value of a setting without a default: `None` adds its fault, `Some(None)` is a setting that is not given.
    pub(super) fn take_optional<T: Clone>(&mut self, setting: Option<&Setting<T>>) -> Option<Option<T>> {
        setting.map_or(Some(None), |setting| self.take(setting).map(Some))
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
