//! The same work on one processor and on two: concurrent is how a program is built, parallel is how it is run.
//!
//! **Invariants**
//! - `LAB-PARALLEL-1`: the work, its result and its division among threads are the same in both runs; only the
//!   processors differ that the threads may use.
//! - `LAB-PARALLEL-2`: on one processor the wall time is at least the processor time of all threads together; on two at
//!   least half of it.
//!
//! **Source**: the course's question why "concurrent" is said rather than "parallel".

use std::collections::BTreeSet;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::Journal;
use crate::os::ThreadUsage;
use crate::os::affinity::{allowed_cpus, current_cpu, pin_to_cpus};
use crate::report::{OtherWorkProbe, span};

/// Among how many threads the work is divided.
const THREADS: usize = 2;
/// The work: counting the primes below this by division, which needs nothing but the processor.
const LIMIT: u64 = 500_000;
/// How often it is done on one processor and on two.
const RUNS: usize = 3;
/// How many primes there are below it.
pub const PRIMES: usize = 41_538;

/// One run of the work.
#[derive(Clone, Debug)]
pub struct Run {
    /// From the start to the last join.
    pub wall: Duration,
    /// The processor time of all threads together.
    pub cpu: Duration,
    /// Where the threads ran.
    pub cpus: BTreeSet<usize>,
    /// The result.
    pub primes: usize,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(format_args!(
        "{THREADS} threads divide one piece of work, on one processor and on two, the best of {RUNS} runs each:"
    ))?;
    let probe = OtherWorkProbe::start();
    let (one, two) = experiment()?;
    let other_work = probe.finish();
    for Run { wall, cpu, cpus, primes } in [Some(&one), two.as_ref()].into_iter().flatten() {
        let [wall, cpu] = [*wall, *cpu].map(span);
        journal.line(format_args!(
            "  on {cpus:?}: wall {wall}, processor time {cpu}, {primes} primes"
        ))?;
    }
    let Some(two) = two else {
        return journal
            .line("  this process may use one processor only, so nothing can be parallel here");
    };
    let speed = one.wall.as_secs_f64() / two.wall.as_secs_f64();
    let verdict = other_work.verdict((1.6..2.2).contains(&speed));
    let speed = if speed < 2.2 { format!("{speed:.2}") } else { "?".to_owned() };
    journal.line(format_args!(
        "  on two it is {speed} times as fast; nearly 2 is the claim: {verdict}"
    ))?;
    journal.notices(&[
        "Both runs are concurrent: each thread makes progress while the other has not ended. Only the second is parallel.",
        "The work did not become less: the processor time is about the same. Only the wall time is divided.",
        "On one processor, threads that only compute gain nothing. Threads or tasks that wait gain there too, because \
         waiting needs no processor.",
    ])
}

/// The experiment itself: the best run on one processor, and on two if there are so many. The runs take turns.
///
/// # Errors
/// As `run`, but for the journal.
pub fn experiment() -> io::Result<(Run, Option<Run>)> {
    let cpus = allowed_cpus()?;
    let better = |run: Run, other: Run| if run.wall < other.wall { run } else { other };
    let (mut one, mut two) = (work_on(&cpus[..1])?, None);
    for _ in 1..=RUNS {
        if let Some(cpus) = cpus.get(..THREADS) {
            let run = work_on(cpus)?;
            two = Some(two.map_or(run.clone(), |best| better(best, run)));
            one = better(one, work_on(&cpus[..1])?);
        }
    }
    Ok((one, two))
}

/// Divides the work among threads, and these among processors.
fn work_on(cpus: &[usize]) -> io::Result<Run> {
    let began = Instant::now();
    let shares = thread::scope(|scope| {
        let start = |place| scope.spawn(move || share(place, cpus[place % cpus.len()]));
        // All are started before the first is joined.
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        let ends = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ends.map(|end| end.expect("holds because the threads do not panic"))
            .collect::<io::Result<Vec<_>>>()
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

/// One thread's share: every second odd number, so that both have as many large ones, which take longer.
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
