//! A future that forgets its waker, on tokio: there is no report, and the program hangs.
//!
//! Line for line `handloom::labs::lost_wake`, except for the end: our loop names the task that can no longer be woken;
//! here a limit has to end the wait.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handloom::labs::Journal;
use tokio::task::{spawn_local, yield_now};
use tokio::time::timeout;

use super::local_runtime;

/// How long the program is left to hang. Without it, for ever.
pub const PATIENCE: Duration = Duration::from_millis(300);

/// A door that one task waits for and another opens.
#[derive(Debug, Default)]
pub struct Door {
    /// Set when it is opened.
    is_open: Cell<bool>,
    /// The waker of the task that waits, if it was stored.
    waker: RefCell<Option<Waker>>,
    /// How often the task that waits was polled.
    polls: Cell<usize>,
}

impl Door {
    /// Waits for the door, as a future's `poll` does; `forgetful` leaves no waker.
    fn poll_open(&self, cx: &mut Context<'_>, forgetful: bool) -> Poll<()> {
        self.polls.set(self.polls.get() + 1);
        if self.is_open.get() {
            return Poll::Ready(());
        }
        if !forgetful {
            drop(self.waker.borrow_mut().replace(cx.waker().clone()));
        }
        // The mistake of the first part: `Pending`, and no waker stored.
        Poll::Pending
    }

    /// Opens the door, and wakes the task that waits.
    fn open(&self) {
        self.is_open.set(true);
        // Taken out first: a waker is foreign code, and no borrow may last while it runs.
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWakeReport {
    /// Whether the program hung, when the waker was forgotten and when it was kept.
    pub hung: [bool; 2],
    /// How often the future was polled then, and when it kept its waker.
    pub polls: [usize; 2],
}

/// Runs the experiment.
///
/// # Errors
/// Those of the journal's writer, and of the making of a runtime.
///
/// # Blocking
/// For [`PATIENCE`].
pub fn run(journal: &Journal) -> io::Result<()> {
    let LostWakeReport { polls, .. } = experiment(journal)?;
    journal.line(format_args!(
        "\nPolled {} time without the waker, {} times with it.",
        polls[0], polls[1]
    ))?;
    journal.notices(&[
        "The flag was set in both parts. Without a waker nothing tells the runtime: the flag alone wakes no task.",
        "The cure is one line before `Pending`: `waker = cx.waker().clone()`.",
        "tokio reports nothing: it waits like a program that has nothing to do, and a limit of this lab ended the \
         wait. (In unstable builds `tokio-console` lists such tasks.) `handloom lab lost-wake` has a report.",
    ])
}

/// The experiment itself, on runtimes of its own.
///
/// # Errors
/// As [`run`].
pub fn experiment(journal: &Journal) -> io::Result<LostWakeReport> {
    journal.line("The waker is forgotten:")?;
    let forgotten = Rc::new(Door::default());
    let waiting = wait_at(&forgotten, true);
    let stuck = local_runtime()?.block_on(async { timeout(PATIENCE, waiting).await }).is_err();
    journal.line(if stuck { "  no report came; after 0.3 s we gave up" } else { "  it ended" })?;

    journal.line("\nThe waker is kept:")?;
    let kept = Rc::new(Door::default());
    let waiting = wait_at(&kept, false);
    let kept_stuck = local_runtime()?.block_on(async { timeout(PATIENCE, waiting).await }).is_err();
    journal.line("  the door was opened, the task was woken, and it has ended")?;
    Ok(LostWakeReport {
        hung: [stuck, kept_stuck],
        polls: [forgotten.polls.get(), kept.polls.get()],
    })
}

/// Makes one task wait at a door, and opens the door when the wait has begun.
async fn wait_at(door: &Rc<Door>, forgetful: bool) {
    let waited_for = door.clone();
    let waiter = spawn_local(poll_fn(move |cx| waited_for.poll_open(cx, forgetful)));
    yield_now().await;
    door.open();
    waiter.await.expect("holds because it is not cancelled, and it does not panic");
}
