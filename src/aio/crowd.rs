//! The tasks of a server's clients: counted, and told all at once.
//!
//! A server must know how many clients it has, must wake every one of them when it stops, and must wait until the
//! last has gone. If each task waited for an event too, every request would pay for that second wait; so the crowd
//! keeps the task's waker instead, and each task looks at a flag of the server's when it is woken for nothing.
//!
//! **Invariants**
//! - `CROWD-1` A seat is one task's from [`sit`](Crowd::sit) to [`leave`](Crowd::leave), and counts as long.
//! - `CROWD-2` Wakers are woken and dropped when nothing is borrowed.
//!
//! **Source**: this house's calculator; tokio-util's `TaskTracker`.

use std::cell::RefCell;
use std::task::Waker;

use super::Event;

/// A crowd of tasks.
#[derive(Debug, Default)]
pub struct Crowd {
    /// Who is there.
    seats: RefCell<Seats>,
    /// Set whenever somebody has left.
    left: Event,
}

/// Who is there.
#[derive(Debug, Default)]
struct Seats {
    /// Each task's waker, by seat; one that does nothing until the task has left its own.
    wakers: Vec<Option<Waker>>,
    /// Seats that are free.
    free: Vec<u32>,
}

impl Crowd {
    /// Makes an empty crowd.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a seat.
    ///
    /// # Panics
    /// Never: there are fewer descriptors than seats.
    pub fn sit(&self) -> u32 {
        let mut seats = self.seats.borrow_mut();
        let waker = Some(Waker::noop().clone());
        if let Some(seat) = seats.free.pop() {
            seats.wakers[seat as usize] = waker;
            return seat;
        }
        seats.wakers.push(waker);
        u32::try_from(seats.wakers.len() - 1).expect("holds because descriptors are 32 bits wide")
    }

    /// Leaves the waker of the task that has a seat; it may be called with every poll.
    pub fn stay(&self, seat: u32, waker: &Waker) {
        let mut seats = self.seats.borrow_mut();
        let known = &mut seats.wakers[seat as usize];
        if known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let displaced = known.replace(waker.clone());
        drop(seats);
        drop(displaced);
    }

    /// Gives a seat up.
    pub fn leave(&self, seat: u32) {
        let mut seats = self.seats.borrow_mut();
        let waker = seats.wakers[seat as usize].take();
        seats.free.push(seat);
        drop(seats);
        drop(waker);
        self.left.set();
    }

    /// Counts the tasks.
    pub fn len(&self) -> usize {
        let seats = self.seats.borrow();
        seats.wakers.len() - seats.free.len()
    }

    /// Tells whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes every task.
    pub fn wake_all(&self) {
        let wakers: Vec<_> = self.seats.borrow().wakers.iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits until the crowd is smaller than `limit`. One task at a time may wait so.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn smaller_than(&self, limit: usize) {
        while self.len() >= limit {
            self.left.clear();
            self.left.wait().await;
        }
    }
}
