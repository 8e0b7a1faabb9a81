//! Who waits for a lock, a permit, an event or an item: a list, first in first out.
//!
//! A waiter may be dropped at any moment, also in the middle of ten thousand others, and also in the moment
//! between "it is your turn" and the poll that would have seen it. A plain queue of wakers would have to
//! be searched for the first, and loses the turn in the second.
//!
//! **Invariants**
//! - `WAIT-1` Grants are given in the order of [`push`](WaitList::push).
//! - `WAIT-2` A place belongs to its [`Key`] until [`remove`](WaitList::remove), granted or not, and
//!   whoever removes a place learns whether it was granted.
//! - `WAIT-3` A place is linked exactly while it is not granted, and holds a waker exactly then.
//! - `WAIT-4` Every operation takes constant time, wherever in the list the place is.
//! - `WAIT-5` No waker is called or dropped here: they are handed out, for when nothing is borrowed.
//!
//! **Left out**: nodes inside the waiting futures themselves, as tokio has them. They save the vector and
//! need unsafe code.
//!
//! **Source**: tokio's `util::linked_list` and `sync::batch_semaphore`; `asyncio.locks`, whose deque of
//! futures is searched on cancellation.

use std::task::Waker;

/// The right to a place in a list. Its owner gives it back with [`WaitList::remove`].
#[derive(Debug)]
pub(crate) struct Key(u32);

/// No place: the end of the row, or of the places to use again.
const NONE: u32 = u32::MAX;

/// Waiters, the one that waits longest in front.
#[derive(Debug)]
pub(crate) struct WaitList {
    /// Every place, in use or free; a key is an index.
    places: Vec<Place>,
    /// A place to use again; its `after` is the next such, so that they need no list of their own.
    free: u32,
    /// The place to be granted next.
    first: u32,
    /// The place that was pushed last.
    last: u32,
    /// How many places are linked.
    waiting: usize,
}

/// One waiter's place.
#[derive(Debug)]
struct Place {
    /// Who is granted before it; only while linked (`WAIT-3`).
    before: u32,
    /// Who is granted after it while linked; which place is free too while free.
    after: u32,
    /// Whom to wake; `None` once granted.
    waker: Option<Waker>,
}

impl Default for WaitList {
    fn default() -> Self {
        Self { places: Vec::new(), free: NONE, first: NONE, last: NONE, waiting: 0 }
    }
}

/// A place that was given back.
#[derive(Debug)]
pub(crate) struct Removed {
    /// Had it been granted? Then its owner has something to use or to pass on (`WAIT-2`).
    pub(crate) granted: bool,
    /// The waker of one that had not, to be dropped when nothing is borrowed.
    pub(crate) waker: Option<Waker>,
}

impl WaitList {
    /// Adds a waiter at the end.
    pub(crate) fn push(&mut self, waker: &Waker) -> Key {
        let (before, after, waker) = (self.last, NONE, Some(waker.clone()));
        // A place that was used before, if there is one: a list is as long as it ever was, and no longer.
        let index = self.free;
        let index = if let Some(place) = self.places.get_mut(index as usize) {
            self.free = place.after;
            (place.before, place.after, place.waker) = (before, after, waker);
            index
        } else {
            self.places.push(Place { before, after, waker });
            u32::try_from(self.places.len() - 1)
                .expect("holds because memory ends before 2³² waiters")
        };
        match self.places.get_mut(before as usize) {
            Some(before) => before.after = index,
            None => self.first = index,
        }
        self.last = index;
        self.waiting += 1;
        Key(index)
    }

    /// Tells whether a place has been granted.
    pub(crate) fn is_granted(&self, key: &Key) -> bool {
        self.places[key.0 as usize].waker.is_none()
    }

    /// Has a place that still waits wake `waker`; the displaced one comes back.
    pub(crate) fn wait_on(&mut self, key: &Key, waker: &Waker) -> Option<Waker> {
        let known = &mut self.places[key.0 as usize].waker;
        match known {
            Some(known) if known.will_wake(waker) => None,
            _ => known.replace(waker.clone()),
        }
    }

    /// Grants the first place (`WAIT-1`) and returns its waker, for the caller to call.
    pub(crate) fn grant(&mut self) -> Option<Waker> {
        if self.first == NONE { None } else { self.unlink(self.first) }
    }

    /// Grants every place.
    pub(crate) fn grant_all(&mut self) -> Vec<Waker> {
        std::iter::from_fn(|| self.grant()).collect()
    }

    /// Gives a place back.
    pub(crate) fn remove(&mut self, Key(index): Key) -> Removed {
        let granted = self.places[index as usize].waker.is_none();
        let waker = if granted { None } else { self.unlink(index) };
        self.places[index as usize].after = self.free;
        self.free = index;
        Removed { granted, waker }
    }

    /// Counts those who wait and have not been granted.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Takes a linked place out of the row, and its waker out of the place.
    fn unlink(&mut self, index: u32) -> Option<Waker> {
        let place = &mut self.places[index as usize];
        let (before, after, waker) = (place.before, place.after, place.waker.take());
        // NONE is beyond every place, so the two ends of the row are found by looking past it.
        match self.places.get_mut(before as usize) {
            Some(before) => before.after = after,
            None => self.first = after,
        }
        match self.places.get_mut(after as usize) {
            Some(after) => after.before = before,
            None => self.last = before,
        }
        self.waiting -= 1;
        waker
    }
}
