//! Producers and consumers: two threads produce, three consume, with a bounded queue between them.
//!
//! **Invariants**
//! - `LAB-QUEUE-1`: while no item is taken, the queue holds its capacity, and both producers sleep (*back-pressure*).
//! - `LAB-QUEUE-2`: each item is taken once, by any consumer; those of one producer in their order.
//! - `LAB-QUEUE-3`: after the close the consumers take what is left, and then end.
//! - `LAB-QUEUE-4`: without a bound no producer waits, and all items are in memory at once.
//!
//! **Source**: Python's `queue.Queue`. The queue itself is [`threads::Queue`](crate::threads::Queue).

use std::io;
use std::iter;
use std::thread;

use super::Journal;
use crate::threads::{PutError, Queue};

/// How many items the queue may hold.
pub const CAPACITY: usize = 3;
/// How many items each producer makes.
pub const ITEMS: usize = 10;
/// How many produce.
pub const PRODUCERS: usize = 2;
/// How many consume.
pub const CONSUMERS: usize = 3;

/// An item: who made it, and as the how-manieth.
pub type Item = (usize, usize);

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct QueueReport {
    /// How many items lay in the queue, and how many producers slept, before the consumer took.
    pub held_back: (usize, usize),
    /// How often a producer found the queue full.
    pub full: usize,
    /// What each consumer took, in its order.
    pub taken: Vec<Vec<Item>>,
    /// How many items lay in a queue without a bound before the consumer took.
    pub unbounded: usize,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(format_args!(
        "{PRODUCERS} producers of {ITEMS} items each, {CONSUMERS} consumers, a queue for {CAPACITY}. The consumers are late:"
    ))?;
    let QueueReport { held_back: (held, asleep), full, taken, unbounded } = experiment();
    journal.line(format_args!("  the queue holds {held}, and {asleep} producers sleep"))?;
    for (consumer, items) in taken.iter().enumerate() {
        let list: Vec<_> = items.iter().map(|(who, what)| format!("{who}.{what}")).collect();
        journal.line(format_args!(
            "  consumer {consumer} took {:2}: {}",
            items.len(),
            list.join(" ")
        ))?;
    }
    journal.line(format_args!(
        "  a producer found it full {full} times\n  \
           without a bound: {unbounded} items lie there before the first is taken\n  \
           all {} items were taken, each once",
        PRODUCERS * ITEMS,
    ))?;
    journal.notices(&[
        "The queue was full, so `put` slept: back-pressure. Without a bound the producers are never slowed, \
         and memory grows.",
        "The end is part of the queue: after `close` a consumer gets what is left, and then `None`.",
    ])
}

/// The experiment itself.
pub fn experiment() -> QueueReport {
    let (held_back, full, taken) = exchange(&Queue::new(CAPACITY), PRODUCERS);
    let (unbounded, ..) = exchange(&Queue::new(usize::MAX), 0);
    QueueReport { held_back, full, taken, unbounded: unbounded.0 }
}

/// Lets the producers work until so many of them sleep (or, if none shall, until all have ended), and then the consumers.
///
/// Returns how many items lay there and how many producers slept, how often one found the queue full, and what
/// each consumer took.
fn exchange(queue: &Queue<Item>, shall_sleep: usize) -> ((usize, usize), usize, Vec<Vec<Item>>) {
    let produce = |me| (1..=ITEMS).filter(|&number| found_full(queue, (me, number))).count();
    let consume = || iter::from_fn(|| queue.get()).collect::<Vec<_>>();
    thread::scope(|scope| {
        let produce = &produce;
        let producers: Vec<_> = (0..PRODUCERS).map(|me| scope.spawn(move || produce(me))).collect();
        // No item is taken yet: a producer that sleeps stays asleep, and one that has ended has put all its items.
        while queue.waiting() < shall_sleep || queue.len() < CAPACITY {
            thread::yield_now();
        }
        while shall_sleep == 0 && !producers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::yield_now();
        }
        let held_back = (queue.len(), queue.waiting());

        let consumers: Vec<_> = (0..CONSUMERS).map(|_| scope.spawn(consume)).collect();
        let join = "holds because the threads do not panic";
        let full = producers.into_iter().map(|thread| thread.join().expect(join)).sum();
        queue.close();
        (held_back, full, consumers.into_iter().map(|thread| thread.join().expect(join)).collect())
    })
}

/// Puts an item, and tells whether it had to wait for room.
fn found_full(queue: &Queue<Item>, item: Item) -> bool {
    let Err(PutError::Full(item) | PutError::Closed(item)) = queue.try_put(item) else {
        return false;
    };
    queue.put(item).expect("holds because the queue is closed after the last item");
    true
}
