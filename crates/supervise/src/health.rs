/// The workers of a process and their states.
pub trait Workers: Send + Sync {
    /// The state of each worker, in start order.
    fn snapshot(&self) -> Vec<WorkerHealth>;
}

/// The state of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerHealth {
    /// The worker's name.
    pub name: &'static str,
    /// What the worker is doing.
    pub state: WorkerState,
    /// Restarts since the process started.
    pub restarts: u64,
    /// The last failure: one line without causes or values, safe to publish.
    pub last_error: Option<String>,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// The worker runs.
    Running,
    /// The worker failed and waits for its restart.
    BackingOff,
    /// The worker ended after a shutdown request.
    Stopped,
    /// The worker exceeded its restarts: the process stops.
    Failed,
}

impl WorkerState {
    /// The name in `GET /health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::BackingOff => "backing_off",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

impl WorkerHealth {
    /// Whether the worker is missing at its work because of a failure.
    pub const fn is_degraded(&self) -> bool {
        matches!(self.state, WorkerState::BackingOff | WorkerState::Failed)
    }
}
