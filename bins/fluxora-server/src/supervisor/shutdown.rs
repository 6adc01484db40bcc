use tokio::sync::watch;

/// Tells a worker that it has to stop.
#[derive(Clone)]
pub(crate) struct ShutdownToken(watch::Receiver<bool>);

/// Asks a worker to stop.
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl ShutdownToken {
    pub(crate) fn pair() -> (Stop, Self) {
        let (stop, shutdown) = watch::channel(false);
        (Stop(stop), Self(shutdown))
    }

    /// Waits until the worker has to stop. Nobody being left to say so says it as well.
    pub(crate) async fn asked(&mut self) {
        drop(self.0.wait_for(|asked| *asked).await);
    }

    /// Whether the worker has to stop: for those with much to do before they wait again.
    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}
