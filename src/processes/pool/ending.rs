//! The end of a pool of processes: closed at once, over when the last process was reaped.
//!
//! Problem: several threads may ask for the end, at once or twice; a job may never end; and what was accepted must
//! get a result all the same.
//!
//! | asked by | jobs in the queue | jobs that run |
//! | --- | --- | --- |
//! | `shutdown` | are run | end by themselves |
//! | the drop | are run, as long as one ends within each grace; else cancelled | the same; else killed |
//! | `shutdown_now` | are cancelled | have the grace, then are killed |
//!
//! **Invariants**
//! - `PEND-1`: a pool that was closed stays so, and everybody who waits on it is woken by that.
//! - `PEND-2`: the lock of the pool's thread is taken before the hall's, save by who starts the thread, which takes an
//!   open pool, while whoever ends it has closed it.
//!
//! **Source**: `ThreadPoolExecutor.shutdown`, `ProcessPoolExecutor.kill_workers`.

use std::mem;
use std::os::fd::AsFd;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use super::leader::{Guard, Shared};
use super::process_pool::ProcessPool;
use super::state::Phase;
use crate::os::process::Child;
use crate::os::{PollFd, poll};

/// How long the kernel may take to end a process that was killed.
const ENDING: Duration = Duration::from_secs(2);

impl<A, R> ProcessPool<A, R> {
    /// Takes no more jobs, waits for those that were submitted, and ends the workers. A second call waits for the first.
    ///
    /// # Blocking
    /// Until every job is over; a job that never returns keeps it for ever, unless it has a time limit.
    pub fn shutdown(&self) {
        let hall = self.close();
        let (hall, _) = self.shared.wait_until(hall, None, &|hall| hall.state.open == 0);
        self.end(hall);
    }

    /// Takes no more jobs, cancels those that have not begun, gives the others the grace, kills those that are
    /// left, and ends the workers.
    ///
    /// # Blocking
    /// For the grace, and the time the kernel needs to end a process.
    pub fn shutdown_now(&self) {
        let mut hall = self.close();
        hall.state.cancel_waiting();
        let deadline = Instant::now().checked_add(self.builder.grace);
        let (hall, idle) = self.shared.wait_until(hall, deadline, &|hall| hall.state.open == 0);
        let hall = if idle { hall } else { self.kill(hall) };
        self.end(hall);
    }

    /// Takes no more jobs.
    fn close(&self) -> Guard<'_> {
        let mut hall = self.shared.lock();
        if hall.state.phase == Phase::Open {
            hall.state.phase = Phase::Closing;
        }
        // Who waits for room is told that there will be none.
        self.shared.wake_all(&hall);
        hall
    }

    /// Cancels what has not begun, and kills what runs.
    fn kill<'a>(&'a self, mut hall: Guard<'a>) -> Guard<'a> {
        hall.state.cancel_waiting();
        hall.state.kill_running();
        let deadline = Instant::now() + ENDING;
        let (mut hall, idle) =
            self.shared.wait_until(hall, Some(deadline), &|hall| hall.state.open == 0);
        if !idle {
            hall.state.break_down("a worker that was killed does not end".to_owned());
        }
        hall
    }

    /// Ends every process and the pool's thread (`PPOOL-3`).
    fn end(&self, hall: Guard<'_>) {
        let mut hall = self.shared.deliver(hall);
        hall.state.phase = Phase::Ended;
        hall.state.end_processes();
        self.shared.wake_all(&hall);
        drop(hall);
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.wait_for_server();
        if let Some(thread) = watcher.take()
            // The pool may be dropped by a waker, on its own thread, which then ends when it is back in its loop.
            && thread.thread().id() != thread::current().id()
        {
            // It has no foreign code but wakers; the panic of one has been printed.
            drop(thread.join());
        }
    }
}

impl Shared {
    /// Waits until the fork server has reaped its workers and left; and reaps it, once.
    pub(super) fn wait_for_server(&self) {
        let server = self.lock().state.take_server();
        server.into_iter().for_each(wait_for);
    }
}

/// Waits until a fork server whose control socket has ended has left, and reaps it.
pub(super) fn wait_for(server: Child) {
    // Its drop reaps it; and kills it, should it not have left by then.
    drop(poll(&mut [PollFd::readable(server.as_fd())], Some(ENDING)));
    drop(server);
}

impl<A, R> Drop for ProcessPool<A, R> {
    /// As [`shutdown`](Self::shutdown), within the grace.
    fn drop(&mut self) {
        let mut hall = self.close();
        let mut done = hall.state.counts().done;
        loop {
            let deadline = Instant::now().checked_add(self.builder.grace);
            let (guard, idle) =
                self.shared.wait_until(hall, deadline, &|hall| hall.state.open == 0);
            hall = guard;
            let before = mem::replace(&mut done, hall.state.counts().done);
            if idle {
                break;
            }
            if before == done {
                hall = self.kill(hall);
                break;
            }
        }
        self.end(hall);
    }
}
