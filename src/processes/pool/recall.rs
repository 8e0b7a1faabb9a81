//! Looking after workers that are silent, and taking jobs back from them.
//!
//! Problem: short jobs are given to a worker many at a time. If one of them turns out long, those behind it wait
//! though another worker is idle; and so does a cancelled one, which nobody should have to run. Nor does a
//! worker tell when its job stands still.
//!
//! | what | is looked for after | then |
//! | --- | --- | --- |
//! | an answer that is held back (`LIFE-5`) | [`LOOK`] | it is fetched from the ledger |
//! | jobs behind one that has run since the last look | [`LOOK`] | they go back to the queue's head |
//! | a job that has outlived its limit by [`LIMIT_GRACE`] | [`LIMIT_LOOK`] | its worker is killed |
//! | a place that could not be filled | [`VACANT_PAUSE`] | the fork server is asked again |
//!
//! **Invariants**
//! - `RECALL-1`: who leads looks as often as what there is asks for; when nothing does, not at all.
//! - `RECALL-2`: a job with a limit ends, whatever it does to its alarm: by blocking the signal, setting the timer
//!   anew, or being stopped. Its worker's own alarm comes first, for it is the more exact (`ALARM-1`).
//!
//! **Source**: work stealing, as in Cilk-5; the watchdog timers of embedded systems.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use super::cell::{Cell, ENDED, QUEUED, Raw};
use super::deaths::VACANT_PAUSE;
use super::frame::{Header, Kind};
use super::link::{Job, Link};
use super::payload::Payload;
use super::server_line::Request;
use super::state::{Place, State, number};
use crate::jobs::JobError;
use crate::os::nanos;

/// How often silent workers are looked at that have jobs waiting, and how long the pool's thread leaves a lead that
/// nobody has. Taste: long beside what a look costs, short for a caller.
pub(super) const LOOK: Duration = Duration::from_millis(1);
/// How often a job with a limit is looked at. Taste.
const LIMIT_LOOK: Duration = Duration::from_millis(50);
/// How long after its limit a job may live on, before its worker is killed from outside. Taste: long enough for the
/// kernel's alarm to come first.
const LIMIT_GRACE: Duration = Duration::from_millis(100);

impl State {
    /// Looks after the workers once, as the table says.
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
            self.kill_overdue(place);
            self.retry(place);
        }
        self.fill();
    }

    /// Has a worker killed whose job has outlived its limit (`RECALL-2`).
    fn kill_overdue(&mut self, place: usize) {
        if let Some(link) = self.places[place].link()
            && !link.overdue
            && link.is_late()
        {
            link.overdue = true;
            self.ask(&Request::Kill(number(place)));
        }
    }

    /// Within what time [`look`](Self::look) has to be called (`RECALL-1`); the longest span when it need not be.
    pub(super) fn look_within(&mut self) -> Duration {
        let within = self.places.iter_mut().map(|place| match place {
            Place::Live(link) if link.window.len() > 1 => LOOK,
            Place::Live(link) if link.is_limited() => LIMIT_LOOK,
            Place::Vacant(_) => VACANT_PAUSE,
            Place::Live(_) | Place::Starting | Place::Leaving => Duration::MAX,
        });
        within.min().unwrap_or(Duration::MAX)
    }

    /// Puts jobs at the queue's head, in their order.
    pub(super) fn put_back(&mut self, back: VecDeque<Job>) {
        for job in back.into_iter().rev() {
            job.cell.cell().set_place(QUEUED);
            self.queue.push_front(job);
        }
    }

    /// Takes every job that is not over out of the queue.
    pub(super) fn queued_jobs(&mut self) -> Vec<Job> {
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
}

impl Link {
    /// Takes back every job that has not begun; they come in their order. None come when the worker has not yet
    /// heard of the last such call (`LEDGER-3`).
    pub(super) fn take_back(&mut self) -> VecDeque<Job> {
        if self.gone {
            return VecDeque::new();
        }
        let Some(begun) = self.ledger.revoke() else {
            return VecDeque::new();
        };
        let header = Header { kind: Kind::Resume, length: 0, extra: 0 };
        self.out.push(header, &Payload::EMPTY);
        self.ends_with_job = false;
        let back = self.unbegun(begun);
        self.given -= back.len() as u64;
        // Until an answer shows that the worker has gone on, and so has seen the mark.
        self.slow = true;
        self.send();
        back
    }

    /// Splits off the jobs from number `begun` on.
    pub(super) fn unbegun(&mut self, begun: u64) -> VecDeque<Job> {
        let kept = usize::try_from(begun.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.window.split_off(kept.min(self.window.len()))
    }

    /// Looks whether the running job has been the same since the last look, while others wait behind it.
    pub(super) fn is_stuck(&mut self) -> bool {
        let begun = self.ledger.begun();
        let before = mem::replace(&mut self.begun_at_look, begun);
        self.window.len() > 1 && begun > self.first && begun == before
    }

    /// Tells whether its front job has a limit that was not enforced from here.
    pub(super) fn is_limited(&self) -> bool {
        !self.overdue && self.window.front().is_some_and(|job| job.limit.is_some())
    }

    /// Tells whether the job that runs has outlived its limit, and the time its worker's alarm had to come.
    pub(super) fn is_late(&self) -> bool {
        let limit = self.window.front().and_then(|job| job.limit);
        limit.is_some_and(|limit| {
            let most = limit.saturating_add(LIMIT_GRACE);
            // Not that of a job before it, whose answer is held back (LIFE-5).
            self.ledger.begun() == self.first + 1 && self.ledger.ran_for(nanos()) > most
        })
    }
}
