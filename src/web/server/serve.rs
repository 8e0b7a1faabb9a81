//! The server itself: takes connections, gives each a task, and sees all of them off.
//!
//! | state | accepts | connections |
//! | --- | --- | --- |
//! | `Serving` | yes | go on |
//! | `Stopping`, for the grace at most | no | finish what is in flight; those without any close at once |
//! | `Over` | no | are dropped where they wait |
//!
//! **Invariants**
//! - `WEB-1` When [`Server::serve`] has returned or was dropped, no task of it goes on: what is left over ends with
//!   its next poll, for which it was woken.
//! - `WEB-2` An error, or a panic, on a connection ends that connection and no other.
//! - `WEB-3` A connection counts until its task has ended; there are never more than the limit.
//!
//! **Source**: the shape is that of the calculator's `async` model.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::answered::{Answered, Log};
use super::config::Config;
use super::connection::Connection;
use super::pools::Pools;
use super::router::Router;
use crate::aio::{Crowd, Either, TcpListener, TcpStream, race, timeout};
use crate::rt::spawn;

/// An HTTP server over a state that all its handlers share.
pub struct Server<S> {
    /// What all its tasks will share.
    shared: Shared<S>,
}

/// What all tasks of a server share.
pub(super) struct Shared<S> {
    /// Who answers what.
    pub(super) router: Router<S>,
    /// What the handlers share.
    pub(super) state: S,
    /// The limits.
    pub(super) config: Config,
    /// Who is told of every answer.
    pub(super) log: Option<Log>,
    /// Memory to lend.
    pub(super) pools: Pools,
    /// The tasks of the connections.
    crowd: Crowd,
    /// How far the end has come.
    phase: Cell<Phase>,
}

/// How far the end of a server has come; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It serves.
    Serving,
    /// It finishes what is in flight.
    Stopping,
    /// It ends.
    Over,
}

impl<S: 'static> Server<S> {
    /// Makes a server with the limits that are on by default.
    pub fn new(router: Router<S>, state: S) -> Self {
        Self::with_config(router, state, Config::default())
    }

    /// Makes a server with limits of one's own.
    pub fn with_config(router: Router<S>, state: S, config: Config) -> Self {
        let (pools, crowd, phase) = (Pools::default(), Crowd::new(), Cell::new(Phase::Serving));
        Self { shared: Shared { router, state, config, log: None, pools, crowd, phase } }
    }

    /// Has `log` called with every answer, before it is sent.
    #[must_use]
    pub fn with_log(mut self, log: impl Fn(&Answered<'_>) + 'static) -> Self {
        self.shared.log = Some(Box::new(log));
        self
    }

    /// Serves until `stop` is ready; then finishes what is in flight, within the grace.
    ///
    /// # Errors
    /// The listener fails for good. Being out of descriptors is not such a failure (`ACCEPT-2`).
    ///
    /// # Cancellation
    /// Connections are dropped, whatever they were at (`WEB-1`).
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
        let shared = Rc::new(self.shared);
        let _ends = Ends { shared: shared.clone() };
        if let Either::Second(failed) = race(stop, shared.accept_all(listener)).await {
            return failed;
        }
        shared.enter(Phase::Stopping);
        // Whoever is not done when the grace is over is dropped by `_ends`.
        timeout(shared.config.grace, shared.crowd.smaller_than(1)).await.or(Ok(()))
    }
}

impl<S: 'static> Shared<S> {
    /// Takes connections until the listener fails.
    async fn accept_all(self: &Rc<Self>, mut listener: TcpListener) -> io::Result<()> {
        loop {
            self.crowd.smaller_than(self.config.max_connections).await;
            let (stream, peer) = listener.accept().await?;
            let seated = Seated { shared: self.clone(), seat: self.crowd.sit() };
            drop(spawn(seated.attend(stream, peer)));
        }
    }
}

impl<S> Shared<S> {
    /// Goes on to a later phase, and has every connection look at it.
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.crowd.wake_all();
    }

    /// Tells whether connections are to come to an end.
    pub(super) fn is_stopping(&self) -> bool {
        self.phase.get() != Phase::Serving
    }
}

/// Ends the connections, by whatever way `serve` ends (`WEB-1`).
struct Ends<S> {
    /// What they look at.
    shared: Rc<Shared<S>>,
}

impl<S> Drop for Ends<S> {
    fn drop(&mut self) {
        self.shared.enter(Phase::Over);
    }
}

/// A connection's place in the crowd; the drop gives it up (`WEB-3`).
struct Seated<S> {
    /// The server.
    shared: Rc<Shared<S>>,
    /// The place.
    seat: u32,
}

impl<S: 'static> Seated<S> {
    /// The task of a connection: the conversation, until that ends or the server does.
    async fn attend(self, stream: TcpStream, peer: SocketAddr) {
        let mut conversation = pin!(Connection::new(self.shared.clone(), stream, peer).converse());
        poll_fn(|cx| {
            if self.shared.phase.get() == Phase::Over {
                return Poll::Ready(());
            }
            self.shared.crowd.stay(self.seat, cx.waker());
            // An error on a connection is nobody's but its client's.
            conversation.as_mut().poll(cx).map(drop)
        })
        .await;
    }
}

impl<S> Drop for Seated<S> {
    fn drop(&mut self) {
        self.shared.crowd.leave(self.seat);
    }
}

impl<S> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("router", &self.shared.router)
            .field("config", &self.shared.config)
            .field("phase", &self.shared.phase.get())
            .finish_non_exhaustive()
    }
}
