//! A condition variable: to sleep until something is so. Two ways to use it wrongly, and the right one.
//!
//! A condition variable remembers nothing: a wake that finds nobody asleep is gone. So what is waited for must stand in
//! memory, under the lock that the wait gives up; and whoever wakes must look at it again.
//!
//! ```text
//! waiter                            setter, without the lock
//! looks at the flag: not set
//!                                   sets the flag
//!                                   notifies: nobody sleeps
//! falls asleep                      (the flag is set, and no wake will come)
//! ```
//!
//! **Invariants**
//! - `LAB-CONDITION-1`: a flag that is set without the lock, between the waiter's look and its sleep, is slept over.
//! - `LAB-CONDITION-2`: with the flag under the lock nobody gets in between, and the wake arrives.
//! - `LAB-CONDITION-3`: two sleep, one item comes, and both are woken: with `if` one of them goes on and finds nothing;
//!   with `while` it sleeps again until there is an item for it.
//!
//! **Source**: `pthread_cond_wait(3)`; `std::sync::Condvar`.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::Journal;
use crate::threads::Barrier;

/// How long the waiter whose wake was lost is left to sleep. Without it, for ever.
const LIMIT: Duration = Duration::from_millis(300);

/// What the lab has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Without the lock: whether the time was up, and whether the flag was set all the while.
    pub lost: (bool, bool),
    /// With the flag under the lock: whether the setter could get in between, and whether the time was up.
    pub kept: (bool, bool),
    /// How many of two went on and found nothing, with `if` and with `while`.
    pub found_nothing: [usize; 2],
}

/// Runs the experiment.
///
/// # Errors
/// Those of the journal's writer.
///
/// # Blocking
/// For [`LIMIT`].
pub fn run(journal: &Journal) -> io::Result<()> {
    journal.line("A thread waits for a flag; another sets it between the look and the sleep:")?;
    let Report { lost, kept, found_nothing: [with_if, with_while] } = experiment();
    let end = |time_is_up| if time_is_up { "slept until its limit" } else { "was woken" };
    let got_in = if kept.0 { "got in between" } else { "had to wait" };
    journal.line(format_args!(
        "  flag beside the lock: it {}, with the flag set: {}\n  \
           flag under the lock:  the setter {got_in}; the waiter {}\n\
         Two wait for items, one item comes, both are woken:\n  \
           with if:    {with_if} of them went on and found nothing\n  \
           with while: {with_while}\n\n\
         What to notice:\n\
         - A wake is not kept. Only memory keeps something: so look first, and sleep only if it is not so yet.\n\
         - The look and the falling asleep must be one step for the setter. That is why a wait takes the guard: it\n  \
           gives up the lock and falls asleep at once.\n\
         - Woken means \"look again\", not \"it is so\": another may have been faster, and systems wake for no reason.\n  \
           So always `while`, or `Condvar::wait_while`, which has the loop in it.\n\
         - An `async` program has the same trap: `handloom lab lost-wake`.",
        end(lost.0), lost.1, end(kept.1),
    ))
}

/// The experiment itself.
pub fn experiment() -> Report {
    let found_nothing = [two_for_one_item(false), two_for_one_item(true)];
    Report { lost: flag_beside_the_lock(), kept: flag_under_the_lock(), found_nothing }
}

/// The wrong way: whether the time was up, and whether the flag was set.
fn flag_beside_the_lock() -> (bool, bool) {
    let (flag, lock, changed, both) =
        (AtomicBool::new(false), Mutex::new(()), Condvar::new(), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            both.wait(); // The waiter has looked.
            flag.store(true, SeqCst); // Pairs with the loads of the waiter.
            changed.notify_all();
            both.wait();
        });
        let mut time_is_up = false;
        if !flag.load(SeqCst) {
            both.wait();
            both.wait(); // The setter has notified, and nobody was asleep.
            let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
            let (_guard, wait) =
                changed.wait_timeout(guard, LIMIT).unwrap_or_else(PoisonError::into_inner);
            time_is_up = wait.timed_out();
        }
        (time_is_up, flag.load(SeqCst))
    })
}

/// The right way: whether the setter could get in between, and whether the time was up.
fn flag_under_the_lock() -> (bool, bool) {
    let (flag, changed, both) = (Mutex::new(false), Condvar::new(), Barrier::new(2));
    thread::scope(|scope| {
        let setter = scope.spawn(|| {
            both.wait(); // The waiter has looked, and has the lock.
            let got_in = flag.try_lock().is_ok();
            both.wait();
            *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.notify_all();
            got_in
        });
        let guard = flag.lock().unwrap_or_else(PoisonError::into_inner);
        both.wait();
        both.wait(); // The setter has tried.
        let (guard, wait) = changed
            .wait_timeout_while(guard, Duration::MAX, |is_set| !*is_set)
            .unwrap_or_else(PoisonError::into_inner);
        drop(guard);
        (setter.join().expect("holds because it does not panic"), wait.timed_out())
    })
}

/// Two threads wait for items; one item comes and both are woken. How many went on and found nothing.
fn two_for_one_item(look_again: bool) -> usize {
    /// What the lock guards: the items, and how often a thread fell asleep.
    type State = (VecDeque<&'static str>, usize);
    let (state, changed) = (Mutex::new(State::default()), Condvar::new());
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let take = || {
        let mut guard = lock();
        loop {
            guard.1 += 1;
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
            // With `if` nobody comes here twice.
            if !look_again || !guard.0.is_empty() {
                return guard.0.pop_front();
            }
        }
    };
    // Whoever has counted keeps the lock until it sleeps: so once this is read, they do sleep.
    let until_asleep = |times| {
        while lock().1 < times {
            thread::yield_now();
        }
    };
    let put = |item| {
        lock().0.push_back(item);
        changed.notify_all();
    };
    thread::scope(|scope| {
        let takers = [scope.spawn(take), scope.spawn(take)];
        until_asleep(2);
        put("the first");
        if look_again {
            until_asleep(3); // One has found nothing, and sleeps for the second time.
            put("the second");
        }
        takers.map(ScopedJoinHandle::join).iter().filter(|end| matches!(end, Ok(None))).count()
    })
}
