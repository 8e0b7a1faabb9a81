//! A short cut for the job that is alone: its answer is handed over in the ledger, and the leader woken there.
//!
//! Problem: an answer through the socket is four visits to the kernel: a send, a wait for the socket, a receive, and
//! the copies of each. But the answer stands in the ledger already (`LEDGER-2`); only the leader sleeps elsewhere. So
//! when a leader waits for one job of one worker and nothing else, it sleeps on a word of that worker's ledger.
//!
//! | the word | means | set by |
//! | --- | --- | --- |
//! | [`AWAKE`] | nobody sleeps on it | the leader, when it gets up |
//! | [`ASLEEP`] | a leader does, or is about to | the leader, before it sends the job |
//! | [`CALLED`] | it shall get up and look everywhere | whoever has news, or has sent through the socket |
//! | [`HANDED`] | everything the worker has written is for it to fetch | the worker, in the place of a send |
//!
//! ```text
//! leader                                  worker
//! ASLEEP, send the job, unlock
//! sleeps while ASLEEP
//!                                         runs the job, notes the answer
//!                                         ASLEEP -> HANDED, wake, receive
//! lock; HANDED -> AWAKE: fetches
//! ```
//! Whoever changes the word away from `ASLEEP` has decided how the answer travels, and both sides know it. A leader
//! that lies down a moment too late, with the answer written already, may find that it was handed over before it
//! could change its mind:
//!
//! ```text
//! leader                                  worker
//!                                         notes the answer
//! ASLEEP; sees that more is written
//!                                         ASLEEP -> HANDED
//! stay_up: HANDED, so it gets up as if it had slept, and fetches
//! ```
//!
//! **Invariants**
//! - `DOZE-1`: a leader lies down only when the job is the last thing in the worker's stream, and what the worker had
//!   written before has come. So the next bytes the worker reads were sent after the leader got up, and what was
//!   handed over has been fetched by then: the worker may forget it.
//! - `DOZE-2`: while a leader dozes nothing is sent to its worker: who has something calls it, and it sends.
//! - `DOZE-3`: it lies down under the pool's lock, and whoever has news calls it under that lock: so no call is lost.
//! - `DOZE-4`: a worker that dies does not wake it, the fork server's word does, by the pool's thread (`PWATCH-2`).
//!
//! **Left out**: jobs by this way, too. The worker would wait for its parent's word alone, and not hear of its end.
//!
//! **Source**: futex(2); the "sleeping barber" of Dijkstra, in which the barber also is woken only when he sleeps.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::ledger::{Ledger, OWNER};
use super::link::{Answered, Link};

/// Nobody sleeps.
const AWAKE: u64 = 0;
/// A leader sleeps.
const ASLEEP: u64 = 1;
/// It shall look.
const CALLED: u64 = 2;
/// It shall fetch.
const HANDED: u64 = 3;

impl Ledger {
    /// Parent: a leader is about to doze here. False when the worker has written beyond the first `have` bytes of its
    /// stream: then these may be in the socket, sent before anybody slept, and [`stay_up`](Self::stay_up) must follow.
    pub(super) fn lie_down(&self, have: u64) -> bool {
        self.memory.word(OWNER).store(ASLEEP, Ordering::SeqCst);
        // Store, then look: pairs with `rouse`, which is called after a note of bytes, and looks at this word.
        fence(Ordering::SeqCst);
        self.written() == have
    }

    /// Parent: the leader does without its doze. False when it is too late: something was handed over meanwhile, so it
    /// must go on as if it had slept.
    pub(super) fn stay_up(&self) -> bool {
        let word = self.memory.word(OWNER);
        // Pairs with the exchange in `rouse`. From `CALLED` nobody changes the word but this side.
        match word.compare_exchange(ASLEEP, AWAKE, Ordering::SeqCst, Ordering::SeqCst) {
            Err(HANDED) => false,
            Ok(_) => true,
            Err(_) => {
                word.store(AWAKE, Ordering::SeqCst);
                true
            }
        }
    }

    /// Parent: dozes until it is called, or an answer is handed over, or the time is up; or wakes for no reason.
    pub(super) fn doze(&self, timeout: Duration) {
        if self.memory.word(OWNER).load(Ordering::SeqCst) == ASLEEP {
            self.memory.wait_while(OWNER, ASLEEP, timeout);
        }
    }

    /// Parent: the leader has got up. True when everything written is to be fetched, and will not be sent.
    pub(super) fn get_up(&self) -> bool {
        // Pairs with the exchange in `rouse`: this side or the other has the word's change, and so the decision.
        self.memory.word(OWNER).swap(AWAKE, Ordering::SeqCst) == HANDED
    }

    /// Worker: hands over what it has written, if a leader dozes; false when it must be sent.
    pub(super) fn hand_over(&self) -> bool {
        self.rouse(HANDED)
    }

    /// Either side: calls a leader that dozes, if one does.
    pub(super) fn call(&self) {
        self.rouse(CALLED);
    }

    /// Changes the word if somebody is asleep, and wakes it.
    fn rouse(&self, to: u64) -> bool {
        // Pairs with the fence in `lie_down`.
        fence(Ordering::SeqCst);
        let word = self.memory.word(OWNER);
        let was_asleep =
            word.compare_exchange(ASLEEP, to, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if was_asleep {
            self.memory.wake(OWNER);
        }
        was_asleep
    }
}

impl Link {
    /// Has a leader lie down here, and sends it its job; nothing when it would not hear of all there is (`DOZE-1`).
    pub(super) fn lie_down(&mut self) -> Option<Arc<Ledger>> {
        let is_alone = self.window.len() == 1 && self.ends_with_job && !self.gone;
        if !is_alone || self.bulk.is_some() || self.accepted != self.received {
            return None;
        }
        // Before the job is sent: its answer may be there before the send returns.
        let heard_all = self.ledger.lie_down(self.accepted);
        if heard_all {
            self.send();
        }
        if (!heard_all || self.out.is_blocked()) && self.ledger.stay_up() {
            return None;
        }
        self.dozing = true;
        Some(Arc::clone(&self.ledger))
    }

    /// Has the leader get up that dozed on this ledger, and takes what has come; nothing if it is another worker's.
    pub(super) fn get_up(&mut self, ledger: &Arc<Ledger>, answered: &mut Vec<Answered>) {
        if !Arc::ptr_eq(&self.ledger, ledger) {
            return;
        }
        self.dozing = false;
        if self.ledger.get_up() {
            self.fetch(answered);
            // These bytes will not come through the socket.
            self.received = self.accepted;
        } else {
            self.receive(answered);
        }
    }

    /// Tells whether there is something to send that a leader does not know of who waits for this worker.
    pub(super) fn has_unseen(&self) -> bool {
        self.out.is_blocked()
            || (self.dozing && !self.out.is_empty())
            || !(self.watched || self.window.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_as_a_leader_lies_down_is_not_forgotten() {
        let (ledger, _fd) = Ledger::new().unwrap();
        assert!(ledger.lie_down(0) && ledger.stay_up(), "nothing was written: both ways are open");
        assert!(!ledger.hand_over(), "nobody sleeps, so the worker has to send");
        ledger.note(0, b"answer");
        assert!(!ledger.lie_down(0), "more is written than has come");
        assert!(ledger.hand_over(), "the worker cannot know that the leader will not sleep");
        assert!(!ledger.stay_up(), "DOZE-1: expected to hear that it was handed over");
        assert!(ledger.get_up(), "DOZE-1: expected it to be there to fetch");
        ledger.lie_down(6);
        ledger.call();
        assert!(ledger.stay_up() && !ledger.get_up(), "a call hands nothing over");
    }
}
