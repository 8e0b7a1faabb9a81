//! The threads that blocking jobs of one loop run on.
//!
//! **Invariants**
//! - `JOBS-1` A loop has at most [`THREADS`] threads, started when a job finds none free. They end with the
//!   loop.
//! - `JOBS-2` The loop does not wait for them: what has not begun is dropped, and what runs for ever holds
//!   its thread until the process ends.
//!
//! The loop keeps them as something that it knows nothing about, for `rt` and `threads` stand on one floor.
//!
//! **Left out**: tokio's 512 threads, which end when they were idle for ten seconds.
//!
//! **Source**: asyncio's default executor, which belongs to its loop too.

use std::any::Any;
use std::io;
use std::rc::Rc;

use crate::rt::core::Core;
use crate::threads::ThreadPool;

/// The most threads of one loop: a taste. Jobs wait for disks and name servers more than they compute, so
/// there may be more of them than processors; `CPython` takes the processors and four.
const THREADS: usize = 64;

/// The threads of one loop.
pub(crate) struct JobThreads {
    /// The pool; `None` only while this is dropped.
    pool: Option<ThreadPool>,
}

impl JobThreads {
    /// Gives a job to a thread. It tells of its end itself, so its handle is not kept.
    pub(crate) fn execute(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let pool = self.pool.as_ref().expect("holds because only the drop takes it");
        drop(pool.submit(job)?);
        Ok(())
    }
}

impl Drop for JobThreads {
    /// `JOBS-2`: the drop of a pool would wait.
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.abandon();
        }
    }
}

/// Returns the threads of a loop, which are made at the first call.
pub(crate) fn threads_of(core: &Core) -> Rc<JobThreads> {
    let mut attached = core.attached.borrow_mut();
    let threads = attached.get_or_insert_with(|| {
        let pool = Some(ThreadPool::on_demand("blocking", THREADS));
        let threads: Rc<dyn Any> = Rc::new(JobThreads { pool });
        threads
    });
    threads.clone().downcast().expect("holds because nothing else is attached to a loop")
}
