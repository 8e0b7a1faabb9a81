//! Where the gateway's requests ask for cities: one upstream, shared sparingly.
//!
//! **Invariants**
//! - `DESK-1` Never more calls than the cap are under way at the upstream, whoever asks and for what.
//! - `DESK-2` Equal cities that are asked for at the same time are one call (`FLIGHT-1`).
//! - `DESK-3` The limit on time covers the wait for a place under the cap: nobody waits longer for having come late.
//!   Who joins a call that has begun waits for the rest of its time.

use std::fmt;
use std::rc::Rc;

use super::answer::Answer;
use super::flights::Flights;
use super::upstream::Upstream;
use crate::aio::{Semaphore, gather, timeout};

/// An upstream behind a cap and a table of calls in flight. A clone is the same desk.
#[derive(Clone, Debug)]
pub struct Desk {
    /// What calls need.
    caller: Rc<Caller>,
    /// The calls in flight.
    flights: Flights<Answer>,
}

/// What a call needs; apart from the table of calls, so that a call does not own the table that owns it.
struct Caller {
    /// Who is asked.
    upstream: Upstream,
    /// Places for calls (`DESK-1`).
    cap: Semaphore,
}

impl Desk {
    /// Makes a desk with so many places.
    ///
    /// # Panics
    /// With no place: nobody would ever be answered.
    pub fn new(upstream: Upstream, most_calls: usize) -> Self {
        assert!(most_calls > 0, "with no place for a call nobody is ever answered");
        let caller = Rc::new(Caller { upstream, cap: Semaphore::new(most_calls) });
        Self { caller, flights: Flights::new() }
    }

    /// Asks for a city.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// The call goes on if somebody else waits for it, and is given up if not (`FLIGHT-2`).
    pub async fn ask(&self, city: &str) -> Answer {
        let (caller, name) = (self.caller.clone(), city.to_owned());
        let answer = self.flights.share(city, async move { caller.call(&name).await }).await;
        answer.unwrap_or_else(|| Answer::Failed("the call broke off".to_owned()))
    }

    /// Asks for cities at the same time; answers stand in their order.
    ///
    /// # Panics
    /// As [`ask`](Self::ask).
    ///
    /// # Cancellation
    /// As [`ask`](Self::ask), for each.
    pub async fn ask_all(&self, cities: &[String]) -> Vec<Answer> {
        gather(cities.iter().map(|city| self.ask(city))).await
    }

    /// Counts the calls in flight, those that wait for a place included.
    pub fn calls(&self) -> usize {
        self.flights.count()
    }
}

impl Caller {
    /// One call: a place, then the request, all within the limit (`DESK-3`).
    async fn call(&self, city: &str) -> Answer {
        let limit = self.upstream.limit();
        let call = async {
            let _place = self.cap.acquire().await;
            self.upstream.ask(city).await
        };
        timeout(limit, call).await.unwrap_or(Answer::TimedOut(limit))
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("upstream", &self.upstream)
            .field("places", &self.cap.available())
            .finish()
    }
}
