//! The course's first asynchronous program on tokio: two tasks that sleep, together and in a row.
//!
//! Line for line `handloom::labs::tasks`. A task has no name here: tokio gives names in unstable builds only.

use std::io;
use std::time::Duration;

use handloom::labs::Journal;
use tokio::task::spawn_local;
use tokio::time::sleep;

use super::local_runtime;

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

/// Runs the experiment on a runtime of its own.
///
/// # Errors
/// Those of the journal's writer, and of the making of a runtime.
///
/// # Blocking
/// For 9 s: three times [`NAP`].
pub fn run(journal: &Journal) -> io::Result<()> {
    let spans = local_runtime()?.block_on(experiment(journal))?;
    let seconds = |span: Duration| span.as_secs_f64();
    journal.line(format_args!(
        "Together the two took {:.3} s, in a row {:.3} s, on one thread.",
        seconds(spans.together),
        seconds(spans.in_a_row),
    ))?;
    journal.notices(&[
        "`.await` gives up the thread until the sleep is over. Together, \"b\" starts at 0 s too, because the \
         runtime ran it while \"a\" waited.",
        "`spawn_local` makes a task: the runtime runs it whether it is awaited or not. A future that was not \
         spawned does nothing until it is awaited.",
    ])
}

/// The experiment itself, on whatever runtime it is run.
///
/// # Errors
/// Those of the journal's writer.
///
/// # Panics
/// Not inside a `LocalRuntime`.
///
/// # Cancellation
/// The tasks run on without it, until their loop ends.
pub async fn experiment(journal: &Journal) -> io::Result<Spans> {
    journal.line("Together: spawn a, spawn b, then await both")?;
    journal.start_clock();
    let a = spawn_local(nap("a", journal.clone()));
    let b = spawn_local(nap("b", journal.clone()));
    // Both are collected before either is looked at, as ours are: tokio would drop an error without a word.
    let ends = [a.await, b.await];
    for end in ends {
        end.expect("holds because the task is not cancelled, and it does not panic")?;
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
