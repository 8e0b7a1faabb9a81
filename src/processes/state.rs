//! The pool's state: the queue, the workers' places, and what follows from what they tell.
//!
//! Problem: a job is in the queue, with a worker, or over; a place is filled, being filled, or empty; and a death
//! changes both. All of it is under one lock, and nothing here waits.
//!
//! | place | when | to |
//! | --- | --- | --- |
//! | `Starting` | the fork server has forked | `Live` |
//! | `Starting` | it could not | `Vacant`; the pool breaks if no other place is filled |
//! | `Live` | the worker ended | `Starting`; the pool breaks at too many in a row |
//! | `Live` | it has run as many jobs as it may | `Leaving` |
//! | `Leaving` | the worker ended | `Starting` |
//! | `Vacant` | some time has passed | `Starting` |
//!
//! **Invariants**
//! - `STATE-1`: each job that was accepted is over once: answered, cancelled, or failed with the reason.
//! - `STATE-2`: a death fails the one job that its worker was running; the others go back to the queue's head.
//! - `STATE-3`: a worker has more than one job only while jobs are short (`WINDOW_NANOS`), and loses those that wait
//!   when the one that runs turns out long.
//! - `STATE-4`: results leave through `over`, and are delivered without the lock.
//!
//! **Source**: `concurrent.futures.process`, which has one job beyond the running ones, and loses them all.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cell::{Cell, Deliver, ENDED, QUEUED, Raw};
use super::ledger::Ledger;
use super::link::{Answered, Job, Link};
use super::server_line::{Notice, Request};
use crate::jobs::{Counts, JobError};
use crate::os::alarm;
use crate::os::process::{Child, Exit, Pid};
use crate::os::socket_pair;

/// A worker is given as many jobs as it will run in this time. Taste: long beside a system call, short for a caller.
const WINDOW_NANOS: u64 = 500_000;
/// Jobs shorter than this are not sent one by one to a worker that is idle: its wake-up costs more than the job.
const TINY_NANOS: u64 = 5_000;
/// And no more than this. Measured with `benches/process_pool.rs`.
const MOST_IN_WINDOW: u64 = 256;
/// How long an empty place waits for the next try. Taste.
const VACANT_PAUSE: Duration = Duration::from_millis(100);

/// The place of one worker.
pub(super) enum Place {
    /// Nobody is there; since then.
    Vacant(Instant),
    /// The fork server was asked for a worker.
    Starting,
    /// A worker is there.
    Live(Box<Link>),
    /// A worker that has run all its jobs is about to end.
    Leaving,
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

/// What the pool's lock guards, save who reads (`leader`).
pub(super) struct State {
    /// Jobs that no worker has. Those that were cancelled stay until they come to the front, or are many.
    queue: VecDeque<Job>,
    /// How many of the queue were cancelled.
    cancelled_in_queue: usize,
    /// How many jobs are about to be put into the queue.
    pub(super) reserved: usize,
    /// How many jobs are not over.
    pub(super) open: usize,
    /// The workers.
    pub(super) places: Vec<Place>,
    /// The control socket; `None` when there is no fork server any more.
    pub(super) control: Option<Arc<OwnedFd>>,
    /// The fork server.
    server: Option<Child>,
    /// How far the pool's life is.
    pub(super) phase: Phase,
    /// Why the pool gave up.
    pub(super) broken: Option<String>,
    /// Results that were not delivered (`STATE-4`).
    pub(super) over: Vec<(Arc<dyn Deliver>, Raw)>,
    /// Answers on their way into `over`; kept for its memory.
    answered: Vec<Answered>,
    /// How many jobs a worker may have (`STATE-3`).
    window: usize,
    /// How long a job runs, in nanoseconds, with the last ones counting most.
    typical: u64,
    /// Deaths since the last answer.
    deaths: u32,
    /// At how many of these the pool breaks.
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
        server: Child,
        control: OwnedFd,
        workers: usize,
        most_deaths: u32,
        most_jobs: u64,
    ) -> Self {
        Self {
            queue: VecDeque::new(),
            cancelled_in_queue: 0,
            reserved: 0,
            open: 0,
            places: (0..workers).map(|_| Place::Starting).collect(),
            control: Some(Arc::new(control)),
            server: Some(server),
            phase: Phase::Open,
            broken: None,
            over: Vec::new(),
            answered: Vec::new(),
            window: 1,
            typical: WINDOW_NANOS,
            deaths: 0,
            most_deaths,
            most_jobs,
            done: 0,
            cancelled: 0,
        }
    }

    /// The links to living workers.
    pub(super) fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.places.iter_mut().filter_map(Place::link)
    }

    /// How many jobs are in the queue, or about to be.
    pub(super) fn queued(&self) -> usize {
        self.queue.len() - self.cancelled_in_queue + self.reserved
    }

    /// Takes a job.
    pub(super) fn push(&mut self, job: Job) {
        self.open += 1;
        self.queue.push_back(job);
        self.fill();
    }

    /// Gives jobs from the queue to the workers that have room.
    pub(super) fn fill(&mut self) {
        while let Some(front) = self.queue.front() {
            if front.cell.cell().is_over() {
                self.queue.pop_front();
                self.cancelled_in_queue -= 1;
                continue;
            }
            let (window, most_jobs) = (self.window, self.most_jobs);
            let links = self.places.iter_mut().enumerate();
            let free =
                links.filter_map(|(at, place)| Some((at, place.link()?))).filter(|(_, link)| {
                    let room = if link.slow { 1 } else { window };
                    !link.gone && link.window.len() < room && link.given < most_jobs
                });
            let Some((at, link)) = free.min_by_key(|(_, link)| link.window.len()) else {
                return;
            };
            let Some(job) = self.queue.pop_front() else { return };
            job.cell.cell().set_place(at);
            link.give(job, self.typical > TINY_NANOS);
        }
    }

    /// Sends what waits to be sent.
    pub(super) fn send(&mut self) {
        self.links().for_each(Link::send);
    }

    /// Takes what the worker of a place has sent.
    pub(super) fn receive(&mut self, place: usize) {
        let mut answered = mem::take(&mut self.answered);
        if let Some(link) = self.places[place].link() {
            link.receive(&mut answered);
            if link.gone {
                // It may have closed its socket and live on: then it is of no use. Its end comes as a notice.
                self.ask(&Request::Kill(number(place)));
            }
        }
        self.take_answers(answered);
        self.retire(place);
        self.fill();
    }

    /// Turns answers into results, and learns how long jobs take.
    fn take_answers(&mut self, mut answered: Vec<Answered>) {
        if !answered.is_empty() {
            self.deaths = 0;
        }
        for Answered { job, kind, body, took } in answered.drain(..) {
            // An eighth of the newest: a few long jobs shrink the window, one of a thousand does not.
            self.typical = (self.typical * 7 + took) / 8;
            self.done += 1;
            self.end(job, Raw::Answer(kind, body));
        }
        let wanted = (WINDOW_NANOS / self.typical.max(1)).clamp(1, MOST_IN_WINDOW);
        let wanted = usize::try_from(wanted).unwrap_or(1);
        // Grown step by step, for the first jobs may not be like the others.
        self.window = wanted.min(self.window * 2);
        self.answered = answered;
    }

    /// Notes a result (`STATE-1`).
    fn end(&mut self, job: Job, result: Raw) {
        self.open -= 1;
        job.cell.cell().set_place(ENDED);
        self.over.push((job.cell, result));
    }

    /// Lets a worker go that has run as many jobs as it may.
    fn retire(&mut self, place: usize) {
        let most_jobs = self.most_jobs;
        if let Some(link) = self.places[place].link()
            && link.given >= most_jobs
            && link.window.is_empty()
            && !link.gone
        {
            // Its stream ends, so it leaves. A socket that is gone already is as good.
            drop(socket_pair::shut_down(link.socket.as_fd()));
            self.places[place] = Place::Leaving;
        }
    }

    /// Looks after workers that are silent: fetches answers they hold back (`LIFE-5`), and takes jobs back that wait
    /// behind a long one (`STATE-3`).
    pub(super) fn look(&mut self) {
        let mut answered = mem::take(&mut self.answered);
        let mut back = VecDeque::new();
        for link in self.places.iter_mut().filter_map(Place::link) {
            if link.window.len() > 1 {
                link.fetch(&mut answered);
            }
            if link.is_stuck() {
                link.slow = true;
                back.append(&mut link.take_back());
            }
        }
        self.take_answers(answered);
        self.put_back(back);
        for place in 0..self.places.len() {
            self.retire(place);
            if matches!(self.places[place], Place::Vacant(since) if since.elapsed() >= VACANT_PAUSE)
            {
                self.start(place);
            }
        }
        self.fill();
    }

    /// Tells whether [`look`](Self::look) has to be called within a millisecond or so.
    pub(super) fn needs_look(&mut self) -> bool {
        self.places.iter_mut().any(|place| match place {
            Place::Live(link) => link.window.len() > 1,
            Place::Vacant(_) => true,
            Place::Starting | Place::Leaving => false,
        })
    }

    /// Puts jobs at the queue's head, in their order.
    fn put_back(&mut self, back: VecDeque<Job>) {
        for job in back.into_iter().rev() {
            job.cell.cell().set_place(QUEUED);
            self.queue.push_front(job);
        }
    }

    /// Takes every notice of the fork server's that is there.
    pub(super) fn take_notices(&mut self) {
        while let Some(control) = self.control.clone() {
            match Notice::receive(control.as_fd(), false) {
                Ok(Some(notice)) => self.take_notice(notice),
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.break_down("its fork server has ended".to_owned());
                }
                Err(error) => self.break_down(format!("its fork server cannot be heard: {error}")),
            }
        }
        self.fill();
    }

    /// Does what follows from a notice.
    pub(super) fn take_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Started { place, pid, socket, ledger } => match Ledger::map(ledger.as_fd()) {
                Ok(ledger) => {
                    let link = Box::new(Link::new(pid, socket, ledger));
                    self.places[place as usize] = Place::Live(link);
                }
                Err(error) => {
                    self.ask(&Request::Kill(place));
                    self.place_failed(place as usize, &error);
                }
            },
            Notice::Failed { place, error } => self.place_failed(place as usize, &error),
            Notice::Ended { place, pid, exit } => self.worker_ended(place as usize, pid, exit),
        }
    }

    /// A worker could not be made.
    fn place_failed(&mut self, place: usize, error: &io::Error) {
        self.places[place] = Place::Vacant(Instant::now());
        let filled = |place: &Place| !matches!(place, Place::Vacant(_));
        if !self.places.iter().any(filled) {
            self.break_down(format!("no worker is left, and none can be forked: {error}"));
        }
    }

    /// A worker is dead: its job fails, the others go back (`STATE-2`), and its place is filled again.
    fn worker_ended(&mut self, place: usize, pid: Pid, exit: Exit) {
        let before = mem::replace(&mut self.places[place], Place::Vacant(Instant::now()));
        if let Place::Live(mut link) = before {
            let mut answered = mem::take(&mut self.answered);
            let (running, back) = link.bury(&mut answered);
            self.take_answers(answered);
            self.put_back(back);
            if let Some(job) = running {
                self.done += 1;
                let limit = job.limit.filter(|_| alarm::ended(exit));
                if limit.is_none() {
                    self.deaths += 1;
                }
                let error = limit.map_or(JobError::Died { pid, exit }, JobError::TimeLimit);
                self.end(job, Raw::Failed(error));
            } else {
                self.deaths += 1;
            }
        }
        if self.deaths > self.most_deaths {
            let text = format!(
                "{} workers have died, one after another, and none has finished a job; the last was {pid}: {exit}",
                self.deaths
            );
            self.break_down(text);
        } else {
            self.start(place);
        }
    }

    /// Asks for a worker, unless there will be nothing for it to do.
    fn start(&mut self, place: usize) {
        if self.broken.is_none() && (self.phase == Phase::Open || self.open > 0) {
            self.places[place] = Place::Starting;
            self.ask(&Request::Start(number(place)));
        }
    }

    /// Sends a request; without a fork server to hear it, the pool breaks when its end is read.
    pub(super) fn ask(&self, request: &Request) {
        if let Some(control) = &self.control {
            drop(request.send(control.as_fd()));
        }
    }

    /// Gives up: every job fails with the reason, and every process ends.
    pub(super) fn break_down(&mut self, why: String) {
        if self.broken.is_some() || self.phase == Phase::Ended {
            return;
        }
        let broken = || JobError::PoolBroken(why.clone());
        for job in self.all_jobs() {
            self.end(job, Raw::Failed(broken()));
        }
        self.broken = Some(why);
        self.end_processes();
    }

    /// Takes every job that is not over out of the queue and the windows.
    fn all_jobs(&mut self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.links().flat_map(|link| link.window.drain(..)).collect();
        jobs.append(&mut self.queued_jobs());
        jobs
    }

    /// Takes every job that is not over out of the queue.
    fn queued_jobs(&mut self) -> Vec<Job> {
        self.cancelled_in_queue = 0;
        self.queue.drain(..).filter(|job| !job.cell.cell().is_over()).collect()
    }

    /// Calls off every job that has not begun.
    pub(super) fn cancel_waiting(&mut self) {
        let mut jobs = self.queued_jobs();
        for link in self.places.iter_mut().filter_map(Place::link) {
            jobs.extend(link.take_back());
        }
        for job in jobs {
            self.cancelled += 1;
            self.end(job, Raw::Failed(JobError::Cancelled));
        }
    }

    /// Calls off one job that is in the queue, or at a worker that has not begun it. True if that could be done.
    pub(super) fn cancel(&mut self, cell: &Cell) -> bool {
        let place = cell.place();
        if place != QUEUED {
            let back = self.places[place].link().map(Link::take_back).unwrap_or_default();
            self.put_back(back);
        }
        if cell.place() != QUEUED {
            return false;
        }
        self.cancelled += 1;
        self.cancelled_in_queue += 1;
        self.open -= 1;
        cell.set_place(ENDED);
        true
    }

    /// Drops cancelled jobs when they are more than half of the queue, and refills the windows.
    pub(super) fn tidy(&mut self) {
        if self.cancelled_in_queue * 2 > self.queue.len() {
            self.queue.retain(|job| !job.cell.cell().is_over());
            self.cancelled_in_queue = 0;
        }
        self.fill();
    }

    /// Has every worker that runs a job killed.
    pub(super) fn kill_running(&mut self) {
        for at in 0..self.places.len() {
            if self.places[at].link().is_some_and(|link| !link.window.is_empty()) {
                self.ask(&Request::Kill(number(at)));
            }
        }
    }

    /// Ends every process: workers see the end of their streams, the fork server that of its own.
    pub(super) fn end_processes(&mut self) {
        for link in self.links() {
            // Also for those of this process's threads that hold the descriptor; a peer that is gone is as good.
            drop(socket_pair::shut_down(link.socket.as_fd()));
        }
        self.places.clear();
        if let Some(control) = self.control.take() {
            drop(socket_pair::shut_down(control.as_fd()));
        }
    }

    /// The fork server, to be waited for without the lock.
    pub(super) fn take_server(&mut self) -> Option<Child> {
        self.server.take()
    }

    /// How many jobs there are, and where.
    pub(super) fn counts(&mut self) -> Counts {
        let (mut running, mut workers) = (0, 0);
        for link in self.links() {
            workers += usize::from(!link.gone);
            running += link.running();
        }
        let (done, cancelled) = (self.done, self.cancelled);
        Counts { queued: self.open - running, running, done, cancelled, workers }
    }

    /// The numbers of the living workers.
    pub(super) fn pids(&mut self) -> Vec<Pid> {
        self.links().map(|link| link.pid).collect()
    }
}

impl Place {
    /// The link to the worker that is there.
    pub(super) fn link(&mut self) -> Option<&mut Link> {
        if let Self::Live(link) = self { Some(link) } else { None }
    }
}

/// A place's number as the fork server knows it.
fn number(place: usize) -> u32 {
    u32::try_from(place).expect("holds because a pool has at most a thousand places")
}
