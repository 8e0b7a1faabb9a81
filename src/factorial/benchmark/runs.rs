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

use super::outcome::{BenchmarkOutcome, Row, Run, Size};
use super::pool::{Pool, PoolKind, Task, Watch};
use crate::factorial::digits::{checksum, checksum_of_factorial, decimal_digits};
use crate::factorial::parted::{WHOLE_BELOW, on_workers};
use crate::jobs::JobError;
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

/// The times of a run and its results; or why there are none, which is not known if `stop` was readable.
type Measured = Result<(Run, Vec<BigUint>), Option<String>>;

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
        let started = Pool::start_all(&self.pools, self.workers, watch)?.into_iter();
        let (ready, pools) = started.map(|(pool, span)| ((pool.kind, span), pool)).unzip();
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
        for (place, size) in self.sizes.iter().enumerate() {
            let started = Instant::now();
            let chunk = self.chunk.unwrap_or_else(|| size.chunk(self.workers));
            let Some(row) = runs.row(size, Some(chunk)) else { break };
            runs.outcome.rows.push(row);
            // BENCHMARK-5; a quarter of the time is for the largest factorial in parts.
            let growth = self.sizes.get(place + 1).map_or(0.0, |next| size.growth(next));
            let expected = begun.elapsed() + started.elapsed().mul_f64(growth);
            if self.time.is_some_and(|time| expected > time * 3 / 4) {
                break;
            }
        }
        let largest = runs.outcome.rows.last().map_or(0, |row| row.size.largest());
        if !runs.outcome.is_stopped && largest >= WHOLE_BELOW {
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

impl BenchmarkRuns<'_> {
    /// Lets every pool run one size, in chunks of tasks or, without a chunk, its largest factorial in parts; `None` when
    /// it was stopped.
    fn row(&mut self, size: &Size, chunk: Option<usize>) -> Option<Row> {
        let mut sums = HashMap::new();
        for &n in &size.numbers {
            sums.entry(n).or_insert_with(|| checksum_of_factorial(n));
        }
        let mut row = Row {
            size: size.clone(),
            chunk: chunk.unwrap_or(1),
            digits: 0,
            checksum: sums.get(&size.largest()).copied().unwrap_or(1),
            at_once: self.outcome.workers.min(self.outcome.cpus),
            runs: Vec::new(),
        };
        for turn in 0..RUNS {
            for (place, pool) in self.pools.iter().enumerate() {
                let goes_on = |(_, result): &(_, Result<Run, String>)| {
                    result.as_ref().is_ok_and(|run| turn < LONG_RUNS || run.wall <= LONG_RUN)
                };
                if !row.runs.get(place).is_none_or(goes_on) {
                    continue;
                }
                let how = chunk.map_or(", in parts", |_| "");
                let (kind, count, label) = (pool.kind, size.numbers.len(), &size.label);
                (self.tell)(&format!("{kind}: {count} times {label}!{how}, run {}", turn + 1));
                let result = match self.once(pool, size, chunk) {
                    Err(None) => {
                        self.outcome.is_stopped = true;
                        return None;
                    }
                    Err(Some(why)) => Err(why),
                    Ok((run, values)) => {
                        row.digits = values.last().map_or(0, decimal_digits);
                        // BENCHMARK-2
                        let wanted = size.numbers.iter().map(|n| sums[n]);
                        let is_right = values.iter().map(checksum).eq(wanted);
                        is_right.then_some(run).ok_or("a checksum is wrong".to_owned())
                    }
                };
                match (row.runs.get_mut(place), result) {
                    (None, result) => row.runs.push((pool.kind, result)),
                    (Some((_, Ok(all))), Ok(run)) => *all = all.and(run),
                    (Some((_, all)), result) => *all = result,
                }
            }
        }
        Some(row)
    }

    /// Runs a size on a pool once, in chunks or in parts.
    fn once(&self, pool: &Pool, size: &Size, chunk: Option<usize>) -> Measured {
        let is_alone = pool.kind == PoolKind::Sequential;
        if let Some(chunk) = chunk {
            // KIND-2
            let chunk = if is_alone { size.numbers.len() } else { chunk };
            let chunks = size.numbers.chunks(chunk.max(1));
            return self.run_all(pool, chunks.map(|chunk| Task::Factorials(chunk.to_vec())));
        }
        let workers = if is_alone { 1 } else { self.outcome.workers };
        let (begun, mut computing) = (Instant::now(), Duration::ZERO);
        let value = on_workers(size.largest(), workers, |jobs| {
            let (run, values) = self.run_all(pool, jobs.into_iter().map(Task::Part))?;
            computing += run.computing;
            Ok::<_, Option<String>>(values)
        })?;
        let wall = begun.elapsed();
        Ok((Run { wall, computing, slowest: wall }, vec![value]))
    }

    /// Runs these tasks on a pool.
    fn run_all(&self, pool: &Pool, tasks: impl Iterator<Item = Task>) -> Measured {
        // If the system call fails, the benchmark goes on.
        let is_stopped = || wait_readable(self.stop, Duration::ZERO).unwrap_or(false);
        if is_stopped() {
            return Err(None);
        }
        let failed = |error: JobError| Some(error.to_string());
        let begun = Instant::now();
        let handles = tasks.map(|task| pool.submit(task)).collect::<Result<Vec<_>, _>>();
        let (mut values, mut computing) = (Vec::new(), Duration::ZERO);
        for mut handle in handles.map_err(failed)? {
            let result = loop {
                match handle.join_timeout(STOP_CHECK) {
                    Ok(result) => break result.map_err(failed)?,
                    Err(_) if is_stopped() => return Err(None),
                    Err(waiting) => handle = waiting,
                }
            };
            let (nanos, numbers) = result;
            computing += Duration::from_nanos(nanos);
            values.extend(numbers.into_iter().map(|number| number.0));
        }
        let wall = begun.elapsed();
        Ok((Run { wall, computing, slowest: wall }, values))
    }
}
