//! Tasks on tokio switch at an `.await`, and nowhere else.
//!
//! Line for line `handloom::labs::cooperative`, and half as many hand-overs: tokio puts tasks that yield aside, and wakes
//! them after it has asked the selector, the last one first. So the order is a b, b a, a b.
//!
//! tokio does not report that a task holds the thread. What it has instead is a budget: a task that always
//! finds its sockets ready must yield after 128 operations.

use std::cell::Cell;
use std::hint::black_box;
use std::io;
use std::rc::Rc;

use handloom::labs::Journal;
use handloom::os::ThreadUsage;
use tokio::task::{spawn_local, yield_now};

use super::local_runtime;

/// How often each task gives the thread away.
pub const ROUNDS: usize = 10_000;
/// Into how many slices the long computation falls.
pub const SLICES: usize = 10;
/// The length of a slice, in additions.
const SLICE_ADDITIONS: u64 = 1_000_000;

/// What the lab has found.
#[derive(Clone, Copy, Debug)]
pub struct CooperativeReport {
    /// How often the thread went from one task to the other.
    pub handovers: usize,
    /// What the kernel has counted for the thread meanwhile.
    pub usage: ThreadUsage,
    /// How often the other task ran while one computed: without an `.await`, and with one in each slice.
    pub beats: [usize; 2],
}

/// Runs the experiment.
///
/// # Errors
/// Those of the journal's writer, and of the making of a runtime.
///
/// # Blocking
/// For some tens of milliseconds.
pub fn run(journal: &Journal) -> io::Result<()> {
    let CooperativeReport { handovers, usage, beats: [greedy, polite] } = experiment()?;
    let ThreadUsage { voluntary, involuntary, .. } = usage;
    journal.line(format_args!(
        "Two tasks on one thread, each gives it away {ROUNDS} times:\n  \
           the thread changed hands {handovers} times between them\n  \
           the kernel switched the thread {involuntary} times unasked, and {voluntary} times because it waited\n\
         One task computes, the other counts how often it may run:\n  \
           without an .await: {greedy} times\n  \
           with an .await in each of {SLICES} slices: {polite} times"
    ))?;
    journal.notices(&[
        "Each switch stands in the program's text: `yield_now().await`. It costs a function call; the kernel \
         takes no part.",
        "There are half as many switches as on Handloom's loop. Of two tasks that yield, tokio wakes the last one \
         first, so one task runs twice in a row. No order was promised: do not rely on one.",
        "Between two awaits no other task runs, so a `Cell` is enough to share data: no lock, no atomic.",
        "But a task without an await keeps the thread. Cut long computations into slices, or use \
         `spawn_blocking`.",
    ])
}

/// The experiment itself, on runtimes of its own.
///
/// # Errors
/// As [`run`], but for the journal.
pub fn experiment() -> io::Result<CooperativeReport> {
    let before = ThreadUsage::now()?;
    let handovers = local_runtime()?.block_on(play());
    let usage = ThreadUsage::now()?.since(before);
    let greedy = local_runtime()?.block_on(beats_during(false));
    let polite = local_runtime()?.block_on(beats_during(true));
    Ok(CooperativeReport { handovers, usage, beats: [greedy, polite] })
}

/// Two tasks write their marks; tells how often one found the other's.
async fn play() -> usize {
    let (last, handovers) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(0)));
    let players = ["a", "b"].map(|me| {
        let (last, handovers) = (last.clone(), handovers.clone());
        spawn_local(async move {
            for _ in 0..ROUNDS {
                // No task runs between these two statements: there is no await.
                let found = last.replace(Some(me));
                handovers.set(handovers.get() + usize::from(found.is_some_and(|name| name != me)));
                yield_now().await;
            }
        })
    });
    for player in players {
        player.await.expect("holds because it is not cancelled, and it does not panic");
    }
    handovers.get()
}

/// Computes beside a task that counts its turns; tells how many it had during the computation.
async fn beats_during(is_polite: bool) -> usize {
    let beats = Rc::new(Cell::new(0));
    let counter = beats.clone();
    let heart = spawn_local(async move {
        loop {
            counter.set(counter.get() + 1);
            yield_now().await;
        }
    });
    // It has begun before the computation does.
    yield_now().await;
    let before = beats.get();
    for slice in 0..SLICES {
        let sum: u64 = (0..SLICE_ADDITIONS).map(|number| black_box(number ^ slice as u64)).sum();
        black_box(sum);
        if is_polite {
            yield_now().await;
        }
    }
    heart.abort();
    beats.get() - before
}
