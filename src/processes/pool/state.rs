//! The pool's state: the queue, the workers' places, and what follows from answers and deaths.
//!
//! Problem: a job is in the queue, with a worker, or over, and it must not be in two of these, nor in none. All of it is
//! under one lock, and nothing here waits or runs foreign code.
//!
//! ```text
//!   submit          fill                 exchange
//! ───────▶ queue ───────────▶ a worker ───────────▶ finished ──▶ delivered by the pool's thread, without the lock
//!            ▲                    │
//!            └────────────────────┘ the worker died, or is at a long job while another has none
//! ```
//!
//! **Invariants**
//! - `STATE-1`: each job that was accepted is over once: answered, cancelled, or failed with the reason.
//! - `STATE-2`: a death fails the job that its worker was running. The others go back to the queue, before younger ones,
//!   and another worker takes the place.
//! - `STATE-3`: a job does not wait behind a long one while another worker has nothing to do.
//! - `STATE-4`: a pool that breaks has told each of its jobs why, and keeps no process. It breaks at too many deaths in a
//!   row, without a fork server, and when no worker is left and none can be forked.
//! - `STATE-5`: a fork server that a job has stopped is continued at the next look, so no handle waits for it.
//!
//! **Source**: supervision in Erlang/OTP, with its maximum of restarts.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;
use std::{io, mem};

use super::fork_server::{self, ENDED, FAILED, FORKED, KILL, Packet, START};
use super::link::{Finished, Job, Link};
use crate::jobs::{Cancel, Counts, JobError};
use crate::os::SharedMemory;
use crate::os::process::{Child, Exit, Pid};
use crate::os::signal::Signal;

/// The place of one worker.
struct Place {
    /// What this worker and the parent share. The next worker of the place gets it again.
    channel: Arc<SharedMemory>,
    /// The worker, if there is one.
    link: Option<Box<Link>>,
    /// Whether the fork server was asked for a worker. If not, and there is none, the next look asks.
    is_starting: bool,
}

/// How far the pool's life is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It takes jobs.
    Open,
    /// It finishes what it has.
    Closing,
    /// It has no workers any more.
    Ended,
    /// It has no workers any more, for this reason.
    Broken(String),
}

/// What the pool's lock guards.
pub(super) struct State {
    /// Jobs that no worker has, by their numbers.
    queue: BTreeMap<u64, Job>,
    /// The places of the workers.
    places: Vec<Place>,
    /// The control socket; `None` when there is no fork server any more.
    control: Option<OwnedFd>,
    /// The fork server, to be waited for without the lock.
    pub(super) server: Option<Child>,
    /// How far the pool's life is.
    pub(super) phase: Phase,
    /// How many jobs are not over.
    pub(super) open: usize,
    /// Results that were not delivered.
    pub(super) finished: Vec<Finished>,
    /// How many results are being delivered.
    pub(super) delivering: usize,
    /// Whether the pool's thread sleeps without a timeout.
    pub(super) rests: bool,
    /// Deaths since the last answer.
    deaths: u32,
    /// More deaths than this break the pool.
    most_deaths: u32,
    /// How many jobs a worker runs before it is replaced.
    most_jobs: u64,
    /// Jobs that were run, successfully or not.
    pub(super) done: u64,
    /// Jobs that were dropped before they began.
    cancelled: u64,
}

impl State {
    /// The state of a pool whose places are empty.
    pub(super) fn new(
        (server, control): (Child, OwnedFd),
        channels: Vec<Arc<SharedMemory>>,
        most_deaths: u32,
        most_jobs: u64,
    ) -> Self {
        let place = |channel| Place { channel, link: None, is_starting: false };
        Self {
            queue: BTreeMap::new(),
            places: channels.into_iter().map(place).collect(),
            control: Some(control),
            server: Some(server),
            phase: Phase::Open,
            open: 0,
            finished: Vec::new(),
            delivering: 0,
            rests: false,
            deaths: 0,
            most_deaths,
            most_jobs,
            done: 0,
            cancelled: 0,
        }
    }

    /// Has a worker forked for each place, one after another: the first that fails is the last that was asked for.
    ///
    /// # Errors
    /// Why one could not be forked.
    pub(super) fn start_workers(&mut self) -> io::Result<()> {
        for place in 0..self.places.len() {
            self.fill_place(place);
            while self.places[place].link.is_none() {
                let control = self.control.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
                match fork_server::receive(control.as_fd(), true)? {
                    Some((FAILED, _, errno)) => return Err(io::Error::from_raw_os_error(errno)),
                    Some(packet) => self.take_notice(packet),
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// The links to living workers.
    fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.places.iter_mut().filter_map(|place| place.link.as_deref_mut())
    }

    /// How many jobs wait: a worker that has jobs runs one of them.
    pub(super) fn waiting(&mut self) -> usize {
        let busy = self.links().filter(|link| link.len() > 0).count();
        self.open.saturating_sub(busy)
    }

    /// Tells whether every job is over and its result delivered.
    pub(super) fn is_idle(&self) -> bool {
        self.open == 0 && self.finished.is_empty() && self.delivering == 0
    }

    /// Tells whether each place has a worker, or will have one.
    pub(super) fn is_full(&self) -> bool {
        self.places.iter().all(|place| place.link.is_some() || place.is_starting)
    }

    /// Takes a job.
    pub(super) fn push(&mut self, job: Job) {
        self.open += 1;
        self.queue.insert(job.id, job);
        self.fill();
    }

    /// Gives jobs from the queue to the workers that have room, each to the one that has the fewest.
    fn fill(&mut self) {
        while let Some((_, job)) = self.queue.pop_first() {
            let mut best: Option<&mut Link> = None;
            for link in self.places.iter_mut().filter_map(|place| place.link.as_deref_mut()) {
                let is_better = best.as_ref().is_none_or(|best| link.len() < best.len());
                if is_better && link.has_room_for(&job) {
                    best = Some(link);
                }
            }
            let Some(best) = best else {
                self.queue.insert(job.id, job);
                return;
            };
            best.give(job);
        }
    }

    /// Takes half of the jobs of the worker that has most, if another has nothing to do (`STATE-3`).
    fn balance(&mut self) {
        if self.queue.is_empty() && self.links().any(|link| link.len() == 0) {
            let back = self.links().max_by_key(|link| link.len()).map(|link| {
                let kept = link.len().div_ceil(2);
                link.take_back(|index, _| index >= kept)
            });
            self.put_back(back.unwrap_or_default());
            self.fill();
        }
    }

    /// Puts jobs back into the queue, in their old order.
    fn put_back(&mut self, jobs: Vec<Job>) {
        self.queue.extend(jobs.into_iter().map(|job| (job.id, job)));
    }

    /// Takes a job out that has not begun. The caller leaves the result.
    pub(super) fn cancel(&mut self, id: u64) -> Cancel {
        let queued = self.queue.remove(&id).is_some();
        if !queued && !self.links().any(|link| !link.take_back(|_, job| job.id == id).is_empty()) {
            return Cancel::Running;
        }
        self.open -= 1;
        self.cancelled += 1;
        Cancel::Cancelled
    }

    /// Cancels every job that has not begun.
    pub(super) fn cancel_waiting(&mut self) {
        let mut jobs: Vec<Job> = mem::take(&mut self.queue).into_values().collect();
        jobs.extend(self.links().flat_map(|link| link.take_back(|_, _| true)));
        self.cancelled += jobs.len() as u64;
        self.fail(jobs, &JobError::Cancelled);
    }

    /// Ends jobs that were taken out.
    fn fail(&mut self, jobs: Vec<Job>, error: &JobError) {
        self.open -= jobs.len();
        self.finished.extend(jobs.into_iter().map(|job| (job.owner, Err(error.clone()))));
    }

    /// Takes what workers and fork server have sent, and gives out jobs. Returns when the first time limit is over.
    pub(super) fn pass(&mut self, is_look: bool) -> Option<Instant> {
        while let Some(control) = &self.control {
            match fork_server::receive(control.as_fd(), false) {
                Ok(Some(packet)) => self.take_notice(packet),
                Ok(None) => break,
                Err(error) => self.break_down(format!("its fork server is gone: {error}")),
            }
        }
        let now = Instant::now();
        for place in 0..self.places.len() {
            self.exchange(place, is_look, now);
        }
        self.fill();
        if is_look {
            self.balance();
            if let Some(server) = &self.server {
                // STATE-5. It does nothing to a process that runs.
                drop(server.kill(Signal::Continue));
            }
        }
        self.links().filter_map(|link| link.deadline).min()
    }

    /// Takes what the worker of a place has sent; asks for a worker, if there is none.
    fn exchange(&mut self, place: usize, is_look: bool, now: Instant) {
        let Place { link, is_starting, .. } = &mut self.places[place];
        let Some(link) = link else {
            if is_look && !*is_starting {
                self.fill_place(place);
            }
            return;
        };
        if link.len() == 0 {
            return;
        }
        let before = self.finished.len();
        if link.exchange(&mut self.finished, is_look, now) {
            self.kill(place);
        }
        let answered = self.finished.len() - before;
        if answered > 0 {
            self.deaths = 0;
            self.done += answered as u64;
            self.open -= answered;
        }
    }

    /// Has the worker of a place killed. If the request cannot be sent, the next pass tries again.
    fn kill(&mut self, place: usize) {
        let is_asked = self.ask((KILL, place, 0));
        if let Some(link) = &mut self.places[place].link {
            link.is_ending |= is_asked;
        }
    }

    /// Asks for a worker. If the request cannot be sent, the next look tries again.
    fn fill_place(&mut self, place: usize) {
        // Nothing that the last worker has written may look like an answer of the next one.
        let is_clear = self.places[place].channel.clear().is_ok();
        self.places[place].is_starting = is_clear && self.ask((START, place, 0));
    }

    /// Sends a request. Without a fork server to receive it, the pool breaks when the end of the socket is read.
    fn ask(&self, packet: Packet) -> bool {
        self.control.as_ref().is_some_and(|control| fork_server::ask(control.as_fd(), packet))
    }

    /// Does what follows from a notice of the fork server.
    fn take_notice(&mut self, packet: Packet) {
        let (what, place, number) = packet;
        match what {
            FORKED => {
                let Place { channel, link, is_starting } = &mut self.places[place];
                *link = Some(Box::new(Link::new(Pid::from_raw(number), channel, self.most_jobs)));
                *is_starting = false;
            }
            FAILED => {
                self.places[place].is_starting = false;
                if self.places.iter().all(|place| place.link.is_none() && !place.is_starting) {
                    let error = io::Error::from_raw_os_error(number);
                    self.break_down(format!("no worker is left, and none can be forked: {error}"));
                }
            }
            ENDED if number < 0 => self.worker_ended(place, Exit::Signal(-number)),
            _ => self.worker_ended(place, Exit::Code(number)),
        }
    }

    /// A worker is dead: what it was running fails, its other jobs go back, and its place is filled again (`STATE-2`).
    fn worker_ended(&mut self, place: usize, exit: Exit) {
        self.exchange(place, false, Instant::now());
        let Some(link) = self.places[place].link.take() else { return };
        let pid = link.pid;
        let (begun, error, others, counts) = link.bury(exit);
        self.done += begun.len() as u64;
        self.fail(begun, &error);
        self.put_back(others);
        self.deaths += u32::from(counts);
        if self.deaths > self.most_deaths {
            let text = format!(
                "{} workers have died, one after another, and none has finished a job; the last was {pid}: {exit}",
                self.deaths
            );
            self.break_down(text);
        } else if self.phase == Phase::Open || self.open > 0 {
            self.fill_place(place);
        }
    }

    /// Gives up: every job fails with the reason, and every process ends (`STATE-4`).
    pub(super) fn break_down(&mut self, why: String) {
        if matches!(self.phase, Phase::Broken(_) | Phase::Ended) {
            return;
        }
        let mut jobs: Vec<Job> = mem::take(&mut self.queue).into_values().collect();
        jobs.extend(self.links().flat_map(Link::take_all));
        self.fail(jobs, &JobError::PoolBroken(why.clone()));
        self.end_processes(Phase::Broken(why));
    }

    /// Has every worker that has jobs killed.
    pub(super) fn kill_running(&mut self) {
        for place in 0..self.places.len() {
            if self.places[place].link.as_ref().is_some_and(|link| link.len() > 0) {
                self.kill(place);
            }
        }
    }

    /// Ends every process: workers are told to leave, and the fork server reads the end of the control socket.
    pub(super) fn end_processes(&mut self, phase: Phase) {
        if !matches!(self.phase, Phase::Broken(_)) {
            self.phase = phase;
        }
        self.links().for_each(Link::close);
        self.places.clear();
        self.control = None;
    }

    /// How many jobs there are, and where.
    pub(super) fn counts(&mut self) -> Counts {
        let running = self.links().filter(|link| link.is_running()).count();
        let given: usize = self.links().map(|link| link.len()).sum();
        let queued = self.queue.len() + given - running;
        let (done, cancelled, workers) = (self.done, self.cancelled, self.links().count());
        Counts { queued, running, done, cancelled, workers }
    }

    /// The numbers of the living workers.
    pub(super) fn pids(&mut self) -> Vec<Pid> {
        self.links().map(|link| link.pid).collect()
    }
}
