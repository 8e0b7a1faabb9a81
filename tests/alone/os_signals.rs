#![expect(clippy::missing_docs_in_private_items, reason = "a test's name says it all")]

use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::{Duration, Instant};

use handloom::os::process::{self, Child, Exit, Fork};
use handloom::os::signal::{self, Signal};
use handloom::os::{EventFd, PollFd, poll, wait_readable};

const SOON: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(10);

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_signal_is_counted_and_makes_its_descriptor_readable", counted_and_readable),
    ("interrupt_and_terminate_share_a_descriptor", stop_signals_share),
    ("an_uninstalled_signal_has_no_descriptor", not_installed),
    ("kill_cannot_be_installed", kill_cannot_be_installed),
    ("poll_goes_on_after_a_signal_for_its_whole_timeout", poll_keeps_its_timeout),
    ("wait_readable_returns_early_on_a_signal", wait_readable_is_interrupted),
    ("wait_readable_counts_microseconds", wait_readable_is_fine_grained),
    ("a_restored_signal_ends_the_process", restored_signal_kills),
    ("an_ignored_signal_does_nothing", ignored_signal),
    ("the_second_stop_signal_exits_130_at_once", second_signal_exits),
    ("one_stop_signal_does_not_exit", one_signal_stays),
    ("a_forked_child_has_defaults_and_does_not_wake_its_parent", child_is_separate),
    ("fork_refuses_a_second_thread_and_names_it", fork_refuses_threads),
    ("a_child_dies_with_its_parent", dies_with_parent),
    ("dropping_a_child_kills_and_reaps_it", drop_reaps),
    ("an_event_descriptor_stays_readable", event_fd_stays),
];

fn is_readable(fd: impl AsFd) -> bool {
    poll(&mut [PollFd::readable(fd.as_fd())], Some(Duration::ZERO)).expect("poll") == 1
}

/// Forks a child that runs `body` and leaves with its result.
fn child(body: impl FnOnce() -> i32) -> Child {
    match process::fork().expect("fork") {
        Fork::Child => process::exit_now(body()),
        Fork::Parent(child) => child,
    }
}

fn send_to_self(signal: Signal) {
    process::kill(process::pid(), signal).expect("kill");
}

fn counted_and_readable() {
    signal::install(Signal::User1).expect("install");
    let fd = signal::event_fd(Signal::User1).expect("event_fd");
    assert!(!is_readable(fd), "SIGNAL-3: readable before the signal came");
    for sent in 1..=3 {
        send_to_self(Signal::User1);
        assert_eq!(signal::count(Signal::User1), sent, "SIGNAL-2: each signal is counted once");
    }
    assert!(is_readable(fd), "SIGNAL-3: expected readable after the signal");
    assert!(is_readable(fd), "SIGNAL-3: expected it to stay readable");
    assert_eq!(signal::count(Signal::User2), 0, "another signal's count has moved");
}

fn stop_signals_share() {
    signal::install(Signal::Interrupt).expect("install");
    signal::install(Signal::Terminate).expect("install");
    let interrupt = signal::event_fd(Signal::Interrupt).expect("event_fd");
    let terminate = signal::event_fd(Signal::Terminate).expect("event_fd");
    assert_eq!(interrupt.as_raw_fd(), terminate.as_raw_fd(), "SIGNAL-4");
    send_to_self(Signal::Terminate);
    assert!(is_readable(interrupt), "SIGNAL-4: SIGTERM should make the stop descriptor readable");
    assert_eq!(signal::count(Signal::Interrupt), 0, "only SIGTERM came");
}

fn not_installed() {
    let error = signal::event_fd(Signal::User2).expect_err("expected an error: never installed");
    assert!(error.to_string().contains("User2"), "the error should name the signal: {error}");
}

fn kill_cannot_be_installed() {
    assert!(signal::install(Signal::Kill).is_err(), "expected EINVAL: nobody may catch SIGKILL");
}

fn poll_keeps_its_timeout() {
    signal::install(Signal::User1).expect("install");
    let me = process::pid();
    let mut sender = child(|| {
        for _ in 0..5 {
            thread::sleep(SOON);
            process::kill(me, Signal::User1).expect("kill");
        }
        0
    });
    let span = Duration::from_millis(50);
    let begun = Instant::now();
    let ready = poll(&mut [], Some(span)).expect("poll");
    assert_eq!((ready, begun.elapsed() >= span), (0, true), "POLL-1: a signal cut the wait short");
    sender.wait().expect("wait");
}

fn wait_readable_is_interrupted() {
    signal::install(Signal::User1).expect("install");
    let quiet = EventFd::new().expect("eventfd");
    let me = process::pid();
    // It sends until it is killed, because a signal may come before the wait has begun.
    let _sender = child(|| {
        loop {
            thread::sleep(SOON);
            process::kill(me, Signal::User1).expect("kill");
        }
    });
    let begun = Instant::now();
    assert!(!wait_readable(quiet.as_fd(), LONG).expect("wait_readable"), "nothing was readable");
    assert!(begun.elapsed() < LONG, "POLL-1: wait_readable should return when a signal comes");
}

fn wait_readable_is_fine_grained() {
    let event = EventFd::new().expect("eventfd");
    let span = Duration::from_micros(100);
    let begun = Instant::now();
    assert!(!wait_readable(event.as_fd(), span).expect("wait_readable"), "not signalled yet");
    assert!(begun.elapsed() >= span, "returned early: after {:?}", begun.elapsed());
    event.signal().expect("signal");
    assert!(wait_readable(event.as_fd(), LONG).expect("wait_readable"), "expected readable");
}

fn restored_signal_kills() {
    let mut it = child(|| {
        signal::install(Signal::Terminate).expect("install");
        send_to_self(Signal::Terminate);
        signal::restore_default(Signal::Terminate).expect("restore");
        send_to_self(Signal::Terminate);
        0
    });
    let sigterm = 15;
    assert_eq!(it.wait().expect("wait"), Exit::Signal(sigterm), "the second should have killed it");
}

fn ignored_signal() {
    signal::ignore(Signal::Interrupt).expect("ignore");
    send_to_self(Signal::Interrupt);
}

fn second_signal_exits() {
    for second in [Signal::Interrupt, Signal::Terminate] {
        let mut it = child(|| {
            signal::install(Signal::Interrupt).expect("install");
            signal::install(Signal::Terminate).expect("install");
            signal::exit_on_second(&[Signal::Interrupt, Signal::Terminate]);
            send_to_self(Signal::Interrupt);
            send_to_self(second);
            0
        });
        assert_eq!(it.wait().expect("wait"), Exit::Code(130), "after SIGINT and {second:?}");
    }
}

fn one_signal_stays() {
    signal::install(Signal::Interrupt).expect("install");
    signal::install(Signal::User1).expect("install");
    signal::exit_on_second(&[Signal::Interrupt, Signal::Terminate]);
    send_to_self(Signal::User1);
    send_to_self(Signal::Interrupt);
    send_to_self(Signal::User1);
    assert_eq!(
        signal::count(Signal::Interrupt),
        1,
        "a signal that was not asked for must not count"
    );
}

fn child_is_separate() {
    signal::install(Signal::Terminate).expect("install");
    signal::install(Signal::User1).expect("install");
    let mine = signal::event_fd(Signal::User1).expect("event_fd");
    let mut it = child(|| {
        assert!(
            signal::event_fd(Signal::User1).is_err(),
            "SIGNAL-5: the parent's descriptor is there"
        );
        signal::install(Signal::User1).expect("install");
        send_to_self(Signal::User1);
        assert_eq!(signal::count(Signal::User1), 1, "the child counts for itself");
        send_to_self(Signal::Terminate);
        0
    });
    let sigterm = 15;
    assert_eq!(it.wait().expect("wait"), Exit::Signal(sigterm), "SIGNAL-5: expected the default");
    assert!(!is_readable(mine), "SIGNAL-5: the child's signal woke its parent");
    assert_eq!(signal::count(Signal::User1), 0, "SIGNAL-5: the child's signal was counted here");
}

fn fork_refuses_threads() {
    let stop = EventFd::new().expect("eventfd");
    thread::scope(|scope| {
        let body = || poll(&mut [PollFd::readable(stop.as_fd())], None).map(drop);
        let other = thread::Builder::new().name("weaver".into()).spawn_scoped(scope, body);
        let refused = match process::fork() {
            Ok(Fork::Child) => process::exit_now(1),
            Ok(Fork::Parent(_)) => None,
            Err(error) => Some(error.to_string()),
        };
        stop.signal().expect("signal");
        other.expect("spawn").join().expect("join").expect("poll");
        let text = refused.expect("PROCESS-1: fork should refuse");
        assert!(text.contains("weaver"), "PROCESS-1: it should name the thread: {text}");
    });
    let mut it = child(|| 7);
    assert_eq!(it.wait().expect("wait"), Exit::Code(7), "after the join, fork works again");
}

fn dies_with_parent() {
    // Both ends of a pipe: the reader sees its end when the last writer, the grandchild, is dead.
    let (reader, writer) = std::io::pipe().expect("pipe");
    let mut middle = child(|| {
        let me = process::pid();
        let ready = EventFd::new().expect("eventfd");
        let grandchild = child(|| {
            process::die_with_parent(me).expect("die_with_parent");
            ready.signal().expect("signal");
            thread::sleep(LONG);
            0
        });
        poll(&mut [PollFd::readable(ready.as_fd())], None).expect("poll");
        // It leaves without reaping: its drop would kill the grandchild itself.
        process::exit_now(i32::from(grandchild.pid() == me));
    });
    drop(writer);
    assert_eq!(middle.wait().expect("wait"), Exit::Code(0));
    let ready = poll(&mut [PollFd::readable(reader.as_fd())], Some(LONG / 2)).expect("poll");
    assert_eq!(ready, 1, "the grandchild has outlived its parent");
}

fn drop_reaps() {
    let it = child(|| {
        thread::sleep(LONG);
        0
    });
    let pid = it.pid();
    drop(it);
    assert!(process::kill(pid, Signal::User1).is_err(), "PROCESS-2: expected no such process");
}

fn event_fd_stays() {
    let event = EventFd::new().expect("eventfd");
    assert!(!is_readable(&event), "EVENTFD-1: readable before it was signalled");
    event.signal().expect("signal");
    event.signal().expect("signal");
    assert!(is_readable(&event) && is_readable(&event), "EVENTFD-1: it should stay readable");
}
