//! One factorial, parted over workers: the same result whichever worker computes a part, and in any order.

#![expect(clippy::unwrap_used, reason = "what fails fails the test")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Mutex;
use std::thread;

use crate::factorial_tree;
use handloom::factorial::parted::on_workers;
use handloom::factorial::{Job, factorial};
use handloom::processes::Message;
use num_bigint::BigUint;
use proptest::prelude::*;

/// The bytes of a job.
fn encoded(job: &Job) -> Vec<u8> {
    let mut bytes = Vec::new();
    job.encode(&mut bytes).unwrap();
    bytes
}

/// Computes the jobs on threads that each take the next one.
fn on_threads(jobs: &[Job], workers: usize) -> Vec<BigUint> {
    let queue = Mutex::new(jobs.iter().enumerate());
    let results = Mutex::new(vec![BigUint::ZERO; jobs.len()]);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let Some((i, job)) = queue.lock().unwrap().next() else { return };
                    let result = job.compute();
                    results.lock().unwrap()[i] = result;
                }
            });
        }
    });
    results.into_inner().unwrap()
}

/// Numbers below and above that from which a factorial is parted.
const NUMBERS: [u32; 7] = [0, 1, 20, 21, 1_000, 79_999, 80_000];

/// Compares the factorials with those that many numbers of workers compute.
fn check_on_workers(numbers: &[u32]) {
    for &n in numbers {
        let wanted = factorial(n);
        for workers in [0, 1, 2, 3, 8, 1_000] {
            let run = |jobs: Vec<Job>| Ok::<_, Infallible>(on_threads(&jobs, workers.clamp(1, 4)));
            let Ok(came) = on_workers(n, workers, run);
            assert!(came == wanted, "{n}! on {workers} workers is another (PARTED-1)");
        }
    }
}

#[test]
fn parted_over_any_number_of_workers_it_is_the_same() {
    check_on_workers(&NUMBERS);
}

#[test]
fn parted_over_any_number_of_workers_a_large_one_is_the_same() {
    check_on_workers(&[123_457]);
}

#[test]
fn parted_over_any_number_of_workers_a_very_large_one_is_the_same() {
    check_on_workers(&[262_144]);
}

#[test]
fn parted_it_is_what_the_tree_computes() {
    let run = |jobs: Vec<Job>| Ok::<_, Infallible>(on_threads(&jobs, 2));
    let Ok(came) = on_workers(150_000, 2, run);
    assert!(
        came == factorial_tree::factorial(150_000),
        "150,000! differs from the tree's (PARTED-1)"
    );
}

#[test]
fn the_order_in_which_jobs_are_computed_does_not_matter() {
    let backwards = |jobs: Vec<Job>| {
        let mut results: Vec<_> = jobs.iter().rev().map(Job::compute).collect();
        results.reverse();
        Ok::<_, Infallible>(results)
    };
    let Ok(came) = on_workers(100_003, 2, backwards);
    assert!(came == factorial(100_003), "100,003! with each round backwards is another (JOB-1)");
}

#[test]
fn jobs_that_were_encoded_give_the_same() {
    let by_bytes = |jobs: Vec<Job>| {
        let sent: Vec<_> = jobs.iter().map(encoded).collect();
        let decoded = |bytes: &Vec<u8>| Job::decode(&mut bytes.as_slice()).unwrap();
        let received: Vec<_> = sent.iter().map(decoded).collect();
        assert_eq!(received, jobs, "JOB-2");
        Ok::<_, Infallible>(received.iter().map(Job::compute).collect())
    };
    let Ok(came) = on_workers(90_000, 2, by_bytes);
    assert!(came == factorial(90_000), "90,000! through bytes is another (JOB-2)");
}

#[test]
fn a_large_factorial_gives_two_workers_work_in_every_round() {
    let mut rounds = Vec::new();
    let mut kinds = BTreeSet::new();
    let run = |jobs: Vec<Job>| {
        rounds.push(jobs.len());
        kinds.extend(jobs.iter().map(|job| encoded(job)[0]));
        Ok::<_, Infallible>(on_threads(&jobs, 2))
    };
    let Ok(_) = on_workers(200_000, 2, run);
    assert!(rounds.iter().all(|&jobs| jobs >= 2), "expected two jobs in each, came {rounds:?}");
    assert_eq!(kinds.len(), 3, "kinds of jobs that came: {kinds:?}");
}

#[test]
fn the_first_error_ends_it() {
    for failing in 0..5 {
        let mut rounds = 0;
        let run = |jobs: Vec<Job>| {
            rounds += 1;
            if rounds > failing { Err(failing) } else { Ok(on_threads(&jobs, 1)) }
        };
        let came = on_workers(100_000, 2, run);
        assert_eq!(came.err(), Some(failing), "the runner's error (PARTED-3)");
        assert_eq!(rounds, failing + 1, "rounds that were run (PARTED-3)");
    }
}

#[test]
#[should_panic(expected = "PARTED-2")]
fn a_runner_that_loses_a_result_is_told_so() {
    let run = |jobs: Vec<Job>| Ok::<_, Infallible>(on_threads(&jobs[1..], 1));
    let Ok(_) = on_workers(100_000, 2, run);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_job_or_an_error(
        kind in 0_u8..4,
        length in prop_oneof![0_u64..6, any::<u64>()],
        rest in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let bytes: Vec<u8> = [kind].into_iter().chain(length.to_le_bytes()).chain(rest).collect();
        if let Ok(job) = Job::decode(&mut bytes.as_slice()) {
            // Several encodings of a number may be read, but what is read once is written and read the same.
            prop_assert_eq!(Job::decode(&mut encoded(&job).as_slice()), Ok(job), "JOB-2");
        }
    }
}
