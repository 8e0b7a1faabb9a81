//! What a job costs in the process pool, and what Python's `ProcessPoolExecutor` takes for the same.
//!
//! `cargo bench -p handloom-benches --bench process_pool`; add a group's name for one.
//!
//! | group | operation | metric |
//! | --- | --- | --- |
//! | `one_in_flight/one_core` | submit a job that adds one, join it; parent and worker on one processor | wall time |
//! | `one_in_flight/free` | the same, wherever the kernel puts them | wall time |
//! | `many_in_flight` | one job of [`IN_FLIGHT`] in flight, two workers | wall time |
//! | `long_argument` | [`LONG_BYTES`] from caller to worker | wall time |
//! | `factorials/1`, `/2` | [`FACTORIALS`] times 1,000!, a job each, by one worker and by two | wall time |
//!
//! Before these come Python's figures for the first three, where a `python3` is found: the same jobs, in its own pool,
//! made by fork; the best of five runs.
//!
//! The pools are made first, in `main`, because they are forked, and criterion may have threads. What would change the
//! conclusions: a busy machine; and `free` measures mostly how long an idle processor takes to wake.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::process::Command;

use criterion::{BatchSize, Criterion, SamplingMode, Throughput};
use handloom::factorial::factorial;
use handloom::jobs::JobHandle;
use handloom::os::affinity::{allowed_cpus, pin_to_cpus};
use handloom::processes::{ProcessPool, ProcessPoolOptions};

/// Jobs in flight in `many_in_flight`.
const IN_FLIGHT: usize = 256;

/// Jobs in one round of `many_in_flight`.
const ROUND: u64 = 20_000;

/// The length of a long argument.
const LONG_BYTES: usize = 64 << 20;

/// Jobs in one round of `factorials`.
const FACTORIALS: u64 = 2_000;

/// A pool whose jobs add one.
type Adding = ProcessPool<u64, u64>;

/// Options for so many workers.
fn with(workers: usize) -> ProcessPoolOptions {
    ProcessPoolOptions { workers, ..ProcessPoolOptions::default() }
}

/// The same in Python; prints the name and microseconds for each operation.
const PYTHON: &str = "
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from collections import deque

def add(n):
    return n + 1

def timed(name, pool, jobs, in_flight):
    for n in range(100):
        pool.submit(add, n).result()
    best = 1e9
    for _ in range(5):
        begun, queue = time.perf_counter(), deque()
        for n in range(jobs):
            if len(queue) == in_flight:
                queue.popleft().result()
            queue.append(pool.submit(add, n))
        while queue:
            queue.popleft().result()
        best = min(best, time.perf_counter() - begun)
    print(f'python: {name}: {best / jobs * 1e6:.1f} us', flush=True)

fork = multiprocessing.get_context('fork')
cpus = os.sched_getaffinity(0)
os.sched_setaffinity(0, {min(cpus)})
with ProcessPoolExecutor(1, mp_context=fork) as pool:
    timed('one_in_flight/one_core', pool, 1000, 1)
os.sched_setaffinity(0, cpus)
with ProcessPoolExecutor(1, mp_context=fork) as pool:
    timed('one_in_flight/free', pool, 1000, 1)
with ProcessPoolExecutor(2, mp_context=fork) as pool:
    timed('many_in_flight', pool, 3000, 256)
";

fn main() {
    let cpus = allowed_cpus().expect("affinity");
    let add = |n: u64| n + 1;
    // A worker inherits where it may run from its fork server, and that from here.
    pin_to_cpus(&cpus[..1]).expect("pin");
    let on_one = with(1).start(add).expect("start");
    pin_to_cpus(&cpus).expect("pin");
    let free = with(1).start(add).expect("start");
    let two = with(2).start(add).expect("start");
    let computing = [1, 2].map(|workers| {
        with(workers).start(|n: u64| factorial(black_box(1_000)).bits() + n).expect("start")
    });
    let taking = with(1).start(|bytes: Vec<u8>| bytes.len()).expect("start");
    if let Ok(python) = Command::new("python3").args(["-c", PYTHON]).output() {
        print!("{}", String::from_utf8_lossy(&python.stdout));
    }

    let mut criterion = Criterion::default().configure_from_args();
    pin_to_cpus(&cpus[..1]).expect("pin");
    one_in_flight(&mut criterion, "one_core", &on_one);
    pin_to_cpus(&cpus).expect("pin");
    one_in_flight(&mut criterion, "free", &free);
    many_in_flight(&mut criterion, &two);
    long_argument(&mut criterion, &taking);
    computing.iter().enumerate().for_each(|(at, pool)| factorials(&mut criterion, at + 1, pool));
    criterion.final_summary();
}

/// Submits one, joins it.
fn one_in_flight(criterion: &mut Criterion, name: &str, pool: &Adding) {
    let mut group = criterion.benchmark_group("one_in_flight");
    group.bench_function(name, |bencher| {
        bencher.iter(|| pool.submit(black_box(7)).expect("submit").join().expect("join"));
    });
}

/// Submits, and joins the oldest as soon as there are too many.
fn many_in_flight(criterion: &mut Criterion, pool: &Adding) {
    let mut group = criterion.benchmark_group("many_in_flight");
    group.throughput(Throughput::Elements(ROUND)).sampling_mode(SamplingMode::Flat);
    let check =
        |(n, handle): (u64, JobHandle<u64>)| assert_eq!(handle.join().expect("join"), n + 1);
    group.bench_function("256", |bencher| {
        bencher.iter(|| {
            let mut queue = VecDeque::with_capacity(IN_FLIGHT);
            for n in 0..ROUND {
                if queue.len() == IN_FLIGHT {
                    queue.pop_front().into_iter().for_each(check);
                }
                queue.push_back((n, pool.submit(n).expect("submit")));
            }
            queue.into_iter().for_each(check);
        });
    });
}

/// Has a long argument sent, which was made before.
fn long_argument(criterion: &mut Criterion, pool: &ProcessPool<Vec<u8>, usize>) {
    let mut group = criterion.benchmark_group("long_argument");
    group.throughput(Throughput::Bytes(LONG_BYTES as u64));
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function("64_mib", |bencher| {
        bencher.iter_batched(
            || vec![7_u8; LONG_BYTES],
            |bytes| pool.submit(bytes).expect("submit").join().expect("join"),
            BatchSize::PerIteration,
        );
    });
}

/// Submits all, then joins all.
fn factorials(criterion: &mut Criterion, workers: usize, pool: &Adding) {
    let mut group = criterion.benchmark_group("factorials");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.bench_function(workers.to_string(), |bencher| {
        bencher.iter(|| {
            let submit = |n| pool.submit(n).expect("submit");
            let handles: Vec<JobHandle<u64>> = (0..FACTORIALS).map(submit).collect();
            handles.into_iter().map(|handle| handle.join().expect("join")).sum::<u64>()
        });
    });
}
