use tokio::sync::watch;

/// Tells a worker when shutdown is requested.
#[derive(Clone, Debug)]
pub struct ShutdownToken(watch::Receiver<bool>);

/// Requests the shutdown of those that hold the [`ShutdownToken`].
#[derive(Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Requests the shutdown.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl ShutdownToken {
    /// A token and its sender.
    pub fn pair() -> (Stop, Self) {
        let (stop, shutdown) = watch::channel(false);
        (Stop(stop), Self(shutdown))
    }

    /// Waits for the request. Also returns when the sender was dropped.
    pub async fn requested(&mut self) {
        drop(self.0.wait_for(|requested| *requested).await);
    }

    /// Whether shutdown is requested: for a long tick, between its steps.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}
