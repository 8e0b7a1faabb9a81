//! The floor: a calculator server on a bare selector, without futures, wakers, run queue or
//! callbacks.
//!
//! It does the work of the `async` model with the same [`Session`], on one thread, and nothing more
//! than that work needs: a table of connections, a match on the token, a read, an answer, a write.
//! What another server takes beyond this one is the price of its programming model. Start it with
//!
//! ```sh
//! cargo run --release --example bare_epoll -- --addr 127.0.0.1:8888
//! ```
//!
//! It prints `listening on ADDRESS` when it is ready, and runs until it is killed.
//!
//! **Load and metric**: those of the client, e.g. `handloom load`. **What would change the
//! conclusion**: mio is not quite bare. It translates each event's token and flags in a few
//! instructions, which we count as the floor's.
//!
//! Invariants:
//! - `BARE-1`: the two scratch buffers hold nothing of any client once an event has been dealt
//!   with.
//! - `BARE-2`: a connection is registered for reading only, until a write is short; from then on
//!   for both. Edges that nobody waits for are thus never delivered on the common path.
//! - `BARE-3`: after a read that did not fill the buffer no further one is tried: the socket is
//!   drained, and the next byte makes a new edge. Not so at the end of the stream, whose only edge
//!   may have come with the last bytes. A connection whose input waits behind its unread replies
//!   remembers that there may be more.
//! - `BARE-4`: all pauses are equally long, so a queue in order of arming is in order of expiry,
//!   and needs no heap. An entry counts only if its stamp is still the connection's.
//!
//! **Left out**: signals, a limit of connections, and the idle time-out. None of them costs a
//! request anything.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use handloom::calc::{Config, Session, SessionState};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// How much one read can take: as much as the `async` model's and its tokio twin's, or the comparison would be
/// unfair.
const READ_BYTES: usize = 16 * 1024;

/// How many events one wait can bring.
const EVENTS: usize = 1024;

/// The listener's token; connections have the index of their slot.
const LISTENER: Token = Token(usize::MAX);

/// How long a listener that ran out of descriptors is left alone.
const BACKOFF: Duration = Duration::from_millis(100);

/// One client.
struct Connection {
    /// Its socket.
    stream: TcpStream,
    /// What it has begun to say.
    session: Session,
    /// Input that the session has not taken, because replies stand in front of it.
    input: Vec<u8>,
    /// Replies that the socket has not taken.
    out: Vec<u8>,
    /// Whether a write was short before, so that the selector tells of writing too (`BARE-2`).
    tells_writable: bool,
    /// What a read may bring (`BARE-3`).
    reading: Reading,
    /// Which arming of the pause is in force (`BARE-4`); raised by every read.
    stamp: u64,
}

/// What is known of the bytes a socket holds for us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// None; the next will make an edge.
    Drained,
    /// Perhaps some, for which no further edge will come.
    More,
    /// The selector has said that the client closed its side: perhaps some, and then the end.
    Last,
    /// The end has been read.
    Ended,
}

/// The table of connections and what they share.
struct Server {
    /// The selector.
    poll: Poll,
    /// The operation, the longest message and the pause; the other limits are left out.
    config: Config,
    /// The clients, by token.
    slots: Vec<Option<Connection>>,
    /// The empty slots.
    free: Vec<usize>,
    /// Slots whose work goes on in the next turn though no event will say so: after filled reads.
    busy: Vec<usize>,
    /// When which slot's pause is over, with the stamp it was armed under, earliest first.
    pauses: VecDeque<(Instant, usize, u64)>,
    /// The number that the next arming of a pause gets.
    next_stamp: u64,
    /// What was read last (`BARE-1`).
    input: Vec<u8>,
    /// The replies to it (`BARE-1`).
    out: Vec<u8>,
}

/// What became of a connection in a step.
enum Fate {
    /// It waits for the selector.
    Waits,
    /// It has work left for the next turn.
    Busy,
    /// It is to be closed.
    Over,
}

impl Server {
    /// One event of the selector on the connection in `slot`.
    fn ready(&mut self, slot: usize, news: Reading) {
        let Some(Some(connection)) = self.slots.get_mut(slot) else {
            return;
        };
        connection.learn(news);
        let fate = connection.work(&mut self.input, &mut self.out).unwrap_or(Fate::Over);
        self.settle(slot, &fate);
    }

    /// Files a connection by what became of it.
    fn settle(&mut self, slot: usize, fate: &Fate) {
        let Some(connection) = &mut self.slots[slot] else {
            return;
        };
        match fate {
            Fate::Over => {
                self.slots[slot] = None;
                self.free.push(slot);
            }
            Fate::Busy => self.busy.push(slot),
            Fate::Waits if connection.out.is_empty() => {
                if connection.session.state() == SessionState::Open {
                    self.next_stamp += 1;
                    connection.stamp = self.next_stamp;
                    self.pauses.push_back((
                        Instant::now() + self.config.pause,
                        slot,
                        self.next_stamp,
                    ));
                }
            }
            Fate::Waits => {
                if !connection.tells_writable {
                    connection.tells_writable = true;
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    if self
                        .poll
                        .registry()
                        .reregister(&mut connection.stream, Token(slot), interest)
                        .is_err()
                    {
                        self.settle(slot, &Fate::Over);
                    }
                }
            }
        }
    }

    /// Takes all clients that wait; gives the time to try again if descriptors ran out.
    fn accept(&mut self, listener: &TcpListener) -> io::Result<Option<Instant>> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    let slot = self.free.pop().unwrap_or(self.slots.len());
                    if stream.set_nodelay(true).is_err() {
                        continue;
                    }
                    self.poll.registry().register(&mut stream, Token(slot), Interest::READABLE)?;
                    let session = Session::new(self.config.op, self.config.max_message_bytes);
                    let connection = Some(Connection::new(stream, session));
                    match self.slots.get_mut(slot) {
                        Some(place) => *place = connection,
                        None => self.slots.push(connection),
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) => {}
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    return Ok(Some(Instant::now() + BACKOFF));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Tells the sessions whose pause is over.
    fn expire_pauses(&mut self) {
        let Some(&(first, ..)) = self.pauses.front() else {
            return;
        };
        let now = Instant::now();
        if now < first {
            return;
        }
        while let Some(&(deadline, slot, stamp)) = self.pauses.front()
            && deadline <= now
        {
            self.pauses.pop_front();
            let Some(Some(connection)) = self.slots.get_mut(slot) else {
                continue;
            };
            if connection.stamp == stamp && connection.session.state() == SessionState::Open {
                connection.session.pause(&mut connection.out);
                let fate = connection.work(&mut self.input, &mut self.out).unwrap_or(Fate::Over);
                self.settle(slot, &fate);
            }
        }
    }

    /// How long the next wait may last.
    fn patience(&self, retry: Option<Instant>) -> Option<Duration> {
        if !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        let first = self.pauses.front().map(|&(deadline, ..)| deadline);
        let deadline = [first, retry].into_iter().flatten().min()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }
}

impl Connection {
    /// A client that has said nothing yet.
    fn new(stream: TcpStream, session: Session) -> Self {
        let (input, out) = (Vec::new(), Vec::new());
        Self {
            stream,
            session,
            input,
            out,
            tells_writable: false,
            reading: Reading::Drained,
            stamp: 0,
        }
    }

    /// Takes in what the selector has told; the end outlasts all other news, also when it is told
    /// twice.
    fn learn(&mut self, news: Reading) {
        match (self.reading, news) {
            (Reading::Ended, _) | (_, Reading::Drained) | (Reading::Last, Reading::More) => {}
            _ => self.reading = news,
        }
    }

    /// Whether to read again in the next turn or only after an edge.
    fn after_read(&self) -> Fate {
        match self.reading {
            Reading::More | Reading::Last => Fate::Busy,
            Reading::Drained | Reading::Ended => Fate::Waits,
        }
    }

    /// Goes on as far as possible: old replies, old input, then at most one read's worth of new
    /// input.
    fn work(&mut self, input: &mut [u8], out: &mut Vec<u8>) -> io::Result<Fate> {
        if !self.out.is_empty() || !self.input.is_empty() {
            let fate = self.catch_up()?;
            if !matches!(fate, Fate::Waits) || !self.out.is_empty() {
                return Ok(fate);
            }
        }
        if matches!(self.reading, Reading::Drained | Reading::Ended) {
            return Ok(self.fate());
        }
        let count = match self.stream.read(input) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.reading = Reading::Drained;
                return Ok(self.fate());
            }
            count => count?,
        };
        if self.reading == Reading::More && count < input.len() {
            self.reading = Reading::Drained;
        }
        self.stamp = 0;
        out.clear();
        let taken = if count == 0 {
            self.reading = Reading::Ended;
            self.session.end(out);
            0
        } else {
            self.session.feed(&input[..count], out)
        };
        let sent = if out.is_empty() { 0 } else { write_some(&mut self.stream, out)? };
        if sent < out.len() || taken < count {
            self.out.extend_from_slice(&out[sent..]);
            self.input.extend_from_slice(&input[taken..count]);
        }
        Ok(self.fate())
    }

    /// One step through what an earlier read left: replies out, then more of the input.
    fn catch_up(&mut self) -> io::Result<Fate> {
        if !self.out.is_empty() {
            let sent = write_some(&mut self.stream, &self.out)?;
            self.out.drain(..sent);
        }
        if self.out.is_empty() {
            let taken = self.session.feed(&self.input, &mut self.out);
            self.input.drain(..taken);
            let sent =
                if self.out.is_empty() { 0 } else { write_some(&mut self.stream, &self.out)? };
            self.out.drain(..sent);
        }
        if self.out.is_empty() && self.input.is_empty() {
            // Given back, so that an idle client holds no buffer.
            (self.out, self.input) = (Vec::new(), Vec::new());
        }
        Ok(self.fate())
    }

    /// What the state of the session and of the buffers means for the next turn.
    fn fate(&mut self) -> Fate {
        if !self.out.is_empty() {
            return Fate::Waits;
        }
        match self.session.state() {
            _ if !self.input.is_empty() => Fate::Busy,
            SessionState::Closed if self.reading == Reading::Ended => Fate::Over,
            SessionState::Closed => {
                // The client may still talk; what it says is swallowed until it closes, lest a
                // reset destroy replies.
                self.stream.shutdown(Shutdown::Write).ok();
                self.after_read()
            }
            _ => self.after_read(),
        }
    }
}

/// What an event tells about reading.
fn news(event: &Event) -> Reading {
    if event.is_read_closed() {
        Reading::Last
    } else if event.is_readable() {
        Reading::More
    } else {
        Reading::Drained
    }
}

/// Writes what the socket takes now.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match stream.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        sent => sent,
    }
}

/// Reads the command line: `--addr` and `--op`.
fn arguments() -> Result<(SocketAddr, Config), Box<dyn std::error::Error>> {
    let mut address = SocketAddr::from(([127, 0, 0, 1], 8888));
    let mut config = Config::default();
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        let value = words.next().ok_or_else(|| format!("{name} wants a value"))?;
        match name.as_str() {
            "--addr" => address = value.parse()?,
            "--op" => config.op = value.parse()?,
            _ => return Err(format!("unknown option {name}").into()),
        }
    }
    Ok((address, config))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (address, config) = arguments()?;
    let mut listener = TcpListener::bind(address)?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (slots, free, busy, pauses) = (Vec::new(), Vec::new(), Vec::new(), VecDeque::new());
    let (input, out) = (vec![0; READ_BYTES], Vec::new());
    let mut server = Server { poll, config, slots, free, busy, pauses, next_stamp: 0, input, out };
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", listener.local_addr()?)?;
    stdout.flush()?;

    let mut events = Events::with_capacity(EVENTS);
    let mut retry = None;
    loop {
        match server.poll.poll(&mut events, server.patience(retry)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            done => done?,
        }
        if retry.is_some_and(|time| time <= Instant::now()) {
            retry = server.accept(&listener)?;
        }
        for slot in std::mem::take(&mut server.busy) {
            server.ready(slot, Reading::Drained);
        }
        for event in &events {
            match event.token() {
                LISTENER => retry = server.accept(&listener)?,
                Token(slot) => server.ready(slot, news(event)),
            }
        }
        server.expire_pauses();
    }
}
