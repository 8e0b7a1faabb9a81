//! The lab `gil`: its claims, by counts and lower bounds, and its words.

use std::collections::BTreeSet;
use std::io;
use std::process::Command;
use std::time::Duration;

use handloom::labs::Journal;
use handloom::labs::gil::computing::{self, Luck, turns, work};
use handloom::labs::gil::waiting::{self, NAP, SHORT_NAP, sleep_beside, sleep_on, transfer};
use handloom::threads::gil::{COUNT, COUNT_WITH_CALL, Gil, SWITCH_INTERVAL};

#[test]
fn the_interval_is_cpythons() {
    assert_eq!(SWITCH_INTERVAL, Duration::from_millis(5));
}

#[test]
fn a_call_between_load_and_store_loses_exactly_half_at_worst() {
    let lost = computing::lost(COUNT_WITH_CALL, 500, Luck::EveryLook);
    assert_eq!(lost, 500, "UPDATES-2: of twice 500");
}

#[test]
fn a_plain_update_loses_nothing_wherever_the_switches_fall() {
    for luck in [Luck::EveryLook, Luck::Clock] {
        assert_eq!(computing::lost(COUNT, 500, luck), 0, "UPDATES-1, {luck:?}");
    }
}

#[test]
fn with_a_call_and_switches_by_the_clock_two_updates_are_left_at_least() {
    // The worst: A loads 0, B counts all but its last; A stores 1, B loads that; A counts to its end; B stores 2.
    let lost = computing::lost(COUNT_WITH_CALL, 20_000, Luck::Clock);
    assert!(lost <= 2 * 20_000 - 2, "came {lost} of 40,000");
}

#[test]
fn every_thread_has_turns_and_a_turn_is_no_shorter_than_the_interval() {
    let interval = Duration::from_millis(2);
    let span = Duration::from_millis(200);
    let turns = turns(2, interval, true, span);
    let who: BTreeSet<_> = turns.iter().map(|turn| turn.1).collect();
    assert!(who.len() == 2 || turns.len() < 4, "GIL-4: expected both threads, came {turns:?}");
    let mut spans: Vec<_> = turns.iter().map(|turn| turn.0).collect();
    spans.sort();
    // A waiter's interval may begin a little before the holder's first look, when the machine is busy.
    let median = spans.get(spans.len() / 2).copied().unwrap_or(interval);
    assert!(median >= interval / 2, "GIL-2: expected about {interval:?}, came {median:?}");
}

#[test]
fn threads_that_sleep_on_one_thread_take_all_naps_in_a_row() {
    let took = sleep_on(1, 10);
    assert!(took >= NAP * 10, "expected ten naps at least, came {took:?}");
    assert!(sleep_on(10, 10) >= NAP, "NAPS-1: a nap is never shorter");
}

#[test]
fn beside_a_thread_that_computes_a_sleep_mostly_takes_an_interval_more() {
    let alone = sleep_beside(0, 3);
    assert!(alone.iter().all(|span| *span >= SHORT_NAP), "a sleep is never shorter: {alone:?}");
    let spans = sleep_beside(1, 30);
    // Not all: on a busy machine the other thread may not have come to run in the meantime.
    let is_long = |span: &Duration| *span >= SWITCH_INTERVAL + SHORT_NAP;
    assert!(spans.iter().any(is_long), "CONVOY-1: expected an interval more, came {spans:?}");
}

#[test]
fn a_native_call_stops_the_clock_for_as_long_as_it_takes() {
    let call = Duration::from_millis(60);
    let [took, _, longest] = computing::native_call(call);
    assert!(took >= call, "it took {took:?}");
    assert!(longest >= call, "NATIVE-1: the clock's longest gap was {longest:?}");
}

#[test]
fn bytes_get_through_a_pipe_alone_and_beside_a_thread_that_computes() {
    for count in [0, 1] {
        let rate = transfer(count, Duration::from_millis(30));
        assert!(rate > 0.0, "PIPE-1: beside {count} came {rate} a second");
    }
}

#[test]
fn the_work_is_done_on_any_number_of_threads() {
    for count in [1, 2, 3] {
        assert!(work(count, 30_000) > Duration::ZERO, "SPEED-1: {count} threads");
    }
}

#[test]
fn threads_that_compute_end_with_an_experiment_that_panics() {
    let gil = Gil::new(Duration::from_millis(1));
    let experiment = || waiting::beside(&gil, 2, |_| panic!("experiment"));
    let end: Result<(), _> = std::panic::catch_unwind(std::panic::AssertUnwindSafe(experiment));
    assert!(end.is_err(), "BESIDE-1: it returns, and with the panic");
    drop(gil.attach());
}

/// With a Python it tells the same, and Python's figures beside: `tests/cli/lab_programs.rs` runs it so.
#[test]
fn without_a_python_the_lab_tells_every_experiment_of_the_model() {
    let lab = Command::new(env!("CARGO_BIN_EXE_handloom"))
        .args(["lab", "gil"])
        .env("PATH", "")
        .output()
        .expect("the program starts");
    let text = String::from_utf8(lab.stdout).expect("the lab writes text");
    assert!(text.starts_with("The model alone"), "PYTHON-2: came {text}");
    for title in ["Computing", "Handing over", "Waiting", "The convoy: ", "native", "Lost updates"]
    {
        assert!(text.contains(title), "expected {title} in:\n{text}");
    }
    let lost = |line: &str| line.split_whitespace().rev().take(2).eq(["500", "1000"]);
    assert!(text.lines().any(lost), "UPDATES-2, in:\n{text}");
    let rows = text.lines().filter(|line| line.starts_with("  2 threads, ")).count();
    assert_eq!(rows, 4, "with 5, 1 and 0.1 ms, and not forced:\n{text}");
    // "not as claimed" holds "as claimed": both are counted by the shorter text.
    let judged = ["as claimed", "not measurable now"].map(|verdict| {
        text.split_whitespace().collect::<Vec<_>>().join(" ").matches(verdict).count()
    });
    assert_eq!(judged.iter().sum::<usize>(), 7, "each claim has its verdict:\n{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "it fits the terminal:\n{text}");
}

#[test]
fn a_writer_that_fails_ends_the_lab_at_its_first_line() {
    struct Closed;
    impl io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let ended = handloom::labs::gil::run(&Journal::new(Closed)).map_err(|error| error.kind());
    assert_eq!(ended, Err(io::ErrorKind::BrokenPipe), "the writer's error comes out");
}
