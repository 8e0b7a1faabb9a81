use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use handloom::threads::gil::{COUNT, COUNT_WITH_CALL, Gil, Held, Interpreter, Op};

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

/// No waiter asks by itself, so every switch is where the test puts it.
const NEVER: Duration = Duration::MAX;

/// Runs a test that hangs when a promise is broken.
fn watched(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let runner = thread::spawn(move || {
        // The end of the channel tells of a panic, and `join` brings it here.
        let _end_of_channel = done;
        test();
    });
    let end = is_done.recv_timeout(PATIENCE);
    assert_eq!(
        end,
        Err::<(), _>(mpsc::RecvTimeoutError::Disconnected),
        "expected an end, it hangs"
    );
    if let Err(panic) = runner.join() {
        panic::resume_unwind(panic);
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "expected {what}, still not so");
        thread::yield_now();
    }
}

fn wait_for_waiters(gil: &Gil, wanted: usize) {
    wait_until("threads that wait for the lock", || gil.waiting() == wanted);
}

#[test]
fn one_thread_at_a_time_holds_the_lock() {
    watched(|| {
        let (gil, inside) = (Gil::new(Duration::from_micros(50)), AtomicUsize::new(0));
        let enter = || assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "GIL-1: others inside");
        let leave = || assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1, "GIL-1: others inside");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut held = gil.attach();
                    for round in 0..2_000 {
                        enter();
                        leave();
                        if round % 3 == 0 {
                            held.allow_threads(thread::yield_now);
                        } else {
                            held.check();
                        }
                    }
                });
            }
        });
        assert_eq!(gil.waiting(), 0, "GIL-5: nobody is left waiting");
    });
}

#[test]
fn no_wake_up_is_lost_when_no_time_out_makes_it_good() {
    watched(|| {
        let (gil, runs) = (Gil::new(NEVER), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut held = gil.attach();
                    for _ in 0..2_000 {
                        held.allow_threads(|| ());
                        runs.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(runs.into_inner(), 16_000, "GIL-5: every thread came through");
        assert_eq!(gil.requests(), 0, "GIL-2: the interval never ended");
    });
}

#[test]
fn without_a_waiter_nobody_asks() {
    let gil = Gil::new(Duration::from_millis(1));
    let mut held = gil.attach();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(20) {
        held.check();
        held.allow_threads(|| ());
        gil.ask();
    }
    assert_eq!(gil.requests(), 0, "GIL-2: expected no request without a waiter");
    assert_eq!(gil.switches(), 1, "the first holder, and it was the only one");
}

#[test]
fn a_waiter_asks_after_an_interval_and_not_before() {
    watched(|| {
        const INTERVAL: Duration = Duration::from_millis(60);
        let gil = Gil::new(INTERVAL);
        let held = gil.attach();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let begun = Instant::now();
                drop(gil.attach());
                begun.elapsed()
            });
            while !waiter.is_finished() {
                held.check();
            }
            let span = waiter.join().expect("no panic");
            assert!(span >= INTERVAL, "GIL-2: expected {INTERVAL:?} at least, came {span:?}");
        });
        assert_eq!(gil.requests(), 1, "GIL-2: asked once");
    });
}

#[test]
fn a_holder_that_never_looks_keeps_the_lock() {
    watched(|| {
        let (gil, had_it) = (Gil::new(Duration::from_millis(1)), AtomicBool::new(false));
        let held = gil.attach();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = gil.attach();
                had_it.store(true, Ordering::SeqCst);
            });
            wait_until("three requests", || gil.requests() >= 3);
            assert!(!had_it.load(Ordering::SeqCst), "GIL-3: taken from one that did not look");
            held.check();
            assert!(had_it.load(Ordering::SeqCst), "GIL-3, GIL-4: given up at the look");
        });
    });
}

#[test]
fn a_holder_that_was_asked_waits_until_another_has_had_the_lock() {
    watched(|| {
        let (gil, turns) = (Gil::new(NEVER), AtomicUsize::new(0));
        let held = gil.attach();
        for turn in 0..300 {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _held = gil.attach();
                    turns.fetch_add(1, Ordering::SeqCst);
                });
                wait_for_waiters(&gil, 1);
                gil.ask();
                held.check();
                assert_eq!(turns.load(Ordering::SeqCst), turn + 1, "GIL-4: turns of the other");
            });
        }
        assert_eq!(gil.switches(), 1 + 2 * 300, "to the other and back, each time");
        assert_eq!(gil.requests(), 300, "one for each turn");
    });
}

#[test]
fn asked_before_blocking_work_it_hands_over_first() {
    watched(|| {
        let (gil, had_it) = (Gil::new(NEVER), AtomicBool::new(false));
        let mut held = gil.attach();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = gil.attach();
                had_it.store(true, Ordering::SeqCst);
            });
            wait_for_waiters(&gil, 1);
            gil.ask();
            let switches = held.allow_threads(|| gil.switches());
            assert!(switches >= 2, "GIL-4: the other takes it before the work begins");
            assert!(had_it.load(Ordering::SeqCst), "GIL-4: and has had it when the work is over");
        });
    });
}

#[test]
fn with_the_switch_not_forced_a_look_does_not_wait_for_another() {
    watched(|| {
        let gil = Gil::new(Duration::from_micros(100)).without_forced_switch();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let (held, begun) = (gil.attach(), Instant::now());
                    while begun.elapsed() < Duration::from_millis(30) {
                        held.check();
                    }
                });
            }
        });
        assert!(gil.switches() >= 3, "each thread has had it");
    });
}

#[test]
fn the_lock_is_free_around_blocking_work_and_held_after_it() {
    watched(|| {
        let (gil, is_over) = (Gil::new(NEVER), AtomicBool::new(false));
        let mut held = gil.attach();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = gil.attach();
                is_over.store(true, Ordering::SeqCst);
            });
            // Hangs unless the other one gets the lock meanwhile.
            held.allow_threads(|| wait_until("its turn", || is_over.load(Ordering::SeqCst)));
            scope.spawn(|| drop(gil.attach()));
            wait_for_waiters(&gil, 1);
            assert_eq!(gil.switches(), 3, "HELD-1: the lock is held again after the work");
            drop(held);
        });
    });
}

#[test]
fn a_panic_in_blocking_work_comes_back_under_the_lock() {
    watched(|| {
        let (gil, had_it) = (Gil::new(NEVER), AtomicBool::new(false));
        let mut held = gil.attach();
        let work = || held.allow_threads(|| panic!("work"));
        let payload = panic::catch_unwind(AssertUnwindSafe(work)).expect_err("the panic goes on");
        assert_eq!(payload.downcast_ref(), Some(&"work"), "HELD-3: with its own payload");
        thread::scope(|scope| {
            scope.spawn(|| {
                let _held = gil.attach();
                had_it.store(true, Ordering::SeqCst);
            });
            wait_for_waiters(&gil, 1);
            assert!(!had_it.load(Ordering::SeqCst), "HELD-3: the lock is held after the panic");
            drop(held);
        });
        assert!(had_it.into_inner(), "HELD-3: and can be given back");
    });
}

#[test]
fn a_holder_that_panics_gives_the_lock_back() {
    watched(|| {
        let gil = Gil::new(NEVER);
        let job = || {
            let _held = gil.attach();
            panic!("job");
        };
        panic::catch_unwind(AssertUnwindSafe(job)).expect_err("the panic goes on");
        drop(gil.attach());
    });
}

#[test]
fn taking_the_lock_again_is_no_switch() {
    let gil = Gil::new(NEVER);
    let mut held = gil.attach();
    (0..10).for_each(|_| held.allow_threads(|| ()));
    assert_eq!(gil.switches(), 1, "only the first time was the lock another's before");
    drop(held);
    drop(gil.attach());
    assert_eq!(gil.switches(), 2, "who attaches anew is another");
}

#[test]
fn three_threads_that_are_always_asked_all_come_through() {
    watched(|| {
        let gil = Gil::new(NEVER);
        let (turns, running) = ([const { AtomicUsize::new(0) }; 3], AtomicUsize::new(3));
        thread::scope(|scope| {
            for mine in &turns {
                let (gil, running) = (&gil, &running);
                scope.spawn(move || {
                    let held = gil.attach();
                    for _ in 0..200 {
                        mine.fetch_add(1, Ordering::Relaxed);
                        while running.load(Ordering::Relaxed) == 3 && gil.waiting() < 2 {
                            thread::yield_now();
                        }
                        gil.ask();
                        held.check();
                    }
                    running.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        let turns = turns.map(AtomicUsize::into_inner);
        assert_eq!(turns, [200; 3], "GIL-7: turns of each");
        // In rounds: the thread that waited longest is next. So no thread had two turns before another had one, and there
        // are hardly fewer switches than turns.
        assert!(gil.switches() >= 590, "GIL-4: came {} switches", gil.switches());
    });
}

/// Counts how often a program looks at the lock in `rounds` rounds.
fn looks(program: &[Op], rounds: u64) -> (usize, i64) {
    let (gil, counter, mut looks) = (Gil::new(NEVER), AtomicI64::new(0), 0);
    let look = |held: &Held<'_>| {
        looks += 1;
        held.check();
    };
    Interpreter::with_check(&counter, look).run(program, rounds, &gil.attach());
    (looks, counter.into_inner())
}

#[test]
fn the_interpreter_looks_at_jumps_back_at_entries_and_after_native_calls_only() {
    assert_eq!(looks(COUNT, 10), (1 + 10, 10), "INTERPRETER-1: the entry, and each jump");
    assert_eq!(looks(COUNT_WITH_CALL, 10), (1 + 20, 10), "INTERPRETER-1: and each entry of one()");
    let native = [
        Op::Resume,
        Op::ForIter(7),
        Op::LoadCounter,
        Op::CallNative(|| 1),
        Op::Add,
        Op::StoreCounter,
        Op::JumpBackward(1),
        Op::Return,
    ];
    assert_eq!(looks(&native, 10), (1 + 20, 10), "INTERPRETER-1: and after each native call");
}

#[test]
fn an_update_with_a_call_in_it_loses_all_that_came_between() {
    watched(|| {
        const OTHERS: u64 = 500;
        let (gil, counter) = (Gil::new(NEVER), AtomicI64::new(0));
        let held = gil.attach();
        thread::scope(|scope| {
            scope.spawn(|| Interpreter::new(&counter).run(COUNT, OTHERS, &gil.attach()));
            wait_for_waiters(&gil, 1);
            // The looks of one round: the entry, the entry of one(), the jump. The second has the request.
            let mut look = 0;
            let asks_at_the_call = |held: &Held<'_>| {
                look += 1;
                if look == 2 {
                    gil.ask();
                }
                held.check();
            };
            Interpreter::with_check(&counter, asks_at_the_call).run(COUNT_WITH_CALL, 1, &held);
        });
        assert_eq!(counter.into_inner(), 1, "expected the {OTHERS} updates between to be lost");
    });
}
