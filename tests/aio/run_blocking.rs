//! Blocking work beside the loop: values, panics, time that stands still, ends that do not wait.

use std::cell::RefCell;
use std::collections::HashSet;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Watchdog, poll_once, run, run_in_real_time, stuck_report};
use handloom::aio::{JobError, gather, interval, resolve, run_blocking, sleep, timeout, yield_now};
use handloom::rt::{EventLoop, Observer, now, spawn};

/// A job that ends when its `Sender` is dropped or used.
fn job_that_waits() -> (Sender<()>, impl FnOnce() + Send) {
    let (end, ended): (_, Receiver<()>) = channel();
    (end, move || {
        // The end is the message, sent or hung up.
        let _ = ended.recv();
    })
}

#[test]
fn value_comes_from_another_thread() {
    run_in_real_time(async {
        let here = thread::current().id();
        let there = run_blocking(|| thread::current().id()).await.expect("no panic");
        assert_ne!(here, there, "expected the job to run beside the loop");
    });
}

#[test]
fn jobs_run_at_the_same_time_while_the_loop_goes_on() {
    run_in_real_time(async {
        let barrier = Arc::new(Barrier::new(9));
        let jobs = (0..8_u32).map(|number| {
            let barrier = barrier.clone();
            run_blocking(move || {
                barrier.wait();
                number
            })
        });
        let jobs = spawn(gather(jobs.collect::<Vec<_>>()));
        // All eight are blocked, and the loop is not: else no thread would reach the barrier.
        let mut ticks = interval(Duration::from_millis(1));
        for _ in 0..5 {
            ticks.tick().await;
        }
        let last = barrier.clone();
        run_blocking(move || last.wait().is_leader()).await.expect("no panic");
        let numbers: Vec<_> =
            jobs.await.expect("ends").into_iter().map(|job| job.expect("no panic")).collect();
        assert_eq!(numbers, (0..8).collect::<Vec<_>>());
    });
}

#[test]
fn threads_are_used_again_and_no_more_than_sixty_four() {
    run_in_real_time(async {
        let jobs = (0..1000).map(|_| {
            run_blocking(|| {
                thread::sleep(Duration::from_micros(100));
                thread::current().id()
            })
        });
        let threads: HashSet<_> = gather(jobs.collect::<Vec<_>>())
            .await
            .into_iter()
            .map(|job| job.expect("no panic"))
            .collect();
        assert!(threads.len() <= 64, "BLOCK-1: came {}", threads.len());
    });
}

#[test]
fn panic_of_a_job_is_the_error_of_whoever_awaits_it() {
    run_in_real_time(async {
        let error = run_blocking(|| panic!("meant to be {}", 1)).await.expect_err("it panicked");
        assert!(error.to_string().contains("meant to be 1"), "BLOCK-3: came {error}");
        let JobError::Panicked(panic) = error else { panic!("expected a panic") };
        assert_eq!(panic.message(), "meant to be 1");
        assert_eq!(run_blocking(|| 7).await.expect("BLOCK-3: the thread lives on"), 7);
    });
}

#[test]
fn virtual_time_stands_still_while_a_job_runs_and_goes_on_after_it() {
    run(async {
        let start = now();
        let slow = || thread::sleep(Duration::from_millis(50));
        let done = timeout(Duration::from_hours(1), run_blocking(slow)).await;
        assert!(done.is_ok_and(|job| job.is_ok()), "BLOCK-2: the job beats virtual time");
        assert_eq!(now() - start, Duration::ZERO, "BLOCK-2");
        sleep(Duration::from_hours(1)).await;
        assert_eq!(now() - start, Duration::from_hours(1), "BLOCK-2: nothing is counted now");
    });
}

#[test]
fn finished_job_that_nobody_has_awaited_yet_does_not_stop_virtual_time() {
    run(async {
        let job = run_blocking(|| 5);
        sleep(Duration::from_hours(1)).await;
        assert_eq!(job.await.expect("no panic"), 5, "BLOCK-2: it has ended, and is not counted");
    });
}

#[test]
fn dropped_future_lets_its_job_run_on_and_its_value_be_dropped() {
    run(async {
        let (end, wait) = job_that_waits();
        let (value, dropped) = channel::<()>();
        let mut job = Box::pin(run_blocking(move || {
            wait();
            value
        }));
        assert!(poll_once(&mut job).await.is_pending());
        drop(job);
        let start = now();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(now() - start, Duration::from_secs(1), "BLOCK-2: nobody wants the job any more");
        end.send(()).expect("the job runs on");
        assert!(dropped.recv().is_err(), "the value is dropped when it comes");
    });
}

#[test]
fn loop_that_waits_for_a_job_does_not_take_itself_for_stuck() {
    let report = stuck_report(async {
        // Longer than the loop waits before it reports.
        run_blocking(|| thread::sleep(Duration::from_millis(1200))).await.expect("no panic");
        handloom::aio::Event::new().wait().await;
    });
    let event = report.contains("waits for an event");
    assert!(event, "BLOCK-2: expected a report after the job and none before, came {report}");
}

#[test]
fn neither_block_on_nor_the_drop_of_the_loop_waits_for_a_job() {
    let _watchdog = Watchdog::new();
    let (end, wait) = job_that_waits();
    let begin = Instant::now();
    let event_loop = EventLoop::new().expect("a loop");
    event_loop.block_on(async {
        drop(spawn(async move { drop(run_blocking(wait).await) }));
        yield_now().await;
        yield_now().await;
    });
    drop(event_loop);
    assert!(begin.elapsed() < Duration::from_secs(5), "BLOCK-4, scenario 27");
    drop(end);
}

#[test]
fn job_that_had_not_begun_when_its_loop_went_is_dropped() {
    let _watchdog = Watchdog::new();
    let (ends, jobs): (Vec<_>, Vec<_>) = (0..64).map(|_| job_that_waits()).unzip();
    let event_loop = EventLoop::new().expect("a loop");
    let (_busy, late) = event_loop.block_on(async {
        let busy: Vec<_> = jobs.into_iter().map(run_blocking).collect();
        (busy, run_blocking(|| "ran"))
    });
    drop(event_loop);
    let result = EventLoop::new().expect("another loop").block_on(late);
    assert!(matches!(result, Err(JobError::PoolGone)), "BLOCK-4: came {result:?}");
    drop(ends);
}

#[test]
fn job_may_be_awaited_in_a_later_block_on() {
    let _watchdog = Watchdog::new();
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop");
    let job = event_loop.block_on(poll_fn(|_| Poll::Ready(run_blocking(|| 5))));
    event_loop.block_on(async {
        assert_eq!(job.await.expect("no panic"), 5);
        sleep(Duration::from_hours(1)).await;
    });
}

#[test]
fn panic_that_nobody_awaits_is_reported() {
    /// Keeps reports.
    struct Reports(Rc<RefCell<Vec<String>>>);
    impl Observer for Reports {
        fn report(&self, text: &str) {
            self.0.borrow_mut().push(text.into());
        }
    }
    let _watchdog = Watchdog::new();
    let reports = Rc::default();
    let event_loop =
        EventLoop::builder().observer(Reports(Rc::clone(&reports))).build().expect("a loop");
    event_loop.block_on(async {
        let (end, wait) = job_that_waits();
        drop(run_blocking(move || {
            wait();
            panic!("unseen");
        }));
        end.send(()).expect("the job runs on");
        while reports.borrow().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let reports = reports.borrow();
    assert!(reports[0].contains("unseen"), "BLOCK-3: came {reports:?}");
}

#[test]
fn names_are_resolved_beside_the_loop_and_addresses_without_a_thread() {
    run_in_real_time(async {
        let mut literal = Box::pin(resolve("[::1]:80"));
        assert!(poll_once(&mut literal).await.is_ready(), "an address needs no thread");
        let addresses = resolve("localhost:8888").await.expect("every machine has it");
        assert!(addresses.iter().all(|address| address.port() == 8888));
        assert!(addresses.iter().any(|address| address.ip().is_loopback()));
        let error = resolve("no port here").await.expect_err("it has no port");
        assert!(error.to_string().contains("no port here"), "the error names it: {error}");
    });
}

#[test]
fn resolve_that_is_dropped_half_way_leaves_nothing_behind() {
    run(async {
        // Every thread is busy, so that the question cannot be answered at once.
        let (ends, jobs): (Vec<_>, Vec<_>) = (0..64).map(|_| job_that_waits()).unzip();
        for job in jobs {
            drop(run_blocking(job));
        }
        let mut question = Box::pin(resolve("localhost:80"));
        assert!(poll_once(&mut question).await.is_pending());
        drop(question);
        let start = now();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(now() - start, Duration::from_secs(1), "BLOCK-2: the answer is dropped");
        drop(ends);
    });
}
