//! What a server of the calculator can be told, whatever its model.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime};
use std::{process, thread};

use super::session::Op;
use crate::http::date::log_stamp;
use crate::os::{PollFd, poll};

/// What a server calls, once, when it has all that it needs and accepts clients from now on. An error ends it.
pub type Ready<'a> = &'a mut dyn FnMut() -> io::Result<()>;

/// What every server of the calculator begins with.
pub(super) struct Start<'a> {
    /// Where clients come in.
    pub(super) listener: TcpListener,
    /// What the server was told.
    pub(super) config: &'a Config,
    /// Readable once the server must stop.
    pub(super) stop: BorrowedFd<'a>,
    /// To be called once.
    pub(super) ready: Ready<'a>,
}

/// What a server of the calculator can be told. Each default is the program's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What to do with the two numbers. Default: the sum.
    pub op: Op,
    /// The longest message, its line ending not counted. Default: 1 MiB.
    pub max_message_bytes: usize,
    /// The silence after which an unterminated message counts as complete. Default: 100 ms, longer than a packet
    /// waits on a local network and shorter than a person notices.
    pub pause: Duration,
    /// How many connections are open at once; further clients wait in the backlog. Default: 100,000. Each process of
    /// `prefork` has its own limit.
    pub max_connections: usize,
    /// The silence after which a connection is closed. Default: `None`, which is never.
    pub idle_timeout: Option<Duration>,
    /// How long a stop may take, in which messages that have arrived are answered. Default: 5 s.
    pub grace: Duration,
    /// The threads of `pool`, the processes of `prefork`, which is how many clients they serve at once. Default: 64.
    pub workers: usize,
    /// Whether stderr gets a line for each client: which thread or task serves it. Default: false.
    pub verbose: bool,
}

impl Config {
    /// With [`Config::verbose`], writes what serves a client. A line that stderr has no space for is dropped: its reader
    /// must not stop the server.
    pub(super) fn tell(&self, peer: impl FnOnce() -> io::Result<SocketAddr>, what: &str) {
        if !self.verbose {
            return;
        }
        let peer = peer().map_or("a client that has gone".to_owned(), |peer| peer.to_string());
        let (time, thread, pid) = (log_stamp(SystemTime::now()), thread::current(), process::id());
        let name = thread.name().unwrap_or("without a name");
        let line = format!("{time} {peer}: served by {what}, on thread {name} of process {pid}\n");
        let mut stderr = io::stderr().lock();
        let room = poll(&mut [PollFd::writable(stderr.as_fd())], Some(Duration::ZERO));
        if room.is_ok_and(|ready| ready > 0) {
            drop(stderr.write_all(line.as_bytes()));
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            op: Op::Sum,
            max_message_bytes: 1024 * 1024,
            pause: Duration::from_millis(100),
            max_connections: 100_000,
            idle_timeout: None,
            grace: Duration::from_secs(5),
            workers: 64,
            verbose: false,
        }
    }
}
