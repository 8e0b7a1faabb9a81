//! The results of several jobs, in the order in which the jobs end.
//!
//! A thread that joins one of many jobs does not notice that another is over, and a thread that looks at all of them in
//! turn keeps a processor busy. So each handle is polled, as a task would poll it, with a waker that notes the job in a
//! queue and wakes this thread. In the queue two jobs that are over at once are both found, in their order.
//!
//! ```text
//! this thread                              a worker
//! poll job 7: Pending, leaves a waker
//! wait: nothing noted, sleeps
//!                                          finishes job 7, wakes: notes 7, notifies
//! takes 7, polls job 7: Ready
//! ```
//!
//! **Source**: `concurrent.futures.as_completed`; `aio::as_completed`, which is the same on the event loop.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::error::JobError;
use super::handle::{Awaited, JobHandle};

/// Takes the handles of jobs, to give each job's number among them, and its result, as the jobs end.
///
/// # Examples
/// ```
/// use handloom::{jobs::as_completed, threads::ThreadPool};
///
/// let pool = ThreadPool::fixed("adder", 2)?;
/// let jobs = (0..3).map(|n| pool.submit(move || n + 5)).collect::<Result<Vec<_>, _>>()?;
/// for (number, sum) in as_completed(jobs) {
///     assert_eq!(sum?, number + 5);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn as_completed<T>(jobs: impl IntoIterator<Item = JobHandle<T>>) -> AsCompleted<T> {
    let jobs: Vec<_> = jobs.into_iter().map(Some).collect();
    // Each handle's first poll leaves its waker.
    let arrivals = Arrivals { over: Mutex::new((0..jobs.len()).collect()), noted: Condvar::new() };
    AsCompleted { jobs, arrivals: Arc::new(arrivals) }
}

/// The results of jobs as they end; see [`as_completed`]. Dropping it detaches the jobs that have not ended.
///
/// # Blocking
/// `next` waits until one of the jobs is over.
#[derive(Debug)]
#[must_use = "the jobs run on without it, but their results are lost"]
pub struct AsCompleted<T> {
    /// The jobs; `None` where the result was given.
    jobs: Vec<Option<JobHandle<T>>>,
    /// Where the wakers note which job is over.
    arrivals: Arc<Arrivals>,
}

/// The numbers of the jobs to poll.
#[derive(Debug)]
struct Arrivals {
    /// Pushes and pops leave it valid, so a poisoned lock is used like any other.
    over: Mutex<VecDeque<usize>>,
    /// Wakes the owner: a job was noted.
    noted: Condvar,
}

/// The waker of one job.
struct Arrival {
    /// The job's number.
    number: usize,
    /// Where to note it.
    arrivals: Arc<Arrivals>,
}

impl<T> Iterator for AsCompleted<T> {
    type Item = (usize, Result<T, JobError>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let oldest = self.jobs.iter().position(Option::is_some)?;
            let arrived = self.arrivals.lock().pop_front();
            let (number, result) = match arrived {
                Some(number) => (number, self.poll(number)),
                None => (oldest, self.sleep(oldest)),
            };
            if let Some(result) = result {
                self.jobs[number] = None;
                return Some((number, result));
            }
        }
    }
}

impl<T> AsCompleted<T> {
    /// Polls a job, and leaves a waker if it is not over.
    fn poll(&mut self, number: usize) -> Option<Result<T, JobError>> {
        let waker = Waker::from(Arc::new(Arrival { number, arrivals: self.arrivals.clone() }));
        let job = Pin::new(self.jobs[number].as_mut()?);
        match job.poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// Sleeps until a job is noted. If the pool refuses a wait without end, that is the result of the oldest job.
    fn sleep(&self, oldest: usize) -> Option<Result<T, JobError>> {
        let job = self.jobs[oldest].as_ref()?.outcome.as_ref()?;
        job.sleep_until(self.arrivals.clone(), &mut || self.arrivals.wait()).err().map(Err)
    }
}

impl Arrivals {
    /// Waits until a job is noted.
    fn wait(&self) {
        drop(self.noted.wait_while(self.lock(), |over| over.is_empty()));
    }

    /// Locks the numbers.
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited for Arrivals {
    fn is_over(&self) -> bool {
        !self.lock().is_empty()
    }
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.arrivals.lock().push_back(self.number);
        self.arrivals.noted.notify_one();
    }
}
