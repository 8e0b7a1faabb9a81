//! One factorial, parted over the workers of a pool.
//!
//! The problem: to give each worker a stretch of the factors is easy, and gains little. Most of the work is in the
//! last few products, and by then one worker multiplies while the others look on. So the last products are cut
//! too, by `toom`, into many that are independent.
//!
//! The work is a sequence of rounds; the jobs of a round may be computed in any order, and the next round is made
//! of their results. `half` is the number halved so often that its factorial is one job among the others:
//!
//! ```text
//! round 1       odd(half), and the swings of the numbers from n down to half, each by ranges of primes
//! rounds 2, 3   for each of these swings, the products of its ranges
//! from there    for each of these numbers, from the smallest up (SWING-2): t = odd · swing, then odd = odd · t,
//!               each product as one round of smaller ones
//! ```
//!
//! Who runs the jobs is the caller's affair: a thread pool, a process pool, or a plain loop.
//!
//! **Invariants**
//! - `PARTED-1` The result does not depend on the number of workers, nor on the order in which jobs end.
//! - `PARTED-2` The runner returns one result for each job, in the order of the jobs.
//! - `PARTED-3` After the runner's first error nothing more is run.

use std::iter;

use num_bigint::BigUint;

use super::job::Job;
use super::swing::with_twos;
use super::toom::Split;

/// A factorial below this is one job: its rounds would take longer than they save. Measured: bench `factorial`.
const WHOLE_BELOW: u32 = 80_000;

/// Computes `n!` with jobs that `run` computes on so many workers.
///
/// # Errors
/// The first error of the runner, as it is (`PARTED-3`).
///
/// # Panics
/// When the runner returns more or fewer results than it was given jobs (`PARTED-2`).
///
/// # Blocking
/// As long as the runner takes.
pub fn on_workers<E>(
    n: u32,
    workers: usize,
    run: impl FnMut(Vec<Job>) -> Result<Vec<BigUint>, E>,
) -> Result<BigUint, E> {
    let mut rounds = Rounds { run };
    let halvings = halvings(n, workers);
    let mut jobs = vec![Job::OddFactorial { n: n >> halvings }];
    let numbers: Vec<u32> = (0..halvings).map(|times| n >> times).collect();
    jobs.extend(numbers.iter().flat_map(|&n| swing_jobs(n)));
    let mut results = rounds.run(jobs)?.into_iter();
    let mut odd = results.next().expect("holds because of PARTED-2");
    let parts = numbers.iter().map(|_| results.by_ref().take(RANGES).collect()).collect();
    for swing in rounds.products(parts)?.iter().rev() {
        let with_swing = rounds.product(&odd, swing)?;
        odd = rounds.product(&odd, &with_swing)?;
    }
    Ok(with_twos(odd, n))
}

/// How often to halve `n` until its factorial is a job like the others: each halving leaves a third of the work.
fn halvings(n: u32, workers: usize) -> u32 {
    if workers < 2 || n < WHOLE_BELOW {
        return 0;
    }
    // For two workers 3: a thirtieth of the work is left, and there are swings for the other worker meanwhile.
    let wanted = 2 + workers.next_power_of_two().trailing_zeros();
    wanted.min((n / (WHOLE_BELOW / 8)).ilog2())
}

/// Ranges of primes that a swing is parted into.
const RANGES: usize = 4;

/// Parts a swing into jobs of about one weight.
///
/// The primes above half of `n` are all in it, and are nearly three quarters of its bits. So half of `n` is one
/// border, and two more stand between it and `n`.
fn swing_jobs(n: u32) -> [Job; RANGES] {
    let sixth = n / 6;
    let borders = [n, n - sixth, n - 2 * sixth, n - 3 * sixth, 2];
    std::array::from_fn(|i| Job::Swing { n, first: borders[i + 1] + 1, last: borders[i] })
}

/// Whoever runs the jobs, and what is made of rounds of them.
struct Rounds<R> {
    /// The caller's runner.
    run: R,
}

impl<E, R: FnMut(Vec<Job>) -> Result<Vec<BigUint>, E>> Rounds<R> {
    /// Runs one round.
    fn run(&mut self, jobs: Vec<Job>) -> Result<Vec<BigUint>, E> {
        let count = jobs.len();
        let results = (self.run)(jobs)?;
        assert_eq!(results.len(), count, "PARTED-2: a runner returns one result for each job");
        Ok(results)
    }

    /// Multiplies each list's numbers, pair by pair, all lists in the same rounds; none may be empty.
    fn products(&mut self, mut lists: Vec<Vec<BigUint>>) -> Result<Vec<BigUint>, E> {
        while lists.iter().any(|list| list.len() > 1) {
            let lengths: Vec<usize> = lists.iter().map(|list| list.len().div_ceil(2)).collect();
            let jobs = lists.iter().flat_map(|list| list.chunks(2).map(pair)).collect();
            let mut results = self.run(jobs)?.into_iter();
            lists = lengths.iter().map(|&length| results.by_ref().take(length).collect()).collect();
        }
        Ok(lists.into_iter().flatten().collect())
    }

    /// Multiplies two numbers, in one round of smaller products.
    fn product(&mut self, a: &BigUint, b: &BigUint) -> Result<BigUint, E> {
        let (split, factors) = Split::for_size(a, b);
        let jobs = factors.into_iter().map(|(a, b)| Job::Product(a, b)).collect();
        Ok(split.join(&self.run(jobs)?))
    }
}

/// The job that multiplies a pair, or a number that was left without a partner.
fn pair(numbers: &[BigUint]) -> Job {
    let mut numbers = numbers.iter().cloned().chain(iter::repeat(BigUint::from(1_u32)));
    let mut next = || numbers.next().expect("holds because it repeats for ever");
    Job::Product(next(), next())
}
