//! Handloom's own loop with every fault of `faults/rt/` behind a switch: `faulty_rt --claim NAME` with the fault's name in
//! the environment.
//!
//! `tests/faults.rs` runs it. The modules are copies that `build.rs` has changed; this program stands for their crate.

#![allow(
    warnings,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    reason = "the copies are full of faults; the originals are checked in their own crate"
)]

extern crate self as handloom;

use std::task::Waker;

use handloom_conformance::check::same;
use handloom_conformance::futures::poll_with;
use handloom_conformance::judge::{Claim, Setting};
use handloom_conformance::runtime::Runtime;
use handloom_workbook::claim::{fault, judge_one};
use handloom_workbook::faults::OF_A_LINE;

include!(concat!(env!("OUT_DIR"), "/rt_with_faults/modules.rs"));

#[path = "../../../../tests/runtimes/on_handloom/words.rs"]
mod words;

/// What the suite has no words for: tasks that wait in line.
fn a_permit_granted_to_a_waiter_that_is_dropped_goes_to_the_next(runtime: &words::Handloom) {
    runtime.block_on(async {
        let semaphore = aio::Semaphore::new(1);
        let held = semaphore.try_acquire();
        let (mut first, mut second) =
            (Box::pin(semaphore.acquire()), Box::pin(semaphore.acquire()));
        for waiter in [&mut first, &mut second] {
            same("WAIT-2", "a waiter waits", true, poll_with(waiter, Waker::noop()).is_pending());
        }
        // It is granted to the first, which is dropped before it is polled again.
        drop(held);
        drop(first);
        let is_ready = poll_with(&mut second, Waker::noop()).is_ready();
        same("WAIT-3", "the second waiter has the permit", true, is_ready);
    });
}

fn main() {
    let line: fn(&words::Handloom) = a_permit_granted_to_a_waiter_that_is_dropped_goes_to_the_next;
    judge_one(vec![Claim::new(OF_A_LINE, Setting::Watched, line)]);
}
