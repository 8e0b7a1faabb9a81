//! The site on a thread of this process, so that everything can be tried without a network.
//!
//! **Invariants**
//! - `EMBEDDED-1` Who has an [`EmbeddedSite`] can connect to it: the kernel takes connections before its thread runs.
//! - `EMBEDDED-2` When it was stopped or dropped it is gone, thread and all.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::thread;

use super::site::{BACKLOG_CONNECTIONS, serve};
use crate::os::EventFd;
use crate::os::socket::listen_with_backlog;
use crate::web::server::Config;

/// A site that is served by a thread of this process.
#[derive(Debug)]
pub struct EmbeddedSite {
    /// Where it listens.
    address: SocketAddr,
    /// Signalled for it to stop.
    stop: EventFd,
    /// Its thread, until it was waited for.
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

/// Starts the site on a free port of this machine, and on a thread of its own.
///
/// # Errors
/// Out of descriptors or threads.
pub fn embed(config: Config) -> io::Result<EmbeddedSite> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let (address, stop) = (listener.local_addr()?, EventFd::new()?);
    let stopped = stop.as_fd().try_clone_to_owned()?;
    // EMBEDDED-1: whenever the thread begins.
    listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
    let work = move || serve(listener, config, stopped.as_fd(), &mut || Ok(()));
    let thread = Some(thread::Builder::new().name("site".into()).spawn(work)?);
    Ok(EmbeddedSite { address, stop, thread })
}

impl EmbeddedSite {
    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops it: what is in flight is finished, within the grace.
    ///
    /// # Errors
    /// It had failed.
    ///
    /// # Panics
    /// When its thread has panicked.
    ///
    /// # Blocking
    /// Until the thread has ended: the grace at most.
    pub fn stop(mut self) -> io::Result<()> {
        self.join()
    }

    /// Stops it, once.
    fn join(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.stop.signal()?;
        thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }
}

impl Drop for EmbeddedSite {
    fn drop(&mut self) {
        // Who wants to know how it ended calls `stop`; and a panic here might be the second one.
        if let Some(thread) = self.thread.take()
            && self.stop.signal().is_ok()
        {
            drop(thread.join());
        }
    }
}
