//! The calculator on the event loop: a task for each client, all on one thread.
//!
//! `generators` keeps where a conversation stands in a state that is written by hand, and can wait only in the
//! outermost function. Here the compiler writes the state: [`Client::converse`] reads like the blocking
//! server's, and waits inside whatever it calls.
//!
//! **Invariants**
//! - `ASYNC-1` The scratch buffers belong to the loop and hold nothing across an `.await`: an idle client
//!   costs its task and its socket, no buffer.
//! - `ASYNC-2` A client is counted, and can be told of the stop, as long as its task lives.
//!
//! What a client's task does is in `async_client`.
//!
//! **Source**: the course's fifth task.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use super::acceptor::BACKLOG_CONNECTIONS;
use super::async_client::Client;
use super::config::Config;
use super::model::Ready;
use crate::aio::{Crowd, Descriptor, Either, TcpListener, race, timeout};
use crate::os::socket::listen_with_backlog;
use crate::rt::{EventLoop, spawn};

/// How much one read can take, in bytes: a burst of small messages, a long one in several turns.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Serves until `stop` is readable.
///
/// # Errors
/// The listener fails for good, or there is no descriptor for the event loop.
pub(super) fn serve(
    listener: std::net::TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
    // Whoever runs a server has no use for a report that the machine was busy.
    EventLoop::builder().slow_poll(None).build()?.block_on(run(listener, config, stop, ready))
}

/// The main task: takes clients until the stop, then sees them off.
async fn run(
    listener: std::net::TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let server = Rc::new(Server::new(config.clone()));
    let mut stop = Descriptor::new(stop)?;
    let listener = TcpListener::from_std(listener)?;
    ready()?;
    match race(stop.readable(), server.accept_all(listener)).await {
        Either::First(stopped) => stopped?,
        Either::Second(failed) => return failed,
    }
    server.stop();
    // Who still does not take his replies when the grace is over will not get them.
    timeout(config.grace, server.clients.smaller_than(1)).await.or(Ok(()))
}

/// What all tasks of the server share.
pub(super) struct Server {
    /// What was asked for on the command line.
    pub(super) config: Config,
    /// The buffers of whichever task runs (`ASYNC-1`).
    pub(super) scratch: RefCell<Scratch>,
    /// Who is being served.
    pub(super) clients: Crowd,
    /// Set by the stop.
    pub(super) stopping: Cell<bool>,
}

/// Two buffers that serve all clients in turn.
pub(super) struct Scratch {
    /// What was read last; its length never changes.
    pub(super) input: Box<[u8]>,
    /// The replies to it; emptied before each use.
    pub(super) out: Vec<u8>,
}

impl Server {
    /// Makes a server without clients.
    fn new(config: Config) -> Self {
        let scratch = Scratch { input: vec![0; READ_BYTES].into(), out: Vec::new() };
        let (clients, stopping) = (Crowd::new(), Cell::new(false));
        Self { config, scratch: RefCell::new(scratch), clients, stopping }
    }

    /// Takes clients until the listener fails.
    async fn accept_all(self: &Rc<Self>, mut listener: TcpListener) -> io::Result<()> {
        loop {
            self.clients.smaller_than(self.config.max_connections).await;
            let (stream, _) = listener.accept().await?;
            let seat = self.clients.sit();
            let mut client = Client::new(self.clone(), stream, seat);
            // An error on a connection is nobody's but its client's.
            drop(spawn(async move { drop(client.converse().await) }));
        }
    }

    /// Wakes every task, to find that the server stops.
    fn stop(&self) {
        self.stopping.set(true);
        self.clients.wake_all();
    }
}
