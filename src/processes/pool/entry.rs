//! A job's way into the pool: its argument in bytes, a place in the queue, and somebody to look after it.
//!
//! Problem: the argument is turned into bytes by foreign code, which may take long, fail, or panic; so that happens
//! without the lock. But a `try_submit` must give the argument back when the queue is full, and cannot once it is
//! bytes: so it asks for a place before.
//!
//! ```text
//! try_submit                              another submitter
//! lock: one place is free, reserved += 1
//! unlock, encode the argument
//!                                         lock: the queue is full
//! lock: reserved -= 1, push
//! ```
//!
//! **Invariants**
//! - `PLACE-1`: a place that is kept is used or given back, also when the argument's encoding fails or panics.
//! - `PLACE-2`: whoever waits for a place hears of one that is given back.
//!
//! **Source**: the two steps of `tokio::sync::mpsc::Sender::reserve`.

use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use super::cell::{Decode, Deliver, Pending};
use super::frame::Kind;
use super::leader::{Guard, Shared, Watcher};
use super::link::Job;
use super::message::Unreadable;
use super::payload::Payload;
use super::process_pool::ProcessPool;
use super::state::{Phase, State};
use crate::jobs::{JobError, JobHandle};

/// How a job is run, and its answer read.
pub(super) struct How<T> {
    /// [`Kind::Job`] or [`Kind::Chunk`].
    pub(super) kind: Kind,
    /// How long it may run.
    pub(super) limit: Option<Duration>,
    /// Memory for a long value.
    pub(super) buffer: Option<Vec<u8>>,
    /// Makes the value of the answer.
    pub(super) decode: Decode<T>,
}

/// A place in the queue that is kept for one job (`PLACE-1`).
pub(super) struct Reserved<'a>(Option<&'a Shared>);

impl<'a> Reserved<'a> {
    /// Gives the place up for the job that comes now, under the lock that is returned.
    fn use_up(mut self) -> Guard<'a> {
        let shared = self.0.take().expect("holds because only this and the drop take it");
        let mut hall = shared.lock();
        hall.state.reserved -= 1;
        hall
    }
}

impl Drop for Reserved<'_> {
    /// Gives the place back (`PLACE-2`).
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            let mut hall = shared.lock();
            hall.state.reserved -= 1;
            shared.wake_all(&hall);
        }
    }
}

impl<A, R> ProcessPool<A, R> {
    /// Takes the lock when there is room for a job; `None` when there is none, and `waits` is false.
    fn admit(&self, waits: bool) -> Result<Option<Guard<'_>>, JobError> {
        let capacity = self.builder.queue_capacity.max(1);
        let has_room = |state: &State| {
            state.queued() < capacity || state.phase != Phase::Open || state.broken.is_some()
        };
        let mut hall = self.shared.lock();
        if !has_room(&hall.state) {
            if !waits {
                return Ok(None);
            }
            hall = self.shared.wait_until(hall, None, &|hall| has_room(&hall.state)).0;
        }
        refuse_if_closed(&hall.state)?;
        Ok(Some(hall))
    }

    /// Keeps a place in the queue; `None` when there is none.
    pub(super) fn reserve(&self) -> Result<Option<Reserved<'_>>, JobError> {
        let hall = self.admit(false)?;
        Ok(hall.map(|mut hall| {
            hall.state.reserved += 1;
            Reserved(Some(&self.shared))
        }))
    }

    /// Puts a job into the queue, or into the place that was kept for it.
    pub(super) fn enter<T: 'static>(
        &self,
        argument: Payload,
        how: How<T>,
        place: Option<Reserved<'_>>,
    ) -> Result<JobHandle<T>, JobError> {
        let How { kind, limit, buffer, decode } = how;
        let cell = Arc::new(Pending::new(Arc::clone(&self.shared), decode));
        let mut hall = match place {
            Some(place) => {
                let hall = place.use_up();
                refuse_if_closed(&hall.state)?;
                hall
            }
            None => self.admit(true)?.expect("holds because it has waited for room"),
        };
        if hall.thread == Watcher::None {
            self.start_watcher(&mut hall)?;
        }
        let owner = Arc::clone(&cell) as Arc<dyn Deliver>;
        hall.state.push(Job { cell: owner, kind, limit, argument, buffer });
        self.shared.announce(&mut hall);
        Ok(JobHandle::new(cell))
    }

    /// Starts the pool's thread.
    fn start_watcher(&self, hall: &mut Guard<'_>) -> Result<(), JobError> {
        let shared = Arc::clone(&self.shared);
        let builder = thread::Builder::new().name("process-pool".to_owned());
        let watcher = builder
            .spawn(move || shared.watch())
            .map_err(|error| JobError::NoWorker(Arc::new(error)))?;
        hall.thread = Watcher::Awake;
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        Ok(())
    }
}

/// Tells why a pool takes no more jobs, if it does not.
fn refuse_if_closed(state: &State) -> Result<(), JobError> {
    match &state.broken {
        Some(why) => Err(JobError::PoolBroken(why.clone())),
        None if state.phase != Phase::Open => Err(JobError::PoolGone),
        None => Ok(()),
    }
}

/// The bytes of an argument, or the error of one that has none.
pub(super) fn encoded(argument: Result<Payload, Unreadable>) -> Result<Payload, JobError> {
    argument.map_err(|Unreadable(why)| JobError::Unreadable(why))
}
