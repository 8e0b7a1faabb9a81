//! What a process pool survives of its jobs, its callers and the machine, beside deaths (`processes_pool_deaths`).
//!
//! Two scenarios of other pools have no test, because they cannot arise: a job that submits to its own pool, with or without
//! waiting for it. A job runs in a process that was forked before there was a pool; there is no handle of it that the
//! job could name. It may make a pool of its own, and that has a test.

#![expect(clippy::missing_docs_in_private_items, clippy::unwrap_used, reason = "a test may fail")]

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::panic::{self, AssertUnwindSafe};
use std::process::{Command, ExitCode, id};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::pool_jobs::{
    ADD, BLOCK_SIGNALS, CLOSE_STANDARD, DEAF_FOR_EVER, FOR_EVER, KILL, LEAVE, LONG, OWN_POOL, PID,
    SLEEP_MS, STOP_ITSELF, TIGHTEN_UMASK, USE_LOCKS, children_of, options, own_descriptors, pool,
    reckless, state_of, status, use_locks, wait_until,
};
use handloom::jobs::{Cancel, JobError, JobHandle};
use handloom::os::limits;
use handloom::os::process::{self, Pid};
use handloom::os::signal::Signal;
use handloom::processes::{Message, ProcessPoolOptions};

/// Which user that copy is: the one who owns nothing.
const NOBODY: u32 = 65_534;

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_codec_that_panics_costs_nothing_but_its_job", codec_panics),
    ("a_waker_that_panics_is_no_matter_to_others", waker_panics),
    ("a_caller_that_joins_calls_no_waker_of_another_job", wakers_of_others),
    ("a_job_does_not_escape_its_limit", limit_holds),
    ("a_job_may_shut_itself_off_from_the_world", shut_off),
    ("a_job_may_have_a_pool_of_its_own", nested),
    ("a_parent_without_descriptors_replaces_its_workers", parent_without_descriptors),
    ("a_fork_that_the_kernel_refuses_is_an_error", fork_refused),
    ("a_thousand_workers_start_and_end", thousand_workers),
    ("a_hundred_mebibytes_each_way_need_no_four_times_the_memory", long_messages_fit),
    ("locks_of_other_threads_do_not_reach_new_workers", locks_are_not_inherited),
    ("the_pools_thread_sleeps_while_a_caller_joins", thread_sleeps),
    ("the_pools_thread_sleeps_until_a_kill_is_reported", slow_kill),
    ("the_time_limit_of_a_cancelled_job_wakes_nothing", limit_of_cancelled),
    ("a_ring_full_of_cancelled_jobs_takes_no_other_until_there_is_room", ring_of_cancelled),
    ("a_healthy_worker_is_not_killed_as_asleep", long_arguments_at_looks),
];

fn joined<T>(handle: JobHandle<T>) -> Result<T, JobError> {
    handle.join_timeout(LONG).unwrap_or_else(|_| panic!("expected a result, it hangs"))
}

/// A number whose codec panics: 1 before it is sent, 2 where it comes in.
#[derive(Debug)]
struct Touchy(u64);

impl Message for Touchy {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        assert!(self.0 != 1, "in encode");
        if self.0 == 3 { Err("three".into()) } else { self.0.encode(out) }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        let number = u64::decode(input)?;
        assert!(number != 2, "in decode");
        Ok(Self(number))
    }
}

fn codec_panics() {
    // The function turns 10 into 1, and 20 into 2.
    let start = ProcessPoolOptions { queue_capacity: 1, ..options(1) };
    let pool = start.start(|Touchy(number)| Touchy(number / 10)).unwrap();
    for argument in [1, 1, 3] {
        let tried = || pool.submit(Touchy(argument)).map(drop);
        match panic::catch_unwind(AssertUnwindSafe(tried)) {
            Err(_) => assert_eq!(argument, 1, "the panic is the caller's own"),
            Ok(refused) => assert!(matches!(refused, Err(JobError::Unreadable(_)))),
        }
        assert_eq!(pool.counts().queued, 0);
    }
    // A refused job must not keep its place in the queue.
    for _ in 0..3 {
        assert_eq!(joined(pool.submit(Touchy(100)).unwrap()).unwrap().0, 10, "PPOOL-4");
    }
    for (argument, where_) in [(2, "in decode"), (10, "in encode"), (20, "in decode")] {
        match joined(pool.submit(Touchy(argument)).unwrap()) {
            Err(JobError::Panicked(told)) => assert_eq!(told.message(), where_, "of {argument}"),
            other => panic!("WORK-1: expected a panic {where_}, came {other:?}"),
        }
    }
    assert_eq!(joined(pool.submit(Touchy(0)).unwrap()).unwrap().0, 0, "the pool should go on");
    // A vector's length is a stranger's word, also when its items need no bytes.
    let endless = Vec::<()>::from_bytes(vec![0xff; 8]);
    assert!(endless.is_err(), "CODEC-2: expected an error, came {} items", endless.unwrap().len());
}

/// A waker that panics, and tells that it did.
struct Bomb(AtomicBool);

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
        panic!("in wake");
    }
}

fn waker_panics() {
    let pool = pool(1);
    for n in 0..20 {
        let bomb = Arc::new(Bomb(AtomicBool::new(false)));
        let waker = bomb.clone().into();
        let mut awaited = pool.submit((SLEEP_MS, 3)).unwrap();
        let polled = Future::poll(std::pin::pin!(&mut awaited), &mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        if n % 2 == 0 {
            wait_until("the waker to be called", || bomb.0.load(Ordering::SeqCst));
        }
        assert_eq!(joined(pool.submit((ADD, n)).unwrap()).unwrap(), n + 1, "PSHARED-1");
        let polled = Future::poll(std::pin::pin!(&mut awaited), &mut Context::from_waker(&waker));
        assert!(matches!(polled, Poll::Ready(Ok(4))), "PSHARED-1: {polled:?}");
    }
}

/// A waker that notes which thread calls it.
struct Noting(OnceLock<ThreadId>);

impl Wake for Noting {
    fn wake(self: Arc<Self>) {
        let _first_wake_counts = self.0.set(thread::current().id());
    }
}

fn wakers_of_others() {
    let pool = pool(1);
    let mut pending = 0;
    for n in 0..500 {
        let noting = Arc::new(Noting(OnceLock::new()));
        let waker = noting.clone().into();
        let mut awaited = pool.submit((ADD, n)).unwrap();
        let polled = Future::poll(std::pin::pin!(&mut awaited), &mut Context::from_waker(&waker));
        // This thread reads the answer before its own, too.
        assert_eq!(pool.submit((ADD, n)).unwrap().join().unwrap(), n + 1);
        if polled.is_pending() {
            pending += 1;
            wait_until("the waker to be called", || noting.0.get().is_some());
            assert_ne!(noting.0.get(), Some(&thread::current().id()), "PSHARED-1");
            assert_eq!(joined(awaited).unwrap(), n + 1);
        }
    }
    assert!(pending > 0, "expected a poll before the answer");
}

fn limit_holds() {
    let pool = pool(2);
    let limit = Duration::from_millis(100);
    for order in [FOR_EVER, DEAF_FOR_EVER, STOP_ITSELF] {
        let neighbour = pool.submit((SLEEP_MS, 400)).unwrap();
        let begun = Instant::now();
        let escaping = pool.submit_with_limit((order, 0), limit).unwrap();
        match joined(escaping) {
            Err(JobError::TimeLimit(told)) => assert_eq!(told, limit),
            other => panic!("LINK-3: expected TimeLimit of {order}, came {other:?}"),
        }
        assert!(begun.elapsed() >= limit, "killed too early");
        assert_eq!(joined(neighbour).unwrap(), 401, "a neighbour was killed");
    }
    // Without a handle too.
    drop(pool.submit_with_limit((DEAF_FOR_EVER, 0), limit).unwrap());
    wait_until("LINK-3: the job's end", || pool.counts().running == 0);
    drop(pool);
    // A limit that is not reached is no trouble, however long the job waits for its turn.
    let pool = ProcessPoolOptions { time_limit: Duration::from_millis(400), ..options(1) }
        .start(crate::pool_jobs::obey)
        .unwrap();
    let handles: Vec<_> = (0..6).map(|_| pool.submit((SLEEP_MS, 120)).unwrap()).collect();
    for handle in handles {
        assert_eq!(joined(handle).unwrap(), 121, "LINK-3: killed before its time");
    }
}

/// Scenario 16.
fn shut_off() {
    let pool = pool(1);
    let worker = joined(pool.submit((PID, 0)).unwrap()).unwrap();
    for order in [TIGHTEN_UMASK, BLOCK_SIGNALS, CLOSE_STANDARD, ADD] {
        assert_eq!(joined(pool.submit((order, 1)).unwrap()).unwrap(), 2, "after order {order}");
    }
    // With every signal blocked, a limit is kept all the same; and what prints has an error, not a crash.
    let late = pool.submit_with_limit((SLEEP_MS, 60_000), Duration::from_millis(50)).unwrap();
    let late = joined(late);
    assert!(matches!(late, Err(JobError::TimeLimit(_))), "LINK-3: {late:?}");
    let successor = joined(pool.submit((PID, 0)).unwrap()).unwrap();
    assert_ne!(worker, successor, "expected a new worker");
}

fn nested() {
    let pool = pool(2);
    let handles: Vec<_> = (0..4).map(|n| pool.submit((OWN_POOL, n)).unwrap()).collect();
    for (n, handle) in (1..).zip(handles) {
        assert_eq!(joined(handle).unwrap(), n);
    }
    for pid in pool.worker_pids() {
        let left = children_of(u32::try_from(pid.0).unwrap());
        assert!(left.is_empty(), "PPOOL-3: the job's own pool has left {left:?}");
    }
}

/// Scenario 8: a worker's channel is memory, so the parent needs no descriptor for a replacement.
fn parent_without_descriptors() {
    let pool = pool(2);
    assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2);
    let before = limits::open_files().unwrap();
    limits::set_open_files(3).unwrap();
    let workers = pool.worker_pids();
    process::kill(workers[0], Signal::Kill).unwrap();
    let values: Vec<_> = (0..50).map(|n| joined(pool.submit((ADD, n)).unwrap())).collect();
    let is_replaced = || {
        let now = pool.worker_pids();
        now.len() == 2 && !now.contains(&workers[0])
    };
    let begun = Instant::now();
    while !is_replaced() && begun.elapsed() < LONG {
        thread::sleep(Duration::from_millis(1));
    }
    let has_replacement = is_replaced();
    limits::set_open_files(before).unwrap();
    for (n, value) in (1..).zip(values) {
        assert_eq!(value.unwrap(), n, "STATE-2: the other worker should have gone on");
    }
    assert!(has_replacement, "STATE-2: expected a new worker without a descriptor");
}

/// Scenario 8, by the number of processes. That does not bind root, so it is a copy of this program that tries.
fn fork_refused() {
    let exe = env::current_exe().unwrap();
    let mut copy = Command::new("prlimit");
    copy.args(["--nproc=4:4", "--"])
        .arg(exe)
        .env(crate::ROLE, "few_processes")
        .uid(NOBODY)
        .gid(NOBODY);
    match copy.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) if matches!(output.status.code(), Some(1 | 101)) => {
            panic!("{}", String::from_utf8_lossy(&output.stderr));
        }
        // No prlimit, no right to be another, or a path that the other may not read.
        other => eprintln!("    left out: {other:?}"),
    }
}

/// What the copy does: itself and the fork server leave room for two, a worker and the pool's thread.
pub(crate) fn with_few_processes() -> ExitCode {
    let refused = options(5).start(|n: u64| n).map(drop);
    let errno = refused.as_ref().err().and_then(std::io::Error::raw_os_error);
    if errno != Some(11) {
        eprintln!("expected EAGAIN, came {refused:?}");
        return ExitCode::FAILURE;
    }
    assert!(children_of(id()).is_empty(), "PPOOL-5: half a pool was left");
    // Nor is any worker left to be killed: there is room for another at once.
    let pool = pool(1);
    assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2, "one worker has room");
    // The fork server waits for a worker before it forks the next, so this one has room as well.
    assert!(joined(pool.submit((LEAVE, 1)).unwrap()).is_err());
    assert_eq!(joined(pool.submit((ADD, 2)).unwrap()).unwrap(), 3);
    ExitCode::SUCCESS
}

/// Scenario 23.
fn thousand_workers() {
    let before = own_descriptors(id()).len();
    let wanted = limits::open_files().unwrap().saturating_sub(50);
    if wanted < 1_000 {
        // Then it must fail, and leave nothing.
        let refused = options(1_000).start(|n: u64| n).map(drop);
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(24), "expected EMFILE");
    } else {
        let pool = pool(1_000);
        let pids = pool.worker_pids();
        assert_eq!(pids.len(), 1_000);
        let handles: Vec<_> = (0..5_000).map(|n| pool.submit((ADD, n)).unwrap()).collect();
        for (n, handle) in (1..).zip(handles) {
            assert_eq!(joined(handle).unwrap(), n);
        }
        pool.shutdown();
        assert!(pids.iter().all(|pid| state_of(*pid).is_none()), "PPOOL-3: a worker is left");
    }
    assert!(children_of(id()).is_empty(), "PPOOL-3");
    assert_eq!(own_descriptors(id()).len(), before, "PPOOL-3: descriptors");
}

/// Scenario 18.
fn long_messages_fit() {
    const BYTES: usize = 100 << 20;
    let pool = options(1).start(|bytes: Vec<u8>| bytes).unwrap();
    // In whole periods: without optimisation a loop over each byte takes longer than the pool.
    let period: Vec<u8> = (0..251).collect();
    let argument = period.repeat(BYTES.div_ceil(period.len()));
    let sent = argument.len();
    // The high-water mark starts again from what is there now.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    // However long a busy machine takes: the test's own time limit ends a hang.
    let back = pool.submit(argument).unwrap().join().unwrap();
    let peak = usize::try_from(status("VmHWM:")).unwrap() << 10;
    assert!(back.len() == sent, "expected {sent} bytes, came {}", back.len());
    assert!(back.chunks(period.len()).all(|piece| piece == period), "expected the same bytes");
    assert!(peak < 4 * BYTES, "CODEC-3: {peak} bytes at the peak");
}

/// Scenario 35: what other threads hold while a hundred workers are replaced.
fn locks_are_not_inherited() {
    let pool = pool(2);
    // The pool's thread is there, so it is not this process that forks from now on.
    assert_eq!(joined(pool.submit((USE_LOCKS, 1)).unwrap()).unwrap(), 2);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    use_locks();
                }
            });
        }
        for n in 0..100 {
            let (died, used) = (pool.submit((KILL, n)).unwrap(), pool.submit((USE_LOCKS, n)));
            let (died, used) = (died.join_timeout(LONG), used.unwrap().join_timeout(LONG));
            let fine = matches!(&died, Ok(Err(JobError::Died { .. })))
                && matches!(&used, Ok(Ok(value)) if *value == n + 1);
            if !fine {
                stop.store(true, Ordering::Relaxed);
                panic!("PPOOL-2: round {n}: {died:?}, {used:?}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// `PSHARED-2`.
fn thread_sleeps() {
    let pool = pool(1);
    assert_eq!(joined(pool.submit((ADD, 1)).unwrap()).unwrap(), 2);
    let own = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "process-pool\n")
    };
    let tasks = || fs::read_dir("/proc/self/task").unwrap().flatten();
    // A thread names itself, once it runs; and then it comes to rest.
    wait_until("the pool's thread to run", || tasks().any(|task| own(&task)));
    let thread = tasks().find(own).expect("the pool's thread").path().join("status");
    let wakes = || {
        let status = fs::read_to_string(&thread).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u32>().unwrap()
    };
    let long = pool.submit((SLEEP_MS, 400)).unwrap();
    let before = wakes();
    assert_eq!(joined(long).unwrap(), 401);
    let woke = wakes() - before;
    assert!(woke < 40, "PSHARED-2: the pool's thread woke {woke} times while a caller was joining");
}

/// The processor time that the pool's thread has taken.
fn time_of_pools_thread() -> Duration {
    let own = |task: &fs::DirEntry| {
        fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "process-pool\n")
    };
    let mut tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let thread = tasks.find(own).expect("the pool's thread").path().join("schedstat");
    let text = fs::read_to_string(thread).unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// The limit of a job that was cancelled before it began goes with it: the pool's thread does not spin when it is over.
fn limit_of_cancelled() {
    let pool = pool(2);
    let limit = Duration::from_millis(100);
    let long = pool.submit((SLEEP_MS, 1_500)).unwrap();
    // It has begun sometimes, when the worker was quick.
    wait_until("a job to be cancelled before it begins", || {
        let job = pool.submit_with_limit((ADD, 1), limit).unwrap();
        job.cancel() == Cancel::Cancelled
    });
    thread::sleep(limit * 2);
    let before = time_of_pools_thread();
    thread::sleep(limit * 2);
    let spun = time_of_pools_thread().saturating_sub(before);
    assert!(spun < limit / 4, "PSHARED-2: the pool's thread took {spun:?} of {:?}", limit * 2);
    assert_eq!(joined(long).unwrap(), 1_501);
}

/// The pool's thread does not spin between a time limit and the report of the kill.
fn slow_kill() {
    let pool = pool(2);
    let server = Pid(i32::try_from(children_of(id())[0]).unwrap());
    let is_over = AtomicBool::new(false);
    let (ended, spun) = thread::scope(|scope| {
        // Stops the fork server again each time that the pool continues it (`STATE-5`).
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                reckless::stop(server);
            }
        });
        wait_until("the fork server to stop", || state_of(server) == Some('T'));
        // Then the looks, which continue the fork server, are 100 ms apart.
        let limit = Duration::from_millis(140);
        let endless = pool.submit_with_limit((FOR_EVER, 0), limit).unwrap();
        thread::sleep(limit);
        let before = time_of_pools_thread();
        thread::sleep(limit);
        let spun = time_of_pools_thread().saturating_sub(before);
        is_over.store(true, Ordering::Relaxed);
        (joined(endless), spun)
    });
    assert!(matches!(ended, Err(JobError::TimeLimit(_))), "{ended:?}");
    assert!(spun < Duration::from_millis(3), "PSHARED-2: the pool's thread took {spun:?}");
    for handle in [(); 2].map(|()| pool.submit((SLEEP_MS, 50)).unwrap()) {
        assert_eq!(joined(handle).unwrap(), 51, "the next worker was killed too");
    }
}

/// Jobs that were taken back fill the ring until the worker has passed over them.
fn ring_of_cancelled() {
    let pool = options(1).start(|(path, bytes): (String, Vec<u8>)| {
        while fs::exists(&path).unwrap() {
            thread::sleep(Duration::from_millis(1));
        }
        bytes.len()
    });
    let pool = pool.unwrap();
    let path = env::temp_dir().join(format!("handloom-ring-{}", id()));
    for round in 0..30 {
        fs::write(&path, "").unwrap();
        let first = pool.submit((path.to_str().unwrap().to_owned(), Vec::new())).unwrap();
        let cancelled = (0..300).map(|_| pool.submit((String::new(), vec![7; 4 << 10])).unwrap());
        let cancelled: Vec<_> = cancelled.collect();
        wait_until("the first to begin", || pool.counts().running == 1);
        assert!(cancelled.iter().all(|job| job.cancel() == Cancel::Cancelled), "round {round}");
        fs::remove_file(&path).unwrap();
        assert_eq!(joined(first).unwrap(), 0, "round {round}");
        for length in 0..20 {
            let next = pool.submit((String::new(), vec![7; length])).unwrap();
            assert_eq!(joined(next).unwrap(), length, "round {round}");
        }
    }
}

/// `RING-3`: at each look the pool's thread judges a silent worker by its event count.
fn long_arguments_at_looks() {
    let pool = options(2).start(|bytes: Vec<u8>| bytes.len()).unwrap();
    for round in 0..40 {
        let lengths = [(3 << 20) + round, 1 << 20, 5, 9 << 20];
        let handles = lengths.map(|length| pool.submit(vec![3; length]).unwrap());
        for (handle, length) in handles.into_iter().zip(lengths) {
            assert_eq!(joined(handle).unwrap(), length, "round {round}");
        }
        // The looks are a millisecond apart after a result, and then less often.
        thread::sleep(Duration::from_millis(round as u64 % 4));
    }
}
