//! An event loop without coroutines: it calls the closure that was registered for a socket, which does what can be done
//! at once and returns.
//!
//! **Invariants**
//! - `CALL-1` A token is given out once and never again. So a late event of a dropped socket finds no closure, even
//!   when the kernel has given its descriptor number to a new socket.
//! - `CALL-2` A closure is out of the table while it runs, so that it can borrow the loop and change the table.
//!   Afterwards it is put back, unless it has removed itself.
//! - `CALL-3` The selector is asked once between two passes over `soon`, so a closure that calls itself again and
//!   again starves no socket. The selector blocks only when `soon` is empty.
//!
//! **Source**: the reactor pattern (Schmidt 1995); libevent's `event_base_loop` and its table of callbacks.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token};

/// What has happened to a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    /// It became ready.
    Ready {
        /// It can be read.
        readable: bool,
        /// No further event will tell of the stream's end.
        closed: bool,
    },
    /// Its deadline passed.
    TimedOut,
    /// The closure asked to be called again soon, or all closures are called.
    Turn,
}

/// What is called when something happens. It owns the socket and all that must be remembered about it.
type Callback = Box<dyn FnMut(&mut CallbackLoop, Happening)>;

/// A row of the table.
struct Entry {
    /// What to call; absent while it runs (`CALL-2`).
    callback: Option<Callback>,
    /// When to call it with [`Happening::TimedOut`]; `deadlines` holds the same.
    deadline: Option<Instant>,
}

/// Calls closures when something happens to their sockets.
pub(super) struct CallbackLoop {
    /// The closures. The loop ends when there are none.
    table: HashMap<Token, Entry>,
    /// Closures to call without an event, once the selector has been asked.
    soon: BTreeSet<Token>,
    /// All deadlines, earliest first.
    deadlines: BTreeSet<(Instant, Token)>,
    /// The selector.
    selector: Poll,
    /// The next token to give out (`CALL-1`).
    next_token: usize,
}

impl CallbackLoop {
    /// Makes a loop with an empty table.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            table: HashMap::new(),
            soon: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            selector: Poll::new()?,
            next_token: 0,
        })
    }

    /// Registers a socket with the selector, for reading and writing, and returns its token.
    pub(super) fn watch(&mut self, socket: &mut impl Source) -> io::Result<Token> {
        let token = Token(self.next_token);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.selector.registry().register(socket, token, both)?;
        self.next_token += 1;
        Ok(token)
    }

    /// Calls the closure from now on for everything that happens to the token.
    pub(super) fn on(&mut self, token: Token, closure: impl FnMut(&mut Self, Happening) + 'static) {
        let callback: Option<Callback> = Some(Box::new(closure));
        self.table.insert(token, Entry { callback, deadline: None });
    }

    /// Drops the token's closure, and with it the socket that the closure owns.
    pub(super) fn remove(&mut self, token: Token) {
        self.set_deadline(token, None);
        self.table.remove(&token);
    }

    /// Calls the token's closure with [`Happening::Turn`] once the selector has been asked.
    pub(super) fn call_soon(&mut self, token: Token) {
        self.soon.insert(token);
    }

    /// Calls all closures with [`Happening::Turn`] soon.
    pub(super) fn call_all_soon(&mut self) {
        self.soon.extend(self.table.keys());
    }

    /// Replaces the token's deadline.
    pub(super) fn set_deadline(&mut self, token: Token, deadline: Option<Instant>) {
        let Some(entry) = self.table.get_mut(&token) else { return };
        if let Some(at) = entry.deadline {
            self.deadlines.remove(&(at, token));
        }
        entry.deadline = deadline;
        self.deadlines.extend(deadline.map(|at| (at, token)));
    }

    /// Calls closures until the table is empty.
    ///
    /// # Errors
    /// The selector failed.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.table.is_empty() {
            match self.selector.poll(&mut events, self.time_left()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                answer => answer?,
            }
            // A closure that asks again during this pass waits for the next one (CALL-3).
            let soon = std::mem::take(&mut self.soon);
            for event in &events {
                let closed = event.is_read_closed() || event.is_error();
                let readable = event.is_readable() || closed;
                self.call(event.token(), Happening::Ready { readable, closed });
            }
            self.call_timed_out();
            for token in soon {
                self.call(token, Happening::Turn);
            }
        }
        Ok(())
    }

    /// Returns how long the selector may block.
    fn time_left(&self) -> Option<Duration> {
        if !self.soon.is_empty() {
            return Some(Duration::ZERO);
        }
        let (deadline, _) = self.deadlines.first()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Calls the closures whose deadline has passed; each must set a new one if it wants one.
    fn call_timed_out(&mut self) {
        let now = Instant::now();
        while let Some(&(deadline, token)) = self.deadlines.first()
            && deadline <= now
        {
            self.set_deadline(token, None);
            self.call(token, Happening::TimedOut);
        }
    }

    /// Calls a token's closure, if it is still in the table (`CALL-2`).
    fn call(&mut self, token: Token, happening: Happening) {
        let callback = self.table.get_mut(&token).and_then(|entry| entry.callback.take());
        let Some(mut callback) = callback else { return };
        callback(self, happening);
        if let Some(entry) = self.table.get_mut(&token) {
            entry.callback = Some(callback);
        }
    }
}
