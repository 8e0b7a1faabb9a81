//! The labs about the event loop and its tasks: what each claims, by counts and orders.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use crate::support::{unread, watched};
use handloom::aio::{Event, Queue, TcpListener};
use handloom::labs::context_manager::{Visit, serve, with_connection};
use handloom::labs::timeouts::{LIMIT, Outcome};
use handloom::labs::{blocking_call, cancel, context_manager, gather, lost_wake, select, timeouts};
use handloom::rt::{EventLoop, block_on, spawn};

/// Runs a lab on the virtual clock.
fn on_virtual_clock<T>(lab: impl Future<Output = T>) -> T {
    let event_loop = EventLoop::builder().virtual_clock().build().expect("a loop");
    watched(|| event_loop.block_on(lab))
}

/// Runs a lab on the real one.
fn in_real_time<T>(lab: impl Future<Output = T>) -> T {
    watched(|| block_on(lab))
}

#[test]
fn select_answers_all_clients_at_once_in_the_order_in_which_they_speak() {
    let report = watched(|| select::experiment(&unread())).expect("sockets");
    assert_eq!(report.most_at_once, select::CLIENTS, "LAB-SELECT-1: all were connected");
    let backwards: Vec<_> =
        (0..select::CLIENTS).rev().map(|number| format!("client {number}")).collect();
    assert_eq!(report.answered, backwards, "LAB-SELECT-2");
}

#[test]
fn timeouts_are_needed_for_silence_and_for_nothing_else() {
    let report = in_real_time(timeouts::experiment(&unread())).expect("sockets");
    let told = [report.refused, report.closed, report.reset];
    let wanted = [
        Outcome::Failed(io::ErrorKind::ConnectionRefused),
        Outcome::Bytes(0),
        Outcome::Failed(io::ErrorKind::ConnectionReset),
    ];
    assert_eq!(told, wanted, "LAB-TIMEOUTS-1");
    for silence in [report.silent, report.full] {
        let is_late_enough = matches!(silence, Outcome::TimedOut(after) if after >= LIMIT);
        assert!(is_late_enough, "LAB-TIMEOUTS-2: expected {LIMIT:?} or more, came {silence:?}");
    }
    assert_eq!(report.written, Outcome::Bytes(5), "LAB-TIMEOUTS-3: \"hello\" was taken");
}

#[test]
fn a_blocking_call_stops_the_heart_and_run_blocking_does_not() {
    let report = watched(|| blocking_call::experiment(&unread())).expect("a loop");
    assert_eq!(report.heard, [0, blocking_call::WANTED], "LAB-BLOCKING-1, LAB-BLOCKING-2");
    let gap = report.longest_gap[0];
    assert!(gap >= blocking_call::PATIENCE, "LAB-BLOCKING-1: the heart stood still, came {gap:?}");
    let named = report.reports.iter().any(|text| text.contains("\"caller\" held the loop"));
    assert!(named, "LAB-BLOCKING-3: expected the task's name, came {:?}", report.reports);
}

#[test]
fn a_forgotten_waker_is_reported_with_the_task_that_forgot_it() {
    let report = watched(|| lost_wake::experiment(&unread())).expect("a loop");
    let text = report.stuck.expect("LAB-LOST-1: a report");
    for words in [
        "nothing that the event loop knows of can wake it",
        "\"forgetful\"",
        "something it did not name",
    ] {
        assert!(text.contains(words), "LAB-LOST-1: expected {words:?}, came:\n{text}");
    }
    assert_eq!(
        report.polls,
        [1, 2],
        "LAB-LOST-2: polled once and forgotten; polled, woken, polled"
    );
}

#[test]
fn gather_keeps_places_and_an_error_drops_futures_but_not_tasks() {
    let report = on_virtual_clock(gather::experiment(&unread())).expect("a journal");
    assert_eq!(report.results, ["a", "b", "c"], "LAB-GATHER-1: the order in which they were given");
    assert_eq!(report.ends, ["b", "c", "a"], "the order of their lengths");
    assert_eq!(report.took, gather::BEAT * 3, "LAB-GATHER-2, exact on the virtual clock");
    assert_eq!(report.ends_of_futures, ["b", "c"], "LAB-GATHER-3: \"a\" was dropped");
    assert_eq!(report.ends_of_tasks, ["b", "c", "a"], "LAB-GATHER-3: \"a\" ran on");
}

#[test]
fn with_a_keeper_each_connection_ends_with_a_goodbye() {
    let visits = in_real_time(context_manager::experiment(&unread())).expect("sockets");
    let [good, failed, cancelled, bare] = visits;
    for (visit, how) in [(good, "a good end"), (failed, "an error"), (cancelled, "a cancel")] {
        let wanted = Visit { questions: 2, said_goodbye: true };
        assert_eq!(visit, wanted, "LAB-CONTEXT-1: two users, and a goodbye after {how}");
    }
    let wanted = Visit { questions: 2, said_goodbye: false };
    assert_eq!(bare, wanted, "LAB-CONTEXT-2: the same users, and no goodbye");
}

#[test]
fn the_keeper_says_goodbye_after_a_panic_and_after_a_question_that_was_dropped() {
    in_real_time(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(address).expect("a listener");
        let server = listener.local_addr().expect("an address");
        let visits = Queue::new(1);
        let serving = spawn(serve(listener, visits.clone()));
        let panicking = spawn(with_connection(server, async |connection| -> io::Result<()> {
            connection.lock().await.ask("a question").await?;
            panic!("the block panics, as the test wants it to");
        }));
        assert!(panicking.await.is_err(), "the panic comes out");
        let wanted = Some(Visit { questions: 1, said_goodbye: true });
        assert_eq!(visits.get().await, wanted, "LAB-CONTEXT-1: after a panic");

        let (asking, asked) = (Rc::new(Event::new()), visits.clone());
        let begun = asking.clone();
        let dropped = spawn(with_connection(server, async move |connection| {
            let mut connection = connection.lock().await;
            begun.set();
            // The answer is never read: the cancel comes before the next batch.
            connection.ask("another question").await
        }));
        asking.wait().await;
        dropped.cancel();
        drop(dropped.await);
        let visit = asked.get().await.expect("a visit");
        assert!(visit.said_goodbye, "LAB-CONTEXT-1: the answer that was left is passed over");
        serving.cancel();
    });
}

#[test]
fn a_read_that_is_dropped_loses_what_only_it_had() {
    // The virtual clock jumps only when no socket is ready, so what was sent is read before the limit.
    for report in [
        on_virtual_clock(cancel::experiment(&unread())),
        in_real_time(cancel::experiment(&unread())),
    ] {
        let report = report.expect("sockets");
        assert_eq!(report.kept, "hello", "LAB-CANCEL-1: nothing is lost");
        assert_eq!(report.dropped, "lo", "LAB-CANCEL-2: what the reader had taken is");
        assert_eq!(report.exact, "lo", "LAB-CANCEL-3: and what the array had");
    }
}
