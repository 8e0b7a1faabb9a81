//! A condition variable: two wrong ways to use it, and the right one.
//!
//! ```text
//! waiter                            setter, without the lock
//! looks at the flag: not set
//!                                   sets the flag
//!                                   notifies: no thread sleeps
//! falls asleep                      (the flag is set, and no wake will come)
//! ```
//!
//! **Invariants**
//! - `LAB-CONDITION-1`: a flag that is set without the lock, between the waiter's look and its sleep, does not wake it.
//! - `LAB-CONDITION-2`: with the flag under the lock no thread comes in between, and the wake arrives.
//! - `LAB-CONDITION-3`: two threads sleep, one item comes, both are woken: with `if` one of them finds nothing; with
//!   `while` it sleeps again.
//!
//! **Source**: `pthread_cond_wait(3)`.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use super::Journal;
use crate::threads::Barrier;

/// How long the waiter whose wake was lost sleeps. Without the limit it would sleep forever.
const LIMIT: Duration = Duration::from_millis(300);

/// What the lab has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// Without the lock: whether the time was up, and whether the flag was set all the while.
    pub lost: (bool, bool),
    /// With the flag under the lock: whether the setter could get in between, and whether the wake came.
    pub kept: (bool, bool),
    /// How many of two threads continued and found nothing, with `if` and with `while`.
    pub found_nothing: [usize; 2],
}

/// Runs the experiment, which takes as long as `LIMIT`.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line("A thread waits for a flag; another sets it between the look and the sleep:")?;
    let ConditionReport { lost: (slept, set), kept: (got_in, woken), found_nothing } = experiment();
    let [with_if, with_while] = found_nothing;
    journal.line(format_args!(
        "  flag beside the lock: it is set: {set}, and the waiter slept until its limit: {slept}\n  \
           flag under the lock:  the setter got in between: {got_in}; the wake came: {woken}\n\
         Two threads wait for items, one item comes, both are woken:\n  \
           with if:    {with_if} of them went on and found nothing\n  \
           with while: {with_while}"
    ))?;
    journal.notices(&[
        "A condition variable does not remember a wake. So look at the flag first, and sleep only if it is not \
         set.",
        "No setter may come between look and sleep. So `wait` takes the guard, and releases the lock and sleeps in \
         one step.",
        "A wake means \"look again\": another thread may have been faster, and systems wake threads without a \
         reason. So use `while`, or `Condvar::wait_while`.",
    ])
}

/// The experiment itself.
pub fn experiment() -> ConditionReport {
    let found_nothing = [false, true].map(two_for_one_item);
    ConditionReport { lost: flag_beside_the_lock(), kept: flag_under_the_lock(), found_nothing }
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
        let was_set = flag.load(SeqCst);
        both.wait();
        both.wait(); // The setter has notified, and no thread was asleep.
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let end = (!was_set).then(|| changed.wait_timeout(guard, LIMIT));
        let time_is_up = end.is_some_and(|end| end.is_ok_and(|(_guard, wait)| wait.timed_out()));
        (time_is_up, flag.load(SeqCst))
    })
}

/// The right way: whether the setter could get in between, and whether the wake came.
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
        let woken = changed.wait_while(guard, |is_set| !*is_set).is_ok_and(|is_set| *is_set);
        (setter.join().expect("holds because it does not panic"), woken)
    })
}

/// Two threads wait for items; one item comes and both are woken. How many went on and found nothing.
fn two_for_one_item(look_again: bool) -> usize {
    /// What the lock guards: the items, and how often a thread fell asleep.
    type State = (Vec<&'static str>, usize);
    let (state, changed) = (Mutex::new(State::default()), Condvar::new());
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let take = || {
        let mut guard = lock();
        loop {
            guard.1 += 1;
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
            // With `if` a thread comes here once.
            if !look_again || !guard.0.is_empty() {
                return guard.0.pop();
            }
        }
    };
    let put_when_asleep = |times, item| {
        // A thread that has counted keeps the lock until it sleeps, so once this is read, both sleep.
        while lock().1 < times {
            thread::yield_now();
        }
        lock().0.push(item);
        changed.notify_all();
    };
    thread::scope(|scope| {
        let takers = [scope.spawn(take), scope.spawn(take)];
        put_when_asleep(2, "the first");
        if look_again {
            put_when_asleep(3, "the second"); // One has found nothing, and sleeps again.
        }
        takers.map(ScopedJoinHandle::join).iter().filter(|end| matches!(end, Ok(None))).count()
    })
}
