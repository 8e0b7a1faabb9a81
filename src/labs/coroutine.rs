//! Running totals as a coroutine: a function that waits in the middle, without the thread.
//!
//! **Invariants**
//! - `LAB-COROUTINE-1`: its totals are the iterator's and the generator's.
//! - `LAB-COROUTINE-2`: the event loop runs it. The task that makes numbers and the task that takes totals call only the
//!   queues in between. It waits inside a function that it calls.
//!
//! **Source**: the course's lesson on coroutines; PEP 342 (`send`), PEP 492 (`async`, `await`).

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::Journal;
use super::iterator::NUMBERS;
use crate::aio::{Queue, sleep};
use crate::rt::{EventLoop, Moment, Observer, TaskId, spawn_named};

/// The name of the coroutine's task.
const NAME: &str = "totals";
/// The time between two numbers.
pub const PAUSE: Duration = Duration::from_millis(100);

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoroutineReport {
    /// The totals.
    pub totals: Vec<u64>,
    /// How often the loop ran the coroutine.
    pub polls: usize,
    /// The memory of its frame, in bytes.
    pub frame_bytes: usize,
}

/// Counts how often one task is run.
#[derive(Default)]
struct PollCount {
    /// The task, once it is spawned.
    task: Cell<Option<TaskId>>,
    /// How often it was run.
    polls: Rc<Cell<usize>>,
}

impl Observer for PollCount {
    fn observe(&self, moment: Moment<'_>) {
        match moment {
            Moment::Spawned { task, name: Some(NAME), .. } => self.task.set(Some(task)),
            Moment::Polled { task, .. } if self.task.get() == Some(task) => {
                self.polls.set(self.polls.get() + 1);
            }
            _ => {}
        }
    }
}

/// Runs the experiment: as many [`PAUSE`]s as there are numbers.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let CoroutineReport { polls, frame_bytes, .. } = experiment(journal, false)?;
    journal.line(format_args!(
        "\nThe loop polled it {polls} times; its frame has {frame_bytes} bytes."
    ))?;
    journal.notices(&[
        "Values are pushed into it. Between two numbers it waits in the middle of `next_number`, a function \
         that it called, and the thread is free.",
        "The task that makes numbers and the task that takes totals never call it. The loop polls it when it \
         was spawned, and when a queue has woken it.",
        "The compiler makes its frame: the enum of places that `lab generator` writes by hand, with the frame \
         of `next_number` inside. That is how waits nest.",
    ])
}

/// The experiment itself; on a virtual clock it takes no time.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal, on_virtual_clock: bool) -> io::Result<CoroutineReport> {
    let observer = PollCount::default();
    let polls = observer.polls.clone();
    let mut builder = EventLoop::builder().observer(observer);
    if on_virtual_clock {
        builder = builder.virtual_clock();
    }
    let (totals, frame_bytes) = builder.build()?.block_on(converse(journal))?;
    Ok(CoroutineReport { totals, polls: polls.get(), frame_bytes })
}

/// Spawns the coroutine and one that feeds it, and takes the totals.
async fn converse(journal: &Journal) -> io::Result<(Vec<u64>, usize)> {
    let (numbers, results) = (Queue::new(1), Queue::new(1));
    let coroutine = totals(numbers.clone(), results.clone(), journal.clone());
    let frame_bytes = size_of_val(&coroutine);
    journal.line(format_args!(
        "totals(..) is called: a future of {frame_bytes} bytes; nothing runs"
    ))?;
    journal.start_clock();
    let closing = results.clone();
    let adding = spawn_named(NAME, async move {
        let ended = coroutine.await;
        closing.close();
        ended
    });
    let feeding = spawn_named("feed", feed(numbers));
    let mut taken = Vec::new();
    while let Some(total) = results.get().await {
        taken.push(total);
    }
    // In this order: if the journal cannot be written, no task takes the numbers any more.
    adding.await.expect("holds because nobody cancels it, and it does not panic")?;
    feeding.await.expect("holds because nobody cancels it, and it does not panic");
    journal.line("")?;
    Ok((taken, frame_bytes))
}

/// The coroutine. It ends when the numbers do.
async fn totals(numbers: Queue<u64>, results: Queue<u64>, journal: Journal) -> io::Result<()> {
    let mut total = 0;
    while let Some(number) = next_number(&numbers, &journal).await? {
        total += number;
        journal.event(format_args!("totals: {number} has come, {total} goes out"))?;
        // It is closed only when this has ended.
        let _ = results.put(total).await;
    }
    journal.event("totals: there are no more")
}

/// A function that a coroutine calls, and that waits.
async fn next_number(numbers: &Queue<u64>, journal: &Journal) -> io::Result<Option<u64>> {
    journal.event("totals: waits for a number")?;
    Ok(numbers.get().await)
}

/// Gives the numbers, one after another, when it suits it.
async fn feed(numbers: Queue<u64>) {
    for number in NUMBERS {
        sleep(PAUSE).await;
        // Only this function closes the queue.
        let _ = numbers.put(number).await;
    }
    numbers.close();
}
