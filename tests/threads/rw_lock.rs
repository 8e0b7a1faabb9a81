//! The read-write lock, on real threads; see also `tests/loom`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use handloom::threads::RwLock;

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until so many readers and writers sleep.
fn wait_for<T>(lock: &RwLock<T>, sleepers: (usize, usize)) {
    let begun = Instant::now();
    while lock.waiting() != sleepers {
        assert!(
            begun.elapsed() < PATIENCE,
            "expected {sleepers:?} asleep, came {:?}",
            lock.waiting()
        );
        thread::yield_now();
    }
}

#[test]
fn readers_are_inside_together() {
    let lock = RwLock::new(7);
    let (one, other) = (lock.read(), lock.read());
    assert_eq!(*one + *other, 14);
    assert_eq!(lock.waiting(), (0, 0));
}

#[test]
fn no_change_is_lost_and_none_is_seen_half_done() {
    let lock = Arc::new(RwLock::new((0_u32, 0_u32)));
    let (sender, done) = mpsc::channel();
    for writes in [true, true, false, false] {
        let (lock, sender) = (Arc::clone(&lock), sender.clone());
        thread::spawn(move || {
            let mut torn = 0;
            for _ in 0..5_000 {
                if writes {
                    let mut pair = lock.write();
                    pair.0 += 1;
                    pair.1 += 1;
                } else {
                    let pair = lock.read();
                    torn += usize::from(pair.0 != pair.1);
                }
            }
            let _ = sender.send(torn);
        });
    }
    for _ in 0..4 {
        let torn = done.recv_timeout(PATIENCE).expect("RW-4: expected an end, it hangs");
        assert_eq!(torn, 0, "RW-1: a reader was inside with a writer");
    }
    assert_eq!(*lock.read(), (10_000, 10_000), "RW-1");
}

#[test]
fn a_reader_that_comes_after_a_writer_stands_behind_it() {
    let lock = RwLock::new(Vec::new());
    thread::scope(|scope| {
        let first = lock.read();
        scope.spawn(|| lock.write().push("written"));
        wait_for(&lock, (0, 1));
        let second = scope.spawn(|| lock.read().clone());
        wait_for(&lock, (1, 1));
        drop(first);
        assert_eq!(second.join().unwrap(), ["written"], "RW-2: the writer came before");
    });
}

#[test]
fn the_readers_that_wait_for_a_writer_come_before_the_next_writer() {
    let lock = RwLock::new(0);
    thread::scope(|scope| {
        let mut first = lock.write();
        scope.spawn(|| *lock.write() = 2);
        wait_for(&lock, (0, 1));
        let readers = [(); 3].map(|()| scope.spawn(|| *lock.read()));
        wait_for(&lock, (3, 1));
        *first = 1;
        drop(first);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 1, "RW-3: the second writer was let in first");
        }
    });
    assert_eq!(*lock.read(), 2);
}

#[test]
fn a_stream_of_readers_keeps_no_writer_out() {
    let lock = Arc::new(RwLock::new(()));
    let is_over = Arc::new(AtomicBool::new(false));
    let readers = [(); 3].map(|()| {
        let (lock, is_over) = (Arc::clone(&lock), Arc::clone(&is_over));
        thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                let inside = lock.read();
                thread::sleep(Duration::from_micros(100));
                drop(inside);
            }
        })
    });
    let (sender, done) = mpsc::channel();
    let writer = Arc::clone(&lock);
    thread::spawn(move || {
        for _ in 0..50 {
            drop(writer.write());
        }
        let _ = sender.send(());
    });
    let came = done.recv_timeout(PATIENCE);
    is_over.store(true, Ordering::SeqCst);
    assert!(came.is_ok(), "RW-2: the writer starves");
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn a_panic_ends_the_turn_and_leaves_the_value() {
    let lock = RwLock::new(0);
    let died = catch_unwind(AssertUnwindSafe(|| {
        *lock.write() = 1;
        let mut inside = lock.write();
        *inside = 2;
        panic!("meant to happen");
    }));
    assert!(died.is_err());
    assert_eq!(*lock.read(), 2, "the turn is over, and the value as it was left");
    *lock.write() = 3;
}
