//! From a name to addresses, without holding the loop.
//!
//! The system's resolver reads files, asks servers, waits for seconds, and can only block. So a thread calls it.
//!
//! **Left out**: a resolver of our own, which speaks DNS over the loop; a cache.
//!
//! **Source**: getaddrinfo(3), through std; `loop.getaddrinfo`.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use super::io::failed;
use super::run_blocking::run_blocking;

/// Finds the addresses of a `host:port`. Where the host is an address itself, no resolver is asked.
///
/// # Errors
/// The name is unknown, or has no port; the error names it.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// The lookup runs to its end on its thread, and the answer is dropped.
pub async fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = name.parse() {
        return Ok(vec![address]);
    }
    let asked = name.to_owned();
    let answer = run_blocking(move || asked.to_socket_addrs().map(Vec::from_iter)).await?;
    answer.map_err(|error| failed(format!("resolve {name}"), error))
}
