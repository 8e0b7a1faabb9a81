//! The ways of the timeline, which fork: each does every job, and what they note can be true.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use handloom::os::SharedMemory;
use handloom::os::process::{self, Fork};
use handloom::os::signal::Signal;
use handloom::timeline::{Recorder, Row, Span, Trace, What, run_all};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("every_way_tells_a_story_that_can_be_true", every_way),
    ("a_killed_worker_loses_only_its_last_events", killed),
];

fn every_way() {
    let [wait, computing] = [60, 30].map(Duration::from_millis);
    let mut told = Vec::new();
    let strips = run_all((3, wait), (3, computing), |way| told.push(way)).unwrap();
    let titles: Vec<_> = strips.iter().map(|strip| strip.title).collect();
    assert_eq!((told, titles.len()), (titles.clone(), 6), "each way runs once");
    for strip in &strips {
        states_add_up(strip);
        polls_do_not_overlap(strip);
        every_poll_follows_a_wake(strip);
        every_job_is_there(strip);
        arrows_touch_slices(strip);
        lanes_stand_in_order(strip);
    }
    one_computes_at_a_time(&strips[2]);
    let [sequential, threads, ..] = &strips[..] else { panic!("six strips") };
    let waits = Duration::from_millis(180);
    assert!(sequential.wall > waits, "one after another, the waits add up");
    assert_eq!(sequential.rows.len(), 1, "sequential is one lane");
    assert_eq!(threads.rows.len(), 7, "a lane for each thread, and the main thread");
    let processes = &strips[3];
    assert_eq!(processes.arrows.len(), 12, "each process is forked and sends a result");
}

/// The states of each lane add up to the wall time (`TRACE-1`).
fn states_add_up(strip: &Trace) {
    for row in &strip.rows {
        let sum: Duration = row.spans.iter().map(|span| span.to.saturating_sub(span.from)).sum();
        assert_eq!(sum, strip.wall, "TRACE-1: {}: {row:?}", strip.title);
        for pair in row.spans.windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "TRACE-1: no gap");
        }
    }
}

/// Polls of one thread do not overlap.
fn polls_do_not_overlap(strip: &Trace) {
    let mut polls: Vec<_> = polls(strip).map(|(_, span)| (span.from, span.to)).collect();
    polls.sort_unstable();
    for pair in polls.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "{}: two polls at once: {pair:?}", strip.title);
    }
}

/// Every poll but the first follows a wake of its task: an arrow ends where it begins.
fn every_poll_follows_a_wake(strip: &Trace) {
    let wakes = strip.arrows.iter().filter(|(what, ..)| *what == What::Ready);
    let woken: HashSet<_> = wakes.map(|(_, _, to)| *to).collect();
    let first = polls(strip).map(|(_, span)| span.from).min();
    // At the end of `block_on`'s future, the tasks that are left over are dropped, without a wake.
    let last = polls(strip).filter(|(row, _)| strip.rows[*row].job() == "block_on");
    let end = last.map(|(_, span)| span.from).max();
    for (row, span) in polls(strip).filter(|(_, span)| Some(span.from) <= end) {
        let is_first = Some(span.from) == first;
        assert!(
            is_first || woken.contains(&(row, span.from)),
            "{}: no wake before the poll of {} at {:?}",
            strip.title,
            strip.rows[row].name,
            span.from
        );
    }
}

/// An arrow begins and ends while its lane is there: a viewer binds each end to a slice, and leaves out an arrow that has
/// none.
fn arrows_touch_slices(strip: &Trace) {
    for (_, from, to) in &strip.arrows {
        for &(row, at) in [from, to] {
            let row = &strip.rows[row];
            let is_there =
                |span: &Span| span.state != What::Idle && (span.from..=span.to).contains(&at);
            assert!(row.spans.iter().any(is_there), "{}: {} at {at:?}", strip.title, row.name);
        }
    }
}

/// The lanes of a kind stand in the order of their jobs, requests before factorials, whichever began first.
fn lanes_stand_in_order(strip: &Trace) {
    for kind in ["thread: ", "process: ", "task: "] {
        let jobs = strip.rows.iter().filter_map(|row| row.name.strip_prefix(kind));
        let jobs: Vec<_> = jobs.filter(|job| job.ends_with(char::is_numeric)).collect();
        let place = |job: &&str| (job.starts_with("factorial"), job.as_bytes().last().copied());
        assert!(jobs.is_sorted_by_key(place), "{}: {jobs:?}", strip.title);
    }
}

/// The polls of a strip, each with the number of its row.
fn polls(strip: &Trace) -> impl Iterator<Item = (usize, &Span)> {
    let tasks = strip.rows.iter().enumerate().filter(|(_, row)| row.lane.task.is_some());
    let spans = tasks.flat_map(|(number, row)| row.spans.iter().map(move |span| (number, span)));
    spans.filter(|(_, span)| span.state == What::Running)
}

/// Every job runs in some lane.
fn every_job_is_there(strip: &Trace) {
    let spans = || strip.rows.iter().flat_map(|row| &row.spans);
    for job in ["request 1", "request 2", "request 3", "factorial 1", "factorial 2", "factorial 3"]
    {
        let has_run = |span: &Span| span.label == job && span.state != What::Idle;
        assert!(spans().any(has_run), "{}: expected {job}", strip.title);
    }
}

/// Under the GIL at most one lane runs at any instant, and a lane runs again after others have.
fn one_computes_at_a_time(strip: &Trace) {
    let runs = |row: &Row| -> Vec<(Duration, Duration)> {
        let holds = |span: &&Span| matches!(span.state, What::Running | What::Ready);
        row.spans.iter().filter(holds).map(|span| (span.from, span.to)).collect()
    };
    let threads = || strip.rows.iter().filter(|row| row.name != "main thread");
    let mut all: Vec<_> = threads().flat_map(runs).collect();
    all.sort_unstable();
    for pair in all.windows(2) {
        assert!(pair[0].1 <= pair[1].0, "GIL-1: two lanes hold the lock at once: {pair:?}");
    }
    let hands_over = threads().any(|row| {
        row.spans
            .windows(2)
            .any(|pair| pair[0].state == What::Running && pair[1].state == What::Lock)
    });
    assert!(hands_over, "a factorial longer than the switch interval hands the lock over");
}

fn killed() {
    let recorder = Arc::new(Recorder::new(100).unwrap());
    let lane = recorder.lane("worker");
    let ready = SharedMemory::new(8).unwrap();
    match process::fork().unwrap() {
        Fork::Child => {
            for number in 0..50 {
                recorder.note(lane, What::Running, number);
            }
            ready.word(0).store(1, std::sync::atomic::Ordering::Release);
            ready.wake(0);
            loop {
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        Fork::Parent(mut child) => {
            while ready.word(0).load(std::sync::atomic::Ordering::Acquire) == 0 {
                ready.wait_while(0, 0, Duration::from_millis(100));
            }
            child.kill(Signal::Kill).unwrap();
            child.wait().unwrap();
        }
    }
    let (events, _) = recorder.events();
    assert_eq!(events.len(), 1 + 50, "RECORD-1: what was complete before the kill is there");
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at), "one clock for both processes");
}
