//! Signals: a number that the kernel delivers to a process, between any two of its instructions.
//!
//! **Invariants**
//! - `LAB-SIGNAL-1`: by default SIGTERM ends a process, and `wait` says which signal it was.
//! - `LAB-SIGNAL-2`: a process with a handler goes on, and sees each signal that came by itself.
//! - `LAB-SIGNAL-3`: signals are not queued (except real-time signals): several that come while blocked are seen once.
//! - `LAB-SIGNAL-4`: a process that ignores SIGTERM lives on. SIGKILL can be neither ignored nor handled.
//!
//! **Source**: signal(7), sigaction(2).

use std::io;
use std::thread;
use std::time::Duration;

use super::Journal;
use super::child::{fork_child, reap, wait_for_signal};
use crate::os::EventFd;
use crate::os::process::{Child, Exit};
use crate::os::signal::{self, AllBlocked, Signal};

/// How often the signal is sent that is counted.
pub const SENT: u32 = 5;

/// How each child ended; the ones that count leave with the count as their code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalReport {
    /// With the default action, after SIGTERM.
    pub by_default: Exit,
    /// With a handler, after SIGUSR1 was sent [`SENT`] times, each when the one before had been seen.
    pub one_by_one: Exit,
    /// With a handler, after the same while signals were blocked.
    pub while_blocked: Exit,
    /// Ignoring SIGTERM, after SIGTERM and then SIGKILL.
    pub ignoring: Exit,
    /// Whether the kernel accepted a handler for SIGKILL.
    pub kill_is_handled: bool,
}

/// The events of parent and child.
struct Events {
    /// The child is ready, or has seen a signal.
    to_parent: EventFd,
    /// Everything was sent.
    to_child: EventFd,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("Four children get signals; those that count leave with the count as code:")?;
    let SignalReport { by_default, one_by_one, while_blocked, ignoring, kill_is_handled } =
        experiment()?;
    journal.line(format_args!(
        "  SIGTERM, nothing arranged:                 {by_default}\n  \
           SIGUSR1 {SENT} times, one by one, handled:      {one_by_one}\n  \
           SIGUSR1 {SENT} times while it is blocked:       {while_blocked}\n  \
           SIGTERM ignored, then SIGKILL:             {ignoring}\n  \
           a handler for SIGKILL:                     {}",
        if kill_is_handled { "accepted" } else { "refused by the kernel" },
    ))?;
    journal.notices(&[
        "\"signal 15\" is not \"code 15\": the parent can tell a kill from an exit. (A shell shows 128 + 15.)",
        "A handler runs between any two instructions, perhaps while a lock is held. Ours adds to a count and \
         writes to a descriptor; ordinary code reads both later.",
        "Five were sent, one was seen: for each signal the kernel keeps one bit, not a queue.",
        "SIGTERM asks a process to finish. SIGKILL ends it: no flush, no destructor.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// Those of fork, and of the signals that may be sent.
pub fn experiment() -> io::Result<SignalReport> {
    let wait = |events: &Events| {
        events.to_parent.signal()?;
        wait_for_signal(&events.to_child).map(|()| 0)
    };
    let by_default = with_child(wait, |child, _| child.kill(Signal::Terminate))?;
    let one_by_one = with_child(count_one_by_one, |child, events| {
        for _ in 0..SENT {
            child.kill(Signal::User1)?;
            wait_for_signal(&events.to_parent)?;
        }
        Ok(())
    })?;
    let while_blocked = with_child(count_after_block, |child, events| {
        (0..SENT).try_for_each(|_| child.kill(Signal::User1))?;
        events.to_child.signal()
    })?;
    let ignoring = with_child(
        |events| {
            signal::ignore(Signal::Terminate)?;
            wait(events)?;
            // Only a child that has survived SIGTERM comes here.
            wait(events)
        },
        |child, events| {
            child.kill(Signal::Terminate)?;
            events.to_child.signal().and_then(|()| wait_for_signal(&events.to_parent))?;
            child.kill(Signal::Kill)
        },
    )?;
    let kill_is_handled = signal::install(Signal::Kill).is_ok();
    Ok(SignalReport { by_default, one_by_one, while_blocked, ignoring, kill_is_handled })
}

/// Forks a child, waits until it is ready, does something to it, and returns how it ended.
fn with_child(
    life: impl FnOnce(&Events) -> io::Result<i32>,
    act: impl FnOnce(&Child, &Events) -> io::Result<()>,
) -> io::Result<Exit> {
    let events = Events { to_parent: EventFd::new()?, to_child: EventFd::new()? };
    let mut child = fork_child(|| life(&events))?;
    wait_for_signal(&events.to_parent)?;
    act(&child, &events)?;
    reap(&mut child)
}

/// A child's life: counts, and tells the parent of each.
fn count_one_by_one(events: &Events) -> io::Result<i32> {
    signal::install(Signal::User1)?;
    events.to_parent.signal()?;
    let mut seen = 0;
    while seen < SENT {
        // Checks again and again: the descriptor of `event_fd` stays readable after the first (SIGNAL-3).
        if signal::count(Signal::User1) > seen {
            seen += 1;
            events.to_parent.signal()?;
        }
        thread::sleep(Duration::from_millis(1));
    }
    i32::try_from(seen).map_err(io::Error::other)
}

/// A child's life: lets no signal through until everything was sent, and then counts.
fn count_after_block(events: &Events) -> io::Result<i32> {
    signal::install(Signal::User1)?;
    let blocked = AllBlocked::new();
    events.to_parent.signal()?;
    wait_for_signal(&events.to_child)?;
    // What waits is delivered before this returns.
    drop(blocked);
    i32::try_from(signal::count(Signal::User1)).map_err(io::Error::other)
}
