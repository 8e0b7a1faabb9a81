//! A connection that two tasks use at once, and that is closed with a goodbye, on tokio.
//!
//! Line for line `handloom::labs::context_manager`, and the same keeper: Rust has no async drop on any runtime.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::future::join_all;
use handloom::labs::Journal;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::spawn_local;

use super::echo::{Connection, Visit, listen, serve};
use super::local_runtime;

/// Dropped, says that the block has ended.
struct Ended(Rc<Notify>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Connects, runs `body` with the connection, and closes it with a goodbye however `body` ends.
///
/// # Errors
/// Those of the connect, of `body`, and of the goodbye, in this order.
///
/// # Panics
/// When `body` panics; the connection is closed all the same. Not inside a `LocalRuntime`.
///
/// # Cancellation
/// `body` is dropped; the connection is closed soon after, by a task of its own.
pub async fn with_connection<T>(
    server: SocketAddr,
    body: impl AsyncFnOnce(Rc<Mutex<Connection>>) -> io::Result<T>,
) -> io::Result<T> {
    let connection = Rc::new(Mutex::new(Connection::open(server).await?));
    let (kept, ended) = (connection.clone(), Ended(Rc::default()));
    let has_ended = ended.0.clone();
    let keeper = spawn_local(async move {
        has_ended.notified().await;
        kept.lock().await.goodbye().await
    });
    let result = body(connection).await;
    drop(ended);
    let closed =
        keeper.await.expect("holds because the keeper is not cancelled, and it does not panic");
    result.and_then(|value| closed.map(|()| value))
}

/// Runs the experiment on a runtime of its own.
///
/// # Errors
/// Those of the journal's writer, and of the sockets.
pub fn run(journal: &Journal) -> io::Result<()> {
    local_runtime()?.block_on(experiment(journal))?;
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
/// As [`run`].
///
/// # Panics
/// Not inside a `LocalRuntime`.
pub async fn experiment(journal: &Journal) -> io::Result<[Visit; 4]> {
    let listener = listen()?;
    let (server, in_use) = (listener.local_addr()?, Rc::new(Notify::new()));
    let (seen, mut visits) = mpsc::channel(1);
    let serving = spawn_local(serve(listener, seen));

    with_connection(server, use_by_two).await?;
    let good = tell(journal, "a good end", &mut visits).await?;

    let fails = with_connection(server, async |connection| {
        use_by_two(connection).await?;
        io::Result::<()>::Err(io::Error::other("the block has failed"))
    });
    let error = fails.await.map_or_else(|error| error.to_string(), |()| "no error".into());
    let failed = tell(journal, &format!("an error ({error})"), &mut visits).await?;

    let begun = in_use.clone();
    let kept = spawn_local(with_connection(server, async move |connection| {
        use_by_two(connection).await?;
        begun.notify_one();
        pending::<io::Result<()>>().await
    }));
    in_use.notified().await;
    kept.abort();
    let cancelled = tell(journal, "a cancel", &mut visits).await?;

    let begun = in_use.clone();
    let bare = spawn_local(async move {
        let connection = Rc::new(Mutex::new(Connection::open(server).await?));
        use_by_two(connection.clone()).await?;
        begun.notify_one();
        pending::<io::Result<()>>().await
    });
    in_use.notified().await;
    bare.abort();
    let bare = tell(journal, "a cancel, without a keeper", &mut visits).await?;
    serving.abort();
    Ok([good, failed, cancelled, bare])
}

/// Two users of one connection, at once.
async fn use_by_two(connection: Rc<Mutex<Connection>>) -> io::Result<()> {
    let user = async |name| connection.lock().await.ask(name).await.map(drop);
    join_all([user("first user"), user("second user")]).await.into_iter().collect()
}

/// Waits for the server to have seen the end of a connection, and writes down what it saw.
async fn tell(
    journal: &Journal,
    how: &str,
    visits: &mut mpsc::Receiver<Visit>,
) -> io::Result<Visit> {
    let visit = visits.recv().await.unwrap_or_default();
    let Visit { questions, said_goodbye } = visit;
    let end = if said_goodbye { "a goodbye" } else { "the bare end" };
    journal.line(format_args!("After {how}: the server saw {questions} questions and {end}"))?;
    Ok(visit)
}
