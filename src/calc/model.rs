//! The concurrency models by name, and the server of each.
//!
//! | model | what waits for a client | a slow client delays |
//! | --- | --- | --- |
//! | `sequential` | the only thread | all others |
//! | `threads` | a thread of its own | no other; each costs a stack |
//! | `pool` | one of a fixed number of threads | no other, until all threads wait |
//! | `prefork` | one of a fixed number of processes | likewise |
//! | `callbacks` | one selector for all; closures | no other |
//! | `generators` | one selector for all; coroutines by hand | no other |
//! | `async` | one selector for all; futures | no other |

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::str::FromStr;

use super::config::{Config, Ready};
use super::{asynchronous, callbacks, generators, pool, prefork, sequential, threads};

/// A way to serve many clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// One client at a time.
    Sequential,
    /// A thread for each client.
    Threads,
    /// A fixed number of threads.
    Pool,
    /// A fixed number of processes that share the listener.
    Prefork,
    /// Readiness and closures.
    Callbacks,
    /// State machines written by hand, on the generator loop.
    Generators,
    /// Futures on the event loop.
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
    /// Writes the name.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Model {
    type Err = String;

    /// Finds a model by its name; the error lists the names of all models.
    fn from_str(name: &str) -> Result<Self, String> {
        let names = || format!("expected one of {}", Self::ALL.map(Self::name).join(", "));
        Self::ALL.into_iter().find(|model| model.name() == name).ok_or_else(names)
    }
}

/// Serves the calculator on `listener` in the given model, until `stop` is readable. Calls `ready` when the server has
/// its own descriptors, threads and processes.
///
/// `stop` is never read, so every thread and process that waits for it sees it. Then the server accepts no
/// further client, answers what has been received, and ends within [`Config::grace`].
///
/// # Errors
/// The listener failed for good; `ready` fails; for [`Model::Prefork`] also, this process has a second thread.
///
/// # Blocking
/// Until the stop, and then for the grace at most.
pub fn serve(
    model: Model,
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    match model {
        Model::Sequential => sequential::serve(listener, config, stop, ready),
        Model::Threads => threads::serve(listener, config, stop, ready),
        Model::Pool => pool::serve(listener, config, stop, ready),
        Model::Prefork => prefork::serve(&listener, config, stop, ready),
        Model::Callbacks => callbacks::serve(listener, config, stop, ready),
        Model::Generators => generators::serve(listener, config, stop, ready),
        Model::Async => asynchronous::serve(listener, config, stop, ready),
    }
}
