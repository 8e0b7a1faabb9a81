//! What `l3_join` claims of tokio alone.

use std::future::pending;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use handloom_conformance::check::{same, says};
use handloom_conformance::futures::{Gate, Probe, many_turns};
use handloom_conformance::l3_join::{LONG, nest};
use handloom_conformance::runtime::Runtime;

use crate::on_tokio::Tokio;

handloom_conformance::own_claims! {
    Tokio;
    watched: [
        tasks_left_over_live_on_to_the_next_block_on,
        a_nested_block_on_says_that_it_is_one,
        a_future_that_nobody_wakes_hangs,
    ]
}

fn tasks_left_over_live_on_to_the_next_block_on(runtime: &Tokio) {
    let gate = Gate::default();
    let (probe, counts) = Probe::new(gate.passed());
    runtime.block_on(async {
        drop(Tokio::spawn(probe));
        Tokio::yield_now().await;
    });
    same("tokio", "drops of a task after block_on", 0, counts.drops.get());
    gate.open();
    runtime.block_on(many_turns::<Tokio>());
    same("tokio", "drops of it after the next one, in which it ended", 1, counts.drops.get());
}

fn a_nested_block_on_says_that_it_is_one(runtime: &Tokio) {
    says(
        "tokio",
        "a nested block_on",
        "Cannot start a runtime from within a runtime",
        &nest(runtime),
    );
}

fn a_future_that_nobody_wakes_hangs(_: &Tokio) {
    let (tells, told) = mpsc::channel::<()>();
    // The thread stays for as long as the process: there is no way to end it.
    drop(thread::spawn(move || {
        let _tells = tells;
        Tokio::new().block_on(pending::<()>());
    }));
    let outcome = told.recv_timeout(LONG);
    same("tokio", "the end of a future that nobody wakes", Err(RecvTimeoutError::Timeout), outcome);
}
