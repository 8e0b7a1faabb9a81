//! The pool's state: the queue, the workers' places, and how jobs and answers pass between them.
//!
//! Problem: a job is in the queue, with a worker, or over, and it must not be in two of these, nor in none. All of it
//! is under one lock, and nothing here waits. `recall` takes jobs back from workers; `deaths` is about the workers
//! themselves.
//!
//! ```text
//!   push            fill, give              receive, end
//! ───────▶ queue ─────────────▶ a window ───────────────▶ over ──▶ delivered, without the lock
//!            ▲                      │
//!            └──────────────────────┘ put_back
//! ```
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
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use super::cell::{Deliver, ENDED, Raw};
use super::link::{Answered, Job, Link};
use super::server_line::Request;
use crate::jobs::Counts;
use crate::os::process::{Child, Pid};
use crate::os::socket_pair;

/// A worker is given as many jobs as it will run in this time. Taste: long beside a system call, short for a caller.
const WINDOW_NANOS: u64 = 500_000;
/// Jobs shorter than this are not sent one by one to a worker that is idle: its wake-up costs more than the job.
const TINY_NANOS: u64 = 5_000;
/// And no more than this. Measured with `benches/process_pool.rs`.
const MOST_IN_WINDOW: u64 = 256;
/// The place of one worker; `deaths` has the table of its changes.
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
    pub(super) queue: VecDeque<Job>,
    /// How many of the queue were cancelled.
    pub(super) cancelled_in_queue: usize,
    /// How many jobs are about to be put into the queue.
    pub(super) reserved: usize,
    /// How many jobs are not over.
    pub(super) open: usize,
    /// The workers.
    pub(super) places: Vec<Place>,
    /// The control socket; `None` when there is no fork server any more.
    pub(super) control: Option<Arc<OwnedFd>>,
    /// The fork server.
    pub(super) server: Option<Child>,
    /// How far the pool's life is.
    pub(super) phase: Phase,
    /// Why the pool gave up.
    pub(super) broken: Option<String>,
    /// Results that were not delivered (`STATE-4`).
    pub(super) over: Vec<(Arc<dyn Deliver>, Raw)>,
    /// Answers on their way into `over`; kept for its memory.
    pub(super) answered: Vec<Answered>,
    /// How many jobs a worker may have (`STATE-3`).
    pub(super) window: usize,
    /// How long a job runs, in nanoseconds, with the last ones counting most.
    pub(super) typical: u64,
    /// Deaths since the last answer.
    pub(super) deaths: u32,
    /// At how many of these the pool breaks.
    pub(super) most_deaths: u32,
    /// How many jobs a worker runs before it is replaced.
    pub(super) most_jobs: u64,
    /// Jobs that were run, well or not.
    pub(super) done: u64,
    /// Jobs that were dropped before they began.
    pub(super) cancelled: u64,
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
        self.take_with(place, Link::receive);
    }

    /// Takes what the worker of a place has sent, in the way that `take` does.
    pub(super) fn take_with(
        &mut self,
        place: usize,
        take: impl FnOnce(&mut Link, &mut Vec<Answered>),
    ) {
        let mut answered = mem::take(&mut self.answered);
        if let Some(link) = self.places[place].link() {
            take(link, &mut answered);
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
    pub(super) fn take_answers(&mut self, mut answered: Vec<Answered>) {
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
    pub(super) fn end(&mut self, job: Job, result: Raw) {
        self.open -= 1;
        job.cell.cell().set_place(ENDED);
        self.over.push((job.cell, result));
    }

    /// Lets a worker go that has run as many jobs as it may.
    pub(super) fn retire(&mut self, place: usize) {
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
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).expect("holds because a pool has at most a thousand places")
}
