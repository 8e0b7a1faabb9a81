//! The lock itself: who has it, who waits, and how it is handed over.
//!
//! Problem: a holder that only computes would keep the lock for ever. Giving it up every so many instructions
//! costs each time, also when nobody wants it. So whoever waits must ask; and asking too early makes the two
//! hand the lock to and fro without end.
//!
//! **Invariants**
//! - `GIL-1`: at most one thread holds the lock.
//! - `GIL-2`: a waiter asks only after it has waited a whole switch interval in which the lock was held and
//!   nobody new had it. Without a waiter nobody asks.
//! - `GIL-3`: the holder gives the lock up at its own looks and nowhere else. One that never looks keeps it.
//! - `GIL-4`: with forced switching, a holder that was asked does not take the lock again before somebody else
//!   has had it.
//! - `GIL-5`: while the lock is free and a thread waits for it, a wake-up is under way to one that waits. So no
//!   wake-up is lost.
//! - `GIL-6`: without a waiter, taking and giving back make no system call.
//! - `GIL-7`: the wake-up is for one that has waited at least as long as whoever begins to wait now.
//!
//! `GIL-7` needs two groups, for a reason that is easily missed. A waiter whose time is up asks, and waits again;
//! the holder, who looks all the time, often gives the lock back before that waiter sleeps. With one condition
//! variable it would take the wake-up that was meant for one asleep, and being awake it would win: of three threads
//! two would play into each other's hands. (`glibc`'s condition variable has such groups inside; std's has not.)
//!
//! One hand-over, with the names of the two condition variables. It takes the interval, and twice the time in
//! which the kernel wakes a thread:
//!
//! ```text
//! holder A                                 waiter B
//! computes                                 waits on `given_back`, at most an interval
//!                                          time is up, still held, no switch since: request = true
//!                                          waits on `given_back` again
//! looks: request is set
//! is_held = false, wakes `given_back`
//! waits on `switched`: it was asked
//!                                          wakes; is_held = true, switches += 1, request = false
//!                                          wakes `switched`; computes
//! wakes: somebody else has had it
//! waits on `given_back`, at most ...
//! ```
//! Without the forced switch A would not wait on `switched`. It would take the lock again at once, and B, which
//! needs tens of microseconds to wake, would find it held nearly every time.
//!
//! **Left out**: daemon threads that are stopped when the interpreter ends; signals and pending calls, which
//! `CPython` looks for at the same place; a second mutex for `switched`, which saves nothing here.
//!
//! **Source**: `Python/ceval_gil.h` of `CPython` 3.11, the comment at its head; the lock is Antoine Pitrou's.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Held;

/// How long a waiter waits before it asks: `CPython`'s default.
pub const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

/// A global interpreter lock.
///
/// A thread attaches, looks at the lock every now and then while it computes, and lets others in while it waits
/// for something else.
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
    /// Who has the lock and who waits. Never poisoned in earnest: no statement under it leaves it half changed,
    /// and no foreign code runs there; so a poisoned mutex is taken over as it is.
    state: Mutex<State>,
    /// Waited on by those who want the lock, in two groups: it was given back.
    given_back: [Condvar; 2],
    /// Waited on by those who were asked for it: somebody else has it.
    switched: Condvar,
    /// Set when the holder is asked to give the lock up, cleared when another has taken it. Changed under the
    /// mutex only; the holder reads it without (see [`Gil::is_asked`]).
    request: AtomicBool,
    /// The number of the next thread that attaches.
    next_thread: AtomicU64,
}

/// What the mutex guards.
#[derive(Debug)]
struct State {
    /// Whether a thread has the lock (`GIL-1`).
    is_held: bool,
    /// The thread that has it, or had it last; 0 before the first.
    last_holder: u64,
    /// How often the lock went to another thread than the one that had it last.
    switches: u64,
    /// How often a holder was asked to give it up.
    requests: u64,
    /// Those who wait on each `given_back`.
    groups: [Group; 2],
    /// The group that is woken from. Who begins to wait goes to the other, which gets this place once nobody is
    /// left here to be woken (`GIL-7`).
    older: usize,
    /// How many threads wait on `switched`.
    asked: usize,
    /// How long a waiter waits before it asks.
    interval: Duration,
    /// Whether a holder that was asked waits for the switch (`GIL-4`).
    forces_switch: bool,
}

/// Some of those who wait for the lock.
#[derive(Debug, Default)]
struct Group {
    /// How many wait.
    waiting: usize,
    /// How many of them were woken and have not come to the mutex yet; never more than are on their way.
    woken: usize,
}

impl Gil {
    /// Makes a lock that nobody holds, whose waiters ask after `interval`. Switching is forced, as in `CPython`.
    pub fn new(interval: Duration) -> Self {
        let state = State {
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
            given_back: [Condvar::new(), Condvar::new()],
            switched: Condvar::new(),
            request: AtomicBool::new(false),
            next_thread: AtomicU64::new(1),
        }
    }

    /// Has a holder that was asked compete for the lock again at once, as before `CPython` forced the switch.
    #[must_use]
    pub fn without_forced_switch(self) -> Self {
        self.lock().forces_switch = false;
        self
    }

    /// Changes how long a waiter waits before it asks; those who wait already finish their present span.
    pub fn set_switch_interval(&self, interval: Duration) {
        self.lock().interval = interval;
    }

    /// Registers this thread with the interpreter and takes the lock.
    ///
    /// A thread that holds the lock already and attaches again waits for itself, for ever.
    ///
    /// # Blocking
    /// Until the lock is free.
    pub fn attach(&self) -> Held<'_> {
        // Relaxed: a number of one's own is all that is asked for.
        let thread = self.next_thread.fetch_add(1, Ordering::Relaxed);
        self.take(thread);
        Held::new(self, thread)
    }

    /// Asks the holder to give the lock up at its next look, if anybody waits, without waiting an interval first.
    ///
    /// For experiments: it puts the switch where one wants to see it, so that no luck is needed.
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

    /// How many threads wait for the lock to be given back.
    pub fn waiting(&self) -> usize {
        self.lock().waiting()
    }

    /// Tells the holder whether it was asked: the eval breaker, one load.
    pub(super) fn is_asked(&self) -> bool {
        // Relaxed: a look that comes too early is made good by the next one, and `give` takes the mutex, which
        // pairs with that of the waiter.
        self.request.load(Ordering::Relaxed)
    }

    /// Takes the lock for the thread with this number.
    pub(super) fn take(&self, thread: u64) {
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
        // Whoever else waits asks anew, after an interval of this holder's.
        self.request.store(false, Ordering::Relaxed);
        let wakes_asked = is_switch && state.asked > 0;
        drop(state);
        if wakes_asked {
            self.switched.notify_all();
        }
    }

    /// Gives the lock back; a holder that was asked then waits until another has had it (`GIL-4`).
    pub(super) fn give(&self) {
        let mut state = self.lock();
        self.release(&mut state);
        // Only a waiter asks, and it stays until it has the lock: so the switch will come.
        if !(state.forces_switch && self.is_asked() && state.waiting() > 0) {
            return;
        }
        let seen = state.switches;
        state.asked += 1;
        // The wait gives up the mutex, so the thread just woken finds it free.
        while state.switches == seen {
            state = self.switched.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.asked -= 1;
    }

    /// Gives the lock back for good: this thread will not want it again, so it waits for nobody.
    pub(super) fn give_for_good(&self) {
        self.release(&mut self.lock());
    }

    /// Waits until the lock may be free, at most for an interval; then asks (`GIL-2`).
    fn wait_an_interval<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let (seen, interval, group) = (state.switches, state.interval, 1 - state.older);
        state.groups[group].waiting += 1;
        let waited = self.given_back[group].wait_timeout(state, interval);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        // Asked while it still counts as waiting. A switch in the meantime means that somebody else's turn has
        // only just begun.
        if outcome.timed_out() && state.is_held && state.switches == seen {
            self.raise_request(&mut state);
        }
        let group = &mut state.groups[group];
        group.waiting -= 1;
        // One that wakes by itself takes another's wake off the count; then one too many is sent later, never
        // one too few (GIL-5).
        group.woken = group.woken.saturating_sub(1);
        state
    }

    /// Sets the request, if anybody waits.
    fn raise_request(&self, state: &mut State) {
        if state.is_held && state.waiting() > 0 {
            state.requests += 1;
            // Pairs with the load in `is_asked`; relaxed, for it carries nothing but itself.
            self.request.store(true, Ordering::Relaxed);
        }
    }

    /// Frees the lock, and wakes a waiter if there is one that was not woken yet (`GIL-5`).
    fn release(&self, state: &mut State) {
        state.is_held = false;
        if !state.groups[state.older].has_sleeper() {
            state.older = 1 - state.older;
        }
        let older = state.older;
        // std would make a system call whether anybody waits or not (GIL-6).
        if state.groups[older].has_sleeper() {
            state.groups[older].woken += 1;
            // Under the mutex, as `CPython` does it: woken outside, the waiter would win more often against a
            // holder that takes the lock again at once.
            self.given_back[older].notify_one();
        }
    }

    /// Takes the mutex; see the field for why poison is no matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many wait for the lock.
    fn waiting(&self) -> usize {
        self.groups.iter().map(|group| group.waiting).sum()
    }
}

impl Group {
    /// Tells whether one waits that was not woken yet.
    fn has_sleeper(&self) -> bool {
        self.waiting > self.woken
    }
}
