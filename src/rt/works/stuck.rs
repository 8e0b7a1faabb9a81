//! What a loop tells of its tasks when its program stands still: a report when nothing can wake it, and on SIGUSR1.
//!
//! A future that forgets its waker leaves a loop asleep, which looks like a loop that has nothing to do.
//!
//! On SIGUSR1 the loop prints the table after its turn. If a poll lasts, the handler names its task (`os::signal`).
//!
//! **Invariants**
//! - `STUCK-1` The report comes when, for a whole second, no task was ready, no timer ran, no socket was watched, no
//!   job ran on a thread and no `Remote` lived. It says what is certain: only a wake from another thread ends this wait.
//! - `STUCK-2` It comes once in a `block_on`. The loop waits on, unless it was built to panic.
//!
//! **Source**: Go's `checkdead` in `runtime/proc.go`, and its SIGQUIT; `faulthandler.register` of `CPython`.

use std::cell::Cell;
use std::io;
use std::os::fd::AsRawFd;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::observer::{Hooks, print_report};
use crate::os::signal::{self, Signal};
use crate::rt::reactor::{Reactor, UNPARK};

/// How long a wait that nothing known can end lasts before it is reported.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// Watches a loop that may stand still.
pub(crate) struct StuckWatch {
    /// When the present wait began, if nothing known can end it.
    since: Cell<Option<Instant>>,
    /// Set when this `block_on` has reported.
    reported: Cell<bool>,
    /// Makes the report a panic.
    panics: bool,
    /// How many SIGUSR1 the loop has answered; `None` if it answers none.
    answered: Option<Cell<u32>>,
}

impl StuckWatch {
    /// Makes a watch. If the loop answers SIGUSR1, the signal interrupts its selector from now on.
    pub(crate) fn new(panics: bool, answers: bool, reactor: &Reactor) -> io::Result<Self> {
        if answers {
            signal::install(Signal::User1)?;
            let fd = signal::event_fd(Signal::User1)?.as_raw_fd();
            let registry = reactor.poll.registry();
            registry.register(&mut mio::unix::SourceFd(&fd), UNPARK, mio::Interest::READABLE)?;
        }
        let answered = answers.then(|| Cell::new(signal::count(Signal::User1)));
        Ok(Self { since: Cell::new(None), reported: Cell::new(false), panics, answered })
    }

    /// Starts afresh: a `block_on` has ended.
    pub(crate) fn reset(&self) {
        self.reported.set(false);
        self.batch(false);
    }

    /// A batch of polls begins, which ends the wait (`STUCK-1`), or the last one has ended.
    pub(crate) fn batch(&self, begins: bool) {
        self.since.set(self.since.get().filter(|_| !begins));
        if self.answered.is_some() {
            signal::batch(begins);
        }
    }

    /// A poll begins.
    pub(crate) fn poll_begins(&self, task: impl FnOnce() -> (u32, &'static Location<'static>)) {
        if self.answered.is_some() {
            let (task, spawned_at) = task();
            signal::poll_begins(task, spawned_at);
        }
    }

    /// Prints the table on standard error, whatever observers there are, if SIGUSR1 came since the last time.
    pub(crate) fn answer(&self, table: impl FnOnce() -> String) {
        let Some(answered) = &self.answered else { return };
        let came = signal::count(Signal::User1);
        if answered.replace(came) != came {
            print_report(&format!("the tasks, on SIGUSR1:\n  {}", table()));
        }
    }

    /// Returns how long the loop, which is about to wait, may wait before it reports; `None` when it need not report. When
    /// the time is over, reports or panics (`STUCK-2`). The time counts from the first call, even if a wait is interrupted.
    pub(crate) fn time_left(
        &self,
        is_stuck: bool,
        table: impl FnOnce() -> String,
        hooks: &Hooks,
    ) -> Option<Duration> {
        self.batch(false);
        if !is_stuck || self.reported.get() {
            self.since.set(None);
            return None;
        }
        let since = self.since.get().unwrap_or_else(Instant::now);
        self.since.set(Some(since));
        let left = REPORT_AFTER.saturating_sub(since.elapsed());
        if !left.is_zero() {
            return Some(left);
        }
        self.reported.set(true);
        let text = format!(
            "nothing that the event loop knows of can wake it: no task is ready,\n\
             no timer runs, no socket is watched, no job runs on a thread, no Remote lives.\n\
             Only a wake from another thread can end this wait. The tasks:\n  {}",
            table()
        );
        assert!(!self.panics, "{text}");
        hooks.report(&text);
        None
    }
}
