//! What a job costs to hand to another thread and back, beside tokio's `spawn_blocking` and `CPython`'s
//! `ThreadPoolExecutor`.
//!
//! `cargo bench -p handloom-benches --bench pools` runs all; add a group's name for one. The job does nothing, so what is measured is
//! the pool. Times are wall time for one job:
//!
//! | group | operation |
//! | --- | --- |
//! | `threads_many` | [`IN_FLIGHT`] jobs are submitted, then all are joined; as many again, and so on |
//! | `threads_map` | as many items through `map`, [`CHUNK`] to a job: the time is for an item |
//! | `threads_one` | a job is submitted and joined, then the next one |
//! | `threads_one_on_one_core` | the same, with caller and worker on one processor |
//!
//! The pool has [`WORKERS`] workers, or one where there is one job at a time. `CPython`'s figures stand beside ours
//! where a `python3` is found: it measures itself, by the same loop.
//!
//! What would change the conclusions: jobs that take microseconds hide all of this. `threads_one` on two cores is
//! the time to wake an idle core, on a virtual machine some 35 µs; so it tells more of the machine than of the pool.
//! A busy machine makes `threads_many` slower, since whoever holds the lock may be the one that is put aside.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use handloom::os::affinity;
use handloom::threads::ThreadPool;
use handloom_tokio::tokio::runtime::Builder;
use handloom_tokio::tokio::task::spawn_blocking;

/// Jobs in flight at once, where there are many.
const IN_FLIGHT: u64 = 1_000;
/// Workers, where there are many jobs.
const WORKERS: usize = 2;
/// Items to a job of a map.
const CHUNK: usize = 100;

/// What `CPython` runs: its arguments are the workers, the jobs in flight, the jobs, and the processor to stay on.
const PYTHON: &str = "
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
workers, flight, jobs, cpu = map(int, sys.argv[1:])
if cpu >= 0: os.sched_setaffinity(0, [cpu])
def job(): pass
with ThreadPoolExecutor(workers) as pool:
    [f.result() for f in [pool.submit(job) for _ in range(1000)]]
    begun = time.perf_counter_ns()
    while jobs > 0:
        for f in [pool.submit(job) for _ in range(min(flight, jobs))]: f.result()
        jobs -= flight
    print(time.perf_counter_ns() - begun)
";

/// Submits and joins `jobs` jobs, so many in flight at a time.
fn in_flight(pool: &ThreadPool, flight: u64, jobs: u64) -> Duration {
    let mut handles = Vec::new();
    let begun = Instant::now();
    let mut left = jobs;
    while left > 0 {
        for _ in 0..left.min(flight) {
            handles.push(pool.submit(|| black_box(())).expect("submit"));
        }
        for handle in handles.drain(..) {
            handle.join().expect("join");
        }
        left = left.saturating_sub(flight);
    }
    begun.elapsed()
}

/// The same on tokio's threads for calls that block.
async fn spawned_blocking(flight: u64, jobs: u64) -> Duration {
    let mut handles = Vec::new();
    let begun = Instant::now();
    let mut left = jobs;
    while left > 0 {
        for _ in 0..left.min(flight) {
            handles.push(spawn_blocking(|| black_box(())));
        }
        for handle in handles.drain(..) {
            handle.await.expect("join");
        }
        left = left.saturating_sub(flight);
    }
    begun.elapsed()
}

/// What `CPython` takes for the same; `None` where there is none.
fn python(workers: usize, flight: u64, jobs: u64, cpu: Option<usize>) -> Option<Duration> {
    let cpu = cpu.map_or("-1".to_owned(), |cpu| cpu.to_string());
    let arguments = [workers.to_string(), flight.to_string(), jobs.to_string(), cpu];
    let output = Command::new("python3").args(["-c", PYTHON]).args(arguments).output().ok()?;
    let nanoseconds = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Measures one way on both pools.
fn compare(criterion: &mut Criterion, name: &str, workers: usize, flight: u64, cpu: Option<usize>) {
    let allowed = affinity::allowed_cpus().expect("processors");
    if let Some(cpu) = cpu {
        // The workers inherit it.
        affinity::pin_to_cpus(&[cpu]).expect("pin");
    }
    let pool = ThreadPool::fixed("bench", workers).expect("start");
    let mut group = criterion.benchmark_group(name);
    group.bench_function("handloom", |bencher| {
        bencher.iter_custom(|jobs| in_flight(&pool, flight, jobs));
    });
    let runtime = Builder::new_current_thread().max_blocking_threads(workers).build();
    let runtime = runtime.expect("a runtime");
    group.bench_function("tokio", |bencher| {
        bencher.iter_custom(|jobs| runtime.block_on(spawned_blocking(flight, jobs)));
    });
    if python(workers, flight, 1, cpu).is_some() {
        // Each sample starts an interpreter.
        group.sample_size(10).bench_function("cpython", |bencher| {
            bencher.iter_custom(|jobs| python(workers, flight, jobs, cpu).expect("a figure"));
        });
    }
    group.finish();
    affinity::pin_to_cpus(&allowed).expect("pin");
}

/// Many jobs at a time.
fn many(criterion: &mut Criterion) {
    compare(criterion, "threads_many", WORKERS, IN_FLIGHT, None);
}

/// One job at a time.
fn one(criterion: &mut Criterion) {
    let cpus = affinity::allowed_cpus().expect("processors");
    compare(criterion, "threads_one", 1, 1, None);
    compare(criterion, "threads_one_on_one_core", 1, 1, cpus.last().copied());
}

/// Many items to a job.
fn map(criterion: &mut Criterion) {
    let pool = ThreadPool::fixed("bench", WORKERS).expect("start");
    let mut group = criterion.benchmark_group("threads_map");
    group.bench_function("handloom", |bencher| {
        bencher.iter_custom(|items| {
            let begun = Instant::now();
            pool.map(0..items, CHUNK, black_box).for_each(|value| assert!(value.is_ok()));
            begun.elapsed()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3));
    targets = many, map, one
}
criterion_main!(benches);
