#![expect(
    clippy::missing_docs_in_private_items,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test's name says it all, and a test may fail"
)]

use std::thread;
use std::time::{Duration, Instant};

use crate::pool_jobs::{
    ADD, LONG, MOVE_AWAY, PANIC, PANIC_ANY, PANIC_IN_DROP, PID, SLEEP_MS, options, pool, start,
    status, wait_until,
};
use handloom::jobs::{Cancel, JobError, JobHandle, as_completed};
use handloom::processes::{Message, ProcessPoolOptions};
use handloom::rt::{block_on, spawn};

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_panic_reaches_the_handle_with_text_and_place", panics_are_told),
    ("a_thousand_panics_leave_the_worker_alive", thousand_panics),
    ("what_cannot_be_converted_fails_its_job_alone", unreadable),
    ("a_job_may_move_its_process_elsewhere", moved_worker),
    ("a_hundred_mebibytes_go_both_ways", long_messages),
    ("many_jobs_are_all_run_once", many_jobs),
    ("a_full_queue_makes_a_submit_wait", full_queue),
    ("every_handle_gets_its_own_value", own_values),
    ("maps_keep_the_order_or_the_time", maps),
    ("an_item_that_fails_fails_alone", chunk_items),
    ("answers_of_all_lengths_mix", mixed_lengths),
    ("jobs_behind_a_long_one_go_elsewhere", long_job_is_passed),
    ("a_job_that_has_not_begun_can_be_cancelled", cancelled),
    ("a_worker_is_replaced_after_so_many_jobs", replaced_after),
    ("a_wait_that_was_given_up_loses_nothing", given_up_wait),
    ("many_threads_join_at_once", many_joiners),
    ("a_handle_can_be_awaited", awaited),
    ("the_counts_are_right", counts),
    ("messages_decode_to_what_was_encoded", messages),
];

fn joined<T>(handle: JobHandle<T>) -> Result<T, JobError> {
    handle.join_timeout(LONG).unwrap_or_else(|_| panic!("expected a result, it hangs"))
}

/// Scenarios 9 and 10.
fn panics_are_told() {
    let pool = pool(1);
    for (order, want) in [
        ((PANIC, 7), "number 7"),
        ((PANIC_ANY, 7), "a payload without text"),
        ((PANIC_IN_DROP, 7), "a payload"),
    ] {
        match joined(pool.submit(order).unwrap()) {
            Err(JobError::Panicked(panic)) => {
                let place = panic.location().unwrap().to_owned();
                assert!(order.0 == PANIC_IN_DROP || panic.message() == want, "{panic}");
                assert!(place.contains("pool_jobs.rs:"), "expected file and line: {place}");
            }
            other => panic!("expected a panic, came {other:?}"),
        }
    }
}

/// Scenario 9.
fn thousand_panics() {
    let pool = pool(1);
    let before = joined(pool.submit((PID, 0)).unwrap()).unwrap();
    let handles: Vec<_> = (0..1_000).map(|n| pool.submit((PANIC, n)).unwrap()).collect();
    for (n, handle) in handles.into_iter().enumerate() {
        let text = joined(handle).unwrap_err().to_string();
        assert!(text.contains(&format!("number {n}")), "{text}");
    }
    let after = joined(pool.submit((PID, 0)).unwrap()).unwrap();
    assert_eq!(before, after, "WORK-1: the worker should have lived");
}

/// A number that cannot be sent above 100, nor read above 10.
struct Shy(u64);

impl Message for Shy {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        if self.0 > 100 { Err("too shy".into()) } else { self.0.encode(out) }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        match u64::decode(input)? {
            number @ 0..=10 => Ok(Self(number)),
            50 => panic!("in decode"),
            number => Err(format!("{number} is above 10")),
        }
    }
}

/// Scenario 12.
fn unreadable() {
    let pool = options(1).start(|Shy(number)| Shy(number * 11)).unwrap();
    let refused = pool.submit(Shy(101)).map(drop);
    assert!(matches!(refused, Err(JobError::Unreadable(_))), "{refused:?}");
    // Its argument, its value on the way out, and its value on the way in.
    for (number, want) in [(20, "20 is above 10"), (10, "too shy"), (5, "55 is above 10")] {
        match joined(pool.submit(Shy(number)).unwrap()).map(|shy| shy.0) {
            Err(JobError::Unreadable(why)) => assert!(why.contains(want), "{number}: {why}"),
            other => panic!("expected {want}, came {other:?}"),
        }
    }
    let panicked = joined(pool.submit(Shy(50)).unwrap()).map(|shy| shy.0);
    assert!(matches!(panicked, Err(JobError::Panicked(_))), "WORK-1: {panicked:?}");
    assert_eq!(joined(pool.submit(Shy(0)).unwrap()).unwrap().0, 0, "the pool should go on");
    assert_eq!(pool.worker_pids().len(), 1);
}

/// Scenario 16.
fn moved_worker() {
    let pool = pool(1);
    assert_eq!(joined(pool.submit((MOVE_AWAY, 1)).unwrap()).unwrap(), 2);
    assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2);
}

/// Scenario 18.
fn long_messages() {
    const BYTES: usize = 100 << 20;
    let pool = options(1)
        .start(|bytes: Vec<u8>| {
            assert!(
                bytes.iter().enumerate().step_by(997).all(|(at, byte)| *byte == (at % 251) as u8)
            );
            bytes
        })
        .unwrap();
    // In whole periods: without optimisation a loop over each byte takes longer than the pool.
    let period: Vec<u8> = (0..251).collect();
    let bytes = period.repeat(BYTES.div_ceil(period.len()));
    let sent = bytes.len();
    let back = pool.submit(bytes).unwrap().join().unwrap();
    assert!(back.len() == sent && back.chunks(period.len()).all(|piece| piece == period));
    let peak_kib = status("VmHWM:");
    assert!(peak_kib < 4 * 100 * 1024, "scenario 18: the peak was {peak_kib} KiB");
}

/// Scenario 19.
fn many_jobs() {
    let pool = pool(2);
    let handles: Vec<_> = (0..100_000).map(|n| pool.submit((ADD, n)).unwrap()).collect();
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n);
    }
    assert_eq!(pool.counts().done, 100_000, "PPOOL-1");
}

/// Scenario 20.
fn full_queue() {
    let pool = start(ProcessPoolOptions { queue_capacity: 5, ..options(1) });
    let first = pool.submit((SLEEP_MS, 400)).unwrap();
    let taken: Vec<_> = (0..5).map(|n| pool.submit((ADD, n)).unwrap()).collect();
    assert!(!first.is_finished(), "PPOOL-4: expected room for five jobs");
    // Waits for room, and reads while it waits.
    let waited = pool.submit((ADD, 50)).unwrap();
    assert!(first.is_finished(), "PPOOL-4: expected the sixth to wait");
    assert_eq!(joined(first).unwrap(), 401);
    for (n, handle) in (1..).zip(taken) {
        assert_eq!(joined(handle).unwrap(), n);
    }
    assert_eq!(joined(waited).unwrap(), 51);
}

/// Scenario 21.
fn own_values() {
    let pool = pool(4);
    let handles: Vec<_> = (0..40).map(|n| pool.submit((SLEEP_MS, 40 - n)).unwrap()).collect();
    for (n, handle) in (0..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), 41 - n);
    }
}

/// Scenario 21.
fn maps() {
    let pool = pool(3);
    for chunk in [0, 1, 7, 1_000] {
        for items in [0, 1, 200, 5_000] {
            let values = pool.map((0..items).map(|n| (ADD, n)), chunk).map(Result::unwrap);
            assert!(values.eq(1..=items), "MAP-1, {items} items in chunks of {chunk}");
        }
    }
    let spans = [300, 1, 150];
    let jobs = spans.map(|span| pool.submit((SLEEP_MS, span)).unwrap());
    let by_time: Vec<_> = as_completed(jobs).map(|(at, value)| (at, value.unwrap())).collect();
    assert_eq!(by_time, [(1, 2), (2, 151), (0, 301)], "expected them as they were ready");
}

fn chunk_items() {
    let pool = pool(1);
    let orders = [(ADD, 1), (PANIC, 2), (ADD, 3)];
    let results: Vec<_> = pool.map(orders, 3).collect();
    assert!(matches!(results[0], Ok(2)) && matches!(results[2], Ok(4)), "CHUNK-2: {results:?}");
    assert!(matches!(&results[1], Err(JobError::Panicked(panic)) if panic.message() == "number 2"));
}

/// Scenario 22.
fn mixed_lengths() {
    let pool = options(3).start(|length: usize| vec![(length % 256) as u8; length]).unwrap();
    let lengths: Vec<usize> =
        (0..300).map(|n| [0, 1, 30, 31, 5_000, 40_000, 66_000, 700_000][n % 8] + n).collect();
    let handles: Vec<_> = lengths.iter().map(|length| pool.submit(*length).unwrap()).collect();
    for (length, handle) in lengths.into_iter().zip(handles) {
        let bytes = joined(handle).unwrap();
        let right = bytes.len() == length && bytes.iter().all(|byte| *byte == (length % 256) as u8);
        assert!(right, "LINK-1: expected {length} bytes, came {}", bytes.len());
    }
}

fn long_job_is_passed() {
    let pool = pool(2);
    for n in 0..300 {
        joined(pool.submit((ADD, n)).unwrap()).unwrap();
    }
    // Windows are wide now: half of what follows stands behind the long job.
    let long = pool.submit((SLEEP_MS, 60_000)).unwrap();
    let handles: Vec<_> = (0..100).map(|n| pool.submit((ADD, n)).unwrap()).collect();
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n, "STATE-3: a job waits behind a long one");
    }
    assert!(!long.is_finished());
}

/// Scenarios 38 and 39.
fn cancelled() {
    let pool = pool(1);
    for n in 0..300 {
        joined(pool.submit((ADD, n)).unwrap()).unwrap();
    }
    // Some of these are with the worker already, behind the first.
    let first = pool.submit((SLEEP_MS, 300)).unwrap();
    let rest: Vec<_> = (0..20).map(|n| pool.submit((ADD, n)).unwrap()).collect();
    wait_until("the first to begin", || pool.counts().running == 1);
    assert_eq!(first.cancel(), Cancel::Running);
    for handle in rest.iter().step_by(2) {
        assert_eq!(handle.cancel(), Cancel::Cancelled, "RING-2");
        assert_eq!(handle.cancel(), Cancel::Finished);
    }
    assert_eq!(pool.counts().queued, 10, "{:?}", pool.counts());
    for (n, handle) in (0..).zip(rest) {
        match joined(handle) {
            Ok(value) => assert!(n % 2 == 1 && value == n + 1, "job {n} was cancelled"),
            Err(JobError::Cancelled) => assert_eq!(n % 2, 0, "job {n} was not cancelled"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(joined(first).unwrap(), 301);
    assert_eq!(pool.counts().done, 311, "PPOOL-1: a cancelled job was run");
    let last = pool.submit((SLEEP_MS, 50)).unwrap();
    let queued = pool.submit((ADD, 1)).unwrap();
    queued.cancel();
    pool.shutdown();
    assert_eq!(joined(last).unwrap(), 51);
}

fn replaced_after() {
    let pool = start(ProcessPoolOptions { max_tasks_per_worker: 3, ..options(1) });
    let handles: Vec<_> = (0..10).map(|_| pool.submit((PID, 0)).unwrap()).collect();
    let mut pids: Vec<_> = handles.into_iter().map(|handle| joined(handle).unwrap()).collect();
    pids.dedup();
    assert_eq!(pids.len(), 4, "expected three jobs a worker, came {pids:?}");
}

/// Scenarios 40 and 41.
fn given_up_wait() {
    let pool = pool(1);
    let (begun, span) = (Instant::now(), Duration::from_millis(100));
    let handle = pool.submit((SLEEP_MS, 300)).unwrap();
    let Err(handle) = handle.join_timeout(span) else { panic!("too soon") };
    assert!(begun.elapsed() >= span);
    let Err(handle) = handle.join_timeout(Duration::ZERO) else { panic!("too soon") };
    drop(pool.submit((ADD, 1)).unwrap());
    assert_eq!(handle.join_timeout(Duration::MAX).ok().unwrap().unwrap(), 301);
    wait_until("the job without a handle", || pool.counts().done == 2);
}

fn many_joiners() {
    let pool = pool(2);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..200 {
                    let n = thread * 1_000 + round;
                    let first = pool.submit((ADD, n)).unwrap();
                    let second = pool.submit((ADD, n + 1)).unwrap();
                    assert_eq!(joined(second).unwrap(), n + 2, "LINK-1");
                    assert_eq!(joined(first).unwrap(), n + 1, "LINK-1");
                }
            });
        }
    });
    assert_eq!(pool.counts().done, 3_200);
}

fn awaited() {
    let pool = pool(2);
    let values = block_on(async {
        let mut tasks = Vec::new();
        for n in 0..50 {
            let handle = pool.submit((SLEEP_MS, n % 5)).unwrap();
            tasks.push(spawn(async move { handle.await.unwrap() }));
        }
        let mut values = 0;
        for task in tasks {
            values += task.await.unwrap();
        }
        values
    });
    assert_eq!(values, 50 + 10 * (1 + 2 + 3 + 4));
    // One that was polled once is joined, one that was polled is dropped.
    let handle = pool.submit((SLEEP_MS, 50)).unwrap();
    assert_eq!(joined(handle).unwrap(), 51);
}

fn counts() {
    let pool = pool(1);
    let first = pool.submit((SLEEP_MS, 200)).unwrap();
    let second = pool.submit((ADD, 1)).unwrap();
    wait_until("one running, one queued", || {
        let counts = pool.counts();
        (counts.running, counts.queued, counts.done, counts.workers) == (1, 1, 0, 1)
    });
    joined(first).unwrap();
    joined(second).unwrap();
    let counts = pool.counts();
    assert_eq!((counts.running, counts.queued, counts.done), (0, 0, 2), "{counts:?}");
}

fn same<M: Message + Clone + PartialEq + std::fmt::Debug>(value: &M) {
    let mut bytes = Vec::new();
    value.encode(&mut bytes).unwrap();
    bytes.push(99);
    let mut rest = &bytes[..];
    assert_eq!(&M::decode(&mut rest).unwrap(), value, "CODEC-1");
    assert_eq!(rest, [99], "CODEC-1: expected the rest to be left");
    for cut in 0..bytes.len() - 1 {
        assert!(M::decode(&mut &bytes[..cut]).is_err(), "CODEC-2: {value:?} cut at {cut}");
    }
    let alone = value.clone().into_bytes().unwrap();
    assert_eq!(&M::from_bytes(alone).unwrap(), value, "CODEC-3");
}

fn messages() {
    same(&(7_u64, -3_i32, true, 'x'.to_string()));
    same(&vec![Some("a".to_owned()), None]);
    same(&vec![1_u8, 2, 3]);
    same(&vec![vec![1.5_f64], vec![]]);
    same(&Ok::<u16, String>(3));
    let huge = u64::MAX.to_le_bytes();
    assert!(Vec::<u64>::decode(&mut &huge[..]).is_err(), "CODEC-2");
    assert!(String::decode(&mut &huge[..]).is_err(), "CODEC-2");
}
