//! The table of tasks on SIGUSR1: what does this loop wait for, and which task holds it?
//!
//! The handler of the signal makes an event descriptor readable, which interrupts the selector; the loop sees the count
//! and prints the table, between two turns. If a task holds the loop, the handler tells of that poll at once
//! (`os::long_poll`). Nothing is polled, and no lock is taken.
//!
//! **Source**: Go's SIGQUIT; `faulthandler.register` of `CPython`; SIGINFO of the BSDs.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io;

use crate::os::signal::{self, Signal};
use crate::os::{long_poll, tick};
use crate::rt::core::Core;
use crate::rt::reactor::Reactor;
use crate::rt::task::Header;

/// Milliseconds of the kernel's clock, modulo 2³².
fn now() -> u32 {
    u32::try_from(tick() / 1_000_000 & i64::from(u32::MAX)).unwrap_or(0)
}

/// What a watched loop knows beside its tasks.
pub(crate) struct Asked {
    /// How many signals it has answered.
    answered: Cell<u32>,
    /// By slot: how often its task was polled, and when last.
    polls: RefCell<Vec<(u32, u32)>>,
}

impl Asked {
    /// Has the signal interrupt this selector from now on.
    pub(crate) fn new(reactor: &Reactor) -> io::Result<Self> {
        signal::install(Signal::User1)?;
        reactor.unpark_when(signal::event_fd(Signal::User1)?)?;
        let answered = Cell::new(signal::count(Signal::User1));
        Ok(Self { answered, polls: RefCell::default() })
    }

    /// A poll begins; the first one of a task counts anew.
    pub(crate) fn poll_begins(&self, task: &Header) {
        long_poll::poll_begins(task.id().shown(), task.spawned_at);
    }

    /// The poll of the task in this slot has ended; `is_done` if the task has.
    pub(crate) fn poll_ended(&self, slot: u32, is_done: bool) {
        long_poll::poll_ended();
        let (mut polls, slot) = (self.polls.borrow_mut(), slot as usize);
        if slot >= polls.len() {
            polls.resize(slot + 1, (0, 0));
        }
        polls[slot] = if is_done { (0, 0) } else { (polls[slot].0.saturating_add(1), now()) };
    }

    /// Prints the table, if the signal came since the last time.
    pub(crate) fn answer(&self, core: &Core) {
        let came = signal::count(Signal::User1);
        if self.answered.replace(came) == came {
            return;
        }
        let mut text = String::from("the tasks, on SIGUSR1:");
        for header in core.tasks.borrow().iter().map(|task| task.header()) {
            let known = self.polls.borrow().get(header.slot as usize).copied();
            let (count, last) = known.unwrap_or_default();
            let since = if count == 0 { 0 } else { now().wrapping_sub(last) };
            let (standing, since) = (header.standing(), f64::from(since) / 1e3);
            let line = format_args!("\n  {standing}, for {since:.1} s now; polls: {count}");
            text.write_fmt(line).expect("holds because a String takes all");
        }
        core.hooks.report(&text);
    }
}
