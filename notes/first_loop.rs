//! The calculator on the event loop in one file: `cargo run --example first_loop`, then `nc 127.0.0.1 8888`.

use std::io::{self, Write};
use std::time::Duration;

use handloom::calc::{Op, Session, SessionState};
use handloom::first_loop::{EventLoop, Socket, spawn, timeout};
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

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8888".into());
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
