//! The event loop: one turn after another until `block_on`'s future is done.
//!
//! It is the `while` of the course's server: run the tasks that are ready, and only when there is none, `select`. Where
//! a generator yields `('read', socket)`, a future leaves its waker with the reactor and returns `Pending`.
//!
//! **Invariants**
//! - `LOOP-1` One turn: batches of ready tasks, first in first out, until nothing is ready, [`TURN_POLLS`] polls are
//!   done, or the kernel's clock has ticked; then the selector; then the timers that are due. A longer batch is cut.
//! - `LOOP-2` The selector is asked in every turn, so a task that is always ready starves neither sockets nor timers;
//!   it blocks only when nothing is ready.
//! - `LOOP-3` Sockets wake before timers do, so what is ready beats its own timeout.
//! - `LOOP-4` When nothing that the loop knows of can wake it, it reports so once, and waits on.
//! - `END-1` When `block_on` ends, by a value or a panic, every task has been dropped on its thread.
//! - `END-2` A socket or sleep that outlives its loop gives an error, or is ready, and wakes its task to see that.
//!
//! **Source**: the course's server; `CPython`'s `BaseEventLoop._run_once`, and `asyncio.run` for the end.

use std::cell::Cell;
use std::mem;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use super::context;
use super::core::Core;
use super::id::MAIN_SLOT;
use super::task::run_main;
use super::timers::Nanos;
use super::works::observer::Moment;
use super::works::remote::Remote;
use crate::jobs::{contain, wake_all};

/// Polls after which the selector is asked although tasks are ready. Asking costs as much as ten short polls.
const TURN_POLLS: usize = 64;

/// An event loop of one thread.
#[derive(Debug)]
pub struct EventLoop {
    /// What its parts share.
    pub(super) core: Rc<Core>,
}

impl EventLoop {
    /// Runs `future` and every task that it spawns until `future` is done, and returns its value. Tasks that are left
    /// over are dropped then. While nothing is ready the thread sleeps. It may be called again, after a panic too.
    ///
    /// # Panics
    /// When `future` panics; when a loop runs on this thread already; when the loop is stuck and was built to
    /// [panic](super::Builder::panic_when_stuck).
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let outcome = context::enter(&self.core, || {
            let (mut batch, mut woken) = (Vec::new(), Vec::new());
            let outcome = run_main(&self.core, future, || {
                self.core.empty_inbox();
                while !self.turn(&mut batch, &mut woken) {}
            });
            self.core.stuck.reset();
            outcome
        });
        outcome.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// One turn of the loop (`LOOP-1`); tells whether the main future has ended. `batch` is what the last turn has left of
    /// its batch, the first task at the end; `woken` is empty, and kept for its memory.
    fn turn(&self, batch: &mut Vec<u32>, woken: &mut Vec<Waker>) -> bool {
        let core = &*self.core;
        core.tick.set(core.clock.tick());
        let mut polls = 0;
        while polls < TURN_POLLS && (polls == 0 || core.clock.tick() == core.tick.get()) {
            if batch.is_empty() {
                mem::swap(batch, &mut core.ready.borrow_mut());
                core.shuffle.permute(batch);
                batch.reverse();
            }
            if batch.is_empty() {
                break;
            }
            core.stuck.batch(true);
            while polls < TURN_POLLS
                && let Some(slot) = batch.pop()
            {
                polls += 1;
                if core.run_task(slot) && slot == MAIN_SLOT {
                    return true;
                }
            }
        }

        let timeout = self.time_to_wait(batch.is_empty());
        let waited = core.reactor.borrow_mut().wait(timeout, woken);
        let sockets = waited.expect("holds because the selector lives as long as its loop");
        core.empty_inbox();
        let timers = self.fire_timers(sockets == 0 && batch.is_empty(), woken);
        core.hooks.observe(|| Moment::Woke { sockets, timers });
        wake_all(woken.drain(..));
        core.stuck.answer(|| core.task_table());
        false
    }

    /// Returns how long the selector may block; `None` is without limit. It may not after a batch that was cut.
    fn time_to_wait(&self, is_whole: bool) -> Option<Duration> {
        let core = &*self.core;
        let is_stuck = is_whole
            && core.ready.borrow().is_empty()
            && core.reactor.borrow().entries.len() == 0
            && core.timers.borrow_mut().next_deadline().is_none()
            && core.jobs.get() == 0
            && !core.inbox.has_handles();
        let stuck = core.stuck.time_left(is_stuck, || core.task_table(), &core.hooks);
        let deadline = core.timers.borrow_mut().next_deadline();
        let until = |deadline| core.clock.time_to(deadline, core.jobs.get() > 0);
        let timeout = deadline.map_or(stuck, until);
        let is_idle = || is_whole && core.ready.borrow().is_empty();
        // Last, so that a wake that comes from now on interrupts the wait (`REMOTE-1`).
        let may_wait = is_idle() && core.inbox.begin_wait();
        let timeout = if may_wait { timeout } else { Some(Duration::ZERO) };
        core.hooks.observe(|| Moment::Waits { timeout });
        // The observer may have spawned a task.
        if is_idle() { timeout } else { Some(Duration::ZERO) }
    }

    /// Fires the timers that are due. Virtual time may jump to the first of them if no socket and no task is ready.
    fn fire_timers(&self, may_jump: bool, woken: &mut Vec<Waker>) -> usize {
        let core = &*self.core;
        let Some(next) = core.timers.borrow_mut().next_deadline() else { return 0 };
        if may_jump && core.ready.borrow().is_empty() && core.jobs.get() == 0 {
            core.clock.jump(next);
        }
        let now = core.clock.nanos();
        let fired = core.timers.borrow_mut().expire(now, woken);
        core.reactor.borrow_mut().pace.count(now, fired);
        fired
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
        for entry in core.reactor.borrow().entries.iter() {
            woken.extend(entry.waiting.iter().filter_map(Cell::take));
        }
        core.timers.borrow_mut().expire(Nanos::MAX, &mut woken);
        contain(|| drop(core.attached.take()));
        core.inbox.end_wait(true).calls.into_iter().for_each(|call| contain(|| drop(call)));
        wake_all(woken);
    }
}
