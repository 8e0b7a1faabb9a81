//! Works with few descriptors: limits the connections, and waits when the limit is reached all the same.
//!
//! **Invariants**
//! - `SHORTAGE-1` At most as many requests run at the same time as there are free descriptors when the run begins. A
//!   part of the descriptors is left to idle connections.
//! - `SHORTAGE-2` A connect that finds no free descriptor is tried again after growing pauses, for as long as a connect
//!   may take. Nothing had been sent, so no request is sent twice.

use std::error::Error;
use std::fs;
use std::io;
use std::time::Duration;

use super::plan::FetchPlan;
use crate::os::limits::open_files;
use crate::os::socket::is_shortage;
use crate::web::client::{Failure, Fault, Options};

/// Descriptors left for the rest of the program: the selector, the waker, the files that a resolver reads.
const SPARE: usize = 16;

/// The first pause; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How many connections may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionLimits {
    /// Requests that run at the same time; at least one.
    pub(super) at_once: usize,
    /// Idle connections besides.
    pub(super) idle: usize,
}

impl ConnectionLimits {
    /// Computes the limits for a plan from the descriptors that are free now (`SHORTAGE-1`).
    pub(super) fn now(plan: &FetchPlan) -> Self {
        let wanted = plan.concurrency.min(plan.links.len().max(1));
        // If the limit cannot be read, connects may reach it (SHORTAGE-2).
        let free = free_descriptors().unwrap_or(usize::MAX);
        Self::within(free, wanted, 1 + usize::from(plan.serves_itself))
    }

    /// Divides `free` descriptors; a connection takes `each` of them.
    fn within(free: usize, wanted: usize, each: usize) -> Self {
        let room = free.saturating_sub(SPARE) / each;
        // A quarter of scarce descriptors goes to idle connections: using one again saves a connect.
        let at_once = wanted.min(room - room / 4).max(1);
        Self { at_once, idle: room.saturating_sub(at_once).min(at_once) }
    }
}

/// Returns how many descriptors this process may still open.
fn free_descriptors() -> io::Result<usize> {
    let open = fs::read_dir("/proc/self/fd")?.count();
    let limit = usize::try_from(open_files()?).unwrap_or(usize::MAX);
    Ok(limit.saturating_sub(open))
}

/// Exponential backoff for connects that find no free descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShortageBackoff {
    /// How much longer the pauses may last together.
    left: Duration,
    /// The next pause.
    pause: Duration,
}

impl ShortageBackoff {
    /// Allows pauses for as long as a connect may take.
    pub(super) fn new(options: &Options) -> Self {
        Self { left: options.connect, pause: FIRST_PAUSE }
    }

    /// Returns the pause before the next attempt; `None` if there is to be none (`SHORTAGE-2`).
    pub(super) fn pause_after<T>(&mut self, fetched: &Result<T, Failure>) -> Option<Duration> {
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

/// Tells whether the error, or an error that it wraps, is a shortage of descriptors.
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
        let limits = |free, wanted, each| {
            let limits = ConnectionLimits::within(free, wanted, each);
            (limits.at_once, limits.idle)
        };
        assert_eq!(limits(1_000, 100, 1), (100, 100), "SHORTAGE-1: enough for all");
        assert_eq!(
            limits(216, 1_000, 1),
            (150, 50),
            "SHORTAGE-1: a quarter is for idle connections"
        );
        assert_eq!(limits(216, 1_000, 2), (75, 25), "SHORTAGE-1: the server has its half");
        assert_eq!(limits(3, 10, 1), (1, 0), "SHORTAGE-1: at least one may try");
    }

    #[test]
    fn a_shortage_is_waited_out_for_as_long_as_a_connect_may_take_and_nothing_else_is() {
        let options = Options { connect: Duration::from_millis(20), ..Options::default() };
        let mut backoff = ShortageBackoff::new(&options);
        let failed = |error| {
            Err::<(), _>(Failure { fault: Fault::Connect(error), url: String::new(), peer: None })
        };
        let short = || io::Error::from_raw_os_error(24);
        assert!(is_shortage(&short()), "24 is EMFILE");
        assert_eq!(backoff.pause_after(&Ok(())), None, "SHORTAGE-2");
        assert_eq!(backoff.pause_after(&failed(io::ErrorKind::ConnectionRefused.into())), None);
        let wrapped = io::Error::other(failed(short()).expect_err("a failure").fault);
        let pauses = [failed(short()), failed(wrapped), failed(short())];
        let pauses =
            pauses.map(|fetched| backoff.pause_after(&fetched).map(|pause| pause.as_millis()));
        assert_eq!(pauses, [Some(5), Some(10), None], "SHORTAGE-2: 5 and 10 ms of 20, not 20 more");
    }
}
