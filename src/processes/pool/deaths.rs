//! The workers' places: how they are filled, what follows from a death, and when the pool gives up.
//!
//! Problem: a worker may die at any time, of its job or of something else, and its successor may die at once as well,
//! or not be forked at all. What hears of it must fail the right job, try again, and stop trying.
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
//! - `DEATH-1`: the end of a worker that its place has given up, or that has a successor there, changes nothing.
//! - `DEATH-2`: an empty place is tried again no sooner than after [`VACANT_PAUSE`], so that want of memory or
//!   descriptors is no reason for a storm of forks.
//! - `DEATH-3`: a pool that gives up has told each of its jobs why, and keeps no process.
//!
//! **Source**: supervision in Erlang/OTP, with its maximum of restarts.

use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::cell::Raw;
use super::ledger::Ledger;
use super::link::{Job, Link};
use super::server_line::{Notice, Request};
use super::state::{Phase, Place, State, number};
use crate::jobs::JobError;
use crate::os::alarm;
use crate::os::process::{Child, Exit, Pid};
use crate::os::socket_pair;

/// How long an empty place waits for the next try. Taste.
pub(super) const VACANT_PAUSE: Duration = Duration::from_millis(100);

impl State {
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
        // DEATH-1. A place that is `Starting` has not heard of its worker yet, so it is another's end too.
        match &self.places[place] {
            Place::Leaving => {}
            Place::Live(link) if link.pid == pid => {}
            // Given up for want of descriptors, say; DEATH-2 tells when there is another try.
            Place::Live(_) | Place::Starting | Place::Vacant(_) => return,
        }
        let before = mem::replace(&mut self.places[place], Place::Vacant(Instant::now()));
        if let Place::Live(mut link) = before {
            let mut answered = mem::take(&mut self.answered);
            let (running, back) = link.bury(&mut answered);
            self.take_answers(answered);
            self.put_back(back);
            let is_own_fault = running.is_none_or(|job| self.job_died(job, &link, exit));
            self.deaths += u32::from(is_own_fault);
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

    /// Fails the job that a worker was running. False when its limit was the reason, which is no fault of the pool's.
    fn job_died(&mut self, job: Job, link: &Link, exit: Exit) -> bool {
        self.done += 1;
        let limit = job.limit.filter(|_| link.overdue || alarm::ended(exit));
        let error = limit.map_or(JobError::Died { pid: link.pid, exit }, JobError::TimeLimit);
        self.end(job, Raw::Failed(error));
        limit.is_none()
    }

    /// Asks for a worker again, for a place that was empty for long enough (`DEATH-2`).
    pub(super) fn retry(&mut self, place: usize) {
        if matches!(self.places[place], Place::Vacant(since) if since.elapsed() >= VACANT_PAUSE) {
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
}
