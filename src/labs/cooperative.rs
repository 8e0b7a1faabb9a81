//! Tasks switch at an `.await`, and nowhere else: the game of `preemptive`, with tasks.
//!
//! **Invariants**
//! - `LAB-COOPERATIVE-1`: another task runs after each `yield_now`, and at no other time: the count is exact.
//! - `LAB-COOPERATIVE-2`: while a task computes without an `.await`, no other task runs; with one in each slice, another
//!   runs once in each slice.
//!
//! **Source**: the course's question what switches between coroutines; asyncio's `sleep(0)`.

use std::cell::Cell;
use std::hint::black_box;
use std::io;
use std::rc::Rc;

use super::Journal;
use crate::aio::yield_now;
use crate::os::ThreadUsage;
use crate::rt::{EventLoop, spawn_named};

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
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let CooperativeReport { handovers, usage, beats: [greedy, polite] } = experiment()?;
    let ThreadUsage { voluntary, involuntary, .. } = usage;
    journal.line(format_args!(
        "Two tasks on one thread, each yields {ROUNDS} times:\n  \
           the thread went from one to the other {handovers} times\n  \
           the kernel took the processor {involuntary} times, and the thread waited {voluntary} times\n\
         One task computes, the other counts how often it runs:\n  \
           without an .await: {greedy} times\n  \
           with an .await in each of {SLICES} slices: {polite} times"
    ))?;
    journal.notices(&[
        "Each switch stands in the program's text: `yield_now().await`. It costs a function call; the kernel \
         takes no part.",
        "Between two awaits no other task runs, so a `Cell` is enough to share data: no lock, no atomic.",
        "But a task without an await keeps the thread. Cut long computations into slices, or use `run_blocking`.",
    ])
}

/// The experiment itself, on loops of its own.
///
/// # Errors
/// As `run`, but for the journal.
pub fn experiment() -> io::Result<CooperativeReport> {
    let before = ThreadUsage::now()?;
    let handovers = quiet_loop()?.block_on(play());
    let usage = ThreadUsage::now()?.since(before);
    let greedy = quiet_loop()?.block_on(beats_during(false));
    let polite = quiet_loop()?.block_on(beats_during(true));
    Ok(CooperativeReport { handovers, usage, beats: [greedy, polite] })
}

/// A loop that does not report the task that holds it: here it is meant to.
fn quiet_loop() -> io::Result<EventLoop> {
    EventLoop::builder().slow_poll(None).build()
}

/// Two tasks write their marks; tells how often one found the other's.
async fn play() -> usize {
    let (last, handovers) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(0)));
    let players = ["a", "b"].map(|me| {
        let (last, handovers) = (last.clone(), handovers.clone());
        spawn_named(me, async move {
            for _ in 0..ROUNDS {
                // Two statements, and no task runs between them: there is no await.
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
    let heart = spawn_named("heart", async move {
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
    heart.cancel();
    beats.get() - before
}
