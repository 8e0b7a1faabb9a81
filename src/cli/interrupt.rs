//! Ctrl-c: as a descriptor that becomes readable, as a thread that ends the program, and as the stop of a server.
//!
//! The first SIGINT, SIGTERM or SIGHUP makes the descriptor readable and does nothing else; a second one ends the program at
//! once with 130, also while the first one is cleaned up after.
//!
//! **Invariants**
//! - `LISTENING-1`: a server binds, listens to signals, gets its own descriptors, threads and processes, and prints
//!   `listening on`, in this order. So a program that reads this line can connect, and can send SIGTERM. No thread is
//!   started before, because one of the servers forks.
//! - `LISTENING-2`: the first SIGINT or SIGTERM stops the server gracefully, the second one at once.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::BorrowedFd;
use std::{io, process, thread};

use super::command_line::Args;
use super::output::{Doing, Failure, INTERRUPTED, Output};
use super::values::Address;
use crate::os::signal::{self, Signal};
use crate::os::socket::is_shortage;
use crate::os::{PollFd, poll, process as os_process};

/// The signals that ask the program to end: ctrl-c, `kill`, and the end of the terminal.
const STOPS: [Signal; 3] = [Signal::Interrupt, Signal::Terminate, Signal::Hangup];

/// Listens to the signals from now on, and returns what is readable once one has come.
pub(crate) fn interruption() -> Result<BorrowedFd<'static>, Failure> {
    let listen = || {
        for stop in STOPS {
            // nohup(1) has a program outlive its terminal, and nothing may undo that.
            if stop != Signal::Hangup || !signal::is_ignored(stop)? {
                signal::install(stop)?;
            }
        }
        signal::exit_on_second(&STOPS);
        // One descriptor for both: SIGNAL-4.
        signal::event_fd(Signal::Interrupt)
    };
    listen().doing("signals")
}

/// Starts a thread that ends the program with 130 when ctrl-c is pressed, after `clean_up`, and writes the trace. It
/// interrupts what cannot wait for a descriptor as well: a connect, a read, a write to a full pipe.
pub(crate) fn exit_when_interrupted(
    args: &Args,
    clean_up: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let (pressed, write_trace) = (interruption()?, args.write_trace.clone());
    let watch = move || {
        // It fails only when memory is short; the second ctrl-c still ends the program then.
        if poll(&mut [PollFd::readable(pressed)], None).is_ok() {
            clean_up();
            drop(write_trace.map(|write| write()));
            process::exit(INTERRUPTED.into());
        }
    };
    let started = thread::Builder::new().name("interrupt".to_owned()).spawn(watch);
    started.map(drop).doing("signals")
}

/// Makes the first signal end the program with 130, without a thread: its handler does so at the second signal, and
/// the program sends itself the first.
pub(crate) fn end_at_once() -> Result<(), Failure> {
    interruption()?;
    os_process::kill(os_process::pid(), Signal::Terminate).doing("signals")
}

/// Gives the signals their default action, which ends the program, also where they were inherited as ignored. For process
/// 1 the kernel does nothing by default.
pub(crate) fn end_by_default() -> Result<(), Failure> {
    if process::id() == 1 {
        return end_at_once();
    }
    let mut ends = [Signal::Interrupt, Signal::Terminate].into_iter();
    ends.try_for_each(signal::restore_default).doing("signals")
}

/// Serves until a signal comes; `what` names the server in failures, and `scheme` stands before the address that is
/// printed. `serve` gets the listener, what is readable at the stop, and what it must call when it is ready.
pub(crate) fn listen_and_serve(
    address: &Address,
    what: &str,
    scheme: &str,
    output: &mut Output,
    serve: impl FnOnce(
        TcpListener,
        BorrowedFd<'static>,
        &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>,
) -> Result<(), Failure> {
    let listener = address.listen().doing(format_args!("listen on {address}"))?;
    let stop = interruption()?;
    let mut bound = listener.local_addr().doing("getsockname")?;
    if address.is_localhost() {
        bound.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let mut told = Ok(());
    // A script waits for this line.
    let mut ready = || {
        told = output.line(format_args!("listening on {scheme}{bound}"));
        // What went wrong is in `told`; this only ends the server.
        if told.is_ok() { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    let served = serve(listener, stop, &mut ready);
    told?;
    let is_short = served.as_ref().is_err_and(is_shortage);
    let hint = if is_short { ": start, within the limits of `ulimit -a`" } else { "" };
    served.doing(format_args!("{what}{hint}"))
}
