//! Blocking work when no thread can be started; in a process of its own, which is short of memory.
#![expect(clippy::missing_docs_in_private_items, reason = "one test")]

use std::process::Command;

use handloom::aio::{JobError, resolve, run_blocking, sleep};
use handloom::rt::EventLoop;

/// Threads ask for stacks of a gigabyte, in a process that may have a half of one.
const SHORTAGE: &str = "ulimit -v 500000; export RUST_MIN_STACK=1000000000; exec \"$0\"";

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] =
    &[("a_job_without_a_thread_is_an_error", in_a_process_short_of_memory)];

fn in_a_process_short_of_memory() {
    let this = std::env::current_exe().expect("a test is a program");
    let mut copy = Command::new("sh");
    copy.arg("-c").arg(SHORTAGE).arg(this).env(crate::ROLE, "short_of_memory");
    assert!(copy.status().expect("sh").success(), "the copy of this program says why");
}

/// What the copy of this program does.
pub(crate) fn job_without_a_thread_is_an_error() {
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop");
    event_loop.block_on(async {
        let result = run_blocking(|| 1).await;
        assert!(matches!(result, Err(JobError::NoWorker(_))), "scenario 85: came {result:?}");
        assert!(resolve("localhost:80").await.is_err(), "scenario 85: an error, not a panic");
        // BLOCK-2: a job that never was is not counted, and virtual time goes on.
        sleep(std::time::Duration::from_hours(1)).await;
    });
}
