#![expect(
    clippy::missing_docs_in_private_items,
    clippy::unwrap_used,
    reason = "a test's name says it all, and a test may fail"
)]

use std::io::pipe;
use std::os::fd::AsFd;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::pool_jobs::{
    ABORT, ADD, FD_COUNT, FOR_EVER, KILL, LEAVE, LONG, OVERFLOW, PID, SLEEP_MS, children_of, lives,
    options, own_descriptors, pool, signal, state_of, wait_until,
};
use handloom::jobs::{JobError, JobHandle};
use handloom::os::limits;
use handloom::os::process::{self, Exit, Fork, Pid};
use handloom::os::signal::{self, Signal};
use handloom::os::{EventFd, PollFd, poll};

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_killed_worker_fails_its_job_alone", killed_worker_fails_its_job),
    ("an_exit_and_a_signal_reach_the_handle", ends_are_told),
    ("a_worker_that_dies_under_a_long_argument_does_no_harm", death_under_argument),
    ("both_sides_may_write_much_at_once", both_write),
    ("a_worker_that_dies_idle_is_replaced", idle_death),
    ("all_workers_may_die_at_once", all_die),
    ("jobs_behind_the_one_that_died_are_run_once_elsewhere", neighbours_live),
    ("answers_that_were_not_sent_outlive_their_worker", answers_outlive_worker),
    ("a_stopped_worker_delays_its_job", stopped_worker),
    ("a_fork_that_fails_is_an_error_and_leaves_nothing", fork_fails),
    ("a_replacement_that_fails_breaks_the_pool", replacement_fails),
    ("a_storm_of_deaths_breaks_the_pool", storm_breaks),
    ("the_death_of_the_fork_server_breaks_the_pool", server_death),
    ("a_time_limit_kills_its_job_alone", time_limit),
    ("workers_hold_no_descriptors", no_descriptors),
    ("dead_workers_are_reaped_at_once", reaped),
    ("threads_make_the_start_an_error", threads_refused),
    ("a_fork_without_descriptors_overlooks_no_thread", threads_without_descriptors),
    ("signals_have_their_default_meaning_in_workers", default_signals),
];

fn died(result: Result<u64, JobError>) -> Exit {
    match result {
        Err(JobError::Died { exit, .. }) => exit,
        other => panic!("expected a death, came {other:?}"),
    }
}

fn joined(handle: JobHandle<u64>) -> Result<u64, JobError> {
    handle.join_timeout(LONG).expect("expected a result, it hangs")
}

/// Scenario 1.
fn killed_worker_fails_its_job() {
    let pool = pool(2);
    let slow = pool.submit((SLEEP_MS, 300)).unwrap();
    let killed = pool.submit((KILL, 0)).unwrap();
    assert_eq!(died(joined(killed)), Exit::Signal(9), "STATE-2");
    assert_eq!(joined(slow).unwrap(), 301, "STATE-2: a neighbour's job was lost");
    let handles: Vec<_> = (0..20).map(|n| pool.submit((ADD, n)).unwrap()).collect();
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n, "STATE-2: the pool should go on");
    }
    wait_until("two workers again", || pool.worker_pids().len() == 2);
}

/// Scenarios 2 and 3.
fn ends_are_told() {
    let pool = pool(1);
    for (order, exit) in [
        ((LEAVE, 3), Exit::Code(3)),
        ((LEAVE, 0), Exit::Code(0)),
        ((ABORT, 0), Exit::Signal(6)),
        ((OVERFLOW, 0), Exit::Signal(11)),
    ] {
        let result = joined(pool.submit(order).unwrap());
        let text = format!("{}", result.as_ref().unwrap_err());
        assert!(text.contains(&exit.to_string()), "expected {exit} in: {text}");
        assert_eq!(died(result), exit);
        assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2);
    }
}

/// Scenario 4.
fn death_under_argument() {
    let pool = options(1).start(|bytes: Vec<u8>| bytes.len() as u64).unwrap();
    assert_eq!(joined(pool.submit(vec![1; 10]).unwrap()).unwrap(), 10);
    let worker = pool.worker_pids()[0];
    // Stopped, it reads nothing: the socket fills, and most of the argument stays here.
    signal("STOP", worker);
    let long = pool.submit(vec![7; 100 << 20]).unwrap();
    let Err(long) = long.join_timeout(Duration::from_millis(50)) else {
        panic!("a stopped worker has answered")
    };
    signal("KILL", worker);
    // It had not begun, so another worker runs it.
    assert_eq!(joined(long).unwrap(), 100 << 20, "STATE-2: expected the job to be run elsewhere");
}

/// Scenarios 4 and 18: neither side waits for the other to read.
fn both_write() {
    let pool = options(1).start(|bytes: Vec<u8>| bytes).unwrap();
    let handles: Vec<_> = (0..4_u8).map(|n| pool.submit(vec![n; 8 << 20]).unwrap()).collect();
    for (n, handle) in (0_u8..).zip(handles) {
        let back = handle.join_timeout(LONG).expect("LINK-2: a deadlock").unwrap();
        assert!(back.len() == 8 << 20 && back.iter().all(|byte| *byte == n));
    }
}

/// Scenario 5.
fn idle_death() {
    let pool = pool(2);
    for round in 0..5 {
        let before = pool.worker_pids();
        process::kill(before[0], Signal::Kill).unwrap();
        assert_eq!(joined(pool.submit((ADD, round)).unwrap()).unwrap(), round + 1);
        wait_until("the worker's place filled again", || {
            let now = pool.worker_pids();
            now.len() == 2 && !now.contains(&before[0])
        });
        assert!(state_of(before[0]).is_none(), "FORK-SERVER-2: a zombie is left");
    }
}

/// Scenario 6.
fn all_die() {
    let pool = pool(3);
    let handles: Vec<_> = (0..100).map(|n| pool.submit((SLEEP_MS, n % 3)).unwrap()).collect();
    for pid in pool.worker_pids() {
        // One that has just ended by itself is as dead.
        drop(process::kill(pid, Signal::Kill));
    }
    let results: Vec<_> = handles.into_iter().map(joined).collect();
    let lost = results.iter().filter(|result| result.is_err()).count();
    assert!(lost <= 3, "STATE-2: three workers died, {lost} jobs were lost");
}

fn neighbours_live() {
    let pool = pool(1);
    for n in 0..300 {
        joined(pool.submit((ADD, n)).unwrap()).unwrap();
    }
    // All in one window, behind each other.
    let handles: Vec<_> = (0..100)
        .map(|n| pool.submit(if n % 10 == 5 { (KILL, n) } else { (ADD, n) }).unwrap())
        .collect();
    for (n, handle) in (0..).zip(handles) {
        match joined(handle) {
            Ok(value) => assert_eq!(value, n + 1),
            Err(JobError::Died { .. }) => assert_eq!(n % 10, 5, "STATE-2: job {n} was lost"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(pool.counts().done, 400, "PPOOL-1: expected each job to begin once");
}

/// A result that waits to be sent is neither lost with its worker, nor does it wait for a long job.
fn answers_outlive_worker() {
    let pool = pool(1);
    for n in 0..300 {
        joined(pool.submit((ADD, n)).unwrap()).unwrap();
    }
    for last in [(KILL, 0), (SLEEP_MS, 60_000)] {
        let begun = Instant::now();
        let handles: Vec<_> = (0..20).map(|n| pool.submit((ADD, n)).unwrap()).collect();
        let long = pool.submit(last).unwrap();
        for (n, handle) in (1..).zip(handles) {
            assert_eq!(joined(handle).unwrap(), n, "PWORKER-5: before {last:?}");
        }
        assert!(begun.elapsed() < LONG, "PWORKER-5: held back behind {last:?}");
        drop(long);
    }
}

/// Scenario 7.
fn stopped_worker() {
    let pool = pool(1);
    joined(pool.submit((ADD, 0)).unwrap()).unwrap();
    let worker = pool.worker_pids()[0];
    signal("STOP", worker);
    let (begun, span) = (Instant::now(), Duration::from_millis(200));
    let handle = pool.submit((ADD, 1)).unwrap();
    let Err(handle) = handle.join_timeout(span) else { panic!("a stopped worker has answered") };
    assert!(begun.elapsed() >= span, "too early: {:?}", begun.elapsed());
    signal("CONT", worker);
    assert_eq!(joined(handle).unwrap(), 2);
}

/// Scenario 8, by descriptors, of which even root may run out.
fn fork_fails() {
    let before = limits::open_files().unwrap();
    for soft in [3, 4, 8, 12] {
        limits::set_open_files(soft).unwrap();
        let refused = options(20).start(|n: u64| n);
        limits::set_open_files(before).unwrap();
        let error = refused.expect_err("expected an error: out of descriptors");
        assert_eq!(error.raw_os_error(), Some(24), "{error}");
        assert!(children_of(std::process::id()).is_empty(), "PPOOL-3: half a pool was left");
    }
    for workers in [0, 1_001] {
        options(workers).start(|n: u64| n).expect_err("scenario 23: expected an error");
    }
}

/// One descriptor is left: enough to list the threads, too few to read a name.
fn threads_without_descriptors() {
    let (end, stop) = mpsc::channel::<()>();
    let other = thread::spawn(move || stop.recv());
    let before = limits::open_files().unwrap();
    limits::set_open_files(4).unwrap();
    let refused = process::fork();
    if matches!(refused, Ok(Fork::Child)) {
        process::exit_now(0);
    }
    limits::set_open_files(before).unwrap();
    drop(end);
    other.join().unwrap().unwrap_err();
    let error = refused.expect_err("PROCESS-1: expected an error, another thread runs");
    assert_eq!(error.raw_os_error(), Some(24), "{error}");
}

/// Scenario 8, later.
fn replacement_fails() {
    let pool = pool(1);
    let server = children_of(std::process::id())[0];
    let limit = std::process::Command::new("prlimit")
        .args(["--pid", &server.to_string(), "--nofile=3:3"])
        .status();
    if !limit.is_ok_and(|status| status.success()) {
        eprintln!("    left out: no prlimit here");
        return;
    }
    let handles: Vec<_> = (0..10).map(|n| pool.submit((LEAVE, n)).unwrap()).collect();
    let mut broken = 0;
    for handle in handles {
        broken += usize::from(matches!(joined(handle), Err(JobError::PoolBroken(_))));
    }
    assert_eq!(broken, 9, "STATE-1: one job died, the others should say that the pool is broken");
    let refused = pool.submit((ADD, 0)).map(drop);
    assert!(matches!(refused, Err(JobError::PoolBroken(_))), "expected Broken, came {refused:?}");
}

fn storm_breaks() {
    let pool = pool(2);
    let handles: Vec<_> = (0..200).map(|n| pool.submit((LEAVE, n % 5)).unwrap()).collect();
    let (mut dead, mut broken) = (0, String::new());
    for handle in handles {
        match joined(handle) {
            Err(JobError::Died { .. }) => dead += 1,
            Err(JobError::PoolBroken(why)) => broken = why,
            other => panic!("expected a failure, came {other:?}"),
        }
    }
    assert_eq!(dead, 103, "expected a hundred deaths, one for each worker, and the last one");
    assert!(broken.contains("103 workers have died"), "{broken}");
    let refused = pool.submit((ADD, 0)).map(drop);
    assert!(matches!(refused, Err(JobError::PoolBroken(_))), "expected Broken, came {refused:?}");
    pool.shutdown();
    assert!(children_of(std::process::id()).is_empty(), "PPOOL-3");
}

fn server_death() {
    let pool = pool(2);
    let workers = pool.worker_pids();
    let slow = pool.submit((SLEEP_MS, 60_000)).unwrap();
    let server = children_of(std::process::id())[0];
    signal("KILL", Pid(i32::try_from(server).unwrap()));
    let broken = joined(slow).unwrap_err();
    assert!(matches!(broken, JobError::PoolBroken(_)), "expected a broken pool, came {broken}");
    wait_until("FORK-SERVER-1: the workers' end", || !workers.iter().any(|pid| lives(*pid)));
    wait_until("the fork server reaped", || children_of(std::process::id()).is_empty());
}

fn time_limit() {
    let pool = pool(2);
    let limit = Duration::from_millis(100);
    let neighbour = pool.submit((SLEEP_MS, 400)).unwrap();
    let begun = Instant::now();
    let endless = pool.submit_with_limit((FOR_EVER, 0), limit).unwrap();
    let quick = pool.submit_with_limit((ADD, 1), limit).unwrap();
    match joined(endless) {
        Err(JobError::TimeLimit(told)) => assert_eq!(told, limit),
        other => panic!("expected TimeLimit, came {other:?}"),
    }
    assert!(begun.elapsed() >= limit, "killed too early");
    assert_eq!(joined(quick).unwrap(), 2);
    assert_eq!(joined(neighbour).unwrap(), 401, "a neighbour was killed");
    // The limit is a job's, not the worker's: it does not fire later.
    let limited = pool.submit_with_limit((ADD, 5), Duration::from_millis(30)).unwrap();
    assert_eq!(joined(limited).unwrap(), 6);
    let long: Vec<_> = (0..2).map(|_| pool.submit((SLEEP_MS, 80)).unwrap()).collect();
    for handle in long {
        assert_eq!(joined(handle).unwrap(), 81, "a limit was left behind");
    }
}

/// Scenario 30: a worker shares memory with its parent, and no descriptor with any process.
fn no_descriptors() {
    let (_reader, _writer) = pipe().unwrap();
    let pool = pool(3);
    for pid in pool.worker_pids() {
        wait_until("PWORKER-1: the worker to have closed what it inherited", || {
            own_descriptors(u32::try_from(pid.0).unwrap()).is_empty()
        });
    }
    let counts: Vec<_> = (0..3).map(|_| pool.submit((FD_COUNT, 0)).unwrap()).collect();
    for count in counts {
        assert_eq!(joined(count).unwrap(), 0, "PWORKER-1");
    }
    let server = children_of(std::process::id())[0];
    let sockets = own_descriptors(server).iter().filter(|own| own.contains("socket:")).count();
    assert_eq!(sockets, 1, "expected the fork server's control socket, and nothing of a worker");
}

/// Scenario 31.
fn reaped() {
    let pool = pool(2);
    let server = children_of(std::process::id())[0];
    for _ in 0..10 {
        drop(joined(pool.submit((KILL, 0)).unwrap()));
    }
    wait_until("FORK-SERVER-2: two children, no zombie", || {
        let children = children_of(server);
        let alive = |pid: &u32| lives(Pid(i32::try_from(*pid).unwrap()));
        children.len() == 2 && children.iter().all(alive)
    });
    pool.shutdown();
    assert!(children_of(std::process::id()).is_empty(), "PPOOL-3");
}

/// Scenarios 35 and 36.
fn threads_refused() {
    let stop = EventFd::new().unwrap();
    let refused = thread::scope(|scope| {
        let other = thread::Builder::new().name("shuttle".into());
        let wait = || poll(&mut [PollFd::readable(stop.as_fd())], None).map(drop);
        other.spawn_scoped(scope, wait).expect("spawn");
        let error = options(1).start(|n: u64| n).expect_err("expected an error: two threads");
        stop.signal().unwrap();
        error.to_string()
    });
    assert!(refused.contains("shuttle"), "PPOOL-2: the error should name the thread: {refused}");
    assert!(children_of(std::process::id()).is_empty());
    // Two pools can be made before either has its thread.
    let (one, two) = (pool(1), pool(1));
    assert_eq!(joined(one.submit((ADD, 1)).unwrap()).unwrap(), 2);
    assert_eq!(joined(two.submit((ADD, 2)).unwrap()).unwrap(), 3);
}

/// Scenario 37.
fn default_signals() {
    signal::install(Signal::Terminate).unwrap();
    signal::install(Signal::Interrupt).unwrap();
    let pool = pool(1);
    let pid = joined(pool.submit((PID, 0)).unwrap()).unwrap();
    let pid = Pid(i32::try_from(pid).unwrap());
    let slow = pool.submit((SLEEP_MS, 300)).unwrap();
    wait_until("the job to begin", || pool.counts().running == 1);
    process::kill(pid, Signal::Interrupt).unwrap();
    assert_eq!(joined(slow).unwrap(), 301, "PWORKER-3: ctrl-c is the parent's to hear");
    let slow = pool.submit((SLEEP_MS, 60_000)).unwrap();
    wait_until("the job to begin", || pool.counts().running == 1);
    process::kill(pid, Signal::Terminate).unwrap();
    assert_eq!(died(joined(slow)), Exit::Signal(15), "PWORKER-3");
    let came = signal::count(Signal::Interrupt) + signal::count(Signal::Terminate);
    assert_eq!(came, 0, "PROCESS-4: a worker's signal was counted here");
}
