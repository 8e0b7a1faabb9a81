//! What `l3_join` claims of this event loop alone.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use handloom::aio;
use handloom::rt::{self, EventLoop, JoinError, JoinHandle};
use handloom_conformance::check::{same, says};
use handloom_conformance::futures::{Gate, SharedGate, many_turns, opens_after, poll_with};
use handloom_conformance::l3_join::{leave_over, nest};
use handloom_conformance::l6_threads::spawn_joining_itself;
use handloom_conformance::runtime::{Listener, Runtime, text_of};

use crate::on_handloom::Handloom;
use crate::watch::Reports;

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        tasks_left_over_end_with_their_block_on,
        a_nested_block_on_names_the_way_out,
        a_spawn_outside_block_on_names_the_way_in,
        pending_alone_is_reported,
        two_tasks_that_wait_for_each_other_are_reported,
        a_task_that_joins_itself_is_reported,
        a_handle_polled_in_its_tasks_destructor_has_no_result_yet,
        a_future_that_forgot_its_waker_is_named,
        a_loop_that_was_stuck_can_be_used_again,
        a_report_comes_once_and_a_thread_ends_the_wait,
        no_report_comes_while_a_job_runs_or_a_socket_is_watched,
        no_report_comes_while_a_remote_lives,
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

/// Makes a loop that panics with its report.
fn panics_when_stuck() -> EventLoop {
    EventLoop::builder().panic_when_stuck().build().unwrap()
}

/// Runs a future that nothing can wake, on a loop that panics with its report; returns that.
fn stuck_report(event_loop: &EventLoop, future: impl Future) -> String {
    let outcome = catch_unwind(AssertUnwindSafe(|| drop(event_loop.block_on(future))));
    outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "no panic".into())
}

fn pending_alone_is_reported(_: &Handloom) {
    let report = stuck_report(&panics_when_stuck(), pending::<()>());
    says("LOOP-4", "the report", "nothing that the event loop knows of can wake it", &report);
    says(
        "LOOP-4",
        "who waits",
        "task 0 (block_on),\n    waits for something it did not name",
        &report,
    );
}

fn two_tasks_that_wait_for_each_other_are_reported(_: &Handloom) {
    let report = stuck_report(&panics_when_stuck(), async {
        let second: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
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

fn a_task_that_joins_itself_is_reported(_: &Handloom) {
    let drops = Rc::new(Cell::new(0));
    let event_loop = panics_when_stuck();
    let remote = event_loop.remote();
    let report = stuck_report(&event_loop, async {
        // The canceller holds a `Remote`, and goes.
        drop(spawn_joining_itself::<Handloom>(&remote, &drops));
        drop(remote);
        pending::<()>().await;
    });
    says("LOOP-4", "a task that waits for itself", "task 1, spawned at", &report);
    says("LOOP-4", "whom it waits for", "waits for the end of task 1", &report);
    same("END-1", "drops of it when block_on panicked", 1, drops.get());
}

/// Polls in its destructor the handle of the task that holds it, and notes whether the poll was pending.
#[derive(Default)]
struct JoinsInDrop {
    handle: Rc<RefCell<Option<JoinHandle<()>>>>,
    waits: Rc<Cell<Option<bool>>>,
}

impl Drop for JoinsInDrop {
    fn drop(&mut self) {
        let mut handle = self.handle.take().unwrap();
        self.waits.set(Some(poll_with(&mut handle, Waker::noop()).is_pending()));
        drop(self.handle.replace(Some(handle)));
    }
}

fn a_handle_polled_in_its_tasks_destructor_has_no_result_yet(runtime: &Handloom) {
    let inside = JoinsInDrop::default();
    let (handle, waits) = (inside.handle.clone(), inside.waits.clone());
    let outcome = runtime.block_on(async {
        let task = rt::spawn(async move {
            let _inside = inside;
            pending::<()>().await;
        });
        aio::yield_now().await;
        task.cancel();
        drop(handle.replace(Some(task)));
        many_turns::<Handloom>().await;
        let task = handle.take().unwrap();
        task.await
    });
    same("JOIN-1", "whether the handle waited in the destructor", Some(true), waits.get());
    let is_cancelled = matches!(outcome, Err(JoinError::Cancelled));
    same("JOIN-1", "whether the task was cancelled afterwards", true, is_cancelled);
}

fn a_future_that_forgot_its_waker_is_named(_: &Handloom) {
    let report = stuck_report(&panics_when_stuck(), async {
        let forgetful = rt::spawn_named("forgetful", poll_fn(|_| Poll::<()>::Pending));
        forgetful.await.unwrap();
    });
    says("STUCK-1", "who forgot", "task 1 \"forgetful\"", &report);
    says("STUCK-1", "what it waits for", "waits for something it did not name", &report);
    says(
        "STUCK-1",
        "who waits for it",
        "task 0 (block_on),\n    waits for the end of task 1",
        &report,
    );
}

fn a_loop_that_was_stuck_can_be_used_again(_: &Handloom) {
    let event_loop = panics_when_stuck();
    says("LOOP-4", "the report", "can wake it", &stuck_report(&event_loop, pending::<()>()));
    let sum = event_loop.block_on(async {
        Handloom::sleep(Duration::from_millis(1)).await;
        Handloom::spawn(async { 5 + 7 }).await.value()
    });
    same("LOOP-4", "a task after the report", 12, sum);
    says("LOOP-4", "the report", "can wake it", &stuck_report(&event_loop, pending::<()>()));
}

/// Longer than the second after which the loop reports.
const LONG: Duration = Duration::from_millis(1300);

fn a_report_comes_once_and_a_thread_ends_the_wait(_: &Handloom) {
    let (event_loop, reports) = Reports::collected();
    let (first, second) = (SharedGate::default(), SharedGate::default());
    let far = [opens_after(LONG, &first), opens_after(LONG * 2, &second)];
    event_loop.block_on(async {
        first.passed().await;
        second.passed().await;
    });
    for far in far {
        far.join().unwrap();
    }
    let reports = reports.borrow();
    same("STUCK-2", "reports in one block_on with two such waits", 1, reports.len());
    says("STUCK-1", "the report", "Only a wake from another thread can end this wait", &reports[0]);
    says("STUCK-1", "the report's table", "task 0 (block_on),\n    waits for", &reports[0]);
}

fn no_report_comes_while_a_job_runs_or_a_socket_is_watched(_: &Handloom) {
    let (event_loop, reports) = Reports::collected();
    event_loop.block_on(async {
        aio::run_blocking(|| thread::sleep(LONG)).await.unwrap();
        let mut listener = Handloom::listen();
        let address = listener.address();
        let far = thread::spawn(move || {
            thread::sleep(LONG);
            std::net::TcpStream::connect(address).unwrap()
        });
        Listener::accept(&mut listener).await.unwrap();
        drop(far.join().unwrap());
    });
    same("STUCK-1", "reports", Vec::<String>::new(), reports.take());
}

fn no_report_comes_while_a_remote_lives(_: &Handloom) {
    let (event_loop, reports) = Reports::collected();
    let remote = event_loop.remote();
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
    event_loop.block_on(gate.passed());
    far.join().unwrap();
    same("STUCK-1", "reports", Vec::<String>::new(), reports.take());
}
