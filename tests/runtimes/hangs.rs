//! The judge itself: a claim that hangs is failed, and the message tells what each task waits for.

use std::panic::catch_unwind;
use std::time::Duration;

use handloom::rt;
use handloom_conformance::check::says;
use handloom_conformance::judge::{Claim, Setting, within};
use handloom_conformance::runtime::{Runtime, text_of};

use crate::on_handloom::Handloom;

/// Waits for a task that waits for nothing.
fn hangs(runtime: &Handloom) {
    runtime.block_on(async {
        let lazy = rt::spawn_named("lazy", std::future::pending::<()>());
        drop(lazy.await);
    });
}

#[test]
fn a_claim_that_hangs_fails_and_says_what_each_task_waits_for() {
    let claim = || Claim::new("hangs", Setting::Watched, hangs);
    let outcome = catch_unwind(|| within(Duration::from_millis(200), claim()));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "it passed".into());
    says("judge", "the message", "hangs: expected an end within 200ms, it hangs", &text);
    says("judge", "the main future", "(block_on), waits for the end of task 1", &text);
    says("judge", "the task", "task 1 \"lazy\", spawned at", &text);
}
