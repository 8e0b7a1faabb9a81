//! A barrier: threads wait for each other until all have come.
//!
//! Problem: work in rounds, where each round reads what all threads have written in the round before. A thread that is
//! ahead would read what is not there yet.
//!
//! **Invariants**
//! - `BARRIER-1`: no thread passes before the agreed number of threads have come.
//! - `BARRIER-2`: in each round one thread is the leader: the one that came last. It does not sleep.
//! - `BARRIER-3`: rounds do not mix: a thread that comes again counts for the next round, even if some threads of the
//!   last round did not wake yet.
//!
//! ```text
//! A: comes, 1 of 2, round 0: sleeps
//! B: comes, 2 of 2: arrived = 0, round = 1, wakes all, passes
//! B: comes again, 1 of 2, round 1: sleeps
//! A: wakes; the round is 1 and was 0: passes
//! ```
//! If A checked `arrived` instead of the round, it would see 1 of 2 and sleep again, and B with it.
//!
//! **Left out**: a timeout, and what Python calls a broken barrier. If a thread panics before it comes, the others
//! wait forever.
//!
//! **Source**: `std::sync::Barrier`; `pthread_barrier_wait(3)`.

use super::deadline::{self, lock};
use super::{Condvar, Mutex};

/// A point at which a fixed number of threads wait for each other.
///
/// # Examples
/// ```
/// use handloom::threads::Barrier;
/// use std::thread;
///
/// let both = Barrier::new(2);
/// let leaders = thread::scope(|scope| {
///     let other = scope.spawn(|| both.wait());
///     usize::from(both.wait()) + usize::from(other.join().expect("no panic"))
/// });
/// assert_eq!(leaders, 1);
/// ```
#[derive(Debug)]
pub struct Barrier {
    /// How many threads make a round.
    threads: usize,
    /// How many have come, and in which round.
    state: Mutex<BarrierState>,
    /// Wakes all waiters: the round is complete.
    complete: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
struct BarrierState {
    /// How many have come in this round; all of them sleep.
    arrived: usize,
    /// The number of this round.
    round: u64,
}

impl Barrier {
    /// Makes a barrier for so many threads. With 0 or 1 no thread ever waits.
    pub fn new(threads: usize) -> Self {
        let state = BarrierState { arrived: 0, round: 0 };
        Self { threads, state: Mutex::new(state), complete: Condvar::new() }
    }

    /// Waits until all have come; true for the leader of the round.
    ///
    /// # Blocking
    /// Until the last one comes.
    pub fn wait(&self) -> bool {
        let mut state = lock(&self.state);
        state.arrived += 1;
        if state.arrived >= self.threads {
            // BARRIER-3: the next round begins before any of the sleepers can run.
            let has_sleepers = state.arrived > 1;
            state.arrived = 0;
            state.round += 1;
            drop(state);
            if has_sleepers {
                self.complete.notify_all();
            }
            return true;
        }
        let round = state.round;
        while state.round == round {
            (state, _) = deadline::wait(&self.complete, state, None);
        }
        false
    }

    /// Counts the threads that have come in this round.
    pub fn waiting(&self) -> usize {
        lock(&self.state).arrived
    }
}
