//! What the handlers of one server on one thread have in common, be they closures or coroutines.
//!
//! **Invariants**
//! - `SHARED-1` The buffers are borrowed within one handler only, so never twice.
//! - `SHARED-2` Whoever stopped for lack of room says so, and whoever leaves room wakes him.
//!
//! **Left out**: locks. There is one thread.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Instant;

use mio::Token;

use super::Config;
use super::nonblocking::Buffers;

/// The part of a server that all its handlers see.
#[derive(Debug)]
pub(super) struct Shared {
    /// What the server was started with.
    pub(super) config: Config,
    /// The listener's token.
    pub(super) door: Token,
    /// The loop's buffers (`SHARED-1`).
    pub(super) buffers: RefCell<Buffers>,
    /// How many clients there are.
    pub(super) open: Cell<usize>,
    /// Whether nobody is taken in for lack of room or of descriptors (`SHARED-2`). At other times a wake would
    /// cost a futile `accept`.
    pub(super) wants_room: Cell<bool>,
    /// Set when the server stops: until when what is in flight may take.
    pub(super) stop_until: Cell<Option<Instant>>,
    /// Why the server stopped, if it was not asked to.
    pub(super) failure: RefCell<Option<io::Error>>,
}

impl Shared {
    /// Makes the state of a server without clients.
    pub(super) fn new(config: &Config, door: Token) -> Rc<Self> {
        Rc::new(Self {
            config: config.clone(),
            door,
            buffers: RefCell::new(Buffers::new()),
            open: Cell::new(0),
            wants_room: Cell::new(false),
            stop_until: Cell::new(None),
            failure: RefCell::new(None),
        })
    }

    /// Takes note that the server stops: its grace begins.
    pub(super) fn begin_stop(&self) {
        // A grace too long for the clock ends at once: it would have to be centuries.
        let now = Instant::now();
        self.stop_until.set(Some(now.checked_add(self.config.grace).unwrap_or(now)));
    }

    /// Takes note that a client has left; tells whether somebody waits for its place (`SHARED-2`).
    pub(super) fn leave(&self) -> bool {
        self.open.set(self.open.get() - 1);
        self.wants_room.take()
    }

    /// Returns what the server ends with.
    ///
    /// # Errors
    /// Why it stopped without being asked to.
    pub(super) fn outcome(&self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }
}
