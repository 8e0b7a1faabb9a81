//! The measurement: every pool runs every size; the runs are timed and checked, and can be stopped.
//!
//! **Invariants**
//! - `BENCHMARK-1`: each pool gets the same tasks; all pools finish a size before the next size begins.
//! - `BENCHMARK-2`: every result is compared with a checksum that is computed without it. That time is not measured.
//! - `BENCHMARK-3`: a short size is run several times by each pool, in turns, and the fastest run counts.
//! - `BENCHMARK-4`: when `stop` is readable, the outcome has the runs so far, and no process is left.

use std::collections::HashMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::pool_kind::{Pool, PoolKind, StartTimes};
use super::sizes::{Size, Sizes};
use super::task::{Task, TaskResult};
use crate::factorial::digits::{checksum, checksum_of_factorial, decimal_digits};
use crate::factorial::parted::on_workers;
use crate::jobs::{JobError, JobHandle};
use crate::os::wait_readable;

/// How often a waiting benchmark checks `stop`.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// A size that a pool does in less is run [`SHORT_RUNS`] times.
const SHORT_RUN: Duration = Duration::from_millis(100);
/// The number of runs: the fastest of five varies by a few percent.
const SHORT_RUNS: usize = 5;
/// A factorial below this is not parted: `parted` makes one job of it.
const PARTED_FROM: u32 = 80_000;

/// The pools and tasks to compare.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// The pools, in the order of the table.
    pub pools: Vec<PoolKind>,
    /// How many workers each has; the sequential one has one.
    pub workers: usize,
    /// The tasks.
    pub sizes: Sizes,
    /// How many tasks are handed over together; by default fewer the longer they are ([`Size::chunk`]).
    pub chunk: Option<usize>,
}

/// A stage of the benchmark, for a line of progress.
#[derive(Clone, Copy, Debug)]
pub enum BenchmarkStage<'a> {
    /// The pools are started.
    Starts,
    /// This pool begins this size.
    Goes(PoolKind, &'a Size),
    /// This pool computes the largest factorial in parts.
    Parts(PoolKind, u32),
}

/// The times of one run: one pool, one size.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From the first submit to the last result.
    pub wall: Duration,
    /// The sum of the workers' computing times.
    pub computing: Duration,
}

/// One size.
#[derive(Clone, Debug)]
pub struct Row {
    /// The tasks.
    pub size: Size,
    /// How many tasks were handed over together.
    pub chunk: usize,
    /// Decimal digits of the largest result.
    pub digits: u64,
    /// The checksum of the largest result.
    pub checksum: u64,
    /// Each pool's best run, or why there is none.
    pub runs: Vec<(PoolKind, Result<Run, String>)>,
}

/// The outcome of a benchmark.
#[derive(Clone, Debug)]
pub struct BenchmarkOutcome {
    /// Processors that this process may use.
    pub cpus: usize,
    /// Workers of each pool.
    pub workers: usize,
    /// The pools, as they were started.
    pub ready: Vec<StartTimes>,
    /// The sizes, from the smallest.
    pub rows: Vec<Row>,
    /// The largest factorial once more, parted over the workers; its tasks are one.
    pub parted: Option<Row>,
    /// Whether it was stopped (`BENCHMARK-4`).
    pub is_stopped: bool,
}

/// Why a run has no result.
enum RunError {
    /// `stop` was readable.
    Stopped,
    /// It failed; the reason.
    Failed(String),
}

impl Benchmark {
    /// Runs the benchmark.
    ///
    /// # Errors
    /// A pool cannot be started; that of processes, also because this process has a second thread already.
    ///
    /// # Blocking
    /// Until all sizes are done, or shortly after `stop` is readable.
    pub fn run(
        &self,
        stop: BorrowedFd<'_>,
        tell: &mut dyn FnMut(BenchmarkStage<'_>),
    ) -> io::Result<BenchmarkOutcome> {
        tell(BenchmarkStage::Starts);
        let (pools, ready) = Pool::start_all(&self.pools, self.workers)?.into_iter().unzip();
        let cpus = available_parallelism().map_or(1, usize::from);
        let outcome = BenchmarkOutcome {
            cpus,
            workers: self.workers,
            ready,
            rows: Vec::new(),
            parted: None,
            is_stopped: false,
        };
        let mut runs = BenchmarkRuns { pools, stop, chunk: self.chunk, tell, outcome };
        self.sizes.each(|size| runs.size(size));
        runs.parted();
        let BenchmarkRuns { pools, outcome, .. } = runs;
        for pool in pools {
            pool.end(outcome.is_stopped);
        }
        Ok(outcome)
    }
}

/// A benchmark that runs.
struct BenchmarkRuns<'a> {
    /// The pools.
    pools: Vec<Pool>,
    /// Readable when the benchmark must stop.
    stop: BorrowedFd<'a>,
    /// How many tasks are handed over together, if that was said.
    chunk: Option<usize>,
    /// Called at each stage.
    tell: &'a mut dyn FnMut(BenchmarkStage<'_>),
    /// The outcome so far.
    outcome: BenchmarkOutcome,
}

impl BenchmarkRuns<'_> {
    /// Has every pool do one size (`BENCHMARK-1`); returns how long that took, or `None` when it was stopped.
    fn size(&mut self, size: &Size) -> Option<Duration> {
        let begun = Instant::now();
        let chunk = self.chunk.unwrap_or_else(|| size.chunk(self.outcome.workers));
        let mut sums = HashMap::new();
        let mut runs: Vec<_> =
            self.pools.iter().map(|pool| (pool.kind, None::<Result<Run, String>>)).collect();
        let mut digits = 0;
        for _ in 0..SHORT_RUNS {
            for (pool, (kind, best)) in self.pools.iter().zip(&mut runs) {
                // BENCHMARK-3: a long run tells enough, and so does a failure.
                if matches!(best, Some(Err(_)))
                    || matches!(best, Some(Ok(run)) if run.wall > SHORT_RUN)
                {
                    continue;
                }
                (self.tell)(BenchmarkStage::Goes(*kind, size));
                match once(pool, &size.numbers, chunk, self.stop) {
                    Err(RunError::Stopped) => {
                        self.outcome.is_stopped = true;
                        return None;
                    }
                    Err(RunError::Failed(why)) => *best = Some(Err(why)),
                    Ok((run, values)) => {
                        digits = values.last().map_or(0, decimal_digits);
                        let checked = check(&size.numbers, &values, &mut sums);
                        let better =
                            best.take().and_then(Result::ok).filter(|known| known.wall < run.wall);
                        *best = Some(checked.map(|()| better.unwrap_or(run)));
                    }
                }
            }
        }
        let runs = runs.into_iter().filter_map(|(kind, best)| Some((kind, best?))).collect();
        let checksum = checksum_of_factorial(size.largest());
        self.outcome.rows.push(Row { size: size.clone(), chunk, digits, checksum, runs });
        Some(begun.elapsed())
    }

    /// Has every pool compute the largest factorial once, in parts.
    fn parted(&mut self) {
        let largest = self.outcome.rows.last().map_or(0, |row| row.size.largest());
        if self.outcome.is_stopped || largest < PARTED_FROM {
            return;
        }
        let (mut runs, mut digits) = (Vec::new(), 0);
        for pool in &self.pools {
            (self.tell)(BenchmarkStage::Parts(pool.kind, largest));
            let workers = if pool.kind == PoolKind::Sequential { 1 } else { self.outcome.workers };
            match in_parts(pool, largest, workers, self.stop) {
                Err(RunError::Stopped) => {
                    self.outcome.is_stopped = true;
                    return;
                }
                Err(RunError::Failed(why)) => runs.push((pool.kind, Err(why))),
                Ok((run, value)) => {
                    digits = decimal_digits(&value);
                    let is_right = checksum(&value) == checksum_of_factorial(largest);
                    runs.push((pool.kind, if is_right { Ok(run) } else { Err(wrong(largest)) }));
                }
            }
        }
        let size =
            Size { label: crate::report::grouped(u64::from(largest)), numbers: vec![largest] };
        let checksum = checksum_of_factorial(largest);
        self.outcome.parted = Some(Row { size, chunk: 1, digits, checksum, runs });
    }
}

/// Measures all tasks of a size on a pool, in chunks.
fn once(
    pool: &Pool,
    numbers: &[u32],
    chunk: usize,
    stop: BorrowedFd<'_>,
) -> Result<(Run, Vec<BigUint>), RunError> {
    if is_stopped(stop) {
        return Err(RunError::Stopped);
    }
    // KIND-2
    let chunk = if pool.kind == PoolKind::Sequential { numbers.len() } else { chunk };
    let chunks = numbers.chunks(chunk.max(1)).map(|chunk| Task::Factorials(chunk.to_vec()));
    run_all(pool, chunks, stop)
}

/// Measures these tasks on a pool.
fn run_all(
    pool: &Pool,
    tasks: impl Iterator<Item = Task>,
    stop: BorrowedFd<'_>,
) -> Result<(Run, Vec<BigUint>), RunError> {
    let begun = Instant::now();
    let handles: Vec<_> =
        tasks.map(|task| pool.submit(task).map_err(failed)).collect::<Result<_, _>>()?;
    let (mut values, mut computing) = (Vec::new(), Duration::ZERO);
    for handle in handles {
        let answer: TaskResult = join(handle, stop)?;
        values.extend(answer.values);
        computing += answer.computing;
    }
    Ok((Run { wall: begun.elapsed(), computing }, values))
}

/// Measures one factorial in parts on a pool.
fn in_parts(
    pool: &Pool,
    n: u32,
    workers: usize,
    stop: BorrowedFd<'_>,
) -> Result<(Run, BigUint), RunError> {
    let (begun, mut computing) = (Instant::now(), Duration::ZERO);
    let value = on_workers(n, workers, |jobs| {
        let (run, values) = run_all(pool, jobs.into_iter().map(Task::Part), stop)?;
        computing += run.computing;
        Ok(values)
    })?;
    Ok((Run { wall: begun.elapsed(), computing }, value))
}

/// Waits for a job, or for `stop` (`BENCHMARK-4`).
fn join<T>(mut handle: JobHandle<T>, stop: BorrowedFd<'_>) -> Result<T, RunError> {
    loop {
        match handle.join_timeout(STOP_CHECK) {
            Ok(result) => {
                return result.map_err(|error: JobError| RunError::Failed(error.to_string()));
            }
            Err(waiting) => handle = waiting,
        }
        if is_stopped(stop) {
            return Err(RunError::Stopped);
        }
    }
}

/// Tells whether `stop` is readable; no if the system call fails.
fn is_stopped(stop: BorrowedFd<'_>) -> bool {
    wait_readable(stop, Duration::ZERO).unwrap_or(false)
}

/// Compares every result with its checksum (`BENCHMARK-2`); `sums` keeps those that were computed.
fn check(numbers: &[u32], values: &[BigUint], sums: &mut HashMap<u32, u64>) -> Result<(), String> {
    if values.len() != numbers.len() {
        return Err(format!("{} results for {} tasks", values.len(), numbers.len()));
    }
    for (&n, value) in numbers.iter().zip(values) {
        let sum = *sums.entry(n).or_insert_with(|| checksum_of_factorial(n));
        if checksum(value) != sum {
            return Err(wrong(n));
        }
    }
    Ok(())
}

/// Describes a wrong result.
fn wrong(n: u32) -> String {
    format!("the result for {n}! is wrong: it has another checksum")
}

/// Describes a pool that refuses a task.
fn failed(error: impl std::fmt::Display) -> RunError {
    RunError::Failed(error.to_string())
}
