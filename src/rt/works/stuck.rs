//! The report of a loop that nothing it knows of can wake.
//!
//! A future that forgets its waker, or two tasks that wait for each other, leave a loop asleep. In most runtimes such a
//! program looks like one that has nothing to do. The loop cannot know what other threads hold, but it knows what it
//! waits for itself.
//!
//! **Invariants**
//! - `STUCK-1` The report comes when, for a whole second, no task was ready, no timer ran, no socket was watched, no
//!   job ran on a thread and no [`Remote`](crate::rt::Remote) lived. It says what is certain: only a wake from another
//!   thread can end this wait.
//! - `STUCK-2` It comes once in a `block_on`. The loop waits on, unless it was built to panic.
//!
//! **Source**: the idea of Go's `checkdead` in `runtime/proc.go`.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::observer::Hooks;

/// How long such a wait lasts before it is reported.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// Watches for a wait that nothing known can end.
pub(crate) struct StuckWatch {
    /// When the present wait of that kind began.
    since: Cell<Option<Instant>>,
    /// Set when this `block_on` has reported.
    reported: Cell<bool>,
    /// Makes the report a panic.
    panics: bool,
}

impl StuckWatch {
    /// Makes a watch that has seen nothing.
    pub(crate) fn new(panics: bool) -> Self {
        Self { since: Cell::new(None), reported: Cell::new(false), panics }
    }

    /// Starts afresh: a `block_on` begins.
    pub(crate) fn start(&self) {
        self.since.set(None);
        self.reported.set(false);
    }

    /// Returns how long the loop may wait before it reports, and reports when that time is over; `None` when it need
    /// not report. The time counts from the first call, so an interrupted wait neither shortens nor prolongs it.
    ///
    /// # Panics
    /// In place of the report, if the loop was built so.
    pub(crate) fn time_left(
        &self,
        is_stuck: bool,
        table: impl FnOnce() -> String,
        hooks: &Hooks,
    ) -> Option<Duration> {
        if !is_stuck || self.reported.get() {
            self.since.set(None);
            return None;
        }
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
        let waited = since.elapsed();
        if waited < REPORT_AFTER {
            return Some(REPORT_AFTER.saturating_sub(waited));
        }
        self.reported.set(true);
        let text = format!(
            "nothing that the event loop knows of can wake it: no task is ready, no timer runs, no socket is \
             watched, no job runs on a thread, and no Remote lives. Only a wake from another thread can end \
             this wait. The tasks:\n  {}",
            table()
        );
        assert!(!self.panics, "{text}");
        hooks.report(&text);
        None
    }
}
