//! The factorial, by number and by algorithm; and what its constants were chosen with.
//!
//! `cargo bench -p handloom-benches --bench factorial` runs all; add a part of a name for some, such as `-- 10000/`. Metric: wall time.
//!
//! | name | what |
//! | --- | --- |
//! | `N/swing` | prime swing on one thread, as `handloom::factorial::factorial` |
//! | `N/tree` | the tree of products on one thread, as far as it takes no seconds |
//! | `N/parted` | parted over two threads, which are started anew for each round |
//! | `N/shown` | digits and checksum of the result |
//! | `tasks/handloom` | [`TASKS`] factorials of [`OF`] on a pool of two threads, [`CHUNK`] to a job |
//! | `tasks/tokio` | the same on tokio's threads for calls that block |
//!
//! What would change the conclusions: a machine with one core, or a busy one, for `parted`; a `num-bigint` with a
//! transform, which would make `toom` superfluous; another processor, for the length from which a product is cut.

#[path = "../tests/support/factorial_tree.rs"]
mod tree;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use handloom::factorial::parted::on_workers;
use handloom::factorial::{Job, digits, factorial};
use handloom::threads::ThreadPool;
use handloom_tokio::tokio::runtime::Builder;
use handloom_tokio::tokio::task::spawn_blocking;
use num_bigint::BigUint;

/// The numbers of the groups.
const NUMBERS: [u32; 7] = [20, 100, 1_000, 10_000, 80_000, 100_000, 1_000_000];

/// The greatest number for which the tree is measured.
const TREE_UP_TO: u32 = 100_000;

/// How many factorials are computed as tasks of a pool.
const TASKS: usize = 2_000;
/// Of which number.
const OF: u32 = 1_000;
/// How many of them are a job.
const CHUNK: usize = 32;
/// On how many threads.
const WORKERS: usize = 2;

/// Below this number nothing is parted.
const PARTED_FROM: u32 = 80_000;

/// Computes the jobs on two threads that each take the next one.
fn on_two_threads(jobs: &[Job]) -> Vec<BigUint> {
    let queue = Mutex::new(jobs.iter().enumerate());
    let results = Mutex::new(vec![BigUint::ZERO; jobs.len()]);
    let work = || {
        loop {
            let next = queue.lock().expect("holds because nothing panics under the lock").next();
            let Some((i, job)) = next else { return };
            let result = job.compute();
            results.lock().expect("holds because nothing panics under the lock")[i] = result;
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    results.into_inner().expect("holds because nothing panics under the lock")
}

/// Measures each number by each algorithm.
fn numbers(criterion: &mut Criterion) {
    for n in NUMBERS {
        let mut group = criterion.benchmark_group(n.to_string());
        group.measurement_time(Duration::from_secs(3)).sample_size(10);
        group.sampling_mode(SamplingMode::Flat);
        group.bench_function("swing", |bencher| bencher.iter(|| factorial(black_box(n))));
        if n <= TREE_UP_TO {
            group.bench_function("tree", |bencher| bencher.iter(|| tree::factorial(black_box(n))));
        }
        if n >= PARTED_FROM {
            let run = |jobs: Vec<Job>| Ok::<_, Infallible>(on_two_threads(&jobs));
            group.bench_function("parted", |bencher| {
                bencher.iter(|| on_workers(black_box(n), 2, run));
            });
        }
        let value = factorial(n);
        group.bench_function("shown", |bencher| {
            bencher.iter(|| (digits::decimal_digits(&value), digits::checksum(&value)));
        });
        group.finish();
    }
}

/// Measures many short factorials on a pool.
fn tasks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tasks");
    group.measurement_time(Duration::from_secs(3)).sample_size(10);
    group.sampling_mode(SamplingMode::Flat);
    let pool = ThreadPool::fixed("bench", WORKERS).expect("holds because threads can be started");
    group.bench_function("handloom", |bencher| {
        bencher.iter(|| {
            pool.map([OF; TASKS], CHUNK, factorial).for_each(|value| drop(black_box(value)));
        });
    });
    let runtime = Builder::new_current_thread().max_blocking_threads(WORKERS).build();
    let runtime = runtime.expect("holds because threads can be started");
    let chunks = || [OF; TASKS].chunks(CHUNK).map(<[u32]>::to_vec).collect::<Vec<_>>();
    group.bench_function("tokio", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let job = |chunk: Vec<u32>| {
                    spawn_blocking(|| chunk.into_iter().map(factorial).collect::<Vec<_>>())
                };
                for handle in chunks().into_iter().map(job).collect::<Vec<_>>() {
                    black_box(handle.await.expect("holds because nothing panics"));
                }
            });
        });
    });
    group.finish();
}

criterion_group!(benches, numbers, tasks);
criterion_main!(benches);
