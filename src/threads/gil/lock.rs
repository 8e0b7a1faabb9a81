//! The lock itself: which thread has it, which wait, and how it is handed over.
//!
//! Problem: a holder that only computes would keep the lock forever. To release it every so many instructions costs
//! each time, also when no thread waits. So a waiter must ask for it; and if waiters ask too early, two threads hand
//! the lock to and fro without end.
//!
//! **Invariants**
//! - `GIL-1`: at most one thread holds the lock.
//! - `GIL-2`: a waiter asks only after a whole switch interval in which the lock was held and no other thread took it.
//!   Without a waiter no thread asks.
//! - `GIL-3`: the holder releases the lock only at its own checks. One that never checks keeps it.
//! - `GIL-4`: with forced switching, a holder that was asked does not take the lock again before another thread had it.
//! - `GIL-5`: while the lock is free and a thread waits for it, a wake-up is on its way to one. So none is lost.
//! - `GIL-6`: without a waiter, taking and releasing make no system call.
//! - `GIL-7`: the wake-up is for a thread that has waited at least as long as one that begins to wait now.
//! - `HELD-1`: while a [`Held`] can be used, its thread has the lock. Within [`Held::allow_threads`] it cannot be used.
//! - `HELD-2`: a check without a request is one load and one branch.
//! - `HELD-3`: if work panics outside the lock, the lock is taken again before the panic continues.
//!
//! `GIL-7` needs two groups of waiters. A waiter whose time is up asks, and waits again; the holder, which checks all
//! the time, often releases the lock before that waiter sleeps. With one condition variable the waiter would take the
//! wake-up that was meant for a sleeping thread, and being awake it would win: of three threads only two would ever
//! run. (`glibc`'s condition variable has such groups inside; std's has not.)
//!
//! One hand-over. It takes the interval, and twice the time in which the kernel wakes a thread:
//!
//! ```text
//! holder A                                 waiter B
//! computes                                 waits on `released`, at most an interval
//!                                          time is up, still held, no switch since: request = true
//!                                          waits on `released` again
//! checks: request is set
//! is_held = false, wakes `released`
//! waits on `switched`: it was asked
//!                                          wakes; is_held = true, switches += 1, request = false
//!                                          wakes `switched`; computes
//! wakes: another thread had the lock
//! waits on `released`, at most ...
//! ```
//! Without the forced switch A would not wait on `switched`. It would take the lock again at once, and B, which needs
//! tens of microseconds to wake, would find it held nearly every time.
//!
//! **Left out**: daemon threads that are stopped when the interpreter ends; signals and pending calls; data that the
//! type system ties to the lock, as `PyO3` does with its token.
//!
//! **Source**: `Python/ceval_gil.h` of `CPython` 3.11, the comment at its head; the lock is Antoine Pitrou's. For
//! [`Held`]: the Python/C API, "Thread State and the Global Interpreter Lock".

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a waiter waits before it asks: `CPython`'s default.
pub const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

/// A global interpreter lock.
///
/// A thread attaches, checks the lock now and then while it computes, and releases it while it waits for something
/// else.
///
/// # Examples
/// ```
/// use std::thread;
/// use handloom::threads::gil::{Gil, SWITCH_INTERVAL};
///
/// let gil = Gil::new(SWITCH_INTERVAL);
/// let job = || {
///     let mut held = gil.attach();
///     let mut sum = 0_u64;
///     for n in 0..1_000 {
///         sum += n;
///         held.check(); // as at the end of each round of a loop
///     }
///     held.allow_threads(|| println!("{sum}")); // what may block
/// };
/// thread::scope(|scope| {
///     scope.spawn(job);
///     scope.spawn(job);
/// });
/// ```
#[derive(Debug)]
pub struct Gil {
    /// Which thread has the lock, and which wait. No statement under the mutex leaves it half changed, and no foreign
    /// code runs there, so a poisoned mutex is used like any other.
    state: Mutex<GilState>,
    /// Wakes a thread that wants the lock, in one of two groups: the lock was released.
    released: [Condvar; 2],
    /// Wakes the threads that were asked for the lock: another thread has it.
    switched: Condvar,
    /// Set when the holder is asked to release the lock, cleared when a thread takes it. Written under the mutex; the
    /// holder reads it without (see [`Gil::is_asked`]).
    request: AtomicBool,
    /// The number of the next thread that attaches.
    next_thread: AtomicU64,
}

/// What the mutex guards.
#[derive(Debug)]
struct GilState {
    /// Whether a thread has the lock (`GIL-1`).
    is_held: bool,
    /// The thread that has it, or had it last; 0 before the first.
    last_holder: u64,
    /// How often the lock went to another thread than the one that had it last.
    switches: u64,
    /// How often a holder was asked to release it.
    requests: u64,
    /// The threads that wait on each `released`.
    groups: [Group; 2],
    /// The group from which threads are woken. A thread that begins to wait joins the other group. When no thread is
    /// left here to be woken, the groups change places (`GIL-7`).
    older: usize,
    /// How many threads wait on `switched`.
    asked: usize,
    /// How long a waiter waits before it asks.
    interval: Duration,
    /// Whether a holder that was asked waits for the switch (`GIL-4`).
    forces_switch: bool,
}

/// Some of the threads that wait for the lock.
#[derive(Debug, Default)]
struct Group {
    /// How many wait.
    waiting: usize,
    /// How many of them were woken and did not take the mutex yet; at most `waiting`.
    woken: usize,
}

impl Gil {
    /// Makes a free lock, whose waiters ask after `interval`. Switching is forced, as in `CPython`.
    pub fn new(interval: Duration) -> Self {
        let state = GilState {
            is_held: false,
            last_holder: 0,
            switches: 0,
            requests: 0,
            groups: [Group::default(), Group::default()],
            older: 0,
            asked: 0,
            interval,
            forces_switch: true,
        };
        Self {
            state: Mutex::new(state),
            released: [Condvar::new(), Condvar::new()],
            switched: Condvar::new(),
            request: AtomicBool::new(false),
            next_thread: AtomicU64::new(1),
        }
    }

    /// Lets a holder that was asked compete for the lock again at once, as before `CPython` forced the switch.
    #[must_use]
    pub fn without_forced_switch(self) -> Self {
        self.lock().forces_switch = false;
        self
    }

    /// Registers this thread with the interpreter and takes the lock.
    ///
    /// A thread that holds the lock already and attaches again waits forever, for itself.
    ///
    /// # Blocking
    /// Until the lock is free.
    pub fn attach(&self) -> Held<'_> {
        // Relaxed: only the number must be unique.
        let thread = self.next_thread.fetch_add(1, Ordering::Relaxed);
        self.take(thread);
        Held { gil: self, thread, not_send: PhantomData }
    }

    /// Asks the holder to release the lock at its next check, if a thread waits; without waiting an interval first. For
    /// experiments that need the switch at a certain point.
    pub fn ask(&self) {
        self.raise_request(&mut self.lock());
    }

    /// How often the lock has gone to another thread than the one that had it last.
    pub fn switches(&self) -> u64 {
        self.lock().switches
    }

    /// How often a holder was asked.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// How many threads wait for the lock to be released.
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Tells the holder whether it was asked: the eval breaker, one load.
    fn is_asked(&self) -> bool {
        // Relaxed: if this check misses the request, the next one sees it; and `release` takes the mutex, as the
        // waiter does.
        self.request.load(Ordering::Relaxed)
    }

    /// Takes the lock for the thread with this number.
    fn take(&self, thread: u64) {
        let mut state = self.lock();
        while state.is_held {
            state = self.wait_an_interval(state);
        }
        state.is_held = true;
        let is_switch = state.last_holder != thread;
        if is_switch {
            state.last_holder = thread;
            state.switches += 1;
        }
        // Other waiters ask again, after an interval of this holder.
        self.request.store(false, Ordering::Relaxed);
        let wakes_asked = is_switch && state.asked > 0;
        drop(state);
        if wakes_asked {
            self.switched.notify_all();
        }
    }

    /// Releases the lock; a holder that was asked then waits until another thread had it (`GIL-4`).
    fn release(&self) {
        let mut state = self.lock();
        self.set_free(&mut state);
        // A waiter stays until it has the lock, so the switch will come.
        if !(state.forces_switch && self.is_asked() && state.waiting() > 0) {
            return;
        }
        let seen = state.switches;
        state.asked += 1;
        // The wait releases the mutex, so the woken thread finds it free.
        while state.switches == seen {
            state = self.switched.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asked -= 1;
    }

    /// Releases the lock for good: this thread does not want it again, so it does not wait.
    fn release_for_good(&self) {
        self.set_free(&mut self.lock());
    }

    /// Waits until the lock may be free, at most for an interval; then asks (`GIL-2`).
    fn wait_an_interval<'a>(
        &self,
        mut state: MutexGuard<'a, GilState>,
    ) -> MutexGuard<'a, GilState> {
        let (seen, interval, group) = (state.switches, state.interval, 1 - state.older);
        state.groups[group].waiting += 1;
        let waited = self.released[group].wait_timeout(state, interval);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        // Asks while it still counts as waiting. After a switch in the meantime the new holder's turn has only begun.
        if outcome.timed_out() && state.is_held && state.switches == seen {
            self.raise_request(&mut state);
        }
        let group = &mut state.groups[group];
        group.waiting -= 1;
        // A spurious wake takes another waiter's wake off the count. Then one wake too many is sent later, never one
        // too few (GIL-5).
        group.woken = group.woken.saturating_sub(1);
        state
    }

    /// Sets the request, if a thread waits.
    fn raise_request(&self, state: &mut GilState) {
        if state.is_held && state.waiting() > 0 {
            state.requests += 1;
            // Pairs with the load in `is_asked`; relaxed, because it orders nothing else.
            self.request.store(true, Ordering::Relaxed);
        }
    }

    /// Sets the lock free, and wakes a waiter if there is one that was not woken yet (`GIL-5`).
    fn set_free(&self, state: &mut GilState) {
        state.is_held = false;
        if !state.groups[state.older].has_sleeper() {
            state.older = 1 - state.older;
        }
        let older = state.older;
        // std would make a system call even if no thread waits (GIL-6).
        if state.groups[older].has_sleeper() {
            state.groups[older].woken += 1;
            // Under the mutex, as in `CPython`: after the unlock the waiter would win more often against a holder that
            // takes the lock again at once.
            self.released[older].notify_one();
        }
    }

    /// Locks the mutex.
    fn lock(&self) -> MutexGuard<'_, GilState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GilState {
    /// How many wait for the lock.
    fn waiting(&self) -> usize {
        self.groups.iter().map(|group| group.waiting).sum()
    }
}

impl Group {
    /// Tells whether a thread waits that was not woken yet.
    fn has_sleeper(&self) -> bool {
        self.waiting > self.woken
    }
}

/// The lock, held by this thread. Dropping it releases the lock.
pub struct Held<'gil> {
    /// The lock.
    gil: &'gil Gil,
    /// This thread's number, by which the lock tells whether another thread had it.
    thread: u64,
    /// Keeps it on its thread.
    not_send: PhantomData<*const ()>,
}

impl<'gil> Held<'gil> {
    /// Checks whether a thread asks for the lock; if so, releases it and takes it again (`GIL-3`). Without a request it
    /// costs one load and one branch. Returns whether it released the lock.
    ///
    /// An interpreter does this at backward jumps, at calls and on entry to a function.
    ///
    /// # Blocking
    /// When it was asked: until another thread had the lock, and this one gets it again.
    pub fn check(&self) -> bool {
        let is_asked = self.gil.is_asked();
        if is_asked {
            self.hand_over();
        }
        is_asked
    }

    /// Releases the lock during work that may block and that uses nothing of the interpreter's.
    ///
    /// # Panics
    /// When `work` does; the lock is taken again first.
    ///
    /// # Blocking
    /// As `work` does; before it, when the lock was asked for, until another thread had it; after it until the lock is
    /// free. Beside a thread that computes that is a whole interval: the convoy effect.
    pub fn allow_threads<T>(&mut self, work: impl FnOnce() -> T) -> T {
        /// Takes the lock again, also if the work panics.
        struct Retake<'a, 'gil>(&'a Held<'gil>);
        impl Drop for Retake<'_, '_> {
            fn drop(&mut self) {
                self.0.gil.take(self.0.thread);
            }
        }
        self.gil.release();
        let _retake = Retake(self);
        work()
    }

    /// The lock that is held, to ask or to count.
    pub fn gil(&self) -> &'gil Gil {
        self.gil
    }

    /// The rare half of a check, kept out of the loops that check.
    #[cold]
    fn hand_over(&self) {
        self.gil.release();
        self.gil.take(self.thread);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.gil.release_for_good();
    }
}

impl fmt::Debug for Held<'_> {
    /// Shows the thread's number.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Held").field("thread", &self.thread).finish_non_exhaustive()
    }
}
