//! A lock: the cure for the race, and its price.
//!
//! `race` loses additions because the second thread loads between load and store of the first. A mutex refuses it there.
//!
//! **Invariants**
//! - `LAB-LOCK-1`: no thread gets in between the load and the store of another, and no addition is lost.
//! - `LAB-LOCK-2`: a lock without contention has a price, and with contention a higher one. Times are shown, with a
//!   verdict.
//! - `LAB-LOCK-3`: a panic while the lock is held *poisons* it: the next `lock` returns an error that holds the guard.
//!
//! **Source**: the course's question which primitives there are; `std::sync::Mutex` under "Poisoning".

use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::thread;
use std::time::Instant;

use super::Journal;
use super::samples::Samples;
use crate::report::{OtherWork, OtherWorkProbe};
use crate::threads::Barrier;

/// How often each of the two threads adds, where the order is forced.
pub const ROUNDS: usize = 100;
/// How many additions are timed together: some milliseconds.
const TIMED: u32 = 200_000;
/// How often each price is measured, in turns.
const RUNS: usize = 9;
/// The prices.
const PRICES: [&str; 5] = [
    "load and store, one thread",
    "fetch_add, one thread",
    "fetch_add, two threads",
    "lock, one thread",
    "lock, two threads",
];

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct LockReport {
    /// What the counter showed.
    pub total: usize,
    /// How often the second thread came between, and was refused.
    pub refused: usize,
    /// After a panic with the lock held: whether `lock` returns an error, and the value.
    pub after_panic: (bool, usize),
    /// The times of one addition, in the order of `PRICES`.
    pub prices: [Samples; 5],
    /// How busy other programs kept the processors meanwhile.
    pub other_work: OtherWork,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("Two threads add 1 to a counter, 100 times each, under a lock:")?;
    let LockReport { total, refused, after_panic: (told, value), prices, other_work } =
        experiment();
    journal.line(format_args!(
        "  the second came between load and store {refused} times, and was refused each time\n  \
           the counter: {total} of {}\n  \
           after a panic with the lock held: lock returns an error: {told}; the value: {value}\n\n\
         The price of an addition, the best and the worst of {RUNS} runs:",
        2 * ROUNDS
    ))?;
    for (what, price) in PRICES.iter().zip(&prices) {
        journal.line(format_args!("  {what:28} {price}"))?;
    }
    let [load_and_store, _, _, lock, lock_of_two] = prices;
    let verdict =
        other_work.verdict(lock.best > load_and_store.best && lock_of_two.over(lock) > 0.8);
    journal.line(format_args!("  two threads under one lock are no faster than one: {verdict}"))?;
    journal.notices(&[
        "A lock protects data only if every thread takes it. In Rust the data is inside the lock, so no thread \
         can forget.",
        "Two threads under one lock are no faster than one, and mostly slower: the lock itself moves between the \
         processors' caches. Hold a lock briefly, and share little.",
        "A panic while the lock is held may leave half of a change behind. The lock remembers it: it is poisoned.",
    ])
}

/// The experiment itself.
pub fn experiment() -> LockReport {
    let (total, refused) = come_between();
    let (prices, other_work) = prices();
    LockReport { total, refused, after_panic: poison(), prices, other_work }
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
fn prices() -> ([Samples; 5], OtherWork) {
    let (locked, atomic, plain) = (Mutex::new(0_u64), AtomicU64::new(0), AtomicU64::new(0));
    let load_and_store = || plain.store(black_box(plain.load(Relaxed)) + 1, Relaxed);
    let fetch_add = || {
        atomic.fetch_add(1, Relaxed);
    };
    let lock = || *locked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    let probe = OtherWorkProbe::start();
    let Ok(samples) = Samples::in_turns(
        RUNS,
        [
            &mut || Ok::<_, Infallible>(price(1, load_and_store)),
            &mut || Ok(price(1, fetch_add)),
            &mut || Ok(price(2, fetch_add)),
            &mut || Ok(price(1, lock)),
            &mut || Ok(price(2, lock)),
        ],
    );
    (samples, probe.finish())
}

/// The wall time of one call, in seconds, when so many threads share [`TIMED`] calls.
fn price(threads: u32, add: impl Fn() + Sync) -> f64 {
    let begin = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..TIMED / threads).for_each(|_| add()));
        }
    });
    begin.elapsed().as_secs_f64() / f64::from(TIMED)
}
