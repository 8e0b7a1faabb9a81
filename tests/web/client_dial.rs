//! Connecting to one of several addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::time::Duration;

use handloom::os::socket::listen_with_backlog;
use handloom::rt::block_on;
use handloom::web::client::dial::{STAGGER, alternate, connect};

/// Listens on a free port.
fn listener() -> (StdListener, SocketAddr) {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = listener.local_addr().expect("address");
    (listener, address)
}

/// Connects; returns the address that accepted.
fn connected_to(addresses: &[SocketAddr], stagger: Duration) -> io::Result<SocketAddr> {
    block_on(async { Ok(connect(addresses, stagger).await?.1) })
}

#[test]
fn families_take_turns_beginning_with_the_first_choice() {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let six = ["[::1]:1", "[::2]:1", "[::3]:1"].map(address);
    let four = ["127.0.0.1:1", "127.0.0.2:1"].map(address);
    let mixed = [six[0], six[1], six[2], four[0], four[1]];
    let turns = [six[0], four[0], six[1], four[1], six[2]];
    assert_eq!(alternate(&mixed), turns, "DIAL-1");
    assert_eq!(alternate(&[four[0], six[0], four[1]]), [four[0], six[0], four[1]], "DIAL-1");
    assert_eq!(alternate(&[]), [], "DIAL-1");
}

#[test]
fn a_refusal_begins_the_next_attempt_at_once_and_a_silence_after_a_while() {
    let (_good, good) = listener();
    // Bound before the other port comes free: it must not get the same number.
    let (busy, silent) = listener();
    let (closed, refusing) = listener();
    drop(closed);
    // The stagger is an hour, so only the refusal itself can begin the next attempt.
    let came = connected_to(&[refusing, good], Duration::from_hours(1)).expect("one accepts");
    assert_eq!(came, good, "DIAL: a refusal is not waited for");
    // Its queue is full, so it does not answer.
    listen_with_backlog(&busy, 0).expect("listen");
    let fill = || StdStream::connect_timeout(&silent, Duration::from_millis(200)).ok();
    let _clients = std::iter::from_fn(fill).collect::<Vec<_>>();
    let came = connected_to(&[silent, good], Duration::from_millis(20)).expect("one accepts");
    assert_eq!(came, good, "DIAL: a silence is overtaken");
    let came = connected_to(&[refusing, silent, good], Duration::from_millis(20));
    assert_eq!(came.expect("one accepts"), good, "DIAL: both");
    let error = connected_to(&[refusing, refusing], STAGGER).expect_err("nobody listens");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "DIAL-2");
}
