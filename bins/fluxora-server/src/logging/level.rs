use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluxora_api::{LogLevel, LogLevelState, LogLevels};
use fluxora_stream::UnixTime;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::reload::Handle;

use super::targets;

/// Changes the log level while the process runs.
#[derive(Clone)]
pub(crate) struct LevelControl(Arc<Control>);

struct Control {
    handle: Handle<Targets, Registry>,
    present: Mutex<Present>,
}

struct Present {
    state: LogLevelState,
    /// Counts changes: a later one cancels the return of an earlier one.
    changes: u64,
}

impl LevelControl {
    pub(super) fn new(handle: Handle<Targets, Registry>, configured: LevelFilter) -> Self {
        let level = level(configured);
        let state = LogLevelState { level, configured: level, until: None };
        Self(Arc::new(Control { handle, present: Mutex::new(Present { state, changes: 0 }) }))
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.0.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, present: &mut Present, level: LogLevel, until: Option<UnixTime>) {
        present.changes = present.changes.wrapping_add(1);
        present.state = LogLevelState { level, until, ..present.state };
        // It fails only where there is no subscriber any more.
        self.0.handle.reload(targets(filter(level))).ok();
    }

    /// Returns to the level of the configuration, unless the level was changed again.
    async fn return_after(self, time: Duration, changes: u64) {
        tokio::time::sleep(time).await;
        let mut present = self.present();
        if present.changes == changes {
            let configured = present.state.configured;
            self.apply(&mut present, configured, None);
            drop(present);
            // An error, so that it is logged at every level.
            tracing::error!(log_level = configured.name(), "the log level of the configuration is back");
        }
    }
}

impl LogLevels for LevelControl {
    fn state(&self) -> LogLevelState {
        self.present().state
    }

    fn change(&self, level: LogLevel, for_seconds: Option<u32>, now: UnixTime) -> LogLevelState {
        let mut present = self.present();
        let ends = |seconds: u32| UnixTime::from_seconds(now.seconds().saturating_add(seconds.into()));
        self.apply(&mut present, level, for_seconds.map(ends));
        if let Some(seconds) = for_seconds {
            let time = Duration::from_secs(seconds.into());
            tokio::spawn(self.clone().return_after(time, present.changes));
        }
        present.state
    }
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

fn level(filter: LevelFilter) -> LogLevel {
    LogLevel::ALL.into_iter().find(|level| self::filter(*level) == filter).unwrap_or(LogLevel::Error)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::reload;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_000);

    #[tokio::test(start_paused = true)]
    async fn a_level_returns_after_its_time_unless_it_was_changed_again() {
        let (_filter, handle) = reload::Layer::new(targets(LevelFilter::INFO));
        let control = LevelControl::new(handle, LevelFilter::INFO);
        let (level, configured) = (LogLevel::Debug, LogLevel::Info);
        let until = Some(UnixTime::from_seconds(1_060));
        let changed = control.change(level, Some(60), NOW);
        assert_eq!(changed, LogLevelState { level, configured, until });
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(control.state(), changed);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(control.state(), LogLevelState { level: configured, configured, until: None });
        control.change(LogLevel::Debug, Some(60), NOW);
        let kept = control.change(LogLevel::Trace, None, NOW);
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(control.state(), kept);
    }
}
