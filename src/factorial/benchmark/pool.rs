//! The four ways to run the benchmark's tasks, with one interface; and the tasks, which can cross to another process.
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
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::factorial::{Job, Number, factorial};
use crate::jobs::{JobError, JobHandle};
use crate::processes::{Message, ProcessPool, ProcessPoolOptions};
use crate::threads::ThreadPool;
use crate::threads::gil::{Gil, SWITCH_INTERVAL};

/// Tasks that each worker gets before the measurement.
const WARMING_TASKS: usize = 64;
/// The number of each: fast, but not looked up in the table of factorials below 21.
const WARMING_NUMBER: u32 = 30;
/// How long a process may continue to compute when the benchmark is stopped.
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
        ["sequential", "threads", "processes", "gil"][self as usize]
    }
}

impl fmt::Display for PoolKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// Called by a worker, in its own thread and process: its task from now on, and since when it waited for the GIL.
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
    /// Threads, with a GIL if there is one, and the function that they call.
    Threads(ThreadPool, Option<Arc<Gil>>, Option<Watch>),
    /// Processes.
    Processes(ProcessPool<Task, TaskResult>),
}

impl Pool {
    /// Starts the pools, processes first (`KIND-1`), and waits for the first tasks of their workers, for which these
    /// allocate memory. Returns the pools in the order of `kinds`, and how long each took.
    pub(super) fn start_all(
        kinds: &[PoolKind],
        workers: usize,
        watch: Option<&Watch>,
    ) -> io::Result<Vec<(Self, Duration)>> {
        let mut in_order = kinds.to_vec();
        in_order.sort_by_key(|kind| *kind != PoolKind::Processes);
        let mut pools = Vec::new();
        for kind in in_order {
            let (begun, watch) = (Instant::now(), watch.cloned());
            let workers = if kind == PoolKind::Sequential { 1 } else { workers };
            let gil = (kind == PoolKind::Gil).then(|| Arc::new(Gil::new(SWITCH_INTERVAL)));
            let of_kind = if kind == PoolKind::Processes {
                let options = ProcessPoolOptions { workers, grace: GRACE, ..Default::default() };
                Workers::Processes(options.start(move |task| run(&task, None, watch.as_ref()))?)
            } else {
                Workers::Threads(ThreadPool::fixed(kind.name(), workers)?, gil, watch)
            };
            let pool = Self { kind, workers: of_kind };
            let submit = |_| pool.submit(Task::Factorials(vec![WARMING_NUMBER]));
            let jobs = (0..workers * WARMING_TASKS).map(submit).collect::<Result<Vec<_>, _>>();
            jobs.and_then(|jobs| jobs.into_iter().try_for_each(|job| job.join().map(drop)))
                .map_err(|error| io::Error::other(error.to_string()))?;
            pools.push((pool, begun.elapsed()));
        }
        pools.sort_by_key(|(pool, _)| kinds.iter().position(|kind| *kind == pool.kind));
        Ok(pools)
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

/// Runs a task, under the GIL if there is one (`KIND-3`), and measures how long it computed.
fn run(task: &Task, gil: Option<&Gil>, watch: Option<&Watch>) -> TaskResult {
    let tell = |task, since| watch.into_iter().for_each(|watch| watch(task, since));
    let asks = gil.map(|_| Instant::now());
    let held = gil.map(Gil::attach);
    tell(Some(task), asks);
    // Checks the lock, and returns how long it had to wait for it.
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
    let (begun, mut waited) = (Instant::now(), Duration::ZERO);
    let mut called = |value| {
        waited += check();
        Number(value)
    };
    let values = match task {
        Task::Factorials(numbers) => numbers.iter().map(|&n| called(factorial(n))).collect(),
        Task::Part(job) => vec![called(job.compute())],
    };
    let computing = begun.elapsed().saturating_sub(waited).as_nanos();
    tell(None, None);
    (u64::try_from(computing).unwrap_or(u64::MAX), values)
}

/// The task of a worker.
#[derive(Clone, Debug)]
pub(super) enum Task {
    /// The factorials of some numbers: a chunk.
    Factorials(Vec<u32>),
    /// A part of one.
    Part(Job),
}

/// The result of a task: how many nanoseconds it computed, and the values, in the order of the task.
pub(super) type TaskResult = (u64, Vec<Number>);

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factorials(numbers) => write!(out, "factorials: {}", numbers.len()),
            Self::Part(_) => out.write_str("part of a factorial"),
        }
    }
}

impl Message for Task {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        matches!(self, Self::Factorials(_)).encode(out)?;
        match self {
            Self::Factorials(numbers) => numbers.encode(out),
            Self::Part(job) => job.encode(out),
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        if bool::decode(input)? {
            Vec::decode(input).map(Self::Factorials)
        } else {
            Job::decode(input).map(Self::Part)
        }
    }
}
