//! The event loop: one turn after another until `block_on`'s future is done.
//!
//! It is the `while` of the course's server, which `generator` has too: run the tasks that are ready, and only when
//! there is none, `select`. Here tasks are futures: where a generator yields `('read', socket)`, a future leaves
//! its waker with the reactor and returns `Pending`.
//!
//! **Invariants**
//! - `LOOP-1` One turn: batches of ready tasks, first in first out, until nothing is ready, or [`TURN_POLLS`]
//!   polls are done, or the kernel's clock has ticked; then the selector; then the timers that are due.
//! - `LOOP-2` The selector is asked in every turn, so a task that is always ready starves neither sockets nor
//!   timers; it blocks only when nothing is ready.
//! - `LOOP-3` Sockets wake before timers do, so what is ready beats its own timeout.
//! - `LOOP-4` When nothing that the loop knows of can wake it, it reports so once, with the table of tasks, and
//!   waits on.
//! - `END-1` When `block_on` ends, by a value or a panic, every task has been dropped on its thread.
//! - `END-2` A socket or sleep that outlives its loop gives an error, or is ready, and a task that waits for it is
//!   woken to see that.
//!
//! **Source**: the course's server; `CPython`'s `BaseEventLoop._run_once`; curio's `kernel.py`; `asyncio.run` for the
//! end, which cancels the tasks that are left over.

use std::future::{Pending, pending};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use super::context;
use super::core::Core;
use super::id::{MAIN, unique_number};
use super::slab::Slab;
use super::task::{Header, Runnable, Task, wake_all};
use super::timers::Nanos;
use super::works::observer::Moment;
use super::works::remote::Remote;
use crate::jobs::contain;
use crate::os;

/// Polls after which the selector is asked although tasks are ready. Asking costs as much as ten short polls
/// (`benches/event_loop.rs`), so not after each.
const TURN_POLLS: usize = 64;

/// An event loop of one thread.
#[derive(Debug)]
pub struct EventLoop {
    /// What its parts share.
    pub(super) core: Rc<Core>,
}

impl EventLoop {
    /// Runs `future` and every task that it spawns, until `future` is done; returns its value.
    ///
    /// Tasks that are left over are dropped before it returns. It may be called again.
    ///
    /// # Panics
    /// When `future` panics; when a loop runs on this thread already; when the loop is stuck and was built to
    /// [panic](super::Builder::panic_when_stuck). The loop can be used again afterwards.
    ///
    /// # Blocking
    /// Until `future` is done. While nothing is ready the thread sleeps in the selector.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let running = Running::enter(&self.core);
        // A panic is caught here, so that no destructor that panics too meets it and aborts the process.
        let outcome = catch_unwind(AssertUnwindSafe(|| running.run(future)));
        drop(running);
        match outcome {
            Ok(Ok(value)) => value,
            Ok(Err(payload)) | Err(payload) => resume_unwind(payload),
        }
    }

    /// Returns a handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::new(self.core.inbox.clone())
    }
}

impl Drop for EventLoop {
    /// Tells sockets and sleeps that live on that their loop is gone (`END-2`).
    fn drop(&mut self) {
        let core = &*self.core;
        let mut woken = Vec::new();
        core.reactor.borrow().drain(&mut woken);
        core.timers.borrow_mut().expire(Nanos::MAX, &mut woken);
        let attached = core.attached.take();
        contain(|| drop(attached));
        for call in core.inbox.close() {
            contain(|| drop(call));
        }
        wake_all(woken);
    }
}

/// A `block_on` in progress. When it is dropped, so are all tasks (`END-1`).
struct Running<'core> {
    /// The loop.
    core: &'core Core,
    /// What wakes the main future, which lies on the stack: a task in the table, whose own future is never polled.
    main: Arc<Task<Pending<()>>>,
}

impl<'core> Running<'core> {
    /// Makes the loop the current one.
    ///
    /// # Panics
    /// This thread runs a loop already.
    fn enter(core: &'core Rc<Core>) -> Self {
        context::enter(core);
        core.stuck.start();
        let slot = core.tasks.borrow_mut().reserve();
        let (number, at) = (MAIN | unique_number(), Location::caller());
        let header = Header::new(number, slot, core.inbox.clone(), at);
        let main = Arc::new(Task::new(header, pending()));
        core.tasks.borrow_mut().put(slot, main.clone());
        Self { core, main }
    }

    /// Takes turns until the main future is done, or panics.
    fn run<F: Future>(&self, future: F) -> thread::Result<F::Output> {
        let waker = Waker::from(self.main.clone());
        let mut future = pin!(future);
        waker.wake_by_ref();
        // Here `future` outlives the panic of its own poll, or of the report.
        catch_unwind(AssertUnwindSafe(|| {
            loop {
                if let Some(outcome) = self.turn(&waker, future.as_mut()) {
                    return outcome;
                }
            }
        }))
        .flatten()
    }

    /// One turn of the loop (`LOOP-1`). Returns how the main future ended, if it did.
    fn turn<F: Future>(
        &self,
        waker: &Waker,
        mut future: Pin<&mut F>,
    ) -> Option<thread::Result<F::Output>> {
        let core = self.core;
        // A tick is real time, which must not change a run under the virtual clock.
        let tick = || if core.clock.is_virtual() { 0 } else { os::tick() };
        let (began, mut polls) = (tick(), 0);
        while polls < TURN_POLLS && (polls == 0 || tick() == began) {
            if core.inbox.is_notified() {
                core.empty_inbox();
            }
            let batch = core.queue.borrow_mut().take_batch();
            if batch.is_empty() {
                break;
            }
            let mut outcome = None;
            for &slot in &batch {
                if slot != self.main.header().slot {
                    core.run_task(slot);
                } else if outcome.is_none() {
                    outcome = self.poll_main(waker, future.as_mut());
                }
            }
            if outcome.is_some() {
                return outcome;
            }
            polls += batch.len();
            core.queue.borrow_mut().give_back(batch);
        }
        self.select();
        None
    }

    /// Polls the main future; returns how it ended, if it did.
    fn poll_main<F: Future>(
        &self,
        waker: &Waker,
        future: Pin<&mut F>,
    ) -> Option<thread::Result<F::Output>> {
        let core = self.core;
        let main = self.main.header();
        main.queued.set(false);
        let polled = core.observed(main.id(), || core.poll(future, waker));
        main.wait.set(core.wait.get());
        match polled {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(value)) => Some(Ok(value)),
            Err(payload) => Some(Err(payload)),
        }
    }

    /// Asks the selector, blocking only when nothing is ready; then fires timers; then wakes.
    fn select(&self) {
        let core = self.core;
        let mut timeout = self.time_to_wait();
        if timeout != Some(Duration::ZERO) && !core.inbox.begin_wait() {
            timeout = Some(Duration::ZERO);
        }
        core.hooks.observe(|| Moment::Waits { timeout });
        let mut woken = core.woken.take();
        let coarse = core.pace.borrow().is_dense();
        let waited = core.reactor.borrow_mut().wait(timeout, coarse, &mut woken);
        let sockets = waited.expect("holds because the selector lives as long as its loop");
        let timers = self.fire_timers(sockets == 0, &mut woken);
        core.hooks.observe(|| Moment::Woke { sockets, timers });
        wake_all(woken.drain(..));
        core.woken.set(woken);
        core.empty_inbox();
        core.stuck.report_if(|| core.is_stuck(), || core.task_table(), &core.hooks);
    }

    /// Returns how long the selector may block; `None` is without limit.
    fn time_to_wait(&self) -> Option<Duration> {
        let core = self.core;
        if !core.queue.borrow().is_empty() {
            return Some(Duration::ZERO);
        }
        let Some(deadline) = core.timers.borrow().next_deadline() else {
            return core.stuck.time_left(|| core.is_stuck());
        };
        if core.clock.is_virtual() {
            // Virtual time does not pass while a thread works for a task (`CLOCK-2`).
            return if core.jobs.get() > 0 { None } else { Some(Duration::ZERO) };
        }
        Some(Duration::from_nanos(deadline.saturating_sub(core.clock.nanos())))
    }

    /// Fires the timers that are due. Virtual time may jump to the first of them if no socket is ready.
    fn fire_timers(&self, no_socket: bool, woken: &mut Vec<Waker>) -> usize {
        let core = self.core;
        let Some(next) = core.timers.borrow().next_deadline() else { return 0 };
        let quiet = no_socket && !core.inbox.is_notified() && core.queue.borrow().is_empty();
        if quiet && core.jobs.get() == 0 {
            core.clock.jump(next);
        }
        let now = core.clock.nanos();
        let fired = core.timers.borrow_mut().expire(now, woken);
        core.pace.borrow_mut().count(now, fired);
        fired
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let (core, main) = (self.core, self.main.header());
        // A waker of this main future that is used later does nothing (`TASK-5`).
        main.queued.set(true);
        core.tasks.borrow_mut().take(main.slot);
        loop {
            // The destructor of a future may spawn another task.
            let left: Vec<_> = core.tasks.borrow().iter().cloned().collect();
            if left.is_empty() {
                break;
            }
            for task in left.iter().map(|task| task.header()) {
                task.cancelled.set(true);
                core.run_task(task.slot);
            }
        }
        core.queue.borrow_mut().clear();
        *core.tasks.borrow_mut() = Slab::default();
        context::leave(core);
    }
}
