//! The contest itself: every pool on every size, timed, checked, and stopped when somebody asks for it.
//!
//! **Invariants**
//! - `HEAT-1`: each pool gets the same tasks; a size is done by all of them before the next one begins.
//! - `HEAT-2`: every result is checked against a checksum that was had without it. It is done off the clock.
//! - `HEAT-3`: a size that is over in a moment is run several times by each pool, in turns, and the best run counts.
//! - `HEAT-4`: when `stop` is readable, what was measured so far is the outcome, and no process is left.

use std::collections::HashMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use num_bigint::BigUint;

use super::pool_kind::{Pool, PoolKind, Ready};
use super::sizes::{Size, Sizes};
use super::task::{Answer, Task};
use crate::factorial::digits::{checksum, checksum_of_factorial, decimal_digits};
use crate::factorial::parted::on_workers;
use crate::jobs::{JobError, JobHandle};
use crate::os::wait_readable;

/// How often a waiting contest looks whether it shall stop.
const GLANCE: Duration = Duration::from_millis(50);
/// A size that a pool does in less is run [`SHORT_RUNS`] times.
const SHORT_RUN: Duration = Duration::from_millis(100);
/// How often. A taste: the best of five is steady to some percent.
const SHORT_RUNS: usize = 5;
/// A factorial below this is not parted: `parted` makes one job of it.
const PARTED_FROM: u32 = 80_000;

/// What shall be compared.
#[derive(Clone, Debug)]
pub struct Contest {
    /// The pools, in the order of the table.
    pub pools: Vec<PoolKind>,
    /// How many workers each has; the sequential one has one.
    pub workers: usize,
    /// The tasks.
    pub sizes: Sizes,
    /// How many tasks are handed over together; by default fewer the longer they are ([`Size::chunk`]).
    pub chunk: Option<usize>,
}

/// What the contest tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// The pools are started.
    Starts,
    /// This pool begins this size.
    Goes(PoolKind, &'a Size),
    /// This pool computes the largest factorial in parts.
    Parts(PoolKind, u32),
}

/// What one pool did with one size.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From the first task given to the last result taken.
    pub wall: Duration,
    /// What the workers spent on computing, all together.
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

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Processors that this process may use.
    pub cpus: usize,
    /// Workers of each pool.
    pub workers: usize,
    /// The pools, as they were started.
    pub ready: Vec<Ready>,
    /// The sizes, from the smallest.
    pub rows: Vec<Row>,
    /// The largest factorial once more, parted over the workers; its tasks are one.
    pub parted: Option<Row>,
    /// Whether it was broken off (`HEAT-4`).
    pub is_stopped: bool,
}

/// Why a run gave nothing.
enum Trouble {
    /// Somebody asked for the end.
    Stopped,
    /// It failed, and this is why.
    Failed(String),
}

impl Contest {
    /// Holds the contest.
    ///
    /// # Errors
    /// A pool cannot be started; that of processes, also because this process has a second thread already.
    ///
    /// # Blocking
    /// Until it is over, or a moment longer than `stop` is readable.
    pub fn run(
        &self,
        stop: BorrowedFd<'_>,
        tell: &mut dyn FnMut(Stage<'_>),
    ) -> io::Result<Outcome> {
        tell(Stage::Starts);
        let (pools, ready) = Pool::start_all(&self.pools, self.workers)?.into_iter().unzip();
        let cpus = available_parallelism().map_or(1, usize::from);
        let outcome = Outcome {
            cpus,
            workers: self.workers,
            ready,
            rows: Vec::new(),
            parted: None,
            is_stopped: false,
        };
        let mut heats = Heats { pools, stop, chunk: self.chunk, tell, outcome };
        self.sizes.each(|size| heats.size(size));
        heats.parted();
        let Heats { pools, outcome, .. } = heats;
        for pool in pools {
            pool.end(outcome.is_stopped);
        }
        Ok(outcome)
    }
}

/// A contest that is under way.
struct Heats<'a> {
    /// The pools.
    pools: Vec<Pool>,
    /// Readable when it shall stop.
    stop: BorrowedFd<'a>,
    /// How many tasks are handed over together, if that was said.
    chunk: Option<usize>,
    /// Whom to tell.
    tell: &'a mut dyn FnMut(Stage<'_>),
    /// What is known so far.
    outcome: Outcome,
}

impl Heats<'_> {
    /// Has every pool do one size (`HEAT-1`); returns how long that took, or `None` when it was stopped.
    fn size(&mut self, size: &Size) -> Option<Duration> {
        let begun = Instant::now();
        let chunk = self.chunk.unwrap_or_else(|| size.chunk(self.outcome.workers));
        let mut sums = HashMap::new();
        let mut runs: Vec<_> =
            self.pools.iter().map(|pool| (pool.kind, None::<Result<Run, String>>)).collect();
        let mut digits = 0;
        for _ in 0..SHORT_RUNS {
            for (pool, (kind, best)) in self.pools.iter().zip(&mut runs) {
                // HEAT-3: a long run tells enough, and so does a failure.
                if matches!(best, Some(Err(_)))
                    || matches!(best, Some(Ok(run)) if run.wall > SHORT_RUN)
                {
                    continue;
                }
                (self.tell)(Stage::Goes(*kind, size));
                match once(pool, &size.numbers, chunk, self.stop) {
                    Err(Trouble::Stopped) => {
                        self.outcome.is_stopped = true;
                        return None;
                    }
                    Err(Trouble::Failed(why)) => *best = Some(Err(why)),
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
            (self.tell)(Stage::Parts(pool.kind, largest));
            let workers = if pool.kind == PoolKind::Sequential { 1 } else { self.outcome.workers };
            match in_parts(pool, largest, workers, self.stop) {
                Err(Trouble::Stopped) => {
                    self.outcome.is_stopped = true;
                    return;
                }
                Err(Trouble::Failed(why)) => runs.push((pool.kind, Err(why))),
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

/// Runs all tasks on a pool in chunks, on the clock.
fn once(
    pool: &Pool,
    numbers: &[u32],
    chunk: usize,
    stop: BorrowedFd<'_>,
) -> Result<(Run, Vec<BigUint>), Trouble> {
    if is_stopped(stop) {
        return Err(Trouble::Stopped);
    }
    // KIND-2
    let chunk = if pool.kind == PoolKind::Sequential { numbers.len() } else { chunk };
    let chunks = numbers.chunks(chunk.max(1)).map(|chunk| Task::Factorials(chunk.to_vec()));
    run_all(pool, chunks, stop)
}

/// Gives a pool these tasks, and waits for all results, on the clock.
fn run_all(
    pool: &Pool,
    tasks: impl Iterator<Item = Task>,
    stop: BorrowedFd<'_>,
) -> Result<(Run, Vec<BigUint>), Trouble> {
    let begun = Instant::now();
    let handles: Vec<_> =
        tasks.map(|task| pool.submit(task).map_err(failed)).collect::<Result<_, _>>()?;
    let (mut values, mut computing) = (Vec::new(), Duration::ZERO);
    for handle in handles {
        let answer: Answer = join(handle, stop)?;
        values.extend(answer.values);
        computing += answer.computing;
    }
    Ok((Run { wall: begun.elapsed(), computing }, values))
}

/// Computes one factorial in parts on a pool, on the clock.
fn in_parts(
    pool: &Pool,
    n: u32,
    workers: usize,
    stop: BorrowedFd<'_>,
) -> Result<(Run, BigUint), Trouble> {
    let (begun, mut computing) = (Instant::now(), Duration::ZERO);
    let value = on_workers(n, workers, |jobs| {
        let (run, values) = run_all(pool, jobs.into_iter().map(Task::Part), stop)?;
        computing += run.computing;
        Ok(values)
    })?;
    Ok((Run { wall: begun.elapsed(), computing }, value))
}

/// Waits for a job, and for the stop beside it (`HEAT-4`).
fn join<T>(mut handle: JobHandle<T>, stop: BorrowedFd<'_>) -> Result<T, Trouble> {
    loop {
        match handle.join_timeout(GLANCE) {
            Ok(result) => {
                return result.map_err(|error: JobError| Trouble::Failed(error.to_string()));
            }
            Err(waiting) => handle = waiting,
        }
        if is_stopped(stop) {
            return Err(Trouble::Stopped);
        }
    }
}

/// Tells whether somebody asked for the end. Where the descriptor cannot be asked, only a second signal helps.
fn is_stopped(stop: BorrowedFd<'_>) -> bool {
    wait_readable(stop, Duration::ZERO).unwrap_or(false)
}

/// Compares every result with its checksum (`HEAT-2`); `sums` keeps those that were computed.
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

/// What is said of a wrong result.
fn wrong(n: u32) -> String {
    format!("the result for {n}! is wrong: it has another checksum")
}

/// What is said of a pool that takes no task.
fn failed(error: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(error.to_string())
}
