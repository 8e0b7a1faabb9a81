//! Step 11: the calculator on the student's loop. It is `notes/first_loop.rs` word for word, but for the loop's name;
//! `tests/stages.rs` compares the two.

use std::io::{self, Write};
use std::time::Duration;

use crate::the_loop::{EventLoop, Socket, spawn, timeout};
use handloom::calc::{Op, Session, SessionState};
use mio::net::{TcpListener, TcpStream};

/// A client that sends `5 7` without a line ending, and then pauses so long, has sent a message.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers one client until its end.
async fn serve(stream: Socket<TcpStream>) -> io::Result<()> {
    let mut session = Session::new(Op::Sum, 1 << 20);
    let (mut input, mut replies) = ([0; 16 * 1024], Vec::new());
    while session.state() != SessionState::Closed {
        let read = stream.read(&mut input);
        let received = match session.state() {
            SessionState::Open => timeout(PAUSE, read).await.transpose()?,
            _ => Some(read.await?),
        };
        match received {
            None => session.pause(&mut replies),
            Some(0) => session.end(&mut replies),
            Some(_) => {}
        }
        let mut rest = &input[..received.unwrap_or(0)];
        while !rest.is_empty() || !replies.is_empty() {
            rest = &rest[session.feed(rest, &mut replies)..];
            let sent = stream.write(&replies).await?;
            replies.drain(..sent);
        }
    }
    Ok(())
}

/// Listens, and answers each client in a task of its own.
pub(crate) fn run(address: &str) -> io::Result<()> {
    let address = address.parse().map_err(io::Error::other)?;
    EventLoop::new()?.block_on(async {
        let listener = Socket::new(TcpListener::bind(address)?)?;
        writeln!(io::stdout(), "listening on {}", listener.inner.local_addr()?)?;
        loop {
            let (stream, _) = listener.perform(0, TcpListener::accept).await?;
            drop(spawn(serve(Socket::new(stream)?)));
        }
    })
}
