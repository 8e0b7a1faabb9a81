//! Running totals as a coroutine: a function that waits in the middle, without the thread.
//!
//! **Invariants**
//! - `LAB-COROUTINE-1`: its totals are the iterator's and the generator's.
//! - `LAB-COROUTINE-2`: the event loop runs it. The task that makes numbers and the task that takes totals call only the
//!   queues in between. It waits inside a function that it calls.
//!
//! **Source**: the course's lesson on coroutines; PEP 342 (`send`), PEP 492 (`async`, `await`).

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::time::Duration;

use super::Journal;
use super::iterator::NUMBERS;
use crate::aio::{Queue, sleep};
use crate::rt::{EventLoop, spawn_named};

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

/// Runs the experiment: as many [`PAUSE`]s as there are numbers.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let CoroutineReport { polls, frame_bytes, .. } = experiment(journal, false)?;
    journal
        .line(format_args!("It was polled {polls} times; its frame has {frame_bytes} bytes."))?;
    journal.notices(&[
        "Values are pushed into it. Between two numbers it waits in the middle of `next_number`, a function \
         that it called, and the thread is free.",
        "The compiler makes its frame: the enum of places that `lab generator` writes by hand, with the frame \
         of `next_number` inside. That is how waits nest.",
    ])
}

/// The experiment itself; on a virtual clock it takes no time.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal, on_virtual_clock: bool) -> io::Result<CoroutineReport> {
    let mut builder = EventLoop::builder();
    if on_virtual_clock {
        builder = builder.virtual_clock();
    }
    builder.build()?.block_on(converse(journal))
}

/// Spawns the coroutine and a task that feeds it, and takes the totals.
async fn converse(journal: &Journal) -> io::Result<CoroutineReport> {
    let (numbers, results) = (Queue::new(1), Queue::new(1));
    let coroutine = totals(numbers.clone(), results.clone(), journal.clone());
    let frame_bytes = size_of_val(&coroutine);
    journal.line(format_args!(
        "totals(..) is called: a future of {frame_bytes} bytes; nothing runs"
    ))?;
    journal.start_clock();
    let closing = results.clone();
    let adding = spawn_named("totals", async move {
        let (mut coroutine, mut polls) = (pin!(coroutine), 0);
        let counted = poll_fn(|cx| {
            polls += 1;
            coroutine.as_mut().poll(cx)
        });
        let ended = counted.await;
        closing.close();
        ended.map(|()| polls)
    });
    let feeding = spawn_named("feed", feed(numbers));
    let mut totals = Vec::new();
    while let Some(total) = results.get().await {
        totals.push(total);
    }
    // In this order: if the journal cannot be written, no task takes the numbers any more.
    let polls = adding.await.expect("holds because it is not cancelled, and it does not panic")?;
    feeding.await.expect("holds because it is not cancelled, and it does not panic");
    journal.line("")?;
    Ok(CoroutineReport { totals, polls, frame_bytes })
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

/// Gives the numbers, one after another, with pauses.
async fn feed(numbers: Queue<u64>) {
    for number in NUMBERS {
        sleep(PAUSE).await;
        // Only this function closes the queue.
        let _ = numbers.put(number).await;
    }
    numbers.close();
}
