//! The judge itself: what it says of a claim that hangs, that meets an unwritten step, or that throws a bomb.

use std::panic::{catch_unwind, panic_any};
use std::time::Duration;

use handloom::rt;
use handloom_conformance::check::says;
use handloom_conformance::futures::Bomb;
use handloom_conformance::judge::{Claim, Setting, Verdict, not_yet, verdict, within};
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
    says("judge", "the main future", "(block_on),\n    waits for the end of task 1", &text);
    says("judge", "the task", "task 1 \"lazy\", spawned at", &text);
}

/// Meets a function that is not written.
fn meets_step_seven(runtime: &Handloom) {
    runtime.block_on(async {
        let task = rt::spawn(async { not_yet(7) });
        let ended: Result<(), _> = task.await;
        assert!(ended.is_ok(), "the task ended with a value");
    });
}

#[test]
fn a_claim_that_meets_an_unwritten_step_belongs_to_it() {
    let claim = Claim::new("meets_step_seven", Setting::Watched, meets_step_seven);
    let found = verdict(Duration::from_secs(5), claim);
    assert!(matches!(found, Verdict::BelongsToStep(7)), "expected step 7, came {found:?}");
}

/// Fails with a payload that panics when it is dropped.
fn panics_with_a_bomb(_: &Handloom) {
    panic_any(Bomb);
}

#[test]
fn a_payload_whose_destructor_panics_does_not_stop_the_judge() {
    let claim = Claim::new("panics_with_a_bomb", Setting::Watched, panics_with_a_bomb);
    let found = verdict(Duration::from_secs(5), claim);
    assert!(matches!(found, Verdict::Fails(_)), "expected a failure, came {found:?}");
}
