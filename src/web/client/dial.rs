//! Connecting to one of a host's addresses, without a long wait for those that do not answer.
//!
//! Some hosts have an IPv6 address that their clients cannot reach: packets are lost, and a client that tries one
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
//! - `DIAL-1` The address families alternate, beginning with the resolver's first choice (RFC 8305, section 4).
//! - `DIAL-2` When no address accepts, the error is that of the first one: the same as in the blocking client.
//!
//! **Left out**: resolving both families at once and beginning with the first answer (section 3), which the system's
//! resolver cannot do; remembering which family worked.
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
pub const STAGGER: Duration = Duration::from_millis(250);

/// A connect in progress, with the position of its address in the order.
type Attempt = (usize, Pin<Box<dyn Future<Output = io::Result<Connected>>>>);

/// A connected socket, and the address that accepted.
pub type Connected = (TcpStream, SocketAddr);

/// Returns the address of a host that is written as an IP address.
pub(super) fn literal(url: &Url) -> Option<SocketAddr> {
    let host = url.dial_host().parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(host, url.port()))
}

/// Makes an empty list of addresses an error.
pub(super) fn non_empty(found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, Fault> {
    match found {
        Ok(found) if found.is_empty() => {
            Err(Fault::Dns(io::Error::other("the name has no address")))
        }
        found => found.map_err(Fault::Dns),
    }
}

/// Sorts addresses into the order in which they are tried (`DIAL-1`).
pub fn alternate(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
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

/// Connects to one of the addresses; the list is not empty.
///
/// # Errors
/// No address accepts (`DIAL-2`).
///
/// # Cancellation
/// All attempts are dropped and their descriptors closed.
pub async fn connect(addresses: &[SocketAddr], stagger: Duration) -> io::Result<Connected> {
    if let [address] = *addresses {
        return connect_one(address).await;
    }
    let mut attempts = Attempts {
        addresses: addresses.iter().copied().enumerate().collect::<Vec<_>>().into_iter(),
        running: Vec::new(),
        next: sleep(Duration::ZERO),
        stagger,
        first_error: None,
    };
    poll_fn(|cx| attempts.poll(cx)).await
}

/// Connects to one address.
async fn connect_one(address: SocketAddr) -> io::Result<Connected> {
    Ok((TcpStream::connect(address).await?, address))
}

/// Attempts that overlap.
struct Attempts {
    /// Addresses that have not been tried, with their positions.
    addresses: std::vec::IntoIter<(usize, SocketAddr)>,
    /// Attempts in progress.
    running: Vec<Attempt>,
    /// Ready when the next attempt may begin beside the others.
    next: Sleep,
    /// The time between two attempts.
    stagger: Duration,
    /// The failure of the earliest position so far (`DIAL-2`).
    first_error: Option<(usize, io::Error)>,
}

impl Attempts {
    /// Polls every attempt, and begins those that are due.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Connected>> {
        loop {
            let before = self.running.len();
            if let Some(connected) = self.poll_attempts(cx) {
                return Poll::Ready(Ok(connected));
            }
            let has_failed = self.running.len() < before;
            // The timer is polled last: polled earlier, it would wake this task without need.
            let is_due = has_failed
                || self.running.is_empty()
                || Pin::new(&mut self.next).poll(cx).is_ready();
            let next = if is_due { self.addresses.next() } else { None };
            match next {
                Some((position, address)) => {
                    self.running.push((position, Box::pin(connect_one(address))));
                    self.next.reset(rt::now() + self.stagger);
                }
                None if self.running.is_empty() => {
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

    /// Polls every attempt; returns the first that succeeded, and removes those that failed.
    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Option<Connected> {
        let mut index = 0;
        while let Some((position, attempt)) = self.running.get_mut(index) {
            match attempt.as_mut().poll(cx) {
                Poll::Ready(Ok(connected)) => return Some(connected),
                Poll::Ready(Err(error)) => {
                    if self.first_error.as_ref().is_none_or(|(earliest, _)| *position < *earliest) {
                        self.first_error = Some((*position, error));
                    }
                    drop(self.running.remove(index));
                }
                Poll::Pending => index += 1,
            }
        }
        None
    }
}
