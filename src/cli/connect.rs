//! Which address of a name answers.
//!
//! Problem: a name may have several addresses. `localhost` is often `::1` first and `127.0.0.1` second, and a server
//! listens on just one of them; who tries only the first says that nobody is there.
//!
//! **Invariants**
//! - `REACH-1`: the addresses are tried in their order, one after another; the first that accepts is taken.
//!
//! **Left out**: trying them side by side, which saves time when an address neither accepts nor refuses.
//!
//! **Source**: getaddrinfo(3), on the order of its results.

use std::net::SocketAddr;

use super::failure::Failure;
use crate::aio::TcpStream;

/// Connects to the first address that answers (`REACH-1`).
///
/// # Errors
/// There is no address, or what the last of them said.
pub(crate) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut failure = Failure::Failed("the name has no address".to_owned());
    for &address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            // It names the address.
            Err(error) => failure = Failure::Failed(error.to_string()),
        }
    }
    Err(failure)
}

/// Chooses the address that [`connect`] would take, for one who will open many connections of his own.
///
/// A single address is taken unseen: a server shall not be asked in vain. So is the first when none answers; then
/// the connections find out why. The one that was opened to ask is closed again.
pub(crate) async fn choose(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    if let [_, _, ..] = addresses
        && let Ok(stream) = connect(addresses).await
        && let Ok(address) = stream.peer_addr()
    {
        return Some(address);
    }
    addresses.first().copied()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::rt::EventLoop;

    #[test]
    fn the_first_address_that_answers_is_chosen() {
        let listening = TcpListener::bind("127.0.0.1:0").expect("bind");
        let good = listening.local_addr().expect("address");
        let refusing = TcpListener::bind("127.0.0.1:0").expect("bind");
        let bad = refusing.local_addr().expect("address");
        // Nobody listens there any more.
        drop(refusing);
        let event_loop = EventLoop::new().expect("event loop");
        for (addresses, expected) in [
            (&[bad, good][..], Some(good)),
            (&[good, bad], Some(good)),
            (&[bad], Some(bad)),
            (&[bad, bad], Some(bad)),
            (&[], None),
        ] {
            let chosen = event_loop.block_on(choose(addresses));
            assert_eq!(chosen, expected, "REACH-1: of {addresses:?}");
        }
    }
}
