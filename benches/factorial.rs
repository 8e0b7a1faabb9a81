//! The factorial, by number and by algorithm; and what its constants were chosen with.
//!
//! `cargo bench --bench factorial` runs all; add a part of a name for some, such as `-- 10000/`. Metric: wall time.
//!
//! | name | what |
//! | --- | --- |
//! | `N/swing` | prime swing on one thread, as `handloom::factorial::factorial` |
//! | `N/tree` | the tree of products on one thread, as far as it takes no seconds |
//! | `N/parted` | parted over two threads, which are started anew for each round |
//! | `N/shown` | digits and checksum of the result |
//!
//! What would change the conclusions: a machine with one core, or a busy one, for `parted`; a `num-bigint` with a
//! transform, which would make `toom` superfluous; another processor, for the length from which a product is cut.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use handloom::factorial::parted::on_workers;
use handloom::factorial::{Job, digits, factorial, tree};
use num_bigint::BigUint;

/// The numbers of the groups.
const NUMBERS: [u32; 7] = [20, 100, 1_000, 10_000, 80_000, 100_000, 1_000_000];

/// The greatest number for which the tree is measured.
const TREE_UP_TO: u32 = 100_000;

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

criterion_group!(benches, numbers);
criterion_main!(benches);
