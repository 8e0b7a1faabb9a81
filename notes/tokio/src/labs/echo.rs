//! A server that sends lines back, and its client, on tokio; line for line that of `handloom::labs::context_manager`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a client says last; the server sends it back like any line.
const GOODBYE: &str = "goodbye";

/// What the server saw of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// How many questions it answered.
    pub questions: usize,
    /// Whether the client said goodbye.
    pub said_goodbye: bool,
}

/// The client's side of a connection.
#[derive(Debug)]
pub struct Connection {
    /// The stream, and what came of the next line.
    lines: Lines<BufReader<TcpStream>>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Those of connect(2).
    pub async fn open(server: SocketAddr) -> io::Result<Self> {
        Ok(Self { lines: BufReader::new(TcpStream::connect(server).await?).lines() })
    }

    /// Sends a line, and waits for one.
    ///
    /// # Errors
    /// Those of the stream; `UnexpectedEof` when the server has gone.
    ///
    /// # Cancellation
    /// The answer may still come, and is then taken for the next one.
    pub async fn ask(&mut self, question: &str) -> io::Result<String> {
        self.lines.get_mut().get_mut().write_all(format!("{question}\n").as_bytes()).await?;
        self.answer().await
    }

    /// Says goodbye, and waits until the server has answered. Answers to earlier questions are skipped.
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
        let line = self.lines.next_line().await?;
        line.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Makes a listener on a free port of this machine.
///
/// # Errors
/// Those of socket(2), bind(2) and listen(2).
///
/// # Panics
/// Not inside a `LocalRuntime`.
pub fn listen() -> io::Result<TcpListener> {
    // Its own `bind` is asynchronous, since it takes names too.
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Serves one client after another, until it is cancelled; puts what it saw into `visits`.
///
/// # Errors
/// The listener is of no use any more, or a connection broke.
///
/// # Cancellation
/// The connection of the moment is closed.
pub async fn serve(listener: TcpListener, visits: mpsc::Sender<Visit>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (mut lines, mut visit) = (BufReader::new(stream).lines(), Visit::default());
        while let Some(line) = lines.next_line().await? {
            visit.said_goodbye = line == GOODBYE;
            visit.questions += usize::from(!visit.said_goodbye);
            lines.get_mut().get_mut().write_all(format!("{line}\n").as_bytes()).await?;
        }
        // When the receiver is gone, there is nothing to report to.
        let _ = visits.send(visit).await;
    }
}
