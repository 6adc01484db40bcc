use fluxora_stream::UnixTime;

/// How severe a line must be to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors alone.
    Error,
    /// Warnings too.
    Warn,
    /// Normal life too.
    Info,
    /// For development.
    Debug,
    /// Everything.
    Trace,
}

/// What is logged at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLevelState {
    /// The level.
    pub level: LogLevel,
    /// The level of the configuration.
    pub configured: LogLevel,
    /// When the level of the configuration returns; `None` if the level stays.
    pub until: Option<UnixTime>,
}

/// The log level of the process.
pub trait LogLevels: Send + Sync {
    /// The present state.
    fn state(&self) -> LogLevelState;

    /// Changes the level at `now`: for so many seconds, or until it is changed again.
    fn change(&self, level: LogLevel, for_seconds: Option<u32>, now: UnixTime) -> LogLevelState;
}

impl LogLevel {
    /// Every level.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its name in `LOG_LEVEL` and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The level with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}
