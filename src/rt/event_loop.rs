//! The event loop: one turn after another until `block_on`'s future is done.
//!
//! It is the `while` of the course's server, which `generator` has word for word: run the tasks that are
//! ready, and only when there is none, `select`. Here tasks are futures: where a generator yields
//! `('read', socket)`, a future leaves its waker with the reactor and returns `Pending`.
//!
//! **Invariants**
//! - `LOOP-1` One turn: batches of ready tasks, first in first out, until nothing is ready, or
//!   [`TURN_POLLS`] polls are done, or the kernel's clock has ticked; then the selector; then the timers that are due.
//! - `LOOP-2` The selector is asked in every turn, so a task that is always ready starves neither sockets
//!   nor timers; it blocks only when nothing is ready.
//! - `LOOP-3` Sockets wake before timers do, so what is ready beats its own time-out.
//! - `LOOP-4` When nothing that the loop knows of can wake it, it reports so once, with the table of tasks, and waits on.
//!
//! **Left out**: work stealing, and a selector that is shared between threads.
//!
//! **Source**: the course's server; `CPython`'s `BaseEventLoop._run_once`; curio's `kernel.py`.

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::core::Core;
use super::ending::Running;
use super::observer::Moment;
use super::remote::Remote;
use super::table::MAIN;
use super::task::{MainWaker, Ran, WakeState};
use super::wake::wake_all;
use crate::os;

/// Polls after which the selector is asked although tasks are ready; a tick of the kernel's clock, which
/// long polls bring, ends a turn sooner. Asking costs as much as ten short polls (`benches/event_loop.rs`),
/// so not after each; tokio takes 61.
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
    /// When `future` panics; when a loop runs on this thread already; when the loop is stuck and
    /// was built to [panic](super::Builder::panic_when_stuck). The loop can be used again afterwards.
    ///
    /// # Blocking
    /// Until `future` is done. While nothing is ready the thread sleeps in the selector.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _running = Running::enter(&self.core);
        let state = WakeState::new(MAIN, self.core.inbox.clone());
        let main = Arc::new(MainWaker(state));
        let waker = Waker::from(main.clone());
        let mut future = pin!(future);
        waker.wake_by_ref();
        loop {
            if let Some(value) = self.run_ready(&main, &waker, future.as_mut()) {
                return value;
            }
            self.select(&main);
        }
    }

    /// Returns a handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::new(self.core.inbox.clone())
    }

    /// Runs batches of ready tasks (`LOOP-1`); returns the main future's value when it has one.
    fn run_ready<F: Future>(
        &self,
        main: &MainWaker,
        waker: &Waker,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let (core, began, mut value, mut polls) = (&*self.core, os::tick(), None, 0);
        while value.is_none() && polls < TURN_POLLS && (polls == 0 || os::tick() == began) {
            if core.inbox.is_notified() {
                core.empty_inbox(main);
            }
            let batch = core.queue.borrow_mut().take_batch();
            if batch.is_empty() {
                break;
            }
            for &slot in &batch {
                if slot != MAIN.slot {
                    self.run_task(slot);
                } else if value.is_none() {
                    main.0.begin_poll();
                    core.begin_poll();
                    let started = core.poll_begins();
                    let polled = future.as_mut().poll(&mut Context::from_waker(waker));
                    core.main_wait.set(core.wait.get());
                    if let Some(started) = started {
                        core.poll_ended(started, MAIN);
                    }
                    if let Poll::Ready(ready) = polled {
                        value = Some(ready);
                    }
                }
            }
            polls += batch.len();
            core.queue.borrow_mut().give_back(batch);
        }
        value
    }

    /// Runs the task in a slot, if it has not ended meanwhile.
    fn run_task(&self, slot: u32) {
        let core = &*self.core;
        let Some(task) = core.tasks.borrow_mut().take(slot) else { return };
        let id = task.state().id();
        let started = core.poll_begins();
        let ran = task.run(core);
        if let Some(started) = started {
            core.poll_ended(started, id);
        }
        if matches!(ran, Ran::Finished { .. }) {
            core.observe(|| Moment::Finished { task: id });
        }
        core.tasks.borrow_mut().put_back(id, ran);
    }

    /// Asks the selector, blocking only when nothing is ready; then fires timers; then wakes.
    fn select(&self, main: &Arc<MainWaker>) {
        let core = &*self.core;
        let mut timeout = self.time_to_wait();
        if timeout != Some(Duration::ZERO) && !core.inbox.begin_wait() {
            timeout = Some(Duration::ZERO);
        }
        core.observe(|| Moment::Waits { timeout });
        let mut woken = core.woken.take();
        let coarse = core.timers.borrow().are_dense();
        let waited = core.reactor.borrow_mut().wait(timeout, coarse, &mut woken);
        let sockets = waited.expect("holds because the selector lives as long as its loop");
        let quiet = sockets == 0 && !core.inbox.is_notified();
        let timers = self.fire_timers(quiet, &mut woken);
        core.observe(|| Moment::Woke { sockets, timers });
        wake_all(woken.drain(..));
        core.woken.set(woken);
        core.empty_inbox(main);
        core.report_if_stuck();
    }

    /// Returns how long the selector may block; `None` is until something comes.
    fn time_to_wait(&self) -> Option<Duration> {
        let core = &*self.core;
        if !core.queue.borrow().is_empty() {
            return Some(Duration::ZERO);
        }
        match core.timers.borrow().next_deadline() {
            // Virtual time does not pass while a thread works for a task (`CLOCK-2`).
            Some(_) if core.clock.is_virtual() && core.jobs.get() > 0 => None,
            Some(_) if core.clock.is_virtual() => Some(Duration::ZERO),
            Some(deadline) => {
                Some(Duration::from_nanos(deadline.saturating_sub(core.clock.nanos())))
            }
            None => core.time_to_stuck_report(),
        }
    }

    /// Fires the timers that are due; `quiet` tells that virtual time may jump to the first of them.
    fn fire_timers(&self, quiet: bool, woken: &mut Vec<Waker>) -> usize {
        let core = &*self.core;
        let Some(next) = core.timers.borrow().next_deadline() else { return 0 };
        if quiet && core.jobs.get() == 0 && core.queue.borrow().is_empty() {
            core.clock.jump(next);
        }
        core.timers.borrow_mut().expire(core.clock.nanos(), woken)
    }
}
