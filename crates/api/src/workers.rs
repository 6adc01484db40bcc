/// The background workers of the process, and their state.
pub trait Workers: Send + Sync {
    /// The state of each worker at this moment, in the order in which they were started.
    fn snapshot(&self) -> Vec<WorkerHealth>;
}

/// The state of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerHealth {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub state: WorkerState,
    /// Restarts since the process started.
    pub restarts: u64,
    /// The last failure: one line without secrets, since `/health` shows it to anyone.
    pub last_error: Option<String>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It works.
    Running,
    /// It failed and is restarted after a delay.
    BackingOff,
    /// It ended because it was asked to.
    Stopped,
    /// It failed too often: the process stops.
    Failed,
}
