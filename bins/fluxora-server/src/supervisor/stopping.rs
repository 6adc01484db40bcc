use tokio::sync::watch;

/// Tells a worker that it has to stop.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

/// Asks a worker to stop.
pub(crate) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(crate) fn ask(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    pub(crate) fn when_asked() -> (Stop, Self) {
        let (stop, stopping) = watch::channel(false);
        (Stop(stop), Self(stopping))
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
