use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use std::sync::{Arc, Mutex, Once, PoisonError};

tokio::task_local! {
    static PLACE: Place;
}

/// Where a supervised worker panicked, once it has.
#[derive(Clone, Default)]
pub(super) struct Place(Arc<Mutex<Option<Found>>>);

#[derive(Clone, Debug)]
pub(super) struct Found {
    /// File and line.
    pub(super) location: String,
    /// If `RUST_BACKTRACE` asks for it.
    pub(super) backtrace: Option<String>,
}

/// From here on a panic of a supervised worker is not written to standard error: its supervisor logs it. All others are, as before.
pub(super) fn keep_to_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let backtrace = Backtrace::capture();
            let found = Found {
                location: panic.location().map_or("an unknown place".to_owned(), ToString::to_string),
                backtrace: (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string()),
            };
            if PLACE.try_with(|place| place.keep(found)).is_err() {
                before(panic);
            }
        }));
    });
}

impl Place {
    /// Does the work; a panic in it, or in its clean-up, leaves its place here.
    pub(super) async fn of<T>(self, work: impl Future<Output = T>) -> T {
        PLACE.scope(self, work).await
    }

    fn keep(&self, found: Found) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }

    pub(super) fn found(&self) -> Option<Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What was said in panicking.
pub(super) fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("(no text)")
}
