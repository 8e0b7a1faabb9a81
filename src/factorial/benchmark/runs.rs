//! The measurement: every pool runs every size; the runs are timed and checked, and can be stopped.
//!
//! **Invariants**
//! - `BENCHMARK-1`: each pool gets the same tasks; all pools finish a size before the next size begins.
//! - `BENCHMARK-2`: every result is compared with a checksum that is computed without it. That time is not measured.
//! - `BENCHMARK-3`: each pool runs a size several times, in turns with the others, and the fastest run counts.
//! - `BENCHMARK-4`: when `stop` is readable, the outcome has the sizes so far, and no process is left.
//! - `BENCHMARK-5`: within a given time, a size is run only if it is expected to end within the rest of it.

use std::collections::HashMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::outcome::{BenchmarkOutcome, Row, Run};
use super::pool_kind::{Pool, PoolKind, Watch};
use super::sizes::Size;
use super::task::{Task, TaskResult};
use crate::factorial::digits::{checksum, checksum_of_factorial, decimal_digits};
use crate::factorial::parted::on_workers;
use crate::jobs::JobHandle;
use crate::os::wait_readable;
use crate::report::{OtherWork, OtherWorkProbe};

/// How often a waiting benchmark checks `stop`.
const STOP_CHECK: Duration = Duration::from_millis(50);
/// How often a pool runs a size. The fastest of five runs varies by a few percent.
const RUNS: usize = 5;
/// How often it does if a run takes longer than [`LONG_RUN`].
const LONG_RUNS: usize = 3;
/// A run that disturbances of some milliseconds change by a few percent only.
const LONG_RUN: Duration = Duration::from_millis(100);
/// A factorial below this is not divided: `parted` makes one job of it.
const PARTED_FROM: u32 = 80_000;

/// The pools and tasks to compare.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// The pools, in the order of the table.
    pub pools: Vec<PoolKind>,
    /// How many workers each has; the sequential one has one.
    pub workers: usize,
    /// The tasks, size by size.
    pub sizes: Vec<Size>,
    /// About how long it may take; `None` for all sizes.
    pub time: Option<Duration>,
    /// How many tasks are handed over together; by default fewer the longer they are ([`Size::chunk`]).
    pub chunk: Option<usize>,
}

/// A benchmark that runs.
struct BenchmarkRuns<'a> {
    /// The pools.
    pools: Vec<Pool>,
    /// Readable when the benchmark must stop.
    stop: BorrowedFd<'a>,
    /// Called at each stage, with a line of progress.
    tell: &'a mut dyn FnMut(&str),
    /// The outcome so far.
    outcome: BenchmarkOutcome,
}

/// Why a run has no result.
enum RunError {
    /// `stop` was readable.
    Stopped,
    /// It failed; the reason.
    Failed(String),
}

impl Benchmark {
    /// Runs the benchmark; `tell` is called at each stage, with a line of progress, and `watch` by the workers.
    ///
    /// # Errors
    /// A pool cannot be started; that of processes also if this process has a second thread.
    ///
    /// # Blocking
    /// Until all sizes are done, or shortly after `stop` is readable.
    pub fn run(
        &self,
        stop: BorrowedFd<'_>,
        watch: Option<&Watch>,
        tell: &mut dyn FnMut(&str),
    ) -> io::Result<BenchmarkOutcome> {
        tell("the pools start");
        let (pools, ready) = Pool::start_all(&self.pools, self.workers, watch)?.into_iter().unzip();
        let probe = OtherWorkProbe::start();
        let outcome = BenchmarkOutcome {
            cpus: available_parallelism().map_or(1, usize::from),
            workers: self.workers,
            ready,
            rows: Vec::new(),
            parted: None,
            other_work: OtherWork::Unknown,
            is_stopped: false,
        };
        let mut runs = BenchmarkRuns { pools, stop, tell, outcome };
        let begun = Instant::now();
        for (size, next) in self.sizes.iter().zip(self.sizes.iter().skip(1).map(Some).chain([None]))
        {
            let started = Instant::now();
            let chunk = self.chunk.unwrap_or_else(|| size.chunk(self.workers));
            let Some(row) = runs.row(size, Some(chunk)) else { break };
            runs.outcome.rows.push(row);
            // BENCHMARK-5; a quarter of the time is for the largest factorial in parts.
            let expected = started.elapsed().mul_f64(next.map_or(0.0, |next| size.growth(next)));
            if self.time.is_some_and(|time| begun.elapsed() + expected > time * 3 / 4) {
                break;
            }
        }
        let largest = runs.outcome.rows.last().map_or(0, |row| row.size.largest());
        if !runs.outcome.is_stopped && largest >= PARTED_FROM {
            runs.outcome.parted = runs.row(&Size::of(largest, Some(1)), None);
        }
        let BenchmarkRuns { pools, mut outcome, .. } = runs;
        outcome.other_work = probe.finish();
        for pool in pools {
            pool.end(outcome.is_stopped);
        }
        Ok(outcome)
    }
}

impl BenchmarkRuns<'_> {
    /// Lets every pool run one size, in chunks of tasks or, without a chunk, its largest factorial in parts; `None` when
    /// it was stopped.
    fn row(&mut self, size: &Size, chunk: Option<usize>) -> Option<Row> {
        let mut sums = HashMap::new();
        for &n in &size.numbers {
            sums.entry(n).or_insert_with(|| checksum_of_factorial(n));
        }
        let mut digits = 0;
        let mut runs: Vec<Option<Result<Run, String>>> = vec![None; self.pools.len()];
        for turn in 0..RUNS {
            for (pool, result) in self.pools.iter().zip(&mut runs) {
                let is_done = match result {
                    None => false,
                    Some(Ok(run)) => turn >= LONG_RUNS && run.wall > LONG_RUN,
                    Some(Err(_)) => true,
                };
                if is_done {
                    continue;
                }
                let how = chunk.map_or(", in parts", |_| "");
                let (kind, count, label) = (pool.kind, size.numbers.len(), &size.label);
                (self.tell)(&format!("{kind}: {count} times {label}!{how}, run {}", turn + 1));
                let once = match chunk {
                    Some(chunk) => in_chunks(pool, &size.numbers, chunk, self.stop),
                    None => in_parts(pool, size.largest(), self.outcome.workers, self.stop),
                };
                let checked = once.and_then(|(run, values)| {
                    digits = values.last().map_or(0, decimal_digits);
                    check(&size.numbers, &values, &sums)?;
                    Ok(run)
                });
                *result = Some(match checked {
                    Ok(run) => {
                        Ok(result.take().and_then(Result::ok).map_or(run, |all| all.and(run)))
                    }
                    Err(RunError::Failed(why)) => Err(why),
                    Err(RunError::Stopped) => {
                        self.outcome.is_stopped = true;
                        return None;
                    }
                });
            }
        }
        let kinds = self.pools.iter().map(|pool| pool.kind);
        Some(Row {
            size: size.clone(),
            chunk: chunk.unwrap_or(1),
            digits,
            checksum: checksum_of_factorial(size.largest()),
            at_once: self.outcome.workers.min(self.outcome.cpus),
            runs: kinds.zip(runs).filter_map(|(kind, result)| Some((kind, result?))).collect(),
        })
    }
}

/// The times of a run, and its results.
type Measured = Result<(Run, Vec<BigUint>), RunError>;

/// Measures all tasks of a size on a pool, in chunks.
fn in_chunks(pool: &Pool, numbers: &[u32], chunk: usize, stop: BorrowedFd<'_>) -> Measured {
    if is_stopped(stop) {
        return Err(RunError::Stopped);
    }
    // KIND-2
    let chunk = if pool.kind == PoolKind::Sequential { numbers.len() } else { chunk };
    let chunks = numbers.chunks(chunk.max(1)).map(|chunk| Task::Factorials(chunk.to_vec()));
    run_all(pool, chunks, stop)
}

/// Measures one factorial in parts on a pool.
fn in_parts(pool: &Pool, n: u32, workers: usize, stop: BorrowedFd<'_>) -> Measured {
    let workers = if pool.kind == PoolKind::Sequential { 1 } else { workers };
    let (begun, mut computing) = (Instant::now(), Duration::ZERO);
    let value = on_workers(n, workers, |jobs| {
        let (run, values) = run_all(pool, jobs.into_iter().map(Task::Part), stop)?;
        computing += run.computing;
        Ok(values)
    })?;
    let wall = begun.elapsed();
    Ok((Run { wall, computing, slowest: wall }, vec![value]))
}

/// Measures these tasks on a pool.
fn run_all(pool: &Pool, tasks: impl Iterator<Item = Task>, stop: BorrowedFd<'_>) -> Measured {
    let begun = Instant::now();
    let handles: Vec<_> = tasks
        .map(|task| pool.submit(task).map_err(|error| failed(&error)))
        .collect::<Result<_, _>>()?;
    let (mut values, mut computing) = (Vec::new(), Duration::ZERO);
    for handle in handles {
        let answer: TaskResult = join(handle, stop)?;
        values.extend(answer.values);
        computing += answer.computing;
    }
    let wall = begun.elapsed();
    Ok((Run { wall, computing, slowest: wall }, values))
}

/// Waits for a job, or for `stop` (`BENCHMARK-4`).
fn join<T>(mut handle: JobHandle<T>, stop: BorrowedFd<'_>) -> Result<T, RunError> {
    loop {
        match handle.join_timeout(STOP_CHECK) {
            Ok(result) => return result.map_err(|error| failed(&error)),
            Err(waiting) => handle = waiting,
        }
        if is_stopped(stop) {
            return Err(RunError::Stopped);
        }
    }
}

/// Whether `stop` is readable; no if the system call fails.
fn is_stopped(stop: BorrowedFd<'_>) -> bool {
    wait_readable(stop, Duration::ZERO).unwrap_or(false)
}

/// Compares every result with its checksum (`BENCHMARK-2`).
fn check(numbers: &[u32], values: &[BigUint], sums: &HashMap<u32, u64>) -> Result<(), RunError> {
    if values.len() != numbers.len() {
        return Err(failed(&format!("{} results for {} tasks", values.len(), numbers.len())));
    }
    for (n, value) in numbers.iter().zip(values) {
        if Some(&checksum(value)) != sums.get(n) {
            return Err(failed(&format!("the result for {n}! is wrong: it has another checksum")));
        }
    }
    Ok(())
}

/// The error of a task that failed.
fn failed<T: ToString>(error: &T) -> RunError {
    RunError::Failed(error.to_string())
}
