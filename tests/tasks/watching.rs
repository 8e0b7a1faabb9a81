//! A watch for "Wow!" on a thread, in either model, that a test can listen to and stop.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use handloom::os::EventFd;
use handloom::rt::block_on;
use handloom::watch::{Needle, News, Order, Outcome, WatchError, asynchronous, threads};

/// The watchdog of every wait here.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the task looks for.
pub(crate) fn wow() -> Needle {
    Needle::new("Wow!").expect("it is not empty")
}

/// In which model to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Threads,
    Async,
}

/// Both.
pub(crate) const MODES: [Mode; 2] = [Mode::Threads, Mode::Async];

/// What stops a watch. Never closed, for the watch may outlive a test that fails.
pub(crate) fn stop_descriptor() -> &'static EventFd {
    Box::leak(Box::new(EventFd::new().expect("a descriptor")))
}

/// A watch that runs on a thread.
pub(crate) struct Watch {
    /// Its news, as they are told.
    news: Receiver<String>,
    /// How it ended.
    ended: Receiver<Result<Outcome, WatchError>>,
    /// Ends it.
    stop: &'static EventFd,
}

impl Watch {
    /// Begins to watch for "Wow!".
    pub(crate) fn start(mode: Mode, path: &Path, interval: Duration) -> Self {
        let stop = stop_descriptor();
        let order = Order { path: path.to_owned(), needle: wow(), interval };
        let (tell, news) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        thread::spawn(move || {
            let listener =
                move |news: &News<'_>| tell.send(news.to_string()).map_err(io::Error::other);
            let fd: BorrowedFd<'static> = stop.as_fd();
            let outcome = match mode {
                Mode::Threads => threads::watch(&order, fd, listener),
                Mode::Async => block_on(asynchronous::watch(&order, fd, listener)),
            };
            drop(end.send(outcome));
        });
        Self { news, ended, stop }
    }

    /// The next news.
    pub(crate) fn line(&self) -> String {
        self.news.recv_timeout(PATIENCE).expect("expected news, none came")
    }

    /// Waits for a piece of news with this text in it.
    pub(crate) fn expect(&self, text: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Tells it to stop.
    pub(crate) fn stop(&self) {
        self.stop.signal().expect("write to a descriptor");
    }

    /// How it ended.
    pub(crate) fn end(&self) -> Result<Outcome, WatchError> {
        self.ended.recv_timeout(PATIENCE).expect("expected an end, it hangs")
    }

    /// The news that was not taken yet; the watch has ended.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.news.iter().collect()
    }
}
