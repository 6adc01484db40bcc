use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::PATIENCE;

/// The lines a process writes, as they come.
#[derive(Clone)]
pub(crate) struct Output(Arc<Shared>);

struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

impl Output {
    /// Reads until the other end is closed, which the end of a process does.
    pub(super) fn of(pipe: impl Read + Send + 'static) -> Self {
        let output = Self(Arc::new(Shared { written: Mutex::default(), changed: Condvar::new() }));
        let reader = output.clone();
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                reader.change(|written| written.lines.push(String::from_utf8_lossy(&line).into_owned()));
            }
            reader.change(|written| written.ended = true);
        });
        output
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.written().lines.clone()
    }

    /// Waits for a line in which `find` finds something; `what` says what that is. Lines that came before count.
    #[track_caller]
    pub(crate) fn wait_for<T>(&self, what: &str, mut find: impl FnMut(&str) -> Option<T>) -> T {
        let (mut seen, mut found) = (0, None);
        let looking = |written: &mut Written| {
            while found.is_none() && seen < written.lines.len() {
                found = find(&written.lines[seen]);
                seen += 1;
            }
            found.is_none() && !written.ended
        };
        let wait = self.0.changed.wait_timeout_while(self.written(), PATIENCE, looking);
        drop(wait.unwrap());
        found
            .unwrap_or_else(|| panic!("waited in vain for {what}; written was:\n{}", self.lines().join("\n")))
    }

    /// Waits until nothing more can come; `false` if that takes longer than `patience`.
    pub(crate) fn has_ended_within(&self, patience: Duration) -> bool {
        let wait = self.0.changed.wait_timeout_while(self.written(), patience, |written| !written.ended);
        wait.unwrap().0.ended
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.written.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Written)) {
        change(&mut self.written());
        self.0.changed.notify_all();
    }
}
