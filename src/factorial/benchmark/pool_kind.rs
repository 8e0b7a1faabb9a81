//! The four ways to run the benchmark's tasks, with one interface.
//!
//! **Invariants**
//! - `KIND-1`: processes are forked before any thread is made, because a fork copies one thread only.
//! - `KIND-2`: "sequential" is one thread that gets all tasks of a row in one job, so no time goes into handing over.
//! - `KIND-3`: under the GIL a task is what `math.factorial(n)` is to `CPython`: one native call, which keeps the lock.
//!   The thread checks the lock where the interpreter would, before the call and after it.
//!
//! **Source**: the two executors of Python's `concurrent.futures`.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::task::{Task, TaskResult};
use crate::jobs::{JobError, JobHandle};
use crate::processes::{ProcessPool, ProcessPoolOptions};
use crate::threads::ThreadPool;
use crate::threads::gil::{Gil, SWITCH_INTERVAL};

/// Tasks that each worker gets before the measurement.
const WARMING_TASKS: usize = 64;
/// The number of each: fast, but not looked up in the table of factorials below 21.
const WARMING_NUMBER: u32 = 30;
/// How long a process may go on computing when the benchmark is stopped.
const GRACE: Duration = Duration::from_millis(100);

/// One of the four ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// One task after another, on one thread.
    Sequential,
    /// A pool of threads.
    Threads,
    /// A pool of processes.
    Processes,
    /// A pool of threads of which only one computes at a time.
    Gil,
}

impl PoolKind {
    /// All four, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Sequential, Self::Threads, Self::Processes, Self::Gil];

    /// Its name on the command line and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Gil => "gil",
        }
    }
}

impl fmt::Display for PoolKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for PoolKind {
    type Err = String;

    /// Reads the name; the error lists all of them.
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected pools among {}", Self::ALL.map(Self::name).join(", "));
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(expected)
    }
}

/// How long it took to make a pool ready.
#[derive(Clone, Copy, Debug)]
pub struct StartTimes {
    /// Which pool.
    pub kind: PoolKind,
    /// Until tasks could be submitted.
    pub starting: Duration,
    /// The first tasks, in which every worker allocates its memory.
    pub warming: Duration,
}

/// Is told by a worker, in its own thread and process: its task from now on, and since when it waited for the GIL.
pub type Watch = Arc<dyn Fn(Option<&dyn fmt::Display>, Option<Instant>) + Send + Sync>;

/// A pool that runs.
pub(super) struct Pool {
    /// Which.
    pub(super) kind: PoolKind,
    /// Its workers.
    workers: Workers,
}

/// The workers that run the tasks.
enum Workers {
    /// Threads, with a GIL if there is one, and what they tell.
    Threads(ThreadPool, Option<Arc<Gil>>, Option<Watch>),
    /// Processes.
    Processes(ProcessPool<Task, TaskResult>),
}

impl Pool {
    /// Starts the pools, processes first (`KIND-1`), and warms them up; returns them in the order of `kinds`.
    pub(super) fn start_all(
        kinds: &[PoolKind],
        workers: usize,
        watch: Option<&Watch>,
    ) -> io::Result<Vec<(Self, StartTimes)>> {
        let mut in_order: Vec<_> = kinds.iter().copied().enumerate().collect();
        in_order.sort_by_key(|(_, kind)| *kind != PoolKind::Processes);
        let mut pools = Vec::new();
        for (place, kind) in in_order {
            let begun = Instant::now();
            let pool = Self::start(kind, workers, watch.cloned())?;
            pools.push((place, pool, begun.elapsed()));
        }
        pools.sort_by_key(|(place, ..)| *place);
        let warmed = pools.into_iter().map(|(_, pool, starting)| {
            let begun = Instant::now();
            pool.warm(workers)?;
            let ready = StartTimes { kind: pool.kind, starting, warming: begun.elapsed() };
            Ok((pool, ready))
        });
        warmed.collect()
    }

    /// Starts one pool.
    fn start(kind: PoolKind, workers: usize, watch: Option<Watch>) -> io::Result<Self> {
        let (name, workers) = match kind {
            PoolKind::Sequential => ("sequential", 1),
            PoolKind::Threads => ("thread", workers),
            PoolKind::Gil => ("gil", workers),
            PoolKind::Processes => {
                let options = ProcessPoolOptions { workers, grace: GRACE, ..Default::default() };
                let pool = options.start(move |task| run(&task, None, watch.as_ref()))?;
                return Ok(Self { kind, workers: Workers::Processes(pool) });
            }
        };
        let gil = (kind == PoolKind::Gil).then(|| Arc::new(Gil::new(SWITCH_INTERVAL)));
        let workers = Workers::Threads(ThreadPool::fixed(name, workers)?, gil, watch);
        Ok(Self { kind, workers })
    }

    /// Runs some tasks, so that every worker has started and has its memory.
    fn warm(&self, workers: usize) -> io::Result<()> {
        let submit = |_| self.submit(Task::Factorials(vec![WARMING_NUMBER]));
        let handles = (0..workers * WARMING_TASKS).map(submit).collect::<Result<Vec<_>, _>>()?;
        for handle in handles {
            handle.join().map_err(|error| io::Error::other(error.to_string()))?;
        }
        Ok(())
    }

    /// Submits a task.
    pub(super) fn submit(&self, task: Task) -> Result<JobHandle<TaskResult>, JobError> {
        match &self.workers {
            Workers::Processes(pool) => pool.submit(task),
            Workers::Threads(pool, gil, watch) => {
                let (gil, watch) = (gil.clone(), watch.clone());
                pool.submit(move || run(&task, gil.as_deref(), watch.as_ref()))
            }
        }
    }

    /// Ends the pool. If the benchmark is stopped, it does not wait: processes are killed, threads end with the program.
    pub(super) fn end(self, is_stopped: bool) {
        match self.workers {
            Workers::Threads(pool, ..) if is_stopped => pool.abandon(),
            Workers::Processes(pool) if is_stopped => pool.shutdown_now(),
            // The drop waits.
            Workers::Threads(..) | Workers::Processes(_) => {}
        }
    }
}

/// Runs a task, under the GIL if there is one (`KIND-3`): checks the lock before the function and after each native call.
fn run(task: &Task, gil: Option<&Gil>, watch: Option<&Watch>) -> TaskResult {
    let tell = |task, since| watch.into_iter().for_each(|watch| watch(task, since));
    let asks = gil.map(|_| Instant::now());
    let held = gil.map(Gil::attach);
    tell(Some(task), asks);
    let check = || {
        let Some(held) = &held else { return Duration::ZERO };
        let asks = Instant::now();
        if !held.check() {
            return Duration::ZERO;
        }
        tell(Some(task), Some(asks));
        asks.elapsed()
    };
    check();
    let answer = task.run(check);
    tell(None, None);
    answer
}
