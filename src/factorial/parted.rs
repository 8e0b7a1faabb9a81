//! One factorial, divided among the workers of a pool.
//!
//! If each worker multiplied a range of the factors, the last few products, which are most of the work, would occupy one
//! worker while the others wait. So `toom` divides these too into many independent products.
//!
//! The work is a sequence of rounds. The jobs of a round may be computed in any order; the next round is made from their
//! results. `half` is the number after several halvings, so that its factorial is one job among others:
//!
//! ```text
//! round 1       odd(half), and the swings of the numbers from n down to half, each by ranges of primes
//! rounds 2, 3   for each of these swings, the products of its ranges
//! all others    for each of these numbers, from the smallest up (SWING-2): t = odd · swing, then odd = odd · t,
//!               each product as one round of smaller ones
//! ```
//!
//! **Invariants**
//! - `PARTED-1` The result does not depend on the number of workers, nor on the order in which jobs end.
//! - `PARTED-2` The caller's runner (a pool, or a loop) returns one result for each job, in the order of the jobs.
//! - `PARTED-3` After the runner's first error no more jobs are run.

use num_bigint::BigUint;

use super::job::{Job, Number};
use super::swing::with_twos;
use super::toom::Split;

/// A factorial below this is one job: rounds would cost more than they save (bench `factorial`).
pub(super) const WHOLE_BELOW: u32 = 80_000;

/// Computes `n!` with jobs that `run` gives to `workers` workers.
///
/// # Errors
/// The first error of the runner (`PARTED-3`).
///
/// # Panics
/// When the runner returns another number of results than of jobs (`PARTED-2`).
pub fn on_workers<E>(
    n: u32,
    workers: usize,
    run: impl FnMut(Vec<Job>) -> Result<Vec<BigUint>, E>,
) -> Result<BigUint, E> {
    let mut rounds = Rounds { run };
    let halvings = halvings(n, workers);
    let mut jobs = vec![Job::OddFactorial(n >> halvings)];
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

/// How often to halve `n` until its factorial is a job like the others: a halving leaves a third of the work.
fn halvings(n: u32, workers: usize) -> u32 {
    if workers < 2 || n < WHOLE_BELOW {
        return 0;
    }
    // 3 for two workers: that job is a thirtieth of the work, and the other worker computes swings meanwhile.
    let wanted = 2 + workers.next_power_of_two().trailing_zeros();
    wanted.min((n / (WHOLE_BELOW / 8)).ilog2())
}

/// The ranges of primes into which a swing is divided.
const RANGES: usize = 4;

/// Divides a swing into jobs that take about equal time.
///
/// The primes above `n / 2` are nearly three quarters of its bits. So three of the four ranges are above `n / 2`.
fn swing_jobs(n: u32) -> [Job; RANGES] {
    let sixth = n / 6;
    let borders = [n, n - sixth, n - 2 * sixth, n - 3 * sixth, 2];
    std::array::from_fn(|i| Job::Swing(n, [borders[i + 1] + 1, borders[i]]))
}

/// Operations that take one round of jobs or several.
struct Rounds<R> {
    /// Runs the jobs of a round.
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

    /// Multiplies the numbers of each list, pair by pair, all lists in the same rounds; no list is empty.
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
        let (split, factors) = Split::new(a, b);
        let jobs = factors.into_iter().map(|(a, b)| Job::Product(Number(a), Number(b))).collect();
        Ok(split.join(&self.run(jobs)?))
    }
}

/// The job that multiplies a pair, or a single number by 1.
fn pair(numbers: &[BigUint]) -> Job {
    let second = numbers.get(1).cloned().unwrap_or_else(|| BigUint::from(1_u32));
    Job::Product(Number(numbers[0].clone()), Number(second))
}
