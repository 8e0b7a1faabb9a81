//! An event loop without coroutines: a table from a token to the closure that wants to hear of it.
//!
//! The problem it solves is the same as [`generator`](crate::generator)'s: one thread, many sockets. Here nobody
//! is resumed. The loop calls whoever registered for a socket and tells what has happened to it; the closure does
//! what can be done at once and returns. It does not say what it waits for, as it is called for everything.
//!
//! **Invariants**
//! - `CALL-1` a token is given out once and never again, so a late event of a dropped socket finds no closure, even
//!   when the kernel has given its descriptor number to a new one.
//! - `CALL-2` a closure is out of the table while it runs, so that it can be lent the loop and change the table.
//!   When it returns it is put back, unless it has forgotten itself.
//! - `CALL-3` each token has at most one deadline; `deadlines` and the table agree about it.
//! - `CALL-4` the selector is asked once between two passes over `soon`, so that whoever calls itself again and
//!   again keeps nobody from being heard. It blocks only when `soon` is empty.
//! - `CALL-5` every event reaches its closure, whatever the closure is waiting for. So edges are never lost here, as
//!   long as the closure remembers them itself.
//!
//! **Left out**: closures that are not about a socket, and calls from other threads.
//!
//! **Source**: the reactor pattern (Schmidt 1995); libevent's `event_base_loop` and its table of callbacks.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::time::{Duration, Instant};

use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Token};

/// How many events one question to the selector can bring. Taste: as in the generators' loop.
const EVENTS_PER_QUESTION: usize = 1024;

/// What has happened to a socket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    /// It became readable.
    Readable {
        /// No further event will tell of the stream's end.
        closed: bool,
    },
    /// It became writable.
    Writable,
    /// Its deadline passed.
    TimedOut,
    /// It asked to be called again soon, or everybody is called.
    Turn,
}

/// What is called when something happens. It owns the socket and all that has to be remembered about it.
type Callback = Box<dyn FnMut(&mut CallbackLoop, Happening)>;

/// A line of the table.
struct Entry {
    /// What to call; absent while it runs (`CALL-2`).
    callback: Option<Callback>,
    /// When to call it with [`Happening::TimedOut`].
    deadline: Option<Instant>,
    /// Whether it stands in `soon`, or in the part of it that is being called.
    in_line: bool,
}

/// Calls closures when something happens to their sockets.
pub(super) struct CallbackLoop {
    /// Who wants to hear of which token. The loop ends when it is empty.
    table: HashMap<Token, Entry>,
    /// Who wants to be called without an event, once the selector has been asked.
    /// Each at most once, or one that asks in an event and again in its turn would fill it without bound.
    soon: Vec<Token>,
    /// All deadlines, earliest first (`CALL-3`).
    deadlines: BTreeSet<(Instant, Token)>,
    /// The selector.
    selector: Poll,
    /// The next token to give out (`CALL-1`).
    next_token: usize,
}

impl CallbackLoop {
    /// Makes a loop with an empty table.
    ///
    /// # Errors
    /// If there is no selector to be had.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            table: HashMap::new(),
            soon: Vec::new(),
            deadlines: BTreeSet::new(),
            selector: Poll::new()?,
            next_token: 0,
        })
    }

    /// Makes a readable thing known to the selector and gives it its token; nobody hears of it yet.
    ///
    /// # Errors
    /// If the selector refuses it.
    pub(super) fn watch(&mut self, socket: &mut impl Source) -> io::Result<Token> {
        let token = Token(self.next_token);
        self.selector.registry().register(socket, token, Interest::READABLE)?;
        self.next_token += 1;
        Ok(token)
    }

    /// Lets the selector tell of writing too, from now on; it reports at once what is the case already.
    ///
    /// # Errors
    /// If the selector refuses it.
    pub(super) fn watch_writing(
        &mut self,
        socket: &mut impl Source,
        token: Token,
    ) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.selector.registry().reregister(socket, token, both)
    }

    /// Calls the closure from now on for everything that happens to the token.
    pub(super) fn on(
        &mut self,
        token: Token,
        callback: impl FnMut(&mut Self, Happening) + 'static,
    ) {
        let callback: Option<Callback> = Some(Box::new(callback));
        self.table.insert(token, Entry { callback, deadline: None, in_line: false });
    }

    /// Drops the token's closure, and with it the socket that the closure owns.
    pub(super) fn forget(&mut self, token: Token) {
        self.set_deadline(token, None);
        self.table.remove(&token);
    }

    /// Calls the token's closure with [`Happening::Turn`] once the selector has been asked.
    pub(super) fn call_soon(&mut self, token: Token) {
        let Some(entry) = self.table.get_mut(&token) else {
            return;
        };
        if !entry.in_line {
            entry.in_line = true;
            self.soon.push(token);
        }
    }

    /// Calls everybody with [`Happening::Turn`] soon.
    pub(super) fn call_all_soon(&mut self) {
        let everybody: Vec<Token> = self.table.keys().copied().collect();
        for token in everybody {
            self.call_soon(token);
        }
    }

    /// Replaces the token's deadline.
    pub(super) fn set_deadline(&mut self, token: Token, deadline: Option<Instant>) {
        let Some(entry) = self.table.get_mut(&token) else {
            return;
        };
        if let Some(at) = entry.deadline {
            self.deadlines.remove(&(at, token));
        }
        entry.deadline = deadline;
        self.deadlines.extend(deadline.map(|at| (at, token)));
    }

    /// Calls closures until the table is empty.
    ///
    /// # Errors
    /// Only if the selector itself fails.
    ///
    /// # Blocking
    /// Asleep in the selector while nothing happens.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_QUESTION);
        while !self.table.is_empty() {
            match self.selector.poll(&mut events, self.patience()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                answer => answer?,
            }
            // Those only who stand in the line now: who asks again waits for the next question (`CALL-4`).
            let line = std::mem::take(&mut self.soon);
            for event in &events {
                self.announce(event);
            }
            self.call_late_ones();
            for token in line {
                if let Some(entry) = self.table.get_mut(&token) {
                    entry.in_line = false;
                }
                self.call(token, Happening::Turn);
            }
        }
        Ok(())
    }

    /// How long the selector may block.
    fn patience(&self) -> Option<Duration> {
        if !self.soon.is_empty() {
            return Some(Duration::ZERO);
        }
        let (deadline, _) = self.deadlines.first()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Calls the closure of an event, once for each direction that it names.
    fn announce(&mut self, event: &Event) {
        let closed = event.is_read_closed() || event.is_error();
        if event.is_readable() || closed {
            self.call(event.token(), Happening::Readable { closed });
        }
        if event.is_writable() || event.is_write_closed() {
            self.call(event.token(), Happening::Writable);
        }
    }

    /// Calls those whose deadline has passed; each has to set a new one if it wants one.
    fn call_late_ones(&mut self) {
        if self.deadlines.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(&(deadline, token)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.set_deadline(token, None);
            self.call(token, Happening::TimedOut);
        }
    }

    /// Calls a token's closure, if it is still in the table (`CALL-2`).
    fn call(&mut self, token: Token, happening: Happening) {
        let Some(mut callback) = self.table.get_mut(&token).and_then(|entry| entry.callback.take())
        else {
            return;
        };
        callback(self, happening);
        // Otherwise it has forgotten itself, and is dropped here with its socket.
        if let Some(entry) = self.table.get_mut(&token) {
            entry.callback = Some(callback);
        }
    }
}
