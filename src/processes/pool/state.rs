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
//! | place | when | to |
//! | --- | --- | --- |
//! | `Starting` | the fork server has forked | `Live` |
//! | `Starting` | it could not | `Vacant`; the pool breaks if no other place is filled |
//! | `Live` | the worker has ended | `Starting`; the pool breaks at too many deaths in a row |
//! | `Vacant` | [`VACANT_PAUSE`] has passed | `Starting` |
//!
//! **Invariants**
//! - `STATE-1`: each job that was accepted is over once: answered, cancelled, or failed with the reason.
//! - `STATE-2`: a death fails the job that its worker was running. The others go back to the queue, before younger ones.
//! - `STATE-3`: a job does not wait behind a long one while another worker has nothing to do.
//! - `STATE-4`: a pool that breaks has told each of its jobs why, and keeps no process.
//!
//! **Source**: supervision in Erlang/OTP, with its maximum of restarts.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};
use std::{io, mem};

use super::fork_server::{Notice, Request};
use super::link::{Finished, Job, Link, SILENT_LOOK};
use crate::jobs::{Cancel, Counts, JobError};
use crate::os::process::{Child, Exit, Pid};

/// How soon an empty place is tried again. Without a pause, a lack of memory would be a storm of forks.
const VACANT_PAUSE: Duration = SILENT_LOOK;

/// The place of one worker.
enum Place {
    /// No worker is there; since then.
    Vacant(Instant),
    /// The fork server was asked for a worker.
    Starting,
    /// A worker is there.
    Live(Box<Link>),
}

/// How far the pool's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It takes jobs.
    Open,
    /// It finishes what it has.
    Closing,
    /// It has no workers any more.
    Ended,
}

/// What the pool's lock guards.
pub(super) struct State {
    /// Jobs that no worker has, by their numbers.
    queue: BTreeMap<u64, Job>,
    /// How many jobs are not over.
    pub(super) open: usize,
    /// The workers.
    places: Vec<Place>,
    /// The control socket; `None` when there is no fork server any more.
    control: Option<OwnedFd>,
    /// The fork server, to be waited for without the lock.
    pub(super) server: Option<Child>,
    /// How far the pool's life is.
    pub(super) phase: Phase,
    /// Why the pool gave up.
    pub(super) broken: Option<String>,
    /// Results that were not delivered.
    pub(super) finished: Vec<Finished>,
    /// Deaths since the last answer.
    deaths: u32,
    /// More deaths than this break the pool.
    most_deaths: u32,
    /// How many jobs a worker runs before it is replaced.
    most_jobs: u64,
    /// Jobs that were run, well or not.
    done: u64,
    /// Jobs that were dropped before they began.
    cancelled: u64,
}

impl State {
    /// The state of a pool whose places are empty.
    pub(super) fn new(
        (server, control): (Child, OwnedFd),
        workers: usize,
        most_deaths: u32,
        most_jobs: u64,
    ) -> Self {
        Self {
            queue: BTreeMap::new(),
            open: 0,
            places: (0..workers).map(|_| Place::Starting).collect(),
            control: Some(control),
            server: Some(server),
            phase: Phase::Open,
            broken: None,
            finished: Vec::new(),
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
    pub(super) fn start_all(&mut self) -> io::Result<()> {
        for place in 0..self.places.len() {
            self.start(place);
            while matches!(self.places[place], Place::Starting) {
                let control = self.control.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
                match Notice::receive(control.as_fd(), true)? {
                    Some(Notice::Failed(_, error)) => return Err(error),
                    Some(notice) => self.take_notice(notice),
                    None => {}
                }
            }
        }
        Ok(())
    }

    /// The links to living workers.
    fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.places.iter_mut().filter_map(Place::link)
    }

    /// How many jobs wait: a worker that has jobs runs one of them.
    pub(super) fn waiting(&mut self) -> usize {
        let busy = self.links().filter(|link| link.len() > 0).count();
        self.open.saturating_sub(busy)
    }

    /// Takes a job.
    pub(super) fn push(&mut self, job: Job) {
        self.open += 1;
        // Most jobs need no place in the queue.
        let link = if self.queue.is_empty() { self.link_for(&job) } else { None };
        if let Some(link) = link {
            link.give(job);
        } else {
            self.queue.insert(job.id, job);
        }
    }

    /// The worker with room for a job that has the fewest.
    fn link_for(&mut self, job: &Job) -> Option<&mut Link> {
        let mut best: Option<&mut Link> = None;
        for link in self.places.iter_mut().filter_map(Place::link) {
            let is_better = best.as_ref().is_none_or(|best| link.len() < best.len());
            if is_better && link.has_room_for(job) {
                best = Some(link);
            }
        }
        best
    }

    /// Gives jobs from the queue to the workers that have room.
    fn fill(&mut self) {
        while let Some((_, job)) = self.queue.pop_first() {
            if let Some(link) = self.link_for(&job) {
                link.give(job);
            } else {
                self.queue.insert(job.id, job);
                return;
            }
        }
    }

    /// Takes half of the jobs that wait behind a long one, if another worker has nothing to do (`STATE-3`).
    fn balance(&mut self) {
        if self.queue.is_empty() && self.links().any(|link| link.len() == 0) {
            // A worker that batches has answered lately, so its jobs are short.
            let slow = self.links().filter(|link| !link.batches && link.len() > 1);
            let back =
                slow.max_by_key(|link| link.len()).map(|link| link.take_back_last(link.len() / 2));
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
        let queued = self.queue.remove(&id);
        if queued.or_else(|| self.links().find_map(|link| link.take_back(id))).is_none() {
            return Cancel::Running;
        }
        self.open -= 1;
        self.cancelled += 1;
        Cancel::Cancelled
    }

    /// Cancels every job that has not begun.
    pub(super) fn cancel_waiting(&mut self) {
        let mut jobs: Vec<Job> = mem::take(&mut self.queue).into_values().collect();
        jobs.extend(self.links().flat_map(|link| link.take_back_last(usize::MAX)));
        self.cancelled += jobs.len() as u64;
        self.fail(jobs, &JobError::Cancelled);
    }

    /// Ends jobs that were taken out.
    fn fail(&mut self, jobs: Vec<Job>, error: &JobError) {
        self.open -= jobs.len();
        self.finished.extend(jobs.into_iter().map(|job| (job.owner, Err(error.clone()))));
    }

    /// Takes what workers and fork server have sent, and gives out jobs. A look is a pass that nothing has rung for.
    /// Returns how soon the next look is due; `None` when nothing can happen without a ring.
    pub(super) fn pass(&mut self, is_look: bool) -> Option<Duration> {
        self.take_notices();
        let now = Instant::now();
        let mut next_look: Option<Duration> = None;
        for place in 0..self.places.len() {
            let span = match &mut self.places[place] {
                Place::Live(link) if link.len() > 0 => self.exchange(place, is_look, now),
                Place::Vacant(since) if now.duration_since(*since) >= VACANT_PAUSE => {
                    self.start(place);
                    VACANT_PAUSE
                }
                Place::Vacant(_) => VACANT_PAUSE,
                _ => continue,
            };
            next_look = Some(next_look.map_or(span, |next| next.min(span)));
        }
        self.fill();
        self.balance();
        next_look.or((self.open > 0).then_some(SILENT_LOOK))
    }

    /// Takes what the worker of a place has sent. Returns how soon it must be looked at.
    fn exchange(&mut self, place: usize, is_look: bool, now: Instant) -> Duration {
        let Some(link) = self.places[place].link() else { return SILENT_LOOK };
        let before = self.finished.len();
        let next_look = link.exchange(&mut self.finished, is_look, now);
        link.retire_if_spent();
        if link.must_be_killed() {
            self.ask(Request::Kill(place));
        }
        let answered = self.finished.len() - before;
        if answered > 0 {
            self.deaths = 0;
            self.done += answered as u64;
            self.open -= answered;
        }
        next_look
    }

    /// Takes every notice of the fork server that is there.
    fn take_notices(&mut self) {
        while let Some(control) = &self.control {
            match Notice::receive(control.as_fd(), false) {
                Ok(Some(notice)) => self.take_notice(notice),
                Ok(None) => return,
                Err(error) => self.break_down(format!("its fork server is gone: {error}")),
            }
        }
    }

    /// Does what follows from a notice.
    fn take_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Started(place, pid, memory) => {
                match Link::new(pid, memory.as_fd(), self.most_jobs) {
                    Ok(link) => self.places[place] = Place::Live(Box::new(link)),
                    Err(error) => self.place_failed(place, &error),
                }
            }
            Notice::Failed(place, error) => self.place_failed(place, &error),
            Notice::Ended(place, pid, exit) => self.worker_ended(place, pid, exit),
        }
    }

    /// A worker could not be forked, or its memory not be mapped.
    fn place_failed(&mut self, place: usize, error: &io::Error) {
        self.ask(Request::Kill(place));
        self.places[place] = Place::Vacant(Instant::now());
        if self.places.iter().all(|place| matches!(place, Place::Vacant(_))) {
            self.break_down(format!("no worker is left, and none can be forked: {error}"));
        }
    }

    /// A worker is dead: what it was running fails, its other jobs go back (`STATE-2`), and its place is filled again.
    fn worker_ended(&mut self, place: usize, pid: Pid, exit: Exit) {
        // Another worker may be there, or be asked for, after one whose memory could not be mapped.
        if self.places[place].link().is_none_or(|link| link.pid != pid) {
            return;
        }
        let now = Instant::now();
        // A long answer takes several exchanges.
        while self.places[place].link().is_some_and(Link::has_answers) {
            self.exchange(place, false, now);
        }
        if let Place::Live(link) = mem::replace(&mut self.places[place], Place::Vacant(now)) {
            let (begun, others, counts) = link.bury(exit);
            self.open -= begun.len();
            self.done += begun.len() as u64;
            self.finished.extend(begun);
            self.put_back(others);
            self.deaths += u32::from(counts);
        }
        if self.deaths > self.most_deaths {
            let text = format!(
                "{} workers have died, one after another, and none has finished a job; the last was {pid}: {exit}",
                self.deaths
            );
            self.break_down(text);
        } else if self.phase == Phase::Open || self.open > 0 {
            self.start(place);
        }
    }

    /// Asks for a worker.
    fn start(&mut self, place: usize) {
        self.places[place] = Place::Starting;
        self.ask(Request::Start(place));
    }

    /// Sends a request. Without a fork server to receive it, the pool breaks when the end of the socket is read.
    fn ask(&self, request: Request) {
        if let Some(control) = &self.control {
            drop(request.send(control.as_fd()));
        }
    }

    /// Gives up: every job fails with the reason, and every process ends (`STATE-4`).
    pub(super) fn break_down(&mut self, why: String) {
        if self.broken.is_some() || self.phase == Phase::Ended {
            return;
        }
        let mut jobs: Vec<Job> = mem::take(&mut self.queue).into_values().collect();
        jobs.extend(self.links().flat_map(Link::take_all));
        self.fail(jobs, &JobError::PoolBroken(why.clone()));
        self.broken = Some(why);
        self.end_processes();
    }

    /// Has every worker that has jobs killed.
    pub(super) fn kill_running(&mut self) {
        for place in 0..self.places.len() {
            if self.places[place].link().is_some_and(|link| link.len() > 0) {
                self.ask(Request::Kill(place));
            }
        }
    }

    /// Ends every process: workers are told to leave, and the fork server sees the end of the control socket.
    pub(super) fn end_processes(&mut self) {
        self.links().for_each(Link::close);
        self.places.clear();
        self.control = None;
    }

    /// How many jobs there are, and where.
    pub(super) fn counts(&mut self) -> Counts {
        let (mut running, mut queued, mut workers) = (0, self.queue.len(), 0);
        for link in self.links() {
            let runs = usize::from(link.is_running());
            workers += 1;
            running += runs;
            queued += link.len() - runs;
        }
        Counts { queued, running, done: self.done, cancelled: self.cancelled, workers }
    }

    /// The numbers of the living workers.
    pub(super) fn pids(&mut self) -> Vec<Pid> {
        self.links().map(|link| link.pid).collect()
    }
}

impl Place {
    /// The link to the worker that is there.
    fn link(&mut self) -> Option<&mut Link> {
        if let Self::Live(link) = self { Some(link) } else { None }
    }
}
