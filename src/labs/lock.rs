//! A lock: the cure for the race, and its price.
//!
//! `race` loses additions because a second thread loads between a first one's load and store. A mutex lets one thread
//! in at a time: a thread that comes in between is refused, or sleeps until the other has left.
//!
//! **Invariants**
//! - `LAB-LOCK-1`: a thread that comes between the load and the store of another does not get in, and no addition is
//!   lost.
//! - `LAB-LOCK-2`: a lock without contention costs something, and one that others want costs more; what is guarded
//!   runs on one processor at a time, however many there are. (Times are shown, not promised.)
//! - `LAB-LOCK-3`: a panic while the lock is held *poisons* it: the next one is told, and may look and go on.
//!
//! **Source**: the course's question which primitives there are; `std::sync::Mutex` under "Poisoning".

use std::hint::black_box;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::Journal;
use crate::threads::Barrier;

/// How often each of the two threads adds, where the order is forced.
pub const ROUNDS: usize = 100;
/// How often something is done to be timed. Taste: some milliseconds.
const TIMED: u64 = 1_000_000;

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct LockReport {
    /// What the counter showed.
    pub total: usize,
    /// How often the second thread came between, and was refused.
    pub refused: usize,
    /// What a thread finds that locks after another has panicked: whether it is told, and the value.
    pub after_panic: (bool, usize),
    /// What is timed, and the time of one addition.
    pub prices: Vec<(&'static str, Duration)>,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("Two threads add 1 to a counter, 100 times each, under a lock:")?;
    let LockReport { total, refused, after_panic: (told, value), prices } = experiment();
    journal.line(format_args!(
        "  the second came between load and store {refused} times, and was refused as often\n  \
           the counter: {total} of {}\n  \
           after a panic with the lock held: told so: {told}, the value: {value}\n\nThe price of an addition:",
        2 * ROUNDS
    ))?;
    for (what, price) in prices {
        journal.line(format_args!("  {what:32} {:6.1} ns", price.as_secs_f64() * 1e9))?;
    }
    journal.line(
        "\nWhat to notice:\n\
         - The same bad order as in `handloom lab race`, and nothing is lost: who comes between does not get in.\n\
         - A lock guards a piece of code only if *everybody* takes it. In Rust the number lies inside the lock, so\n  \
           nobody can forget.\n\
         - Two threads under one lock are no faster than one; as a rule they are slower, for the lock itself goes\n  \
           from processor to processor. Hold it shortly, and share little.\n\
         - A panic with the lock held may leave half of a change behind. The lock remembers, and tells the next one.",
    )
}

/// The experiment itself.
pub fn experiment() -> LockReport {
    let (total, refused) = come_between();
    LockReport { total, refused, after_panic: poison(), prices: prices() }
}

/// Two threads in step: in each round the second tries to get in while the first is between load and store.
fn come_between() -> (usize, usize) {
    let (counter, both) = (Mutex::new(0_usize), Barrier::new(2));
    let refused = thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let mut guard = counter.lock().unwrap_or_else(PoisonError::into_inner);
                let seen = *guard;
                both.wait();
                both.wait(); // The other has tried.
                *guard = seen + 1;
                drop(guard);
                both.wait(); // The other has added too.
            }
        });
        let second = scope.spawn(|| {
            let mut refused = 0;
            for _ in 0..ROUNDS {
                both.wait(); // The other has loaded.
                refused += usize::from(matches!(counter.try_lock(), Err(TryLockError::WouldBlock)));
                both.wait();
                *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                both.wait();
            }
            refused
        });
        second.join().expect("holds because the thread does not panic")
    });
    (counter.into_inner().unwrap_or_else(PoisonError::into_inner), refused)
}

/// Panics half-way through a change; returns whether the next one is told, and what it finds.
fn poison() -> (bool, usize) {
    let counter = Mutex::new(0_usize);
    // `resume_unwind` is a panic that prints nothing.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = counter.lock().unwrap_or_else(PoisonError::into_inner);
        *guard += 1;
        resume_unwind(Box::new("before the second half of the change"));
    }));
    let next = counter.lock();
    let told = panicked.is_err() && next.is_err();
    (told, *next.unwrap_or_else(PoisonError::into_inner))
}

/// What one addition costs, done in three ways by one thread and by two at once.
fn prices() -> Vec<(&'static str, Duration)> {
    let (locked, atomic, plain) = (Mutex::new(0_u64), AtomicU64::new(0), AtomicU64::new(0));
    let load_and_store = || plain.store(black_box(plain.load(Relaxed)) + 1, Relaxed);
    let fetch_add = || {
        atomic.fetch_add(1, Relaxed);
    };
    let lock = || *locked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    vec![
        ("load and store, one thread", price(1, load_and_store)),
        ("fetch_add, one thread", price(1, fetch_add)),
        ("fetch_add, two threads", price(2, fetch_add)),
        ("lock, one thread", price(1, lock)),
        ("lock, two threads", price(2, lock)),
    ]
}

/// The wall time of one call when so many threads make a million of them, shared out among them.
fn price(threads: u64, add: impl Fn() + Sync) -> Duration {
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..TIMED / threads).for_each(|_| add()));
        }
    });
    Duration::from_secs_f64(begin.elapsed().as_secs_f64() / 1e6)
}
