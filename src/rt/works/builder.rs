//! The settings of an event loop: its clock, the order of its tasks, its observer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::clock::{Clock, Shuffle};
use super::observer::{Hooks, Observer, Wait};
use super::remote::Inbox;
use super::stuck::StuckWatch;
use crate::os;
use crate::rt::context;
use crate::rt::core::{BUDGET, Core};
use crate::rt::event_loop::EventLoop;
use crate::rt::reactor::{Reactor, UNPARK};

/// Settings of an event loop that is yet to be made.
#[must_use]
pub struct Builder {
    /// Whether time jumps instead of passing.
    virtual_clock: bool,
    /// Permutes every batch.
    seed: Option<u64>,
    /// The observer, and the length of a poll that is reported.
    hooks: Hooks,
    /// Whether the stuck report ends `block_on` by a panic.
    panic_when_stuck: bool,
}

impl Builder {
    /// Lets time jump to the next deadline whenever nothing is ready, and stand still otherwise.
    pub fn virtual_clock(mut self) -> Self {
        self.virtual_clock = true;
        self
    }

    /// Permutes every batch of ready tasks; the same seed gives the same run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Reports every poll that takes longer than `limit`. By default 100 ms in debug builds, and none in release builds.
    pub fn slow_poll(mut self, limit: Option<Duration>) -> Self {
        self.hooks.slow_poll = limit;
        self
    }

    /// Has `observer` told of every step.
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.hooks.observers = vec![Box::new(observer)];
        self
    }

    /// Makes the report that nothing known can wake the loop a panic; for tests.
    pub fn panic_when_stuck(mut self) -> Self {
        self.panic_when_stuck = true;
        self
    }

    /// Makes the loop. Sleeps of the calling thread are exact from then on (`PR_SET_TIMERSLACK`).
    ///
    /// # Errors
    /// No descriptors are left for the selector and its waker, or no memory.
    pub fn build(mut self) -> io::Result<EventLoop> {
        os::wake_on_time();
        let reactor = Reactor::new()?;
        let unparker = mio::Waker::new(reactor.poll.registry(), UNPARK)?;
        let watch = context::watch();
        let stuck = StuckWatch::new(self.panic_when_stuck, watch.is_some(), &reactor);
        self.hooks.observers.extend(watch.and_then(|make| make()));
        let core = Core {
            inbox: Arc::new(Inbox::new(unparker)),
            ready: RefCell::default(),
            shuffle: Shuffle::new(self.seed),
            tasks: RefCell::default(),
            names: RefCell::default(),
            spawned: Cell::new(0),
            reactor: RefCell::new(reactor),
            timers: RefCell::default(),
            clock: Clock::new(self.virtual_clock),
            tick: Cell::new(0),
            hooks: self.hooks,
            stuck: stuck?,
            jobs: Cell::new(0),
            attached: RefCell::default(),
            budget: Cell::new(BUDGET),
            wait: Cell::new(Wait::Nothing),
            running: Cell::new(false),
        };
        Ok(EventLoop { core: Rc::new(core) })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Builder")
    }
}

impl EventLoop {
    /// Makes a loop with the real clock, first in first out, without an observer.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Begins the settings of a loop.
    pub fn builder() -> Builder {
        let slow_poll = cfg!(debug_assertions).then_some(Duration::from_millis(100));
        let hooks = Hooks { observers: Vec::new(), slow_poll };
        Builder { virtual_clock: false, seed: None, hooks, panic_when_stuck: false }
    }
}

/// Runs `future` on a loop made for it, as [`EventLoop::block_on`] does.
///
/// # Panics
/// As there; also when the process has no descriptors left for a selector.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match EventLoop::new() {
        Ok(event_loop) => event_loop.block_on(future),
        Err(error) => panic!("no event loop could be made: {error}"),
    }
}
