//! The concurrency models by name, and the server of each.

use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::{fmt, io};

use super::config::{Config, Ready, Start};
use super::{asynchronous, callbacks, generators, pool, prefork, sequential, threads};
use crate::os::socket::listen_with_backlog;

/// How many clients the kernel may hold ready; it caps this at `net.core.somaxconn`, often the same.
const BACKLOG_CONNECTIONS: u16 = 4096;

/// A way to serve many clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// One client at a time: a slow one delays all others.
    Sequential,
    /// A thread for each client: a slow one delays no other, but each costs a stack.
    Threads,
    /// A fixed number of threads: slow clients delay others once all threads wait.
    Pool,
    /// A fixed number of processes that share the listener: likewise.
    Prefork,
    /// One selector for all clients, which calls closures: a slow client delays no other, here and below.
    Callbacks,
    /// One selector, and state machines written by hand, on the generator loop.
    Generators,
    /// One selector, and futures, on the event loop.
    Async,
}

impl Model {
    /// Every model, from the simplest to the last.
    pub const ALL: [Self; 7] = [
        Self::Sequential,
        Self::Threads,
        Self::Pool,
        Self::Prefork,
        Self::Callbacks,
        Self::Generators,
        Self::Async,
    ];

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        ["sequential", "threads", "pool", "prefork", "callbacks", "generators", "async"]
            [self as usize]
    }
}

impl fmt::Display for Model {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// Serves the calculator on `listener` in the given model. Calls `ready` when the server has its own descriptors, threads
/// and processes. When `stop` is readable, it accepts no further client, answers what has been received, and ends within
/// [`Config::grace`].
///
/// # Errors
/// The listener failed for good; `ready` fails; for [`Model::Prefork`] also, this process has a second thread.
pub fn serve(
    model: Model,
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
    let start = Start { listener, config, stop, ready };
    match model {
        Model::Sequential => sequential::serve(start),
        Model::Threads => threads::serve(start),
        Model::Pool => pool::serve(start),
        Model::Prefork => prefork::serve(start),
        Model::Callbacks => callbacks::serve(start),
        Model::Generators => generators::serve(start),
        Model::Async => asynchronous::serve(start),
    }
}
