//! Memory that the connections of a server use in turn.
//!
//! **Invariants**
//! - `POOLS-1` What lies here holds nothing of a request any more, or nothing that is read before it is written.
//! - `POOLS-2` Little is kept: what a crowd needed once is not the server's for ever.
//! - `POOLS-3` The text of `Date` is made once in a second.

use std::cell::{Cell, Ref, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::Request;
use crate::http::Fields;
use crate::http::date::http_date;
use crate::os;

/// How much one read can take, in bytes: a batch of many requests, a body in several turns.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Pieces of memory that are kept of a kind. Taste: as many as connections are at work in the same moment.
const MOST_KEPT: usize = 32;

/// Memory beyond this size is not kept, in bytes. Taste.
const LARGEST_KEPT_BYTES: usize = 64 * 1024;

/// What a server lends to its connections.
#[derive(Default)]
pub(super) struct Pools {
    /// For what is read; each of [`READ_BYTES`], used or not.
    inputs: RefCell<Vec<Vec<u8>>>,
    /// For what is to be written; empty.
    outputs: RefCell<Vec<Vec<u8>>>,
    /// For a request.
    #[expect(clippy::vec_box, reason = "a request moves in and out for every head that is read")]
    requests: RefCell<Vec<Box<Request>>>,
    /// For a response that has no fields of its own: the one field for each `Content-Type`, made at its first use.
    types: RefCell<Vec<(&'static str, Fields)>>,
    /// The second since 1970 that the text of `Date` is for, and the text (`POOLS-3`).
    date: RefCell<(u64, String)>,
    /// The tick of the kernel's clock in which the time was last looked at; to ask for the tick costs less.
    tick: Cell<i64>,
}

impl Pools {
    /// Lends memory to read to.
    pub(super) fn lend_input(&self) -> Vec<u8> {
        self.inputs.borrow_mut().pop().unwrap_or_else(|| vec![0; READ_BYTES])
    }

    /// Takes it back, if it is of the size that was lent.
    pub(super) fn take_back_input(&self, input: Vec<u8>) {
        if input.len() == READ_BYTES {
            keep(&self.inputs, input);
        }
    }

    /// Lends memory to write to.
    pub(super) fn lend_output(&self) -> Vec<u8> {
        self.outputs.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes it back.
    pub(super) fn take_back_output(&self, mut output: Vec<u8>) {
        output.clear();
        if (1..=LARGEST_KEPT_BYTES).contains(&output.capacity()) {
            keep(&self.outputs, output);
        }
    }

    /// Lends a request to read to.
    pub(super) fn lend_request(&self) -> Box<Request> {
        self.requests.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes it back.
    pub(super) fn take_back_request(&self, mut request: Box<Request>) {
        // The head is written over by the next one; the body is what would be added to.
        request.body.clear();
        if request.body.capacity() > LARGEST_KEPT_BYTES {
            request.body = Vec::new();
        }
        keep(&self.requests, request);
    }

    /// Returns the fields of a response that has this content type and nothing else to say.
    pub(super) fn fields_of(&self, content_type: &'static str) -> Ref<'_, Fields> {
        let is_it = |(known, _): &(&str, Fields)| *known == content_type;
        let place = self.types.borrow().iter().position(is_it);
        let place = place.unwrap_or_else(|| {
            let mut fields = Fields::new();
            push_type(&mut fields, content_type);
            let mut types = self.types.borrow_mut();
            types.push((content_type, fields));
            types.len() - 1
        });
        Ref::map(self.types.borrow(), |types| &types[place].1)
    }

    /// Makes the text of `Date` anew, if a second has passed.
    pub(super) fn refresh_date(&self) {
        let tick = os::tick();
        if self.tick.replace(tick) == tick {
            return;
        }
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let mut date = self.date.borrow_mut();
        if date.0 != second || date.1.is_empty() {
            *date = (second, http_date(now));
        }
    }

    /// Returns the text of `Date`, as it was when that was last refreshed.
    pub(super) fn date(&self) -> Ref<'_, str> {
        Ref::map(self.date.borrow(), |(_, text)| text.as_str())
    }
}

/// Adds the field `Content-Type`.
pub(super) fn push_type(fields: &mut Fields, content_type: &'static str) {
    fields
        .push("Content-Type", content_type)
        .expect("holds because the types that `Response` knows are plain texts");
}

/// Puts something into a pool, unless that has enough (`POOLS-2`).
fn keep<T>(pool: &RefCell<Vec<T>>, item: T) {
    let mut pool = pool.borrow_mut();
    if pool.len() < MOST_KEPT {
        pool.push(item);
    }
}
