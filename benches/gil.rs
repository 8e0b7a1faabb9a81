//! What the lock of `threads::gil` costs.
//!
//! `cargo bench -p handloom-benches --bench gil` runs all; add a name for one. Times are per operation:
//!
//! | id | operation | metric |
//! | --- | --- | --- |
//! | `gil/look` | a look without a request | wall time |
//! | `gil/take_and_give` | give the lock back and take it again, while nobody waits | wall time |
//! | `gil/hand_over` | from an asked holder's look until another has had the lock and it is back | wall time |
//!
//! What would change the conclusions: for `hand_over` a busy machine, since it waits for the kernel to wake a thread four times;
//! for `take_and_give` a processor whose atomic operations are slow, since it is four of them.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use handloom::threads::gil::{Gil, Held};

/// What one thread pays for the lock as long as it is alone.
fn alone(criterion: &mut Criterion) {
    let gil = Gil::new(Duration::MAX);
    let mut held = gil.attach();
    let mut group = criterion.benchmark_group("gil");
    group.bench_function("look", |bencher| bencher.iter(|| black_box(&held).check()));
    group.bench_function("take_and_give", |bencher| {
        bencher.iter(|| held.allow_threads(|| black_box(())));
    });
    group.finish();
}

/// Two threads that hand the lock to and fro.
fn together(criterion: &mut Criterion) {
    criterion.benchmark_group("gil").sample_size(20).bench_function("hand_over", |bencher| {
        bencher.iter_custom(round_trips);
    });
}

/// Has two threads hand the lock to and fro, so many times each; returns how long that took.
fn round_trips(times: u64) -> Duration {
    let (gil, is_over) = (Gil::new(Duration::MAX), AtomicBool::new(false));
    // Looks, once the other one wants the lock; without asking it would be taken again before the other is awake.
    let hand_over = |held: &Held<'_>| {
        while gil.waiting() == 0 && !is_over.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        gil.ask();
        held.check();
    };
    let held = gil.attach();
    thread::scope(|scope| {
        scope.spawn(|| {
            let held = gil.attach();
            while !is_over.load(Ordering::Relaxed) {
                hand_over(&held);
            }
        });
        let begun = Instant::now();
        (0..times).for_each(|_| hand_over(&held));
        is_over.store(true, Ordering::Relaxed);
        drop(held);
        begun.elapsed()
    })
}

criterion_group!(benches, alone, together);
criterion_main!(benches);
