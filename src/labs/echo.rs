//! A server that sends lines back, and its client, for other labs.
//!
//! **Invariants**
//! - `ECHO-1`: the server reports each visit when its connection has ended: with a goodbye or without.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::aio::{AsyncWrite, BufReader, Queue, TcpListener, TcpStream};

/// The longest line.
const LINE_BYTES: usize = 80;
/// What a client says last; the server sends it back like any line.
const GOODBYE: &str = "goodbye";

/// What the server saw of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// How many questions it answered.
    pub questions: usize,
    /// Did the client take its leave?
    pub said_goodbye: bool,
}

/// The client's side of a connection.
#[derive(Debug)]
pub struct Connection {
    /// The stream, and what came of the next line.
    lines: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Those of connect(2).
    pub async fn open(server: SocketAddr) -> io::Result<Self> {
        Ok(Self { lines: BufReader::new(TcpStream::connect(server).await?) })
    }

    /// Sends a line, and waits for one.
    ///
    /// # Errors
    /// Those of the stream; `UnexpectedEof` when the server has gone.
    ///
    /// # Cancellation
    /// The answer may still come, and is then taken for the next one.
    pub async fn ask(&mut self, question: &str) -> io::Result<String> {
        self.lines.get_mut().write_all(format!("{question}\n").as_bytes()).await?;
        self.answer().await
    }

    /// Says goodbye and waits until the server has said it too. Answers that were not read are skipped.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    ///
    /// # Cancellation
    /// The server may have heard it or not.
    pub async fn goodbye(&mut self) -> io::Result<()> {
        let mut answer = self.ask(GOODBYE).await?;
        while answer != GOODBYE {
            answer = self.answer().await?;
        }
        Ok(())
    }

    /// Waits for a line.
    async fn answer(&mut self) -> io::Result<String> {
        let line = self.lines.read_line(LINE_BYTES).await?;
        line.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Makes a listener on a free port of this machine.
///
/// # Errors
/// Those of socket(2), bind(2) and listen(2).
///
/// # Panics
/// No event loop runs on this thread.
pub fn listen() -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// Serves one client after another, until it is cancelled; puts what it saw into `visits` (`ECHO-1`).
///
/// # Errors
/// The listener is of no use any more, or a connection broke.
///
/// # Cancellation
/// The connection of the moment is closed.
pub async fn serve(mut listener: TcpListener, visits: Queue<Visit>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (mut lines, mut visit) = (BufReader::new(stream), Visit::default());
        while let Some(line) = lines.read_line(LINE_BYTES).await? {
            visit.said_goodbye = line == GOODBYE;
            visit.questions += usize::from(!visit.said_goodbye);
            lines.get_mut().write_all(format!("{line}\n").as_bytes()).await?;
        }
        // Nobody closes the queue.
        let _ = visits.put(visit).await;
    }
}
