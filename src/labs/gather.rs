//! Several waits at once: the order of their results, and what an error does to the others.
//!
//! **Invariants**
//! - `LAB-GATHER-1`: results stand in the order of the futures, not in that of their ends.
//! - `LAB-GATHER-2`: together they take as long as the longest.
//! - `LAB-GATHER-3`: an error drops the other futures (`GATHER-3`); tasks whose handles were gathered run on, as with
//!   `asyncio.gather`.
//!
//! **Source**: the course's `await asyncio.gather(a(), b(), c())`; asyncio's documentation of `gather`.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::Journal;
use crate::aio::{gather, sleep, try_gather};
use crate::rt::{EventLoop, spawn_named};

/// The unit of the three waits.
pub const BEAT: Duration = Duration::from_millis(200);
/// Which tasks wait, and for how many beats.
pub const WAITS: [(&str, u32); 3] = [("a", 3), ("b", 1), ("c", 2)];
/// Which one fails, in the parts with an error.
const FAILS: &str = "c";

/// The order in which the waits ended, shared by all of them.
type Ends = Rc<RefCell<Vec<&'static str>>>;

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatherReport {
    /// The results, as `gather` gave them.
    pub results: Vec<&'static str>,
    /// The same names, in the order of their ends.
    pub ends: Vec<&'static str>,
    /// How long that took.
    pub took: Duration,
    /// Which ones ended although "c" failed, when futures were gathered.
    pub ends_of_futures: Vec<&'static str>,
    /// The same for tasks.
    pub ends_of_tasks: Vec<&'static str>,
}

/// Runs the experiment on an event loop of its own.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let report = EventLoop::new()?.block_on(experiment(journal))?;
    journal.line(format_args!(
        "They ended in the order {:?}; the results stand in the order {:?}.\n\
         After the error: of the futures {:?} had ended, of the tasks {:?}.",
        report.ends, report.results, report.ends_of_futures, report.ends_of_tasks,
    ))?;
    journal.notices(&[
        "`gather` keeps the order in which the futures were given. Together they take as long as the longest.",
        "An error is the whole result, at once. Other futures are dropped; tasks run on, as with \
         `asyncio.gather`, which makes a task of each coroutine. `asyncio.TaskGroup` cancels the others.",
    ])
}

/// The experiment itself, on whatever loop and clock it is run.
///
/// # Errors
/// Those of the journal's writer.
///
/// # Panics
/// No event loop runs on this thread.
pub async fn experiment(journal: &Journal) -> io::Result<GatherReport> {
    journal.line("gather(a, b, c)")?;
    journal.start_clock();
    let ends = Ends::default();
    let results = gather(WAITS.map(|(name, beats)| wait(name, beats, &ends, journal))).await;
    let took = journal.elapsed();
    let results: Vec<_> = results.into_iter().collect::<io::Result<_>>()?;
    journal.event(format_args!("gathered {results:?}\n"))?;

    journal.line(format_args!("The same with an error in \"{FAILS}\", of futures"))?;
    journal.start_clock();
    let of_futures = Ends::default();
    let failed = WAITS.map(|(name, beats)| wait_or_fail(name, beats, &of_futures, journal));
    let error = try_gather(failed).await.err();
    journal.event(format_args!("gathered {}", words(error)))?;
    sleep(2 * BEAT).await;
    journal.event("no future is left\n")?;

    journal.line(format_args!("The same with an error in \"{FAILS}\", of tasks"))?;
    journal.start_clock();
    let of_tasks = Ends::default();
    let failed = WAITS.map(|(name, beats)| {
        let (ends, journal) = (of_tasks.clone(), journal.clone());
        let task =
            spawn_named(name, async move { wait_or_fail(name, beats, &ends, &journal).await });
        async { task.await.expect("holds because it is not cancelled, and it does not panic") }
    });
    let error = try_gather(failed).await.err();
    journal.event(format_args!("gathered {}", words(error)))?;
    sleep(2 * BEAT).await;
    journal.event("all tasks have ended\n")?;

    let (ends, ends_of_futures, ends_of_tasks) = (ends.take(), of_futures.take(), of_tasks.take());
    Ok(GatherReport { results, ends, took, ends_of_futures, ends_of_tasks })
}

/// Waits, notes its end, and returns its name.
async fn wait(
    name: &'static str,
    beats: u32,
    ends: &Ends,
    journal: &Journal,
) -> io::Result<&'static str> {
    sleep(BEAT * beats).await;
    journal.event(format_args!("{name} ends"))?;
    ends.borrow_mut().push(name);
    Ok(name)
}

/// The same, but one of them fails at its end.
async fn wait_or_fail(
    name: &'static str,
    beats: u32,
    ends: &Ends,
    journal: &Journal,
) -> io::Result<&'static str> {
    wait(name, beats, ends, journal).await?;
    if name == FAILS { Err(io::Error::other(format!("{name} has failed"))) } else { Ok(name) }
}

/// The error that was meant to come, in words.
fn words(error: Option<io::Error>) -> String {
    error.map_or("no error".into(), |error| format!("an error: {error}"))
}
