#![expect(clippy::missing_docs_in_private_items, reason = "a test's name says it all")]

use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};

use handloom::os::socket::{AcceptFailure, listen_with_backlog, set_linger_zero};
use handloom::os::{affinity, limits, thread_list};

/// The tests, by name.
pub(crate) const TESTS: &[(&str, fn())] = &[
    ("errors_of_accept_are_sorted_by_what_to_do", accept_errors),
    ("a_backlog_can_be_enlarged_while_listening", backlog),
    ("a_stream_without_linger_resets_on_close", reset_on_close),
    ("a_thread_is_pinned_to_the_processors_named", pinned),
    ("a_processor_that_does_not_exist_is_an_error", no_such_cpu),
    ("the_soft_limit_of_descriptors_holds_and_can_be_raised_again", descriptor_limit),
    ("a_single_thread_is_listed_alone", one_thread),
];

fn accept_errors() {
    let sorted = [
        (libc::EMFILE, AcceptFailure::Shortage),
        (libc::ENFILE, AcceptFailure::Shortage),
        (libc::ENOBUFS, AcceptFailure::Shortage),
        (libc::ENOMEM, AcceptFailure::Shortage),
        (libc::ECONNABORTED, AcceptFailure::Peer),
        (libc::EPROTO, AcceptFailure::Peer),
        (libc::EINTR, AcceptFailure::Peer),
        (libc::EHOSTUNREACH, AcceptFailure::Peer),
        (libc::EBADF, AcceptFailure::Listener),
        (libc::EINVAL, AcceptFailure::Listener),
    ];
    for (number, wanted) in sorted {
        let error = Error::from_raw_os_error(number);
        assert_eq!(AcceptFailure::of(&error), wanted, "OS-ACCEPT-1: {error}");
    }
}

fn backlog() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listen_with_backlog(&listener, 1024).expect("listen again");
    let addr = listener.local_addr().expect("address");
    // More than the 128 of std, and none is accepted.
    let waiting: Vec<_> = (0..300).map(|_| TcpStream::connect(addr).expect("connect")).collect();
    assert_eq!(waiting.len(), 300);
}

fn reset_on_close() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    set_linger_zero(&client).expect("linger");
    drop(client);
    let error = server.read(&mut [0]).expect_err("expected a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

fn pinned() {
    let all = affinity::allowed_cpus().expect("affinity");
    let last = *all.last().expect("at least one processor");
    affinity::pin_to_cpus(&[last]).expect("pin");
    assert_eq!(affinity::allowed_cpus().expect("affinity"), [last], "AFFINITY-1");
    affinity::pin_to_cpus(&all).expect("pin");
    assert_eq!(affinity::allowed_cpus().expect("affinity"), all);
}

fn no_such_cpu() {
    for cpus in [&[][..], &[1_000_000]] {
        let error = affinity::pin_to_cpus(cpus).expect_err("expected an error");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{cpus:?}: {error}");
    }
}

/// The soft limit and the hard one, as the kernel tells them.
fn kernels_limits() -> [String; 2] {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut words = line.expect("its line").split_whitespace().map(str::to_owned);
    [(); 2].map(|()| words.next().expect("a limit"))
}

fn descriptor_limit() {
    let [_, hard] = kernels_limits();
    limits::set_open_files(32).expect("lower");
    let mut files = Vec::new();
    let refused = loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    assert!(files.len() < 32, "the limit does not hold: {} files", files.len());
    assert_eq!(AcceptFailure::of(&refused), AcceptFailure::Shortage);
    limits::raise_open_files().expect("raise");
    assert_eq!(kernels_limits(), [hard.clone(), hard.clone()], "LIMIT-1");
    assert_eq!(limits::open_files().expect("limit").to_string(), hard, "LIMIT-1");
    File::open("/dev/null").expect("expected room after the limit was raised");
}

fn one_thread() {
    let names = thread_list::names().expect("names");
    assert_eq!(names.len(), 1, "THREADLIST-1: {names:?}");
    thread_list::refuse_others().expect("expected no other thread");
}
