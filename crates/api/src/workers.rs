use serde_json::{Value, json};

/// What works in the background of the process, and how it is.
pub trait Workers: Send + Sync {
    /// How each worker is at this moment, in the order in which they were started.
    fn snapshot(&self) -> Vec<WorkerHealth>;
}

/// How a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerHealth {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub state: WorkerState,
    /// How often it has been started again since the process started.
    pub restarts: u64,
    /// What was wrong the last time it failed. Whoever reaches the port reads this: no secrets, a line at most.
    pub last_error: Option<String>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It works.
    Running,
    /// It failed and is started again in a while.
    BackingOff,
    /// It has ended, as it was asked to.
    Stopped,
    /// It failed too often: the process stops.
    Failed,
}

impl WorkerState {
    const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl WorkerHealth {
    pub(crate) fn is_degraded(&self) -> bool {
        matches!(self.state, WorkerState::BackingOff | WorkerState::Failed)
    }

    pub(crate) fn view(&self) -> Value {
        let Self { name, state, restarts, last_error } = self;
        json!({ "name": name, "state": state.word(), "restarts": restarts, "lastError": last_error })
    }
}
