//! The labs on tokio: what holds on any runtime, and where tokio differs on purpose (`notes/differences.md`).

use std::io;
use std::time::Duration;

use handloom::labs::Journal;
use handloom_tokio::labs::{
    LABS, blocking_call, cancel, context_manager, cooperative, gather, local_runtime, lost_wake,
    tasks, timeouts,
};

/// A journal without a reader.
fn unread() -> Journal {
    Journal::new(io::sink())
}

/// Runs an experiment on tokio.
fn on_tokio<T>(experiment: impl Future<Output = io::Result<T>>) -> T {
    local_runtime().and_then(|runtime| runtime.block_on(experiment)).expect("the lab runs")
}

#[test]
fn every_twin_is_a_lab_of_handloom() {
    for (name, _) in LABS {
        let ours = handloom::labs::LABS.iter().any(|lab| lab.name == *name);
        assert!(ours, "expected a lab of the name {name} in handloom too");
    }
}

#[test]
fn sleeps_of_tasks_pass_together_and_awaited_ones_in_a_row() {
    let spans = on_tokio(tasks::experiment(&unread()));
    assert!((tasks::NAP..2 * tasks::NAP).contains(&spans.together), "LAB-TASKS-1: {spans:?}");
    assert!(spans.in_a_row >= 2 * tasks::NAP, "LAB-TASKS-2: {spans:?}");
}

#[test]
fn results_stand_in_their_places_and_an_error_drops_futures_but_not_tasks() {
    let report = on_tokio(gather::experiment(&unread()));
    assert_eq!(report.results, ["a", "b", "c"], "LAB-GATHER-1");
    assert_eq!(report.ends, ["b", "c", "a"], "LAB-GATHER-1");
    assert!(report.took >= 3 * gather::BEAT, "LAB-GATHER-2: took {:?}", report.took);
    assert_eq!(report.ends_of_futures, ["b", "c"], "LAB-GATHER-3");
    assert_eq!(report.ends_of_tasks, ["b", "c", "a"], "LAB-GATHER-3");
}

#[test]
fn a_blocking_call_stops_the_heart_unless_it_has_a_thread() {
    let report = blocking_call::experiment(&unread()).expect("the lab runs");
    assert_eq!(report.heard, [0, blocking_call::WANTED], "LAB-BLOCKING-1, LAB-BLOCKING-2");
    assert!(report.longest_gap[0] >= blocking_call::PATIENCE, "LAB-BLOCKING-1: {report:?}");
}

#[test]
fn a_forgotten_waker_hangs_without_a_report() {
    let report = lost_wake::experiment(&unread()).expect("the lab runs");
    assert_eq!(report.hung, [true, false], "expected a hang without the waker, none with it");
    assert_eq!(report.polls, [1, 2], "LAB-LOST-2");
}

#[test]
fn of_two_who_yield_tokio_runs_one_twice_in_a_row() {
    let report = cooperative::experiment().expect("the lab runs");
    let ours = handloom::labs::cooperative::experiment().expect("the lab runs");
    assert_eq!(report.handovers, cooperative::ROUNDS, "a b, b a: one hand-over for each round");
    assert_eq!(ours.handovers, 2 * cooperative::ROUNDS - 1, "LAB-COOPERATIVE-1");
    assert_eq!(report.beats, [0, cooperative::SLICES], "LAB-COOPERATIVE-2");
}

#[test]
fn a_read_line_that_is_dropped_loses_what_it_had_on_tokio() {
    let report = on_tokio(cancel::experiment(&unread()));
    let ours = handloom::rt::block_on(handloom::labs::cancel::experiment(&unread()));
    assert_eq!(ours.expect("the lab runs").kept, "hello", "LAB-CANCEL-1: our read_line");
    assert_eq!(report.kept, "hello", "expected next_line to lose nothing");
    assert_eq!(report.line, "lo", "expected tokio's read_line to lose \"hel\"");
    assert_eq!([report.dropped, report.exact], ["lo", "lo"], "LAB-CANCEL-2, LAB-CANCEL-3");
}

#[test]
fn a_connection_is_closed_with_a_goodbye_however_its_block_ends() {
    let visits = on_tokio(context_manager::experiment(&unread()));
    let goodbyes = visits.map(|visit| visit.said_goodbye);
    assert_eq!(goodbyes, [true, true, true, false], "LAB-CONTEXT-1, LAB-CONTEXT-2");
    assert_eq!(visits.map(|visit| visit.questions), [2; 4], "LAB-CONTEXT-1");
}

#[test]
fn the_kernel_tells_of_ends_and_the_clock_of_silence() {
    use timeouts::Outcome::{Bytes, Failed, TimedOut};
    let report = on_tokio(timeouts::experiment(&unread()));
    assert_eq!(report.refused, Failed(io::ErrorKind::ConnectionRefused), "LAB-TIMEOUTS-1");
    assert_eq!(report.closed, Bytes(0), "LAB-TIMEOUTS-1");
    assert_eq!(report.reset, Failed(io::ErrorKind::ConnectionReset), "LAB-TIMEOUTS-1");
    assert_eq!(report.written, Bytes(5), "LAB-TIMEOUTS-3");
    for outcome in [report.full, report.silent] {
        let TimedOut(took) = outcome else { panic!("LAB-TIMEOUTS-2: came {outcome:?}") };
        assert!(took >= Duration::from_millis(300), "LAB-TIMEOUTS-2: after {took:?}");
    }
}
