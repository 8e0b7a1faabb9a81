//! One upstream for all clients of the gateway: a concurrency limit, and request coalescing.
//!
//! **Invariants**
//! - `SHARED-UPSTREAM-1` At most `most_calls` requests are under way at the upstream at the same time.
//! - `SHARED-UPSTREAM-2` Requests for the same city at the same time are one call.
//! - `SHARED-UPSTREAM-3` The time limit of a call includes its wait for a permit. A client that joins a running call
//!   waits for the rest of that call's time.

use std::fmt;
use std::rc::Rc;

use super::answer::Answer;
use super::singleflight::Singleflight;
use super::upstream::Upstream;
use crate::aio::{Semaphore, gather, timeout};

/// An upstream behind a concurrency limit and a table of shared calls. Clones share both.
#[derive(Clone, Debug)]
pub struct SharedUpstream {
    /// What a call needs. A call must not own the table of calls, because the table owns the call.
    limited: Rc<LimitedUpstream>,
    /// The running calls, by city.
    calls: Singleflight<Answer>,
}

/// An upstream behind a concurrency limit.
struct LimitedUpstream {
    /// The upstream.
    upstream: Upstream,
    /// A permit for each request that may be under way (`SHARED-UPSTREAM-1`).
    permits: Semaphore,
}

impl SharedUpstream {
    /// Allows `most_calls` requests at the same time.
    ///
    /// # Panics
    /// If `most_calls` is 0: no call would ever start.
    pub fn new(upstream: Upstream, most_calls: usize) -> Self {
        assert!(most_calls > 0, "with a limit of 0, no call would ever start");
        let limited = Rc::new(LimitedUpstream { upstream, permits: Semaphore::new(most_calls) });
        Self { limited, calls: Singleflight::default() }
    }

    /// Asks for a city.
    ///
    /// # Panics
    /// If no event loop runs on this thread.
    ///
    /// # Cancellation
    /// The call goes on if another client waits for it; otherwise it is cancelled.
    pub async fn ask(&self, city: &str) -> Answer {
        let (limited, name) = (self.limited.clone(), city.to_owned());
        let answer = self.calls.share(city, async move { limited.call(&name).await }).await;
        answer.unwrap_or_else(|| Answer::Failed("the call broke off".to_owned()))
    }

    /// Asks for cities at the same time; the answers stand in the order of the cities.
    ///
    /// # Panics
    /// As [`ask`](Self::ask).
    ///
    /// # Cancellation
    /// As [`ask`](Self::ask), for each city.
    pub async fn ask_all(&self, cities: &[String]) -> Vec<Answer> {
        gather(cities.iter().map(|city| self.ask(city))).await
    }

    /// Returns the number of calls that run or wait for a permit.
    pub fn calls(&self) -> usize {
        self.calls.count()
    }
}

impl LimitedUpstream {
    /// Makes one call: acquires a permit and sends the request, both within the time limit (`SHARED-UPSTREAM-3`).
    async fn call(&self, city: &str) -> Answer {
        let limit = self.upstream.limit();
        let call = async {
            let _permit = self.permits.acquire().await;
            self.upstream.ask(city).await
        };
        timeout(limit, call).await.unwrap_or(Answer::TimedOut(limit))
    }
}

impl fmt::Debug for LimitedUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedUpstream")
            .field("upstream", &self.upstream)
            .field("permits", &self.permits.available())
            .finish()
    }
}
