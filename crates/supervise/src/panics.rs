use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use std::sync::{Arc, Mutex, Once, PoisonError};

tokio::task_local! {
    static RECORDER: PanicRecorder;
}

/// Records where a supervised worker panics.
#[derive(Clone, Default)]
pub(crate) struct PanicRecorder(Arc<Mutex<Option<PanicSite>>>);

/// Where a panic happened.
#[derive(Clone, Debug)]
pub(crate) struct PanicSite {
    /// File, line and column.
    pub(crate) location: String,
    /// Present if `RUST_BACKTRACE` requests one.
    pub(crate) backtrace: Option<String>,
}

/// Installs a panic hook, once per process: a supervised worker's panic is recorded for its supervisor, which logs it.
/// Every other panic goes to the hook that was installed before.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let backtrace = Backtrace::capture();
            let site = PanicSite {
                location: panic.location().map_or("an unknown location".to_owned(), ToString::to_string),
                backtrace: (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string()),
            };
            if RECORDER.try_with(|recorder| recorder.record(site)).is_err() {
                previous(panic);
            }
        }));
    });
}

impl PanicRecorder {
    /// Runs the work; a panic in it, or in the drop of its future, is recorded here.
    pub(crate) async fn watch<T>(self, work: impl Future<Output = T>) -> T {
        RECORDER.scope(self, work).await
    }

    fn record(&self, site: PanicSite) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(site);
    }

    pub(crate) fn site(&self) -> Option<PanicSite> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The text of a panic.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(no text)")
}
