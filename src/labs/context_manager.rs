//! A connection that two tasks use, and that is closed with a goodbye however the block ends.
//!
//! Python's `async with` awaits the goodbye in `__aexit__`. Rust has no async drop. Instead a task, the keeper, shares the
//! connection and closes it; the destructor only has to wake the keeper.
//!
//! ```text
//! __aenter__   connect; spawn the keeper, which waits for `ended`
//! the block    body(connection)
//! __aexit__    Ended is dropped, by the end, an error, a panic or a cancel: the keeper wakes, says goodbye, closes
//! ```
//!
//! The server sends lines back, and reports each visit.
//!
//! **Invariants**
//! - `ECHO-1`: the server reports each visit when its connection has ended: with a goodbye or without.
//! - `LAB-CONTEXT-1`: the server gets its goodbye after a good end, after an error, and after a cancel.
//! - `LAB-CONTEXT-2`: without the keeper a cancel closes the connection without one.
//!
//! **Source**: the course's lesson on `async with`; PEP 492.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::Journal;
use crate::aio::{AsyncWrite, BufReader, Event, Lock, Queue, TcpListener, TcpStream, gather};
use crate::rt::{EventLoop, spawn, spawn_named};

/// The longest line.
const LINE_BYTES: usize = 80;
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
    lines: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    async fn open(server: SocketAddr) -> io::Result<Self> {
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
    async fn goodbye(&mut self) -> io::Result<()> {
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

/// Dropped, says that the block has ended.
struct Ended(Rc<Event>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Connects, runs `body` with the connection, and closes it with a goodbye however `body` ends.
///
/// # Errors
/// Those of the connect, of `body`, and of the goodbye, in this order.
///
/// # Panics
/// When `body` panics; the connection is closed all the same.
///
/// # Cancellation
/// `body` is dropped; the connection is closed soon after, by a task of its own.
pub async fn with_connection<T>(
    server: SocketAddr,
    body: impl AsyncFnOnce(Rc<Lock<Connection>>) -> io::Result<T>,
) -> io::Result<T> {
    let connection = Rc::new(Lock::new(Connection::open(server).await?));
    let (kept, ended) = (connection.clone(), Ended(Rc::default()));
    let has_ended = ended.0.clone();
    let keeper = spawn_named("keeper", async move {
        has_ended.wait().await;
        kept.lock().await.goodbye().await
    });
    let result = body(connection).await;
    drop(ended);
    let closed =
        keeper.await.expect("holds because the keeper is not cancelled, and does not panic");
    result.and_then(|value| closed.map(|()| value))
}

/// Runs the experiment on an event loop of its own.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    EventLoop::new()?.block_on(experiment(journal))?;
    journal.notices(&[
        "The server got its goodbye however the block ended. It takes a write and a read, so an `.await` after \
         the end; after a cancel the block's future is gone, and the keeper task does it.",
        "Without the keeper, the cancel closed the socket, which a destructor can do. A destructor cannot \
         await a goodbye.",
        "Python awaits `__aexit__` on each path: there a cancel is an exception inside the coroutine.",
    ])
}

/// The experiment itself: what the server saw of four connections. The last has no keeper.
///
/// # Errors
/// As `run`.
pub async fn experiment(journal: &Journal) -> io::Result<[Visit; 4]> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let (server, visits, in_use) = (listener.local_addr()?, Queue::new(1), Rc::new(Event::new()));
    let serving = spawn_named("server", serve(listener, visits.clone()));

    with_connection(server, use_by_two).await?;
    let good = tell(journal, "a good end", &visits).await?;

    let fails = with_connection(server, async |connection| {
        use_by_two(connection).await?;
        io::Result::<()>::Err(io::Error::other("the block has failed"))
    });
    let error = fails.await.map_or_else(|error| error.to_string(), |()| "no error".into());
    let failed = tell(journal, &format!("an error ({error})"), &visits).await?;

    let begun = in_use.clone();
    let kept = spawn(with_connection(server, async |connection| use_on(connection, begun).await));
    in_use.wait().await;
    kept.cancel();
    let cancelled = tell(journal, "a cancel", &visits).await?;

    in_use.clear();
    let begun = in_use.clone();
    let bare =
        spawn(
            async move { use_on(Rc::new(Lock::new(Connection::open(server).await?)), begun).await },
        );
    in_use.wait().await;
    bare.cancel();
    let bare = tell(journal, "a cancel, without a keeper", &visits).await?;
    serving.cancel();
    Ok([good, failed, cancelled, bare])
}

/// Two users of one connection, at once.
async fn use_by_two(connection: Rc<Lock<Connection>>) -> io::Result<()> {
    let user = async |name| connection.lock().await.ask(name).await.map(drop);
    gather([user("first user"), user("second user")]).await.into_iter().collect()
}

/// Two users of one connection, which is then kept until a cancel.
async fn use_on(connection: Rc<Lock<Connection>>, begun: Rc<Event>) -> io::Result<()> {
    use_by_two(connection.clone()).await?;
    begun.set();
    pending().await
}

/// Waits for the server to have seen the end of a connection, and writes down what it saw.
async fn tell(journal: &Journal, how: &str, visits: &Queue<Visit>) -> io::Result<Visit> {
    let visit = visits.get().await.unwrap_or_default();
    let Visit { questions, said_goodbye } = visit;
    let end = if said_goodbye { "a goodbye" } else { "the bare end" };
    journal.line(format_args!("After {how}: the server saw {questions} questions and {end}"))?;
    Ok(visit)
}

/// Serves one client after another, until it is cancelled; puts what it saw into `visits` (`ECHO-1`).
///
/// # Errors
/// The listener failed, or a connection broke.
pub async fn serve(mut listener: TcpListener, visits: Queue<Visit>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (mut lines, mut visit) = (BufReader::new(stream), Visit::default());
        while let Some(line) = lines.read_line(LINE_BYTES).await? {
            visit.said_goodbye = line == GOODBYE;
            visit.questions += usize::from(!visit.said_goodbye);
            lines.get_mut().write_all(format!("{line}\n").as_bytes()).await?;
        }
        // The queue is never closed.
        let _ = visits.put(visit).await;
    }
}
