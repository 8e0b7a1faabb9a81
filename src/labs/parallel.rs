//! The same work on one processor and on two: concurrent is how a program is built, parallel is how it is run.
//!
//! **Invariants**
//! - `LAB-PARALLEL-1`: the work, its result and its division among threads are the same in both runs; what differs is
//!   the processors that the threads may use.
//! - `LAB-PARALLEL-2`: on one processor the wall's clock counts at least the processor time of all threads together;
//!   on two at least half of it.
//!
//! **Source**: the course's question why "concurrent" is said rather than "parallel".

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::Journal;
use crate::os::ThreadUsage;
use crate::os::affinity::{allowed_cpus, current_cpu, pin_to_cpus};

/// Among how many threads the work is divided.
const THREADS: usize = 2;
/// The work: to count the primes below this by division, which is slow and needs nothing but the processor.
const LIMIT: u64 = 1_500_000;
/// How many primes there are below it.
pub const PRIMES: usize = 114_155;

/// One run of the work.
#[derive(Clone, Debug)]
pub struct Run {
    /// The time on the wall.
    pub wall: Duration,
    /// The processor time of all threads together.
    pub cpu: Duration,
    /// Where the threads ran.
    pub cpus: BTreeSet<usize>,
    /// The result.
    pub primes: usize,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wall, cpu, cpus, primes } = self;
        write!(f, "wall {wall:.3?}, processor time {cpu:.3?}, on {cpus:?}: {primes} primes")
    }
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(format_args!("{THREADS} threads, one piece of work, first on one processor:"))?;
    let (one, two) = experiment()?;
    journal.line(format_args!("  {one}\nand then on two:"))?;
    let Some(two) = two else {
        return journal
            .line("  this process may use one processor only, so nothing can be parallel here");
    };
    journal.line(format_args!("  {two}"))?;
    journal.line(format_args!(
        "\nWhat to notice:\n\
         - Both programs are concurrent: two threads, each gets on while the other has not ended. Only the second is\n  \
           parallel: at one moment both ran.\n\
         - The wall's clock went from {:.0?} to {:.0?}; the work did not become less: the processor time is the same\n  \
           but for what the processors cost each other.\n\
         - On one processor the wall's clock cannot count less than the processor's: threads that only compute pay as\n  \
           far as there are processors. What waits, threads or tasks, pays on one too, for waiting needs none.\n\
         - Hence \"concurrent\": whoever writes the program decides that. Parallel it is by grace of the machine.",
        one.wall, two.wall,
    ))
}

/// The experiment itself: on one processor, and on two if there are so many.
///
/// # Errors
/// As `run`, but for the journal.
pub fn experiment() -> io::Result<(Run, Option<Run>)> {
    let cpus = allowed_cpus()?;
    let one = work_on(&cpus[..1])?;
    let two = if cpus.len() < THREADS { None } else { Some(work_on(&cpus[..THREADS])?) };
    Ok((one, two))
}

/// Divides the work among threads, and these among processors.
fn work_on(cpus: &[usize]) -> io::Result<Run> {
    let began = Instant::now();
    let shares = thread::scope(|scope| {
        let start = |place| scope.spawn(move || share(place, cpus[place % cpus.len()]));
        // All are started before the first is joined.
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().expect("holds because the threads do not panic")
        };
        threads.into_iter().map(join).collect::<io::Result<Vec<_>>>()
    })?;
    let mut run =
        Run { wall: began.elapsed(), cpu: Duration::ZERO, cpus: BTreeSet::new(), primes: 0 };
    for (primes, usage, cpu) in shares {
        run.primes += primes;
        run.cpu += usage.cpu;
        run.cpus.insert(cpu);
    }
    Ok(run)
}

/// One thread's share: of the odd numbers each second one, so that the large ones, which take longer, are shared too.
fn share(place: usize, cpu: usize) -> io::Result<(usize, ThreadUsage, usize)> {
    pin_to_cpus(&[cpu])?;
    let before = ThreadUsage::now()?;
    // 2 is the one even prime; the first thread has it.
    let odd = (3..LIMIT).step_by(2).skip(place).step_by(THREADS).filter(|odd| is_prime(*odd));
    let primes = odd.count() + usize::from(place == 0);
    Ok((primes, ThreadUsage::now()?.since(before), current_cpu()?))
}

/// Tells whether an odd number is prime, by division.
fn is_prime(odd: u64) -> bool {
    (3..)
        .step_by(2)
        .take_while(|divisor| divisor * divisor <= odd)
        .all(|divisor| !odd.is_multiple_of(divisor))
}
