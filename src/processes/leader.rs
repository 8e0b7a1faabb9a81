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
//! - `LEAD-3`: when nobody waits the pool's own thread takes the lead, at most two times [`LOOK`] later; it sleeps without
//!   a timeout only while no job is open.
//! - `LEAD-4`: results are delivered without the pool's lock.
//! - `LEAD-5`: the pool's thread alone hears the fork server, also while another leads: so a leader waits for few
//!   descriptors.
//!
//! One job, submitted and joined by one caller, with no other thread awake:
//!
//! ```text
//! caller                                  worker
//! submit: send
//! join: leads, waits for the sockets
//!                                         receive, run, send
//! receive, own result is there: leaves
//! ```
//!
//! **Left out**: several readers at once; one moves more results than two workers make.
//!
//! **Source**: Schmidt and others, "Leader/Followers" (2000).

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::cell::{Cell, Deliver, ENDED, Raw};
use super::link::Link;
use super::state::{Phase, Place, State};
use crate::jobs::{Cancel, JobError};
use crate::os::{EventFd, PollFd, poll};

/// After this time without news, a leader looks after workers that are silent (`LIFE-5`, `STATE-3`), and the pool's
/// thread after a lead that nobody has. Taste: long beside what it costs, short for a caller.
pub(super) const LOOK: Duration = Duration::from_millis(1);

/// What a pool, its handles and its thread share.
pub(super) struct Shared {
    /// Everything; also who leads. No foreign code runs under the lock, and a poisoned one is used on: the only panics
    /// under it are broken invariants of this room.
    hall: Mutex<Hall>,
    /// Wakes who waits for the pool itself: for room, or for its end.
    changed: Condvar,
    /// Wakes the leader: there is more to wait for than it knows.
    leader_bell: EventFd,
    /// Wakes the pool's thread.
    thread_bell: EventFd,
    /// How many tasks wait. Written without the lock, by polls and deliveries; read under it.
    wakers: AtomicUsize,
}

/// What the lock guards.
pub(super) struct Hall {
    /// Jobs and workers.
    pub(super) state: State,
    /// Does somebody lead?
    led: bool,
    /// Does the leader look after silent workers as it waits?
    leader_looks: bool,
    /// How often the lead was left.
    terms: u64,
    /// Owners that wait for their turn to lead.
    followers: VecDeque<Arc<dyn Deliver>>,
    /// How many threads sleep at `changed`.
    waiting: usize,
    /// An empty list, kept for its memory.
    spare: Vec<(Arc<dyn Deliver>, Raw)>,
    /// Set when a result was delivered to an owner that slept.
    woke_owner: bool,
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
            leader_looks: false,
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
    fn lead<'a>(
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
            hall.state.send();
            hall = self.deliver(hall);
            let over = hall.state.control.is_none() || done(&hall);
            if over || deadline.is_some_and(|at| at <= Instant::now()) {
                break;
            }
            let needs_look = hall.state.needs_look();
            hall.leader_looks = needs_look;
            sources.list(&mut hall.state, hears_server);
            drop(hall);
            sources.wait(self, deadline, needs_look);
            hall = self.lock();
            sources.take(&mut hall.state);
            if needs_look && looked.get_or_insert_with(Instant::now).elapsed() >= LOOK {
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
    fn call_next(&self, hall: &mut Hall) {
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
    }

    /// Has the pool's thread lead at once.
    fn call_thread(&self, hall: &mut Hall) {
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
                if let Some(waker) = waker {
                    self.remove_waker();
                    waker.wake();
                }
            }
            hall = self.lock();
            hall.spare = over;
            hall.woke_owner |= woke;
        }
        hall
    }

    /// Leads until the owner's result is there or the deadline came, and returns false; or, when another leads,
    /// enters the owner as a follower and returns true.
    pub(super) fn lead_or_follow(
        &self,
        owner: &Arc<dyn Deliver>,
        deadline: Option<Instant>,
    ) -> bool {
        let mut hall = self.lock();
        if owner.cell().is_over() {
            return false;
        }
        if hall.led || hall.state.control.is_none() {
            // Without workers there is nothing to lead: the result is about to be delivered.
            hall.followers.push_back(Arc::clone(owner));
            return true;
        }
        let hall = self.lead(hall, deadline, &|_| owner.cell().is_over(), false);
        drop(hall);
        false
    }

    /// Takes a follower off the list. One that will not lead, though it may have been called, calls the next.
    pub(super) fn end_follow(&self, owner: &Arc<dyn Deliver>, is_late: bool) {
        let mut hall = self.lock();
        hall.followers.retain(|other| !Arc::ptr_eq(other, owner));
        if is_late || owner.cell().is_over() {
            self.call_next(&mut hall);
        }
    }

    /// Waits until `done`, leading if nobody else does; false when the deadline came first.
    pub(super) fn wait_until<'a>(
        &'a self,
        mut hall: Guard<'a>,
        deadline: Option<Instant>,
        done: &dyn Fn(&Hall) -> bool,
    ) -> (Guard<'a>, bool) {
        loop {
            hall = self.deliver(hall);
            if done(&hall) {
                return (hall, true);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return (hall, false);
            }
            if !hall.led && hall.state.control.is_some() {
                let hears_server = hall.thread == Watcher::None;
                hall = self.lead(hall, deadline, done, hears_server);
                continue;
            }
            hall.waiting += 1;
            let woken =
                self.changed.wait_timeout(hall, left.unwrap_or(Duration::MAX).min(LOOK * 100));
            hall = woken.unwrap_or_else(PoisonError::into_inner).0;
            hall.waiting -= 1;
        }
    }

    /// To be called after jobs were added: wakes who has to know.
    pub(super) fn announce(&self, hall: &mut Hall) {
        if hall.thread == Watcher::Asleep {
            hall.thread = Watcher::Awake;
            drop(self.thread_bell.signal());
        }
        if hall.led {
            let news = !hall.leader_looks && hall.state.needs_look();
            let unseen =
                |link: &mut Link| link.blocked || !(link.watched || link.window.is_empty());
            if news || hall.state.links().any(unseen) {
                hall.leader_looks = true;
                drop(self.leader_bell.signal());
            }
        }
    }

    /// Counts a task that waits, and sees to it that somebody leads.
    pub(super) fn add_waker(&self) {
        // Pairs with the load in `call_next`: a leader that leaves sees the count, or we see that nobody leads.
        self.wakers.fetch_add(1, Ordering::SeqCst);
        let mut hall = self.lock();
        if !hall.led {
            self.call_thread(&mut hall);
        }
    }

    /// Counts a task that does not wait any more.
    pub(super) fn remove_waker(&self) {
        self.wakers.fetch_sub(1, Ordering::SeqCst);
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
        if let Some(waker) = waker {
            self.remove_waker();
            waker.wake();
        }
        Cancel::Cancelled
    }

    /// Wakes whoever sleeps, so that all see a change of the pool itself.
    pub(super) fn wake_all(&self) {
        self.changed.notify_all();
        drop(self.leader_bell.signal());
        drop(self.thread_bell.signal());
    }

    /// The life of the pool's thread (`LEAD-3`).
    pub(super) fn watch(&self) {
        let mut hall = self.lock();
        let mut terms = hall.terms;
        while hall.state.phase != Phase::Ended && hall.state.control.is_some() {
            let quiet = hall.terms == terms;
            terms = hall.terms;
            let called = hall.thread == Watcher::Called;
            hall.thread = Watcher::Awake;
            if !hall.led && hall.state.open > 0 && (called || quiet) {
                hall.woke_owner = false;
                // An owner that was served will be back, and then reads for itself.
                let done = |hall: &Hall| hall.state.open == 0 || hall.woke_owner;
                hall = self.lead(hall, None, &done, true);
                terms = hall.terms;
            } else {
                let idle = !hall.led && hall.state.open == 0 && quiet;
                hall = self.sleep(hall, idle);
            }
        }
        let is_broken = hall.state.broken.is_some();
        drop(hall);
        if is_broken {
            // Nobody may end the pool for long, and its fork server has just left.
            self.wait_for_server();
        }
    }

    /// Sleeps for a moment; or, when the pool is idle, until there is a job or news of a worker.
    fn sleep<'a>(&'a self, mut hall: Guard<'a>, idle: bool) -> Guard<'a> {
        let control = hall.state.control.clone();
        hall.thread = if idle { Watcher::Asleep } else { Watcher::Awake };
        let looks =
            !idle || hall.state.places.iter().any(|place| matches!(place, Place::Vacant(_)));
        drop(hall);
        let mut fds = vec![PollFd::readable(self.thread_bell.as_fd())];
        fds.extend(control.as_ref().map(|control| PollFd::readable(control.as_fd())));
        // It fails for want of memory only; then this thread spins, which is the least of its troubles.
        drop(poll(&mut fds, looks.then_some(LOOK)));
        let told = fds.get(1).is_some_and(PollFd::is_ready);
        if fds[0].is_ready() {
            drop(self.thread_bell.clear());
        }
        hall = self.lock();
        if hall.thread == Watcher::Asleep {
            hall.thread = Watcher::Awake;
        }
        if told {
            hall.state.take_notices();
        }
        if idle && looks {
            hall.state.look();
        }
        hall = self.deliver(hall);
        if told && hall.led {
            // The leader's own result may be among those, or a worker that it does not know.
            drop(self.leader_bell.signal());
        }
        hall
    }
}

/// What a leader waits for, beside its bell. Kept from one wait to the next for its memory.
#[derive(Default)]
struct Sources {
    /// The control socket; `None` when the pool's thread listens to it.
    control: Option<Arc<OwnedFd>>,
    /// The socket of each worker that has jobs: its place's number, and whether there is something to send as well.
    workers: Vec<(usize, Arc<OwnedFd>, bool)>,
    /// Whether each was ready at the last wait: the bell, the control socket if there is one, the workers'.
    ready: Vec<bool>,
}

impl Sources {
    /// Lists what there is to wait for.
    fn list(&mut self, state: &mut State, hears_server: bool) {
        self.control = state.control.clone().filter(|_| hears_server);
        self.workers.clear();
        for (at, place) in state.places.iter_mut().enumerate() {
            if let Some(link) = place.link() {
                link.watched = !link.gone && !link.window.is_empty();
                if link.watched {
                    self.workers.push((at, Arc::clone(&link.socket), link.blocked));
                }
            }
        }
    }

    /// Waits.
    fn wait(&mut self, shared: &Shared, deadline: Option<Instant>, looks: bool) {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = if looks { Some(left.unwrap_or(LOOK).min(LOOK)) } else { left };
        let mut fds = Vec::with_capacity(self.workers.len() + 2);
        fds.push(PollFd::readable(shared.leader_bell.as_fd()));
        fds.extend(self.control.iter().map(|control| PollFd::readable(control.as_fd())));
        fds.extend(self.workers.iter().map(|(_, socket, sends)| {
            if *sends { PollFd::either(socket.as_fd()) } else { PollFd::readable(socket.as_fd()) }
        }));
        // As in `sleep`.
        drop(poll(&mut fds, timeout));
        self.ready.clear();
        self.ready.extend(fds.iter().map(PollFd::is_ready));
        if self.ready[0] {
            drop(shared.leader_bell.clear());
        }
    }

    /// Takes what the ready ones have sent.
    fn take(&self, state: &mut State) {
        let (control, workers) = self.ready[1..].split_at(usize::from(self.control.is_some()));
        for ((place, socket, _), _) in self.workers.iter().zip(workers).filter(|(_, ready)| **ready)
        {
            // The place may have another worker by now, and then another socket.
            let same = |link: &mut Link| Arc::ptr_eq(&link.socket, socket);
            if state.places.get_mut(*place).and_then(Place::link).is_some_and(same) {
                state.receive(*place);
            }
        }
        if control.contains(&true) {
            state.take_notices();
        }
    }
}
