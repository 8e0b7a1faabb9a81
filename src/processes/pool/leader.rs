//! Who reads: the one who waits does it for all.
//!
//! Problem: a result comes through a socket, and somebody has to read it. A thread for that alone costs two more
//! switches for every job: from the worker to the reader, and from the reader to the caller. But the caller sleeps
//! anyhow; so it is the caller who reads, and while it does, it delivers what comes for others as well.
//!
//! **Invariants**
//! - `LEAD-1`: at most one thread waits for the sockets, the leader; owners that come later, the followers, sleep at
//!   their cells.
//! - `LEAD-2`: a leader that leaves while others wait calls one of them: a follower, whoever waits for the pool itself, or
//!   the pool's own thread when only tasks wait.
//! - `LEAD-3`: when nobody waits the pool's own thread takes the lead, at most two times [`LOOK`](super::recall::LOOK)
//!   later; it sleeps without a timeout only while no job is open, or another leads for longer than that (`watch`).
//! - `LEAD-4`: results are delivered without the pool's lock.
//! - `LEAD-5`: the pool's thread alone hears the fork server, also while another leads: so a leader waits for few
//!   descriptors.
//!
//! - `LEAD-6`: a waker is foreign code; when it panics, others get their results all the same, and the lead goes on.
//!
//! Two jobs at two workers, with two callers; a job that is alone is even simpler (`doze`):
//!
//! ```text
//! caller of 1         caller of 2         worker 1            worker 2
//! submit: send        submit: send
//! join: leads
//! waits for sockets   join: follows,
//!                     sleeps at its cell                      runs 2, sends
//! receives 2, delivers
//!                     wakes, has it
//! waits for sockets                       runs 1, sends
//! receives 1, leaves
//! ```
//!
//! **Left out**: several readers at once; one moves more results than two workers make.
//!
//! **Source**: Schmidt and others, "Leader/Followers" (2000).

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::cell::{Cell, Deliver, ENDED, Raw};
use super::ledger::Ledger;
use super::sources::Sources;
use super::state::State;
use crate::jobs::{Cancel, JobError, contain};
use crate::os::EventFd;

/// What a pool, its handles and its thread share.
pub(super) struct Shared {
    /// Everything; also who leads. No foreign code runs under the lock, and a poisoned one is used on: the only panics
    /// under it are broken invariants of this room.
    hall: Mutex<Hall>,
    /// Wakes who waits for the pool itself: for room, or for its end.
    pub(super) changed: Condvar,
    /// Wakes the leader: there is more to wait for than it knows.
    pub(super) leader_bell: EventFd,
    /// Wakes the pool's thread.
    pub(super) thread_bell: EventFd,
    /// How many tasks wait. Written without the lock, by polls and deliveries; read under it.
    pub(super) wakers: AtomicUsize,
}

/// What the lock guards.
pub(super) struct Hall {
    /// Jobs and workers.
    pub(super) state: State,
    /// Does somebody lead?
    pub(super) led: bool,
    /// After what time the leader looks after silent workers; the longest span when it does not.
    pub(super) leader_looks: Duration,
    /// Where the leader dozes, when it does not listen to its bell.
    dozing: Option<Arc<Ledger>>,
    /// How often the lead was left.
    pub(super) terms: u64,
    /// Owners that wait for their turn to lead.
    pub(super) followers: VecDeque<Arc<dyn Deliver>>,
    /// How many threads sleep at `changed`.
    pub(super) waiting: usize,
    /// An empty list, kept for its memory.
    spare: Vec<(Arc<dyn Deliver>, Raw)>,
    /// Set when a result was delivered to an owner that slept.
    pub(super) woke_owner: bool,
    /// What the pool's thread does.
    pub(super) thread: Watcher,
}

/// What the pool's thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watcher {
    /// It was not started.
    None,
    /// It sleeps until it is woken.
    Asleep,
    /// It sleeps for a moment, or leads.
    Awake,
    /// It was told to lead at once.
    Called,
}

/// The lock, held.
pub(super) type Guard<'a> = MutexGuard<'a, Hall>;

impl Shared {
    /// The shared part of a pool.
    pub(super) fn new(state: State) -> io::Result<Self> {
        let hall = Hall {
            state,
            led: false,
            leader_looks: Duration::MAX,
            dozing: None,
            terms: 0,
            followers: VecDeque::new(),
            waiting: 0,
            spare: Vec::new(),
            woke_owner: false,
            thread: Watcher::None,
        };
        Ok(Self {
            hall: Mutex::new(hall),
            changed: Condvar::new(),
            leader_bell: EventFd::new()?,
            thread_bell: EventFd::new()?,
            wakers: AtomicUsize::new(0),
        })
    }

    /// Locks everything.
    pub(super) fn lock(&self) -> Guard<'_> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leads until `done`, or the deadline, or the end of the pool; then calls the next (`LEAD-1`, `LEAD-2`).
    /// `hears_server` is for the pool's thread, or for want of it (`LEAD-5`).
    pub(super) fn lead<'a>(
        &'a self,
        mut hall: Guard<'a>,
        deadline: Option<Instant>,
        done: &dyn Fn(&Hall) -> bool,
        hears_server: bool,
    ) -> Guard<'a> {
        hall.led = true;
        let mut sources = Sources::default();
        let mut looked = None;
        loop {
            hall = self.deliver(hall);
            let over = hall.state.control.is_none() || done(&hall);
            if over || deadline.is_some_and(|at| at <= Instant::now()) {
                hall.state.send();
                break;
            }
            let within = hall.state.look_within();
            hall.leader_looks = within;
            sources.list(&mut hall.state, hears_server);
            hall.dozing = sources.dozing();
            drop(hall);
            sources.wait(self, deadline, within);
            hall = self.lock();
            hall.dozing = None;
            sources.take(&mut hall.state);
            // The clock is left alone when there is nothing to look after.
            if within < Duration::MAX && looked.get_or_insert_with(Instant::now).elapsed() >= within
            {
                hall.state.look();
                looked = None;
            }
        }
        hall.led = false;
        hall.terms += 1;
        self.call_next(&mut hall);
        hall
    }

    /// Calls whoever should lead now (`LEAD-2`).
    pub(super) fn call_next(&self, hall: &mut Hall) {
        if hall.led {
            return;
        }
        if let Some(follower) = hall.followers.pop_front() {
            follower.cell().call();
        } else if hall.waiting > 0 {
            self.changed.notify_all();
        } else if hall.state.open > 0 && self.wakers.load(Ordering::SeqCst) > 0 {
            self.call_thread(hall);
        }
        if hall.state.open > 0 {
            // Whoever was called may not come, and the thread sleeps soundly while somebody leads.
            self.rouse_thread(hall);
        }
    }

    /// Has the pool's thread sleep for a moment only, and then see whether somebody leads.
    fn rouse_thread(&self, hall: &mut Hall) {
        if hall.thread == Watcher::Asleep {
            hall.thread = Watcher::Awake;
            // An event descriptor that is open takes a signal.
            drop(self.thread_bell.signal());
        }
    }

    /// Has the pool's thread lead at once.
    pub(super) fn call_thread(&self, hall: &mut Hall) {
        if matches!(hall.thread, Watcher::Asleep | Watcher::Awake) {
            hall.thread = Watcher::Called;
            // An event descriptor that is open takes a signal.
            drop(self.thread_bell.signal());
        }
    }

    /// Delivers what is over, without the lock (`LEAD-4`).
    pub(super) fn deliver<'a>(&'a self, mut hall: Guard<'a>) -> Guard<'a> {
        while !hall.state.over.is_empty() {
            // One of the two has memory from the last time.
            let mut over = mem::take(&mut hall.spare);
            mem::swap(&mut over, &mut hall.state.over);
            if hall.waiting > 0 {
                self.changed.notify_all();
            }
            drop(hall);
            let mut woke = false;
            for (cell, result) in over.drain(..) {
                let (waker, slept) = cell.cell().deliver(result);
                woke |= slept;
                self.wake(waker);
            }
            hall = self.lock();
            hall.spare = over;
            hall.woke_owner |= woke;
        }
        hall
    }

    /// Wakes a task (`LEAD-6`).
    fn wake(&self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.remove_waker();
            contain(|| waker.wake());
        }
    }

    /// To be called after jobs were added: wakes who has to know.
    pub(super) fn announce(&self, hall: &mut Hall) {
        if hall.led {
            let within = hall.state.look_within();
            let unseen = hall.state.links().any(|link| link.has_unseen());
            if within < hall.leader_looks || unseen {
                hall.leader_looks = within;
                self.call_leader(hall);
            }
        } else {
            self.rouse_thread(hall);
        }
    }

    /// Calls a job off.
    pub(super) fn cancel(&self, cell: &Cell) -> Cancel {
        let mut hall = self.lock();
        if cell.is_over() || cell.place() == ENDED {
            return Cancel::Finished;
        }
        if !hall.state.cancel(cell) {
            return Cancel::Running;
        }
        // Under the lock, for the queue knows by it which jobs are cancelled; the waker is woken without.
        let (waker, _) = cell.deliver(Raw::Failed(JobError::Cancelled));
        hall.state.tidy();
        self.announce(&mut hall);
        if hall.waiting > 0 {
            self.changed.notify_all();
        }
        drop(hall);
        self.wake(waker);
        Cancel::Cancelled
    }

    /// Wakes the leader: there is more to wait for than it knows.
    pub(super) fn call_leader(&self, hall: &Hall) {
        match &hall.dozing {
            Some(ledger) => ledger.call(),
            // An event descriptor that is open takes a signal.
            None => drop(self.leader_bell.signal()),
        }
    }

    /// Wakes whoever sleeps, so that all see a change of the pool itself.
    pub(super) fn wake_all(&self, hall: &Hall) {
        self.changed.notify_all();
        self.call_leader(hall);
        drop(self.thread_bell.signal());
    }
}
