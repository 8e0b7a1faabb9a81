//! Clients that say nothing: how many a server holds, and what each costs it.
//!
//! Problem: most connections of a real server are idle most of the time. What they cost is memory, and it does
//! not show while they talk.
//!
//! Each connection asks once when it is opened, so it is known to be served, and whatever the server took to
//! answer it has been taken. Then it is silent, the server's memory is looked at, and in the end each has to
//! answer once more.
//!
//! **Invariants**
//! - `IDLE-1` The first answer of all is had before the first look at the memory, over a connection that is
//!   closed again: the code and the buffers that serve everybody are no connection's own.
//! - `IDLE-2` Connections are opened by [`WAVE`] at a time, so that the server's backlog never overflows, which
//!   the kernel would answer with silence for a second.
//! - `IDLE-3` It ends, as a load does: `LOAD-1`.
//!
//! **Left out**: the kernel's memory for a socket, some kilobytes, which is not the server's to save.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use crate::aio::{Descriptor, TcpStream, sleep, timeout};
use crate::calc::Op;
use crate::os::limits;
use crate::rt::{EventLoop, spawn};

use super::conversation::{Place, exchange};
use super::load::End;
use super::run::{READ_BYTES, stopped};
use super::script::Script;
use super::usage::Usage;

/// How many connections are opened at once (`IDLE-2`): the least backlog that std asks for is 128.
const WAVE: usize = 100;
/// How long the server is left alone before its memory is looked at. Taste: some thousand turns.
const SETTLE: Duration = Duration::from_millis(100);

/// What to hold open.
#[derive(Clone, Debug)]
pub struct Idle {
    /// The server.
    pub address: SocketAddr,
    /// How many connections are wanted.
    pub connections: usize,
    /// The server's process, whose memory is looked at.
    pub server: Option<u32>,
    /// What the server does with two numbers.
    pub op: Op,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct IdleReport {
    /// How many connections were open and answered at the same time.
    pub reached: usize,
    /// Why there were no more, if fewer than wanted.
    pub why_no_more: Option<String>,
    /// The server's resident memory without and with the idle connections, in bytes.
    pub resident_bytes: Option<(u64, u64)>,
    /// How many still answered in the end.
    pub answered: usize,
    /// The first of those that did not, in words; or that the time was up.
    pub failure: Option<String>,
    /// How it ended; `None` until it does.
    pub end: Option<End>,
}

impl IdleReport {
    /// Returns what one idle connection costs the server, in bytes.
    pub fn bytes_each(&self) -> Option<u64> {
        let (before, with) = self.resident_bytes?;
        with.saturating_sub(before).checked_div(self.reached as u64)
    }
}

/// What the tasks share.
struct Held {
    /// What is wanted.
    idle: Idle,
    /// The bytes to ask and to expect.
    script: Script,
    /// Where each read puts its bytes; borrowed during one poll only.
    buffer: RefCell<Box<[u8]>>,
    /// What is known by now; whoever learns something writes it here, so an interruption loses nothing.
    report: RefCell<IdleReport>,
}

impl Idle {
    /// Opens the connections, looks, asks each once more; until that is done, the time is up, or `stop` is
    /// readable. Tells `watch` how many connections have answered.
    ///
    /// # Errors
    /// No event loop could be made, or the server's process does not exist.
    ///
    /// # Blocking
    /// For [`Idle::timeout`] at most.
    pub fn run(
        &self,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(usize),
    ) -> io::Result<IdleReport> {
        limits::raise_open_files()?;
        let held = Rc::new(Held {
            idle: self.clone(),
            script: Script::new(self.op),
            buffer: RefCell::new(vec![0; READ_BYTES].into()),
            report: RefCell::default(),
        });
        // A watcher may take its time, and that is no fault to be reported.
        let event_loop = EventLoop::builder().slow_poll(None).build()?;
        let end = event_loop.block_on(held.bounded(stop, watch))?;
        let mut report = held.report.take();
        report.end = Some(end);
        if end == End::TimedOut {
            let limit = self.timeout.as_secs_f64();
            report.failure.get_or_insert_with(|| format!("the time was up after {limit} s"));
        }
        Ok(report)
    }
}

impl Held {
    /// The whole, within its bounds (`IDLE-3`).
    async fn bounded(
        self: &Rc<Self>,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(usize),
    ) -> io::Result<End> {
        let mut stop = stop.map(Descriptor::new).transpose()?;
        let (mut work, mut stopped) = (pin!(self.hold(watch)), pin!(stopped(stop.as_mut())));
        let first = std::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done.map(|()| End::Done));
            }
            stopped.as_mut().poll(cx).map_ok(|()| End::Stopped)
        });
        timeout(self.idle.timeout, first).await.unwrap_or(Ok(End::TimedOut))
    }

    /// Opens, looks, asks.
    async fn hold(self: &Rc<Self>, watch: &mut dyn FnMut(usize)) -> io::Result<()> {
        if let Err(reason) = self.clone().open(0).await {
            self.report.borrow_mut().why_no_more = Some(reason);
            return Ok(());
        }
        let before = self.look().await?;
        let streams = self.open_all(watch).await;
        let with = self.look().await?;
        self.report.borrow_mut().resident_bytes = before.zip(with);
        self.ask_all(streams, watch).await;
        Ok(())
    }

    /// Opens as many connections as are wanted and can be had, wave by wave (`IDLE-2`).
    async fn open_all(self: &Rc<Self>, watch: &mut dyn FnMut(usize)) -> Vec<TcpStream> {
        let mut streams = Vec::with_capacity(self.idle.connections);
        while streams.len() < self.idle.connections {
            let wave = WAVE.min(self.idle.connections - streams.len());
            let tasks: Vec<_> =
                (0..wave).map(|number| spawn(self.clone().open(streams.len() + number))).collect();
            for task in tasks {
                // A panic of a task is told like any other reason.
                match task.await.unwrap_or_else(|error| Err(error.to_string())) {
                    Ok(stream) => streams.push(stream),
                    Err(reason) => {
                        self.report.borrow_mut().why_no_more.get_or_insert(reason);
                    }
                }
            }
            let mut report = self.report.borrow_mut();
            report.reached = streams.len();
            watch(report.reached);
            // One refusal means that there is no more to be had; those that are open stay.
            if report.why_no_more.is_some() {
                break;
            }
        }
        streams
    }

    /// Opens a connection and has it answer once.
    async fn open(self: Rc<Self>, number: usize) -> Result<TcpStream, String> {
        let mut stream =
            TcpStream::connect(self.idle.address).await.map_err(|error| error.to_string())?;
        self.ask(&mut stream, number).await?;
        Ok(stream)
    }

    /// Has a connection answer once, and checks it.
    async fn ask(&self, stream: &mut TcpStream, number: usize) -> Result<(), String> {
        let (request, reply) = self.script.batch(number as u64, 1);
        let place = Place { before: 0, share: 1 };
        let asked = exchange(&self.buffer, stream, request, reply, place).await;
        asked.map_err(|reason| format!("connection {number}, {reason}"))
    }

    /// Asks every connection once more, all at once; they stay open until the last has answered.
    async fn ask_all(self: &Rc<Self>, streams: Vec<TcpStream>, watch: &mut dyn FnMut(usize)) {
        let ask = |(number, mut stream): (usize, TcpStream)| {
            let held = self.clone();
            spawn(async move { held.ask(&mut stream, number).await.map(|()| stream) })
        };
        // Collected, so that all of them have begun before the first is awaited.
        let tasks: Vec<_> = streams.into_iter().enumerate().map(ask).collect();
        let mut kept = Vec::with_capacity(tasks.len());
        for task in tasks {
            match task.await.unwrap_or_else(|error| Err(error.to_string())) {
                Ok(stream) => kept.push(stream),
                Err(reason) => {
                    self.report.borrow_mut().failure.get_or_insert(reason);
                }
            }
            self.report.borrow_mut().answered = kept.len();
        }
        watch(kept.len());
    }

    /// Looks at the server's memory, once it has come to rest.
    async fn look(&self) -> io::Result<Option<u64>> {
        let Some(pid) = self.idle.server else { return Ok(None) };
        sleep(SETTLE).await;
        let usage = Usage::of(pid).map_err(|error| {
            io::Error::new(error.kind(), format!("the server's process {pid}: {error}"))
        })?;
        Ok(Some(usage.resident_bytes))
    }
}
