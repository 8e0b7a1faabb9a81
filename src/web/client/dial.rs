//! Reaching one of a host's addresses, without waiting long for those that do not answer.
//!
//! Many a host has an IPv6 address that its clients cannot reach: packets vanish, and a client that tries one
//! address after another waits for minutes. So the attempts overlap: the next one begins when the last has failed,
//! or has taken [`STAGGER`], and the first that succeeds ends the others.
//!
//! ```text
//! address 1  ├──────────────── no answer ──────────────┤ dropped
//! address 2       ├─ refused
//! address 3               ├───────── accepted ─────────┤ taken
//!            0   250     300 ms: at once after a refusal
//! ```
//!
//! **Invariants**
//! - `DIAL-1` The families take turns, the resolver's first choice first (RFC 8305, section 4).
//! - `DIAL-2` When none accepts, the error is that of the address tried first: the same as in the blocking client.
//!
//! **Left out**: asking for both kinds of addresses at once and beginning with the first answer (section 3), for
//! which the system's resolver has no call; remembering which family worked.
//!
//! **Source**: RFC 8305, "Happy Eyeballs Version 2".

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::fault::Fault;
use crate::aio::{Sleep, TcpStream, sleep};
use crate::http::Url;
use crate::rt;

/// How long an attempt has before the next one begins beside it (RFC 8305, section 8).
pub(super) const STAGGER: Duration = Duration::from_millis(250);

/// A connect under way, with the place of its address in the order.
type Attempt = (usize, Pin<Box<dyn Future<Output = io::Result<Reached>>>>);

/// A connected socket, and the address that accepted.
pub(super) type Reached = (TcpStream, SocketAddr);

/// Returns the address of a host that is written as one, for which nobody need be asked.
pub(super) fn literal(url: &Url) -> Option<SocketAddr> {
    let host = url.dial_host().parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(host, url.port()))
}

/// Takes no address for a failure.
pub(super) fn some_addresses(found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, Fault> {
    match found {
        Ok(found) if found.is_empty() => {
            Err(Fault::Dns(io::Error::other("the name has no address")))
        }
        found => found.map_err(Fault::Dns),
    }
}

/// Brings addresses into the order in which they are tried (`DIAL-1`).
pub(super) fn in_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let is_first_kind = |address: &&SocketAddr| address.is_ipv6() == first.is_ipv6();
    let mut ones = addresses.iter().filter(is_first_kind);
    let mut others = addresses.iter().filter(|address| !is_first_kind(address));
    let mut order = Vec::with_capacity(addresses.len());
    while order.len() < addresses.len() {
        order.extend(ones.next());
        order.extend(others.next());
    }
    order
}

/// Connects to one of the addresses, of which there is at least one.
///
/// # Errors
/// None accepts (`DIAL-2`).
///
/// # Cancellation
/// Every attempt is given up and its descriptor closed.
pub(super) async fn connect(addresses: &[SocketAddr], stagger: Duration) -> io::Result<Reached> {
    if let [address] = *addresses {
        return reach(address).await;
    }
    let mut race = Race {
        addresses: addresses.iter().copied().enumerate().collect::<Vec<_>>().into_iter(),
        attempts: Vec::new(),
        next: sleep(Duration::ZERO),
        stagger,
        first_error: None,
    };
    poll_fn(|cx| race.poll(cx)).await
}

/// Connects to one address.
async fn reach(address: SocketAddr) -> io::Result<Reached> {
    Ok((TcpStream::connect(address).await?, address))
}

/// Attempts that overlap.
struct Race {
    /// Addresses that have not been tried, with their places.
    addresses: std::vec::IntoIter<(usize, SocketAddr)>,
    /// Attempts that have not ended.
    attempts: Vec<Attempt>,
    /// Ready when the next attempt may begin beside the others.
    next: Sleep,
    /// The time between them.
    stagger: Duration,
    /// The failure of the earliest place so far (`DIAL-2`).
    first_error: Option<(usize, io::Error)>,
}

impl Race {
    /// Goes on with every attempt, and begins others that are due.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Reached>> {
        loop {
            let before = self.attempts.len();
            if let Some(reached) = self.poll_attempts(cx) {
                return Poll::Ready(Ok(reached));
            }
            let has_failed = self.attempts.len() < before;
            // The timer is asked last: polled, it wakes this task, and one that is not needed shall not.
            let is_due = has_failed
                || self.attempts.is_empty()
                || Pin::new(&mut self.next).poll(cx).is_ready();
            let next = if is_due { self.addresses.next() } else { None };
            match next {
                Some((place, address)) => {
                    self.attempts.push((place, Box::pin(reach(address))));
                    self.next.reset(rt::now() + self.stagger);
                }
                None if self.attempts.is_empty() => {
                    let (_, error) = self
                        .first_error
                        .take()
                        .expect("holds because every attempt has failed, and there was one");
                    return Poll::Ready(Err(error));
                }
                None => return Poll::Pending,
            }
        }
    }

    /// Polls every attempt; returns the first that succeeded, and takes those away that failed.
    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Option<Reached> {
        let mut index = 0;
        while let Some((place, attempt)) = self.attempts.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(reached)) => return Some(reached),
                Poll::Ready(Err(error)) => {
                    if self.first_error.as_ref().is_none_or(|(earliest, _)| *place < *earliest) {
                        self.first_error = Some((*place, error));
                    }
                    drop(self.attempts.remove(index));
                }
                Poll::Pending => index += 1,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener as StdListener, TcpStream as StdStream};

    use super::*;
    use crate::os::socket::listen_with_backlog;
    use crate::rt::block_on;

    /// Listens on a free port.
    fn listener() -> (StdListener, SocketAddr) {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("address");
        (listener, address)
    }

    /// Connects with a stagger that no test waits out by luck; returns which address accepted.
    fn reached(addresses: &[SocketAddr], stagger: Duration) -> io::Result<SocketAddr> {
        block_on(async { Ok(connect(addresses, stagger).await?.1) })
    }

    #[test]
    fn families_take_turns_beginning_with_the_first_choice() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let six = ["[::1]:1", "[::2]:1", "[::3]:1"].map(address);
        let four = ["127.0.0.1:1", "127.0.0.2:1"].map(address);
        let mixed = [six[0], six[1], six[2], four[0], four[1]];
        let turns = [six[0], four[0], six[1], four[1], six[2]];
        assert_eq!(in_turns(&mixed), turns, "DIAL-1");
        assert_eq!(in_turns(&[four[0], six[0], four[1]]), [four[0], six[0], four[1]], "DIAL-1");
        assert_eq!(in_turns(&[]), [], "DIAL-1");
    }

    #[test]
    fn a_refusal_begins_the_next_attempt_at_once_and_a_silence_after_a_while() {
        let (_good, good) = listener();
        let (gone, refusing) = listener();
        drop(gone);
        // It would take an hour to get past a refusal by waiting.
        let came = reached(&[refusing, good], Duration::from_hours(1)).expect("one accepts");
        assert_eq!(came, good, "DIAL: a refusal is not waited for");
        // Its queue is full, so that it does not answer at all.
        let (full, silent) = listener();
        listen_with_backlog(&full, 0).expect("listen");
        let knock = || StdStream::connect_timeout(&silent, Duration::from_millis(200)).ok();
        let _clients = std::iter::from_fn(knock).collect::<Vec<_>>();
        let came = reached(&[silent, good], Duration::from_millis(20)).expect("one accepts");
        assert_eq!(came, good, "DIAL: a silence is overtaken");
        let came = reached(&[refusing, silent, good], Duration::from_millis(20));
        assert_eq!(came.expect("one accepts"), good, "DIAL: both");
        let error = reached(&[refusing, refusing], STAGGER).expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "DIAL-2");
    }
}
