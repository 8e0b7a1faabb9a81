//! What `l2_tasks` claims of this event loop alone.

use std::future::poll_fn;
use std::panic::panic_any;
use std::task::Poll;

use handloom_conformance::check::{holds, same};
use handloom_conformance::futures::{Bomb, Gate, OnDrop, Probe, own_waker};
use handloom_conformance::runtime::Runtime;

use crate::on_handloom::Handloom;
use crate::watch::Log;

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        the_wakers_of_two_block_ons_differ,
        a_destructors_panic_that_hides_behind_a_value_is_reported,
        a_payload_that_explodes_behind_a_value_harms_nobody,
    ]
}

fn the_wakers_of_two_block_ons_differ(runtime: &Handloom) {
    let first = runtime.block_on(own_waker());
    let (probe, counts) = Probe::new(async {
        first.wake_by_ref();
        let second = own_waker().await;
        same("TASK-3", "two block_ons have one waker", false, first.will_wake(&second));
        let gate = Gate::default();
        let opens = gate.clone();
        drop(Handloom::spawn(async move { opens.open() }));
        gate.passed().await;
    });
    runtime.block_on(probe);
    holds("QUEUE-1", "polls when an old waker woke too", "2, or 3", counts.polls.get(), |n| {
        *n <= 3
    });
}

fn a_destructors_panic_that_hides_behind_a_value_is_reported(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let bomb = Bomb;
        let task = handloom::rt::spawn_named(
            "bomber",
            poll_fn(move |_| {
                let _held = &bomb;
                Poll::Ready(5)
            }),
        );
        same("JOIN-1", "the value", Some(5), task.await.ok());
    });
    let reports = log.reports();
    holds(
        "JOIN-3",
        "reports of a destructor's panic",
        "one, naming the task",
        reports,
        |reports| {
            reports.len() == 1
                && reports[0].contains("bomber")
                && reports[0].contains("a bomb was dropped")
        },
    );
}

fn a_payload_that_explodes_behind_a_value_harms_nobody(runtime: &Handloom) {
    let ended = runtime.block_on(async {
        let explodes = OnDrop(|| panic_any(Bomb));
        let task = Handloom::spawn(poll_fn(move |_| {
            let _held = &explodes;
            Poll::Ready(5)
        }));
        task.await.value()
    });
    same("JOIN-1", "the value", 5, ended);
}
