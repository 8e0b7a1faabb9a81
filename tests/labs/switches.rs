//! The labs about functions that stop in the middle, and about who switches: what each claims.

use std::io;
use std::time::Duration;

use crate::support::{unread, watched};
use handloom::labs::generator::StoppedAt;
use handloom::labs::{
    Journal, cooperative, coroutine, generator, greenlet, iterator, parallel, preemptive,
};
use handloom::os::affinity::allowed_cpus;

/// The running totals of 3, 5, 10 and 2, added by hand.
const TOTALS: [u64; 4] = [3, 8, 18, 20];

#[test]
fn an_iterator_computes_what_is_asked_for_in_constant_memory() {
    let report = iterator::experiment(&unread()).expect("a journal");
    assert_eq!(report.totals, TOTALS);
    assert_eq!(report.taken_after_two, 2, "LAB-ITERATOR-1: two totals take two numbers");
    let [lazy, listed] = report.last_of_many;
    assert_eq!((lazy, listed), (Some(500_000_500_000), Some(500_000_500_000)), "LAB-ITERATOR-2");
    let [iterator, list] = report.bytes;
    assert!(iterator < 100, "LAB-ITERATOR-2: a few fields, came {iterator} bytes");
    assert_eq!(list, 8_000_000, "a million numbers of 8 bytes");
}

#[test]
fn a_generator_begins_at_its_first_resume_and_ends_for_good() {
    let report = generator::experiment(&unread()).expect("a journal");
    assert_eq!(report.totals, TOTALS, "LAB-GENERATOR-2: the iterator's");
    let (begin, stops, ends) = ([StoppedAt::Begin], [StoppedAt::AtYield; 4], [StoppedAt::End; 2]);
    let wanted = [&begin[..], &stops, &ends].concat();
    assert_eq!(report.places, wanted, "LAB-GENERATOR-1: made, four yields, the end, and again");
    assert!(report.frame_bytes < 100, "a few fields, came {} bytes", report.frame_bytes);
}

#[test]
fn a_generator_takes_no_number_before_it_is_resumed() {
    let mut taken = 0;
    let made = generator::totals([1, 2].into_iter().inspect(|_| taken += 1));
    drop(made);
    assert_eq!(taken, 0, "LAB-GENERATOR-1: a call runs nothing");
}

#[test]
fn a_coroutine_has_the_same_totals_and_is_run_by_the_loop() {
    let report = watched(|| coroutine::experiment(&unread(), true)).expect("a loop");
    assert_eq!(report.totals, TOTALS, "LAB-COROUTINE-1: the iterator's");
    // Each number comes after a pause in which nothing else could have run it.
    assert!(
        report.polls > TOTALS.len(),
        "LAB-COROUTINE-2: expected a poll at the start and one for each number, came {}",
        report.polls
    );
}

#[test]
fn a_coroutine_that_cannot_write_its_journal_ends_the_lab() {
    struct Closed(usize);
    impl io::Write for Closed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let ended = watched(|| coroutine::experiment(&Journal::new(Closed(0)), true));
    assert_eq!(ended.map_err(|error| error.kind()), Err(io::ErrorKind::BrokenPipe));
}

#[test]
fn greenlets_and_futures_play_the_same_game() {
    let report = watched(|| greenlet::experiment(&unread())).expect("stacks");
    let game = ["ping", "pong", "ping", "pong", "ping", "pong"];
    assert_eq!(report.hits, [game, game], "LAB-GREENLET-1");
}

#[test]
fn tasks_switch_exactly_where_they_await() {
    let report = watched(cooperative::experiment).expect("a loop");
    // Two tasks in turn: each mark but the very first finds the other's.
    assert_eq!(report.handovers, 2 * cooperative::ROUNDS - 1, "LAB-COOPERATIVE-1");
    assert_eq!(report.beats, [0, cooperative::SLICES], "LAB-COOPERATIVE-2");
}

#[test]
fn threads_that_never_wait_are_switched_by_the_kernel() {
    let report = watched(preemptive::experiment).expect("a processor to be bound to");
    assert!(report.handovers >= preemptive::HANDOVERS, "LAB-PREEMPTIVE-1: both got on: {report:?}");
    let involuntary: u64 = report.usage.iter().map(|usage| usage.involuntary).sum();
    let wanted = u64::try_from(report.handovers - 1).expect("a small number");
    assert!(
        involuntary >= wanted,
        "LAB-PREEMPTIVE-1: expected an involuntary switch for each hand-over, came {report:?}"
    );
    assert!(report.usage.iter().all(|usage| usage.cpu > Duration::ZERO), "both ran: {report:?}");
}

#[test]
fn the_same_work_is_done_on_one_processor_and_on_two() {
    let (one, two) = watched(parallel::experiment).expect("processors to be bound to");
    let cpus = allowed_cpus().expect("a list");
    assert_eq!(
        two.is_some(),
        cpus.len() > 1,
        "the second run is left out only without a second one"
    );
    for (run, width) in [(Some(one), 1), (two, 2)] {
        let Some(run) = run else { continue };
        assert_eq!(run.primes, parallel::PRIMES, "LAB-PARALLEL-1: the result is the same");
        assert!(run.cpus.iter().eq(&cpus[..width]), "LAB-PARALLEL-1: where it ran, came {run:?}");
        // Two clocks of the kernel, which may differ by some millionths: a hundredth is allowed.
        let most = run.wall * u32::try_from(width).expect("one or two") * 101 / 100;
        assert!(run.cpu <= most, "LAB-PARALLEL-2: on {width} processors, came {run:?}");
    }
}
