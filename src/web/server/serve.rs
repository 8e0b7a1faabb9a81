//! The server: accepts connections, runs a task for each, and ends all of them.
//!
//! | phase | accepts | connections |
//! | --- | --- | --- |
//! | `Serving` | yes | continue |
//! | `Stopping`, at most the grace | no | finish their requests; idle ones close at once |
//! | `Over` | no | are dropped where they wait |
//!
//! **Invariants**
//! - `WEB-1` When [`Server::serve`] has returned or was dropped, no task of it continues: each is woken and ends with
//!   its next poll.
//! - `WEB-2` An error, or a panic, on a connection ends that connection and no other.
//! - `WEB-3` A connection counts until its task has ended; there are never more than the limit.
//!
//! Accepting waits while descriptors are short, and continues when one comes free (`ACCEPT-2`).

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::connection::Connection;
use super::request::Answered;
use super::router::Router;
use super::state::{Config, ServerPhase, ServerState};
use crate::aio::{Either, TcpListener, TcpStream, race, timeout};
use crate::rt::spawn;

/// An HTTP server over a state that all its handlers share.
pub struct Server<S> {
    /// What all its connections will share.
    state: ServerState<S>,
}

impl<S: 'static> Server<S> {
    /// Makes a server with the default limits.
    pub fn new(router: Router<S>, state: S) -> Self {
        Self::with_config(router, state, Config::default())
    }

    /// Makes a server with these limits.
    pub fn with_config(router: Router<S>, state: S, config: Config) -> Self {
        let (pool, tasks, phase) = Default::default();
        Self { state: ServerState { router, state, config, log: None, pool, tasks, phase } }
    }

    /// Calls `log` with every answer, before it is sent.
    #[must_use]
    pub fn with_log(mut self, log: impl Fn(&Answered<'_>) + 'static) -> Self {
        self.state.log = Some(Box::new(log));
        self
    }

    /// Serves until `stop` is ready; then finishes the requests in progress, within the grace.
    ///
    /// # Errors
    /// The listener fails. Being out of descriptors is not such a failure (`ACCEPT-2`).
    ///
    /// # Cancellation
    /// Connections are dropped where they wait (`WEB-1`).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use handloom::aio::{TcpListener, sleep};
    /// use handloom::rt::block_on;
    /// use handloom::web::server::{Response, Router, Server};
    ///
    /// let router = Router::new().get("/hello", async |_, _| Response::text("hello\n"));
    /// block_on(async {
    ///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    ///     Server::new(router, ()).serve(listener, sleep(Duration::from_millis(1))).await
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let state = Rc::new(self.state);
        let _ends = EndOnDrop(state.clone());
        if let Either::Second(failed) = race(stop, accept_all(&state, listener)).await {
            return failed;
        }
        state.enter(ServerPhase::Stopping);
        // `_ends` drops the connections that are left after the grace.
        timeout(state.config.grace, state.tasks.wait_below(1)).await.or(Ok(()))
    }
}

/// Accepts connections until the listener fails.
async fn accept_all<S: 'static>(
    state: &Rc<ServerState<S>>,
    mut listener: TcpListener,
) -> io::Result<()> {
    loop {
        state.tasks.wait_below(state.config.max_connections).await;
        let (stream, mut peer) = listener.accept().await?;
        // A socket of both families gives an IPv4 client an IPv6 address.
        peer.set_ip(peer.ip().to_canonical());
        let task = ConnectionTask { state: state.clone(), id: state.tasks.add() };
        drop(spawn(task.run(stream, peer)));
    }
}

/// Ends the connections when `serve` returns or is dropped (`WEB-1`).
struct EndOnDrop<S>(Rc<ServerState<S>>);

impl<S> Drop for EndOnDrop<S> {
    fn drop(&mut self) {
        self.0.enter(ServerPhase::Over);
    }
}

/// The task of a connection; its drop lets another connection in (`WEB-3`).
struct ConnectionTask<S> {
    /// The state of the server.
    state: Rc<ServerState<S>>,
    /// Its number in the set of tasks.
    id: u32,
}

impl<S: 'static> ConnectionTask<S> {
    /// Runs until the connection ends or the server is over.
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        let mut connection = pin!(Connection::serve(self.state.clone(), stream, peer));
        poll_fn(|cx| {
            if self.state.phase.get() == ServerPhase::Over {
                return Poll::Ready(());
            }
            self.state.tasks.set_waker(self.id, cx.waker());
            // WEB-2
            connection.as_mut().poll(cx).map(drop)
        })
        .await;
    }
}

impl<S> Drop for ConnectionTask<S> {
    fn drop(&mut self) {
        self.state.tasks.remove(self.id);
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("router", &self.state.router).finish_non_exhaustive()
    }
}
