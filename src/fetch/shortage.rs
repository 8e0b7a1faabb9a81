//! Getting along with few descriptors: no more at once than there are, and patience when there are fewer.
//!
//! Each connection takes a descriptor, and a shell's usual limit is 1,024. A client that asks for 5,000 pages at once
//! is told "too many open files" for 4,000 of them, although all it had to do was to wait for the others.
//!
//! **Invariants**
//! - `SHORTAGE-1` At most as many requests run at once as the limit on descriptors has room for when the run begins;
//!   a part of the room is left to connections in store.
//! - `SHORTAGE-2` A connect that finds no descriptor all the same is tried again, after pauses that grow, for as long
//!   as a connect may take. Nothing had been sent, so nothing is done twice.
//!
//! **Left out**: a look-up of a name that finds no descriptor; resolvers report it in words of their own.
//!
//! **Source**: `aio::TcpListener`, which waits in the same way on the other side (`ACCEPT-2`).

use std::error::Error;
use std::fs;
use std::io;
use std::time::Duration;

use crate::os::limits::open_files;
use crate::os::socket::is_shortage;
use crate::web::client::{Failure, Fault, Options};

/// Descriptors left for what else a program opens: a selector, a wake-up, files a resolver reads. Taste.
const SPARE: usize = 16;

/// The first pause; doubled each time. Taste: a small page takes less.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How many connections there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Requests that run at once; at least one.
    pub(super) at_once: usize,
    /// Connections in store beside them.
    pub(super) kept: usize,
}

impl Room {
    /// Looks how much there is for `wanted` requests at once (`SHORTAGE-1`); with `each` descriptors to a connection:
    /// two, when the server is in this process too.
    pub(super) fn look(wanted: usize, each: usize) -> Self {
        // Whoever cannot be told the limits is stopped by them, which is survived (SHORTAGE-2).
        Self::within(free_descriptors().unwrap_or(usize::MAX), wanted, each)
    }

    /// Parts the free descriptors.
    fn within(free: usize, wanted: usize, each: usize) -> Self {
        let room = free.saturating_sub(SPARE) / each;
        // A quarter of what is scarce goes to the store: a connection that is used again saves more than it costs.
        let at_once = wanted.min(room - room / 4).max(1);
        Self { at_once, kept: room.saturating_sub(at_once).min(at_once) }
    }
}

/// How many descriptors may still be opened.
fn free_descriptors() -> io::Result<usize> {
    let open = fs::read_dir("/proc/self/fd")?.count();
    let limit = usize::try_from(open_files()?.soft).unwrap_or(usize::MAX);
    Ok(limit.saturating_sub(open))
}

/// Tells for how long to pause when a fetch has failed for want of descriptors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// What is left of it.
    left: Duration,
    /// The next pause.
    pause: Duration,
}

impl Patience {
    /// Begins with as much as a connect may take.
    pub(super) fn new(options: &Options) -> Self {
        Self { left: options.connect, pause: FIRST_PAUSE }
    }

    /// Returns the pause before the next attempt; `None` if there is to be none (`SHORTAGE-2`).
    pub(super) fn next<T>(&mut self, fetched: &Result<T, Failure>) -> Option<Duration> {
        let Err(Failure { fault: Fault::Connect(error), .. }) = fetched else { return None };
        if !has_shortage(error) {
            return None;
        }
        self.left = self.left.checked_sub(self.pause)?;
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

/// Tells whether a shortage is the cause of an error, however it was wrapped.
fn has_shortage(error: &io::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(is_shortage) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_run_at_once_than_there_are_descriptors_and_at_least_one() {
        let room = |free, wanted, each| {
            let Room { at_once, kept } = Room::within(free, wanted, each);
            (at_once, kept)
        };
        assert_eq!(room(1_000, 100, 1), (100, 100), "SHORTAGE-1: enough for all");
        assert_eq!(room(216, 1_000, 1), (150, 50), "SHORTAGE-1: a quarter is kept");
        assert_eq!(room(216, 1_000, 2), (75, 25), "SHORTAGE-1: the server has its half");
        assert_eq!(room(3, 10, 1), (1, 0), "SHORTAGE-1: one always may try");
    }

    #[test]
    fn a_shortage_is_waited_out_for_as_long_as_a_connect_may_take_and_nothing_else_is() {
        let options = Options { connect: Duration::from_millis(20), ..Options::default() };
        let mut patience = Patience::new(&options);
        let failed = |error| {
            Err::<(), _>(Failure { fault: Fault::Connect(error), url: String::new(), peer: None })
        };
        let short = || io::Error::from_raw_os_error(24);
        assert!(is_shortage(&short()), "24 is EMFILE");
        assert_eq!(patience.next(&Ok(())), None, "SHORTAGE-2");
        assert_eq!(patience.next(&failed(io::ErrorKind::ConnectionRefused.into())), None);
        let wrapped = io::Error::other(failed(short()).expect_err("a failure").fault);
        let pauses = [failed(short()), failed(wrapped), failed(short())];
        let pauses = pauses.map(|fetched| patience.next(&fetched).map(|pause| pause.as_millis()));
        assert_eq!(pauses, [Some(5), Some(10), None], "SHORTAGE-2: 5 and 10 ms of 20, not 20 more");
    }
}
