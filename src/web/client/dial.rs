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
//! - `DIAL-3` Each lookup has a thread of its own: slow names hold up neither each other nor other work that blocks,
//!   also when their fetches have been given up. The system's resolver cannot be stopped.
//!
//! **Left out**: resolving both families at once and beginning with the first answer (section 3), which the system's
//! resolver cannot do; remembering which family worked.
//!
//! **Source**: RFC 8305, "Happy Eyeballs Version 2".

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::{Pin, pin};
use std::time::Duration;

use super::fault::Fault;
use crate::aio::{Either, TcpStream, race, timeout};
use crate::http::Url;
use crate::jobs::{JobError, JobHandle};
use crate::threads::ThreadPool;

/// How long an attempt has before the next one begins beside it (RFC 8305, section 8).
pub const STAGGER: Duration = Duration::from_millis(250);

/// The most lookups of a client at the same time: each takes a thread. Further ones wait.
const MOST_LOOKUPS: usize = 1_000;

/// A lookup that runs: a future, and a handle to wait for. It finds at least one address.
pub(super) type Lookup = JobHandle<io::Result<Vec<SocketAddr>>>;

/// The threads on which a client resolves names (`DIAL-3`); `None` only during the drop.
#[derive(Debug)]
pub(super) struct Resolver(Option<ThreadPool>);

impl Resolver {
    /// Makes a resolver. It starts a thread when a lookup finds none free.
    pub(super) fn new() -> Self {
        Self(Some(ThreadPool::on_demand("resolve", MOST_LOOKUPS)))
    }

    /// Starts to look for the addresses of a host.
    pub(super) fn start(&self, url: &Url) -> Result<Lookup, Fault> {
        let pool = self.0.as_ref().expect("holds because only the drop takes it");
        // A name below `localhost` is this machine, also where the resolver does not know it (RFC 6761, section 6.3).
        let is_local = url.dial_host().ends_with(".localhost");
        let name = if is_local { "localhost" } else { url.dial_host() }.to_owned();
        let port = url.port();
        let look_up = move || match (name, port).to_socket_addrs()?.collect::<Vec<_>>() {
            found if found.is_empty() => Err(io::Error::other("the name has no address")),
            found => Ok(found),
        };
        pool.submit(look_up).map_err(|error| Fault::Dns(io::Error::other(error)))
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // The drop of a pool would wait for the lookups.
        self.0.take().into_iter().for_each(ThreadPool::abandon);
    }
}

/// Returns what a lookup has found.
pub(super) fn found(
    result: Result<io::Result<Vec<SocketAddr>>, JobError>,
) -> Result<Vec<SocketAddr>, Fault> {
    result.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(Fault::Dns)
}

/// Returns the address of a host that is written as an IP address.
pub(super) fn literal(url: &Url) -> Option<SocketAddr> {
    let host = url.dial_host().parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(host, url.port()))
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

/// Connects to one of the addresses; returns the socket and the address that accepted.
///
/// # Errors
/// No address accepts (`DIAL-2`).
///
/// # Panics
/// The list is empty.
///
/// # Cancellation
/// All attempts are dropped and their descriptors closed.
pub async fn connect(
    addresses: &[SocketAddr],
    stagger: Duration,
) -> io::Result<(TcpStream, SocketAddr)> {
    let (&address, others) = addresses.split_first().expect("holds because there is an address");
    let mut first = pin!(async { Ok((TcpStream::connect(address).await?, address)) });
    if others.is_empty() {
        return first.await;
    }
    let early = timeout(stagger, first.as_mut()).await;
    if let Ok(Ok(connected)) = early {
        return Ok(connected);
    }
    // The other addresses, in the same way, beside the first one unless that has failed.
    let mut rest: Pin<Box<dyn Future<Output = _>>> = Box::pin(connect(others, stagger));
    if let Ok(Err(error)) = early {
        return rest.await.map_err(|_| error);
    }
    match race(first.as_mut(), rest.as_mut()).await {
        Either::First(Ok(connected)) | Either::Second(Ok(connected)) => Ok(connected),
        Either::First(Err(error)) => rest.await.map_err(|_| error),
        Either::Second(Err(_)) => first.await,
    }
}
