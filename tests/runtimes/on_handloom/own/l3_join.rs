//! What `l3_join` claims of this event loop alone.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use handloom::rt::{self, EventLoop};
use handloom_conformance::check::{same, says};
use handloom_conformance::futures::{Gate, SharedGate, many_turns, poll_with};
use handloom_conformance::l3_join::{LONG, leave_over, nest, spawn_joining_itself};
use handloom_conformance::runtime::{Runtime, text_of};

use crate::on_handloom::Handloom;

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        tasks_left_over_end_with_their_block_on,
        a_nested_block_on_names_the_way_out,
        a_spawn_outside_block_on_names_the_way_in,
        a_loop_with_a_remote_is_not_stuck,
    ];
    unwatched: [
        pending_alone_is_reported,
        two_tasks_that_wait_for_each_other_are_reported,
        a_task_that_joins_itself_is_reported,
        a_future_that_forgot_its_waker_is_named,
        a_loop_that_was_stuck_can_be_used_again,
        a_loop_whose_waker_is_on_another_thread_is_not_stuck,
        a_join_polled_with_a_strangers_waker_does_not_hide_a_living_one,
    ]
}

fn tasks_left_over_end_with_their_block_on(runtime: &Handloom) {
    let left_over = runtime.block_on(leave_over::<Handloom>());
    for counts in &left_over {
        same("END-1", "drops of a task that was left over", 1, counts.drops.get());
    }
    runtime.block_on(many_turns::<Handloom>());
    let never_polled = left_over.iter().filter(|counts| counts.polls.get() == 0).count();
    same("END-1", "tasks that never ran, after a second block_on", 10, never_polled);
}

fn a_nested_block_on_names_the_way_out(runtime: &Handloom) {
    let text = nest(runtime);
    says("CTX-1", "a nested block_on", "block_on was called inside block_on", &text);
    says("CTX-1", "a nested block_on, the way out", "Await the future there, spawn it", &text);
    says("CTX-1", "a nested block_on, the other way", "run_blocking", &text);
}

fn a_spawn_outside_block_on_names_the_way_in(_: &Handloom) {
    let outcome = catch_unwind(|| drop(rt::spawn(async {})));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "no panic".into());
    says("CTX-1", "a spawn outside block_on", "Write block_on(async { ... })", &text);
}

/// Runs a future that ought to be found stuck, and returns the report.
fn stuck_report(event_loop: &EventLoop, future: impl Future) -> String {
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(event_loop.block_on(future))));
    outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "no panic".into())
}

fn pending_alone_is_reported(runtime: &Handloom) {
    let report = stuck_report(&runtime.0, pending::<()>());
    says("LOOP-4", "the report", "nothing can ever run again", &report);
    says("LOOP-4", "who waits", "task 0 (block_on), waits for something it did not name", &report);
}

fn two_tasks_that_wait_for_each_other_are_reported(runtime: &Handloom) {
    let report = stuck_report(&runtime.0, async {
        let second: Rc<RefCell<Option<rt::JoinHandle<()>>>> = Rc::default();
        let waits_for_second = second.clone();
        let first = rt::spawn_named("hen", async move {
            let second = waits_for_second.take().unwrap();
            second.await.unwrap();
        });
        *second.borrow_mut() = Some(rt::spawn_named("egg", async { first.await.unwrap() }));
        pending::<()>().await;
    });
    says(
        "LOOP-4",
        "the first of two that wait for each other",
        "task 1 \"hen\", spawned at",
        &report,
    );
    says("LOOP-4", "whom the first waits for", "waits for the end of task 2", &report);
    says("LOOP-4", "whom the second waits for", "waits for the end of task 1", &report);
    says("LOOP-4", "where they were spawned", file!(), &report);
}

fn a_task_that_joins_itself_is_reported(runtime: &Handloom) {
    let drops = Rc::new(Cell::new(0));
    let report = stuck_report(&runtime.0, async {
        // The canceller could come from another thread, and goes.
        drop(spawn_joining_itself::<Handloom>(&runtime.remote(), &drops));
        pending::<()>().await;
    });
    says("LOOP-4", "a task that waits for itself", "task 1, spawned at", &report);
    says("LOOP-4", "whom it waits for", "waits for the end of task 1", &report);
    same("END-1", "drops of it when block_on panicked", 1, drops.get());
}

fn a_future_that_forgot_its_waker_is_named(runtime: &Handloom) {
    let report = stuck_report(&runtime.0, async {
        let forgetful = rt::spawn_named("forgetful", poll_fn(|_| Poll::<()>::Pending));
        forgetful.await.unwrap();
    });
    says("STUCK-1", "who forgot", "task 1 \"forgetful\"", &report);
    says("STUCK-1", "what it waits for", "waits for something it did not name", &report);
    says("STUCK-1", "who waits for it", "task 0 (block_on), waits for the end of task 1", &report);
}

fn a_loop_that_was_stuck_can_be_used_again(runtime: &Handloom) {
    says("LOOP-4", "the report", "nothing can", &stuck_report(&runtime.0, pending::<()>()));
    let sum = runtime.block_on(async {
        Handloom::sleep(Duration::from_millis(1)).await;
        Handloom::spawn(async { 5 + 7 }).await.value()
    });
    same("LOOP-4", "a task after the report", 12, sum);
    says("LOOP-4", "the report", "nothing can", &stuck_report(&runtime.0, pending::<()>()));
}

fn a_loop_whose_waker_is_on_another_thread_is_not_stuck(runtime: &Handloom) {
    let gate = SharedGate::default();
    let opens = gate.clone();
    let far = thread::spawn(move || {
        thread::sleep(LONG);
        opens.open();
    });
    runtime.block_on(gate.passed());
    far.join().unwrap();
}

fn a_join_polled_with_a_strangers_waker_does_not_hide_a_living_one(runtime: &Handloom) {
    let gate = SharedGate::default();
    let opens = gate.clone();
    let far = thread::spawn(move || {
        thread::sleep(LONG);
        opens.open();
    });
    runtime.block_on(async {
        let mut task = Handloom::spawn(pending::<()>());
        Handloom::yield_now().await;
        // A joiner is known that is nobody's; the main future's waker is on the other thread.
        same("JOIN-1", "a join", true, poll_with(&mut task, Waker::noop()).is_pending());
        gate.passed().await;
    });
    far.join().unwrap();
}

fn a_loop_with_a_remote_is_not_stuck(runtime: &Handloom) {
    let remote = runtime.remote();
    let gate = Rc::new(Gate::default());
    thread_local! {
        /// The gate, for the call to find.
        static GATE: RefCell<Option<Gate>> = const { RefCell::new(None) };
    }
    GATE.set(Some((*gate).clone()));
    let far = thread::spawn(move || {
        thread::sleep(LONG);
        Handloom::call(&remote, || GATE.take().unwrap().open());
    });
    runtime.block_on(gate.passed());
    far.join().unwrap();
}
