//! Ctrl-c and terminate as futures; each test in a process of its own, for a signal is the whole process's.
#![expect(clippy::missing_docs_in_private_items, reason = "a test's name says it all")]

use std::task::Poll;
use std::thread;
use std::time::Duration;

use handloom::aio::{Either, ctrl_c, gather, race, sleep, terminate, timeout};
use handloom::os::process;
use handloom::os::signal::{self, Signal};
use handloom::rt::{block_on, spawn, task_table};

/// Long enough for a signal that is not meant for the waiter to do harm.
const A_WHILE: Duration = Duration::from_millis(20);

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("ctrl_c_wakes_a_loop_that_sleeps", wakes_a_sleeping_loop),
    ("signal_before_the_first_poll_is_seen", seen_before_the_first_poll),
    ("signal_before_the_call_is_not_counted", earlier_ones_are_not_counted),
    ("interrupt_and_terminate_are_told_apart", told_apart),
    ("every_waiter_of_one_loop_sees_it", every_waiter_sees_it),
    ("every_loop_sees_it", every_loop_sees_it),
    ("dropped_wait_does_not_see_it_and_the_handler_stays", dropped_wait),
    ("third_signal_is_seen_after_two_others", one_after_another),
    ("thousand_waits_leave_no_descriptor_behind", no_descriptor_is_left),
    ("task_table_says_who_waits_for_a_signal", table_names_it),
];

fn send(signal: Signal) {
    process::kill(process::pid(), signal).expect("kill");
}

fn send_later(signal: Signal) {
    thread::spawn(move || {
        thread::sleep(A_WHILE);
        send(signal);
    });
}

fn wakes_a_sleeping_loop() {
    block_on(async {
        send_later(Signal::Interrupt);
        ctrl_c().await.expect("it comes");
    });
    block_on(async {
        send_later(Signal::Terminate);
        terminate().await.expect("it comes");
    });
}

fn seen_before_the_first_poll() {
    block_on(async {
        let wait = ctrl_c();
        send(Signal::Interrupt);
        wait.await.expect("STOP-1: it came after the call");
    });
}

fn earlier_ones_are_not_counted() {
    block_on(async {
        let first = ctrl_c();
        send(Signal::Interrupt);
        let second = ctrl_c();
        first.await.expect("it came after the call");
        // The descriptor of the second is readable, and proves nothing (`STOP-3`).
        assert!(timeout(A_WHILE, second).await.is_err(), "it came before the call");
    });
}

fn told_apart() {
    block_on(async {
        let both = race(ctrl_c(), terminate());
        send(Signal::Terminate);
        assert!(matches!(both.await, Either::Second(Ok(()))), "STOP-3: the count decides");
    });
}

fn every_waiter_sees_it() {
    block_on(async {
        let waits = gather((0..10).map(|_| ctrl_c()).collect::<Vec<_>>());
        let task = spawn(ctrl_c());
        send_later(Signal::Interrupt);
        assert!(waits.await.into_iter().all(|wait| wait.is_ok()), "STOP-2");
        task.await.expect("no panic").expect("STOP-2: in another task too");
    });
}

fn every_loop_sees_it() {
    let (ready, waiting) = std::sync::mpsc::channel();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let ready = ready.clone();
            thread::spawn(move || {
                block_on(async {
                    let wait = ctrl_c();
                    ready.send(()).expect("the test waits");
                    wait.await
                })
            })
        })
        .collect();
    for _ in &threads {
        waiting.recv().expect("every loop gets ready");
    }
    send(Signal::Interrupt);
    for thread in threads {
        thread.join().expect("no panic").expect("STOP-2: in every loop");
    }
}

fn dropped_wait() {
    block_on(async {
        let mut wait = Box::pin(ctrl_c());
        let polled = std::future::poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        drop(wait);
        // The handler stays, or else this would end the process.
        send(Signal::Interrupt);
        let later = timeout(A_WHILE, ctrl_c()).await;
        assert!(later.is_err(), "a later call counts only what comes after itself");
        assert_eq!(signal::count(Signal::Interrupt), 1);
    });
}

fn one_after_another() {
    block_on(async {
        for _ in 0..3 {
            let wait = ctrl_c();
            send(Signal::Interrupt);
            wait.await.expect("each of them");
        }
    });
}

fn no_descriptor_is_left() {
    let open = || std::fs::read_dir("/proc/self/fd").expect("proc").count();
    block_on(async {
        drop(ctrl_c());
        let before = open();
        for _ in 0..1000 {
            drop(race(ctrl_c(), sleep(Duration::ZERO)).await);
        }
        assert_eq!(open(), before, "scenario 23");
    });
}

fn table_names_it() {
    block_on(async {
        let task = spawn(ctrl_c());
        sleep(Duration::from_millis(1)).await;
        let table = task_table();
        assert!(table.contains("for a signal"), "expected what it waits for, came {table}");
        task.cancel();
    });
}
