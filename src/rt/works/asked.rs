//! The table of tasks on SIGUSR1: what does this loop wait for, and which task holds it?
//!
//! The handler of the signal makes an event descriptor readable, which interrupts the selector; the loop sees the count
//! and prints the table, between two turns. If a task holds the loop, the handler tells of that poll at once
//! (`os::signal`). Nothing is polled, and no lock is taken.
//!
//! **Source**: Go's SIGQUIT; `faulthandler.register` of `CPython`; SIGINFO of the BSDs.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::Location;

use super::observer::Hooks;
use crate::os::signal::{self, Signal};
use crate::os::tick;
use crate::rt::reactor::Reactor;

/// How often the task in a slot was polled, and when last, in milliseconds of the kernel's clock.
type Polls = (u32, i64);

/// What a watched loop knows beside its tasks; nothing, if the loop is not watched.
pub(crate) struct Asked(Option<Watched>);

/// The same, of a loop that is.
struct Watched {
    /// How many signals it has answered.
    answered: Cell<u32>,
    /// The polls, by slot.
    polls: RefCell<Vec<Polls>>,
}

impl Asked {
    /// Has the signal interrupt this selector from now on, if the loop is watched.
    pub(crate) fn new(is_watched: bool, reactor: &Reactor) -> io::Result<Self> {
        if !is_watched {
            return Ok(Self(None));
        }
        signal::install(Signal::User1)?;
        reactor.unpark_when(signal::event_fd(Signal::User1)?)?;
        let answered = Cell::new(signal::count(Signal::User1));
        Ok(Self(Some(Watched { answered, polls: RefCell::default() })))
    }

    /// A poll begins.
    pub(crate) fn poll_begins(&self, task: impl FnOnce() -> (u32, &'static Location<'static>)) {
        if self.0.is_some() {
            let (task, spawned_at) = task();
            signal::poll_begins(task, spawned_at);
        }
    }

    /// The poll of the task in this slot has ended; `is_done` if the task has.
    pub(crate) fn poll_ended(&self, slot: u32, is_done: bool) {
        let Some(Watched { polls, .. }) = &self.0 else { return };
        signal::poll_ended();
        let (mut polls, slot) = (polls.borrow_mut(), slot as usize);
        if slot >= polls.len() {
            polls.resize(slot + 1, (0, 0));
        }
        let count = polls[slot].0.saturating_add(1);
        polls[slot] = if is_done { (0, 0) } else { (count, tick() / 1_000_000) };
    }

    /// Prints the table, if the signal came since the last time. `table` adds to each line what is known of its slot.
    pub(crate) fn answer(
        &self,
        hooks: &Hooks,
        table: impl FnOnce(&dyn Fn(u32) -> String) -> String,
    ) {
        let Some(Watched { answered, polls }) = &self.0 else { return };
        let came = signal::count(Signal::User1);
        if answered.replace(came) == came {
            return;
        }
        let known = |slot: u32| {
            let (count, last) = polls.borrow().get(slot as usize).copied().unwrap_or_default();
            let since = if count == 0 { 0 } else { tick() / 1_000_000 - last };
            format!(", for {since} ms now; polls: {count}")
        };
        hooks.report(&format!("the tasks, on SIGUSR1:\n  {}", table(&known)));
    }
}
