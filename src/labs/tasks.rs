//! The course's first asynchronous program: two tasks that sleep, together and in a row.
//!
//! **Invariants**
//! - `LAB-TASKS-1`: two sleeps that are spawned and then awaited take as long as one.
//! - `LAB-TASKS-2`: two sleeps that are awaited one after the other take as long as both.
//!
//! **Source**: the course's program, with `asyncio.create_task` and `asyncio.sleep`.

use std::io;
use std::time::Duration;

use super::Journal;
use crate::aio::sleep;
use crate::rt::{EventLoop, spawn_named};

/// How long each sleeps: the course's number.
pub const NAP: Duration = Duration::from_secs(3);

/// How long the two parts of the experiment took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// Both tasks at once.
    pub together: Duration,
    /// One after the other.
    pub in_a_row: Duration,
}

/// Runs the experiment on an event loop of its own.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let spans = EventLoop::new()?.block_on(experiment(journal))?;
    let seconds = |span: Duration| span.as_secs_f64();
    journal.line(format_args!(
        "Together the two took {:.3} s, in a row {:.3} s, on one thread.",
        seconds(spans.together),
        seconds(spans.in_a_row),
    ))?;
    journal.notices(&[
        "`.await` gives up the thread until the sleep is over. Together, \"b\" starts at 0 s too, because the \
         loop ran it while \"a\" waited.",
        "`spawn` makes a task: the loop runs it whether it is awaited or not. A future that was not spawned \
         does nothing until it is awaited.",
    ])
}

/// The experiment itself, on whatever loop and clock it is run.
///
/// # Errors
/// Those of the journal's writer.
///
/// # Panics
/// No event loop runs on this thread.
pub async fn experiment(journal: &Journal) -> io::Result<Spans> {
    journal.line("Together: spawn a, spawn b, then await both")?;
    journal.start_clock();
    let a = spawn_named("a", nap("a", journal.clone()));
    let b = spawn_named("b", nap("b", journal.clone()));
    // Both are collected before either is looked at: when stdout is closed both fail, and the loop would report
    // an error that is not collected.
    let ends = [a.await, b.await];
    for end in ends {
        end.expect("holds because the task is not cancelled, and does not panic")?;
    }
    let together = journal.elapsed();
    journal.event("both are done\n")?;

    journal.line("In a row: await a, then await b")?;
    journal.start_clock();
    nap("a", journal.clone()).await?;
    nap("b", journal.clone()).await?;
    let in_a_row = journal.elapsed();
    journal.event("both are done\n")?;
    Ok(Spans { together, in_a_row })
}

/// Sleeps, and writes down when.
async fn nap(name: &str, journal: Journal) -> io::Result<()> {
    journal.event(format_args!("{name}: sleeps {} s", NAP.as_secs()))?;
    sleep(NAP).await;
    journal.event(format_args!("{name}: woke"))
}
