//! The future of whoever wants something that is given in turn: a lock, a permit, room, an item.
//!
//! All of them do the same: take it when it is free, else stand in line; and when dropped after it was
//! given but before it was used, give it to the next. That last sentence is forgotten easily, and then a
//! cancelled task takes a lock with it into the grave. So it is written once, here.
//!
//! **Invariants**
//! - `GIVE-1` Nothing is taken past those who wait: a [`Giver`] hands over what comes free, and it is free
//!   only when nobody waits.
//! - `GIVE-2` Whatever a waiting future was given is used by its owner, or given back when it is dropped.
//! - `GIVE-3` No waker is called while a list is borrowed.
//! - `GIVE-4` Each time it is ready counts against the task's budget, so a loop over something that is
//!   always free does not starve the other tasks.
//!
//! | state | poll: free or granted | poll: not yet | dropped |
//! | --- | --- | --- | --- |
//! | `New` | → `Has` | → `Listed` | nothing to do |
//! | `Listed` | → `Has` | stays | leaves the list; gives back what it was granted |
//! | `Has` | → `Done`, ready | (budget spent) stays | gives back |
//! | `Done` | | | its owner has it |
//!
//! **Source**: tokio's `sync::batch_semaphore`, on which its lock and channel stand.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::wait_list::{Key, Removed, WaitList};
use crate::rt::{Wait, poll_budget, waits_for};

/// What gives something to one waiter after another.
pub(crate) trait Giver: Unpin {
    /// What its waiters are said to wait for.
    const WAIT: Wait;
    /// Who waits.
    fn waiters(&self) -> &RefCell<WaitList>;
    /// Takes what is wanted, if it is free.
    fn try_take(&self) -> bool;
    /// Gives what was taken or granted, and not used, to the next waiter, or makes it free.
    fn give_back(&self);
}

/// Waits for something, and holds it from then until the caller goes on.
#[derive(Debug)]
#[must_use = "it waits when it is awaited"]
pub(crate) struct Waiting<G: Giver> {
    /// Who gives.
    giver: G,
    /// How far it is.
    state: State,
}

/// How far a waiting future is; see the table above.
#[derive(Debug)]
enum State {
    /// Not polled yet.
    New,
    /// In line.
    Listed(Key),
    /// It has what it wants, and its task has not been told.
    Has,
    /// Its task has it.
    Done,
}

impl<G: Giver> Waiting<G> {
    /// Makes a future that has not asked yet.
    pub(crate) fn new(giver: G) -> Self {
        Self { giver, state: State::New }
    }

    /// Tries to get as far as `Has`.
    fn advance(&mut self, cx: &Context<'_>) -> Poll<()> {
        match &self.state {
            State::New if self.giver.try_take() => self.state = State::Has,
            State::New => {
                let key = self.giver.waiters().borrow_mut().push(cx.waker());
                self.state = State::Listed(key);
                return Poll::Pending;
            }
            State::Listed(key) => {
                let mut waiters = self.giver.waiters().borrow_mut();
                if !waiters.is_granted(key) {
                    let displaced = waiters.wait_on(key, cx.waker());
                    drop(waiters);
                    drop(displaced);
                    return Poll::Pending;
                }
                drop(waiters);
                self.leave_list(State::Has);
            }
            State::Has | State::Done => {}
        }
        Poll::Ready(())
    }

    /// Goes on to `next`, giving back the place in the list; tells whether that had been granted.
    fn leave_list(&mut self, next: State) -> bool {
        let State::Listed(key) = std::mem::replace(&mut self.state, next) else { return false };
        let Removed { granted, waker } = self.giver.waiters().borrow_mut().remove(key);
        // WAIT-5: the borrow has ended.
        drop(waker);
        granted
    }
}

impl<G: Giver> Future for Waiting<G> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.advance(cx).is_pending() {
            waits_for(G::WAIT);
            return Poll::Pending;
        }
        ready!(poll_budget(cx));
        this.state = State::Done;
        Poll::Ready(())
    }
}

impl<G: Giver> Drop for Waiting<G> {
    fn drop(&mut self) {
        // GIVE-2.
        let has = matches!(self.state, State::Has);
        if has || self.leave_list(State::Done) {
            self.giver.give_back();
        }
    }
}
