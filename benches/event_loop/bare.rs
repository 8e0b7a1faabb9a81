//! The bare mechanism behind a wake: an event descriptor and epoll, by way of mio.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

/// The time from a write to the event descriptor on another thread until `epoll_wait` has returned.
pub(crate) fn wakes(times: u64) -> Duration {
    let mut poll = Poll::new().expect("holds because epoll is there");
    let waker = Waker::new(poll.registry(), Token(0)).expect("holds because eventfd is there");
    let mut events = Events::with_capacity(1);
    let rung = Arc::new(Mutex::new(None));
    let (requests, thread) = super::ringer({
        let rung = Arc::clone(&rung);
        move || {
            *rung.lock().expect("holds because nobody panics with the lock") = Some(Instant::now());
            waker.wake().expect("holds because the descriptor is open");
        }
    });
    let mut spent = Duration::ZERO;
    for _ in 0..times {
        requests.send(()).expect("holds because the ringer waits for requests");
        let mut heard = None;
        while heard.is_none() {
            poll.poll(&mut events, None).expect("holds because no signal interrupts");
            heard = rung.lock().expect("holds because nobody panics with the lock").take();
        }
        spent += heard.as_ref().map_or(Duration::ZERO, Instant::elapsed);
    }
    drop(requests);
    thread.join().expect("holds because the ringer does not panic");
    spent
}
