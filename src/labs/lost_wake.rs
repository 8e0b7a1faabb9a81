//! A future that does not store its waker, and the loop's report that names its task.
//!
//! A future that returns `Pending` promises that the waker will be used. If it breaks the promise it is never polled
//! again, and in most runtimes the program just waits.
//!
//! **Invariants**
//! - `LAB-LOST-1`: the loop notices that nothing it knows of can wake it, and its report names the task.
//! - `LAB-LOST-2`: if the waker is stored, the same future is polled twice and ends.
//!
//! **Source**: the contract in the documentation of `std::future::Future::poll`; `rt/works/stuck.rs`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::Journal;
use crate::aio::yield_now;
use crate::jobs::Panic;
use crate::rt::{EventLoop, spawn_named};

/// A door that one task waits for, and another opens.
#[derive(Debug, Default)]
pub struct Door {
    /// Set when it is opened.
    is_open: Cell<bool>,
    /// The waker of the task that waits, if it left one.
    waker: RefCell<Option<Waker>>,
    /// How often the waiting task was polled.
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
        // Here is the mistake of the first part: "not yet", and nothing that will wake the task.
        Poll::Pending
    }

    /// Opens the door, and wakes who waits.
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
    /// The loop's report, when the waker was forgotten.
    pub stuck: Option<String>,
    /// How often the future was polled then, and when it kept its waker.
    pub polls: [usize; 2],
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("(This loop panics with its report, so stderr shows it as well.)\n")?;
    let LostWakeReport { polls, .. } = experiment(journal)?;
    journal.line(format_args!(
        "\nPolled {} time without the waker, {} times with it.",
        polls[0], polls[1]
    ))?;
    journal.notices(&[
        "The flag was set in both parts. Without a waker nothing tells the loop: the flag alone wakes no task.",
        "The cure is one line before `Pending`: `waker = cx.waker().clone()`.",
        "The report comes only when no timer, socket or job can wake the loop. In a server such a task just \
         stays; `rt::task_table()` shows it.",
    ])
}

/// The experiment itself, on loops of its own.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<LostWakeReport> {
    journal.line("The waker is forgotten:")?;
    let forgotten = Rc::new(Door::default());
    let event_loop = EventLoop::builder().panic_when_stuck().build()?;
    let waiting = wait_at(&forgotten, true);
    let stuck = catch_unwind(AssertUnwindSafe(|| event_loop.block_on(waiting)));
    let stuck = stuck.err().map(|payload| Panic::new("", payload).message().to_owned());
    journal.line(stuck.as_deref().unwrap_or("no report came"))?;

    journal.line("\nThe waker is kept:")?;
    let kept = Rc::new(Door::default());
    EventLoop::new()?.block_on(wait_at(&kept, false));
    journal.line("  the door was opened, the task was woken, and it has ended")?;
    Ok(LostWakeReport { stuck, polls: [forgotten.polls.get(), kept.polls.get()] })
}

/// Lets one task wait at a door, and opens it once that has begun.
async fn wait_at(door: &Rc<Door>, forgetful: bool) {
    let waited_for = door.clone();
    let name = if forgetful { "forgetful" } else { "mindful" };
    let waiter = spawn_named(name, poll_fn(move |cx| waited_for.poll_open(cx, forgetful)));
    yield_now().await;
    door.open();
    waiter.await.expect("holds because it is not cancelled, and it does not panic");
}
