//! The pool's state: the queue, the links to the workers, and what follows from answers and deaths.
//!
//! Problem: a job is in exactly one place: in the queue, with a worker, or over. So one lock guards all.
//!
//! **Invariants**
//! - `STATE-1`: each job that was accepted is over once: answered, cancelled, or failed with the reason.
//! - `STATE-2`: a death fails the job that its worker was running. The others go back to the queue; the worker is replaced.
//! - `STATE-3`: a job does not wait behind a long one while another worker has nothing to do.
//! - `STATE-4`: a pool that breaks has told each of its jobs why, and keeps no process. It breaks at too many deaths in a
//!   row, without a fork server, and when no worker is left and none can be forked.
//! - `STATE-5`: a fork server that a job has stopped is continued at the next look, so no handle waits for it.
//!
//! **Source**: supervision in Erlang/OTP, with its maximum of restarts.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use super::fork_server::{self, ENDED, FAILED, FORKED, KILL, Packet, START};
use super::link::{Job, Link};
use crate::jobs::{Cancel, Counts, JobError};
use crate::os::process::{Child, Exit, Pid};
use crate::os::signal::Signal;
use crate::os::{PollFd, SharedMemory, poll};

/// More deaths than this in a row, and one for each worker, break the pool.
const MOST_DEATHS: usize = 100;

/// What the pool's lock guards.
#[derive(Default)]
pub(super) struct State {
    /// Jobs that no worker has, by their numbers.
    queue: BTreeMap<u64, Job>,
    /// The number of the next job.
    pub(super) next_id: u64,
    /// The workers' places.
    links: Vec<Link>,
    /// The fork server, until it is reaped.
    pub(super) server: Option<Child>,
    /// The control socket; `None` when the processes were told to end.
    pub(super) control: Option<OwnedFd>,
    /// The pool's thread, from the first job until it is joined.
    pub(super) thread: Option<JoinHandle<()>>,
    /// Whether the fork server was reaped, and so every worker.
    pub(super) is_over: bool,
    /// Why it takes no jobs any more: it is shut down, or has given up.
    pub(super) closed: Option<JobError>,
    /// Jobs that are over. The pool's thread wakes their owners and frees their memory.
    pub(super) finished: Vec<Job>,
    /// How many callers wait for the pool itself.
    pub(super) waiters: usize,
    /// Whether the pool's thread sleeps without a timeout.
    pub(super) rests: bool,
    /// Deaths since the last answer.
    deaths: usize,
    /// Jobs that were run, successfully or not.
    pub(super) done: u64,
    /// Jobs that were dropped before they began.
    cancelled: u64,
}

impl State {
    /// The state of a pool without workers.
    pub(super) fn new((server, control): (Child, OwnedFd), channels: &[Arc<SharedMemory>]) -> Self {
        let links = channels.iter().map(|channel| Link::new(None, channel)).collect();
        Self { links, server: Some(server), control: Some(control), ..Self::default() }
    }

    /// Asks for a worker at each place, and waits for it before the next. The first that fails is the last asked for.
    pub(super) fn start_workers(&mut self) -> io::Result<()> {
        for place in 0..self.links.len() {
            self.fill_place(place);
            while self.links[place].pid.is_none() {
                let control = self.control.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
                poll(&mut [PollFd::readable(control.as_fd())], None)?;
                match fork_server::receive(control.as_fd())? {
                    Some((FAILED, _, errno)) => return Err(io::Error::from_raw_os_error(errno)),
                    Some(packet) => self.take_notice(packet),
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// How many jobs are not over.
    pub(super) fn open(&self) -> usize {
        self.queue.len() + self.links.iter().map(Link::len).sum::<usize>()
    }

    /// How many jobs wait: a worker that has jobs runs one of them.
    pub(super) fn waiting(&self) -> usize {
        self.open() - self.links.iter().filter(|link| link.len() > 0).count()
    }

    /// Takes a job.
    pub(super) fn push(&mut self, job: Job) {
        // With jobs in the queue no worker has room.
        let left = if self.queue.is_empty() { self.give(job) } else { Some(job) };
        self.put_back(left);
    }

    /// Gives a job to the worker that has the fewest; returns it if none has room.
    fn give(&mut self, job: Job) -> Option<Job> {
        let with_room = self.links.iter_mut().filter_map(|l| l.has_room_for(&job).then_some(l));
        let Some(link) = with_room.min_by_key(|link| link.len()) else { return Some(job) };
        link.give(job);
        None
    }

    /// Gives jobs from the queue to the workers that have room.
    fn fill(&mut self) {
        while let Some((_, job)) = self.queue.pop_first() {
            if let Some(job) = self.give(job) {
                return self.put_back([job]);
            }
        }
    }

    /// Takes half of the jobs of the worker that has most, if another has nothing to do (`STATE-3`).
    fn balance(&mut self) {
        let has_idle = self.links.iter().any(|link| link.len() == 0);
        if let Some(fullest) = self.links.iter_mut().max_by_key(|link| link.len())
            && has_idle
            && self.queue.is_empty()
        {
            let kept = fullest.len().div_ceil(2);
            let back = fullest.take_back(|index, _| index >= kept);
            self.put_back(back);
            self.fill();
        }
    }

    /// Puts jobs into the queue, in the order of their numbers.
    fn put_back(&mut self, jobs: impl IntoIterator<Item = Job>) {
        self.queue.extend(jobs.into_iter().map(|job| (job.id, job)));
    }

    /// Takes a job out that has not begun. The caller leaves the result.
    pub(super) fn cancel(&mut self, id: u64) -> Cancel {
        let mut links = self.links.iter_mut();
        let is_taken = self.queue.remove(&id).is_some()
            || links.any(|link| !link.take_back(|_, job| job.id == id).is_empty());
        self.cancelled += u64::from(is_taken);
        if is_taken { Cancel::Cancelled } else { Cancel::Running }
    }

    /// Cancels every job that has not begun.
    pub(super) fn cancel_waiting(&mut self) {
        let mut jobs: Vec<Job> = mem::take(&mut self.queue).into_values().collect();
        jobs.extend(self.links.iter_mut().flat_map(|link| link.take_back(|_, _| true)));
        self.cancelled += jobs.len() as u64;
        self.fail(jobs, &JobError::Cancelled);
    }

    /// Ends jobs that were taken out.
    fn fail(&mut self, jobs: Vec<Job>, error: &JobError) {
        self.finished.extend(jobs.into_iter().filter_map(|job| job.finish(Err(error.clone()))));
    }

    /// One pass: takes what fork server and workers have sent, and gives out jobs. A look is a pass that no event asked for.
    /// Returns how long it is until the first time limit is over.
    pub(super) fn pass(&mut self, is_look: bool, now: Instant) -> Duration {
        if let (true, Some(server)) = (is_look, &self.server) {
            // STATE-5. It does nothing to a process that runs.
            drop(server.kill(Signal::Continue));
        }
        while let Some(control) = &self.control {
            match fork_server::receive(control.as_fd()) {
                Ok(Some(packet)) => self.take_notice(packet),
                Ok(None) => break,
                Err(error) => self.break_down(format!("its fork server is gone: {error}")),
            }
        }
        self.read(is_look);
        for place in 0..self.links.len() {
            if self.links[place].must_be_killed(now) {
                self.kill(place);
            }
            if is_look && self.links[place].is_missing() {
                self.fill_place(place);
            }
        }
        if is_look {
            self.balance();
        }
        let deadlines = self.links.iter().filter_map(|link| link.deadline);
        deadlines.min().map_or(Duration::MAX, |deadline| deadline - now)
    }

    /// Takes what the workers have sent, and sends what they have room for. False if no job has ended.
    pub(super) fn read(&mut self, is_look: bool) -> bool {
        let before = self.open();
        self.links.iter_mut().for_each(|link| link.exchange(&mut self.finished, is_look));
        let answered = before - self.open();
        if answered > 0 {
            self.deaths = 0;
            self.done += answered as u64;
        }
        self.fill();
        answered > 0
    }

    /// Tells whether there is work for the pool's thread: an owner or a caller to wake, a fault, or a time limit.
    pub(super) fn needs_thread(&self) -> bool {
        let needs = |link: &Link| link.fault.is_some() || link.deadline.is_some();
        self.waiters > 0 || !self.finished.is_empty() || self.links.iter().any(needs)
    }

    /// Asks the fork server to kill the worker of a place. If the request cannot be sent, the next pass tries again.
    fn kill(&mut self, place: usize) {
        self.links[place].is_asked = self.ask((KILL, place, 0));
    }

    /// Asks for a worker. If the request cannot be sent, the next look tries again.
    fn fill_place(&mut self, place: usize) {
        // Nothing that the last worker has written may look like an answer of the next one.
        let is_clear = self.links[place].end.peer.memory.clear().is_ok();
        self.links[place].is_asked = is_clear && self.ask((START, place, 0));
    }

    /// Sends a request if there is room. Without a fork server, the pool breaks when the end of the socket is read.
    fn ask(&self, packet: Packet) -> bool {
        let Some(control) = self.control.as_ref().map(AsFd::as_fd) else { return false };
        let has_room = poll(&mut [PollFd::writable(control)], Some(Duration::ZERO));
        matches!(has_room, Ok(1)) && fork_server::send(control, packet).is_ok()
    }

    /// Does what follows from a notice of the fork server.
    fn take_notice(&mut self, (what, place, number): Packet) {
        match what {
            FORKED => {
                let channel = &self.links[place].end.peer.memory;
                self.links[place] = Link::new(Some(Pid(number)), channel);
            }
            FAILED => {
                self.links[place].is_asked = false;
                if self.links.iter().all(Link::is_missing) {
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
        let Some(pid) = self.links[place].pid else { return };
        self.read(false);
        let link = &mut self.links[place];
        let (begun, others) = link.take_all();
        let error = link.fault.take().unwrap_or(JobError::Died { pid, exit });
        // PWORKER-6.
        let has_left = begun.is_empty() && exit == Exit::Code(0);
        let is_planned = has_left || matches!(error, JobError::TimeLimit(_));
        (link.pid, link.is_asked, link.deadline) = (None, false, None);
        self.deaths += usize::from(!is_planned);
        self.done += begun.len() as u64;
        self.fail(begun, &error);
        self.put_back(others);
        if self.deaths > MOST_DEATHS + self.links.len() {
            self.break_down(format!(
                "{} workers have died, one after another, and none has finished a job; the last was {pid}: {exit}",
                self.deaths
            ));
        } else if self.closed.is_none() || self.open() > 0 {
            self.fill_place(place);
        }
    }

    /// Gives up: every job fails with the reason, and every process ends (`STATE-4`).
    pub(super) fn break_down(&mut self, why: String) {
        if self.control.is_none() {
            return;
        }
        let mut jobs: Vec<Job> = mem::take(&mut self.queue).into_values().collect();
        for link in &mut self.links {
            let (begun, others) = link.take_all();
            jobs.extend(begun.into_iter().chain(others));
        }
        let error = JobError::PoolBroken(why);
        self.fail(jobs, &error);
        self.closed = Some(error);
        self.end_processes();
    }

    /// Asks the fork server to kill every worker that has jobs.
    pub(super) fn kill_running(&mut self) {
        for place in 0..self.links.len() {
            if self.links[place].len() > 0 {
                self.kill(place);
            }
        }
    }

    /// Ends every process: the fork server reads the end of the control socket, and kills the workers.
    pub(super) fn end_processes(&mut self) {
        self.links.clear();
        self.control = None;
    }

    /// Tells whether the caller is the pool's own thread, in a waker or a destructor.
    pub(super) fn is_own_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|own| own.thread().id() == thread::current().id())
    }

    /// How many jobs there are, and where.
    pub(super) fn counts(&self) -> Counts {
        let running = self.links.iter().filter(|link| link.is_running()).count();
        let (queued, workers) = (self.open() - running, self.pids().len());
        Counts { queued, running, done: self.done, cancelled: self.cancelled, workers }
    }

    /// The numbers of the living workers.
    pub(super) fn pids(&self) -> Vec<Pid> {
        self.links.iter().filter_map(|link| link.pid).collect()
    }
}
