//! The judge itself: what it says of a claim that hangs, that meets an unwritten step, or that throws a bomb.

use std::panic::{catch_unwind, panic_any};
use std::time::Duration;

use handloom::rt;
use handloom_conformance::alone::{again, is_alone};
use handloom_conformance::check::{same, says};
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

/// Fails.
fn fails(_: &Handloom) {
    says("JOIN-1", "a text", "one thing", "another");
}

/// Stands for a runtime that panics by itself.
fn panics_without_a_promise(_: &Handloom) {
    // JOIN-1 is what it is about.
    panic!("already borrowed");
}

#[test]
fn a_panic_that_names_no_promise_is_told_with_the_claims() {
    let claim = Claim::new("panics_without_a_promise", Setting::Watched, panics_without_a_promise);
    let outcome = catch_unwind(|| within(Duration::from_secs(5), claim.in_file(file!())));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "it passed".into());
    says("judge", "the message", "already borrowed. The claim is about JOIN-1.", &text);
}

#[test]
fn of_long_values_the_difference_is_told() {
    let came: Vec<_> = (0..200).map(|number| if number == 150 { 0 } else { number }).collect();
    let outcome = catch_unwind(|| same("QUEUE-2", "numbers", (0..200).collect(), came));
    let text = outcome.map_or_else(|payload| text_of(payload.as_ref()), |()| "it passed".into());
    says("judge", "the message", "147, 148, 149, 150, 151, 152", &text);
    says("judge", "the message", "147, 148, 149, 0, 151, 152", &text);
    assert!(!text.contains("100, 101"), "expected a short text, came {text}");
}

/// Panics in a destructor during a panic, which no runtime survives.
fn aborts(_: &Handloom) {
    let _bomb = Bomb;
    panic!("the first of two panics");
}

#[test]
fn an_abort_takes_no_message_of_an_earlier_claim_along() {
    let test = concat!(module_path!(), "::an_abort_takes_no_message_of_an_earlier_claim_along");
    if is_alone(test) {
        let failed = catch_unwind(|| {
            within(Duration::from_secs(5), Claim::new("fails", Setting::Watched, fails));
        });
        assert!(failed.is_err(), "expected a failure");
        within(Duration::from_secs(5), Claim::new("aborts", Setting::Watched, aborts));
    }
    let output = again(test).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), None, "expected an abort, came {text}");
    says("judge", "what is told", "failed before the abort: JOIN-1 is broken: a text", &text);
    says("judge", "what is told", "thread 'aborts'", &text);
}
