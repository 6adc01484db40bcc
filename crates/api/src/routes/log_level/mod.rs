//! The log level of the process, for operators.

pub(crate) mod change;
pub(crate) mod read;

use serde::Serialize;

use crate::LogLevelState;
use crate::view::Instant;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "LogLevel"))]
pub(crate) struct LogLevelView {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    level: &'static str,
    /// The level of `LOG_LEVEL`.
    configured: &'static str,
    /// When `configured` returns; `null` if `level` stays until it is changed or the server is restarted.
    until: Option<Instant>,
}

impl LogLevelView {
    fn of(state: LogLevelState) -> Self {
        let LogLevelState { level, configured, until } = state;
        let until =
            until.and_then(|until| jiff::Timestamp::from_second(i64::try_from(until.seconds()).ok()?).ok());
        Self { level: level.name(), configured: configured.name(), until: until.map(Instant) }
    }
}
